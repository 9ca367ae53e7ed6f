"""SEC-05, X6, ASVS 22: whoever is signed in, nothing changes without a token of theirs, and looking changes nothing."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.web.security import CSRF_EXEMPT
from tests.attacks.world import CHANGING, Route, World, csrf_of, differences, digest, leaves

# What looking may note: that somebody was there, and that a shopper has come to checkout (its half hour slides).
SEEN = ("staff_session", "customer_session", "checkout_session")
PAGES_THAT_MUST_ANSWER = 60  # of all that are looked at, so that the walk does not pass by meeting doors alone
SOMEBODY = ["stranger", "customer", "staff"]


@pytest.mark.parametrize("who", SOMEBODY)
def test_looking_changes_nothing(world: World, who: str) -> None:
    client, routes, before = world.clients()[who], world.routes("GET"), digest(without=SEEN)
    shown = {route.name for route in routes if looked_at(client, route) == 200}
    if differences(before, digest(without=SEEN)):
        assert [route.name for route in routes if changes(client, route)] == []
    assert differences(before, digest(without=SEEN)) == []
    assert len(shown) >= {"stranger": 25, "customer": 40, "staff": PAGES_THAT_MUST_ANSWER}[who], sorted(shown)


def looked_at(client: FlaskClient, route: Route) -> int:
    answer = client.get(route.path)
    assert answer.status_code < 500, (route.name, answer.status)
    return answer.status_code


def changes(client: FlaskClient, route: Route) -> list[str]:
    before = digest(without=SEEN)
    client.get(route.path)
    return differences(before, digest(without=SEEN))


@pytest.mark.parametrize("who", SOMEBODY)
def test_no_change_without_ones_own_token(world: World, who: str) -> None:
    """With all rights, with things that exist: a form with no token or with another session's, JSON with a wrong one."""
    client, strangers = world.clients()[who], csrf_of(world.app.test_client())
    before, wrong, asked = digest(without=SEEN), [], 0
    for route in world.routes(*CHANGING):
        if route.rule.endpoint in CSRF_EXEMPT or leaves(route.path):
            continue
        for answer in (
            client.open(route.path, method=route.method, data={"quantity": "1"}),
            client.open(route.path, method=route.method, data={"csrf_token": strangers, "quantity": "1"}),
            client.open(route.path, method=route.method, json={}, headers={"X-CSRF-Token": "wrong"}),
        ):
            asked += 1
            at_the_door = answer.status_code == 303 and re.match(r"/(admin/)?(login|totp)", answer.location)
            if answer.status_code not in (400, 401, 403) and not at_the_door:
                wrong.append((route.name, answer.status))
    assert wrong == [], wrong
    assert differences(before, digest(without=SEEN)) == []
    assert asked > 150
