"""X7, with things that exist: what is a customer's is not there for another one, whatever is asked of it and however often."""

from __future__ import annotations

from collections.abc import Callable

from app.core import crypto, db
from app.core.ids import new_id
from app.core.transaction import transaction
from tests.attacks.world import CHANGING, IDS, Route, World, csrf_of, differences, digest
from tests.customers.patron import Patron
from tests.customers.test_measurements import keep
from tests.guards.audiences import CUSTOMER, audience_of

SEEN = ("customer_session", "checkout_session", "funnel_step")
OF_A_BROWSER = "/cart/lines/<uuid:line_id>"  # not of an account, and as private


def test_nothing_of_one_customer_is_there_for_another(world: World, make_patron: Callable[..., Patron]) -> None:
    own_more(world)
    mallory = make_patron(email="mallory@example.com").register()
    mallory.get("/cart")
    routes = [route for route in world.routes("GET", *CHANGING) if is_of_a_customer(route)]
    assert len(routes) >= 12
    before, wrong = digest(without=SEEN), []
    for route in routes:
        assert set(route.rule.arguments) <= set(IDS), (route.name, "say in IDS what its argument is the id of")
        data = {"csrf_token": csrf_of(mallory.client, "/account/"), "quantity": "1", "name": "Mine now"}
        answer = mallory.client.open(route.path, method=route.method, data=data if route.method in CHANGING else None)
        if answer.status_code != 404:
            wrong.append((route.name, answer.status))
    assert wrong == [], wrong
    assert differences(before, digest(without=SEEN)) == []
    owners = [(each.name, world.aina.client.get(each.path).status) for each in routes if each.method == "GET"]
    assert [each for each in owners if not each[1].startswith("200")] == [], (
        "its owner must find it, or this proves nothing"
    )


def is_of_a_customer(route: Route) -> bool:
    is_theirs = audience_of(route.rule.endpoint) == CUSTOMER or route.rule.rule == OF_A_BROWSER
    return is_theirs and any(f"<uuid:{name}>" in route.rule.rule for name in route.rule.arguments)


def own_more(world: World) -> None:
    """What the world's customer has not got yet: measurements and a passkey."""
    keep(world.aina)
    with transaction():
        db.rows(
            "INSERT INTO passkey (id, customer_id, credential_id, public_key, user_handle, sign_count, transports, is_backed_up,"
            " name) SELECT :id, id, :bytes, :bytes, :bytes, 0, '{}', false, :name FROM customer RETURNING id",
            id=new_id(),
            bytes=b"x" * 32,
            name=crypto.encrypt("My phone"),
        )
