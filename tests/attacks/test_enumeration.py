"""X11: at each door somebody known and nobody get one answer for the same work. How long it takes is measured by `make bench`."""

from __future__ import annotations

import re

import pytest

from app.core import db, passwords
from app.core.transaction import transaction
from tests.attacks.world import World
from tests.sql import watched
from tools.webforms import form_to

PASSWORD = "Bunga-Raya 9 & Teluk"
DOORS = {
    "/login": ("/login", "email", {"password": PASSWORD}),
    "/login/link": ("/login", "email", {}),
    "/login/forgot": ("/login/forgot", "email", {}),
    "/newsletter": ("/newsletter", "email", {}),
    "/register": ("/register", "email", {"name": "Aina", "password": PASSWORD}),
    "/admin/forgot": ("/admin/forgot", "email", {}),
    "/admin/login": ("/admin/login", "email", {"password": PASSWORD}),
    "/gift-cards": ("/gift-cards", "code", {}),
    "/track": ("/track", "number", {"contact": "somebody-else@example.com"}),
}


@pytest.mark.parametrize("action", DOORS)
def test_known_and_unknown_are_one_answer_for_the_same_work(
    world: World, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, field, more = DOORS[action]
    hashed: list[str] = []
    for name in ("hash", "verify"):
        real = getattr(type(passwords._hasher), name)
        monkeypatch.setattr(
            type(passwords._hasher), name, lambda *given, name=name, real=real: (hashed.append(name), real(*given))[1]
        )
    client, seen = world.app.test_client(), []
    form = form_to(client.get(page).text, page)
    for value in what_is_known(world, field, action) + what_is_not(field):
        hashed.clear()
        with watched() as sent:
            answer = client.post(action, data={"csrf_token": form.fields["csrf_token"], **more, field: value})
        plain = re.sub(r'nonce="[^"]*"|content="[^"]*"|value="[^"]*"|value: [^<]*', "", answer.text).replace(value, "")
        seen.append((answer.status_code, answer.location, plain, list(hashed), sent))
    assert seen[0] == seen[1]
    assert seen[0][0] in (303, 422)
    assert len(seen[0][3]) == (1 if "password" in more else 0)


def what_is_known(world: World, field: str, action: str) -> list[str]:
    """A gift card that is no longer good, an order of somebody else's, somebody with an account."""
    if field == "code":
        with transaction():
            db.rows("UPDATE value_account SET state = 'disabled' RETURNING 1")
        return [world.card]
    if field == "number":
        return [db.scalar("SELECT number FROM orders WHERE number IS NOT NULL")]
    return [world.owner.email if action.startswith("/admin") else world.aina.email]


def what_is_not(field: str) -> list[str]:
    return {"code": ["AAAA-BBBB-CCCC-DDDD"], "number": ["MB-999999"]}.get(field, ["nobody@example.com"])
