"""Consents are written down wherever they are given or taken back, and never changed (DAT-04)."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from sqlalchemy.exc import IntegrityError

from app.core import db
from app.core.transaction import transaction
from app.customers.queries import links
from app.orders.rules import TERMS_VERSION
from tests.customers.patron import PASSWORD, Patron
from tests.customers.test_orders_and_carts import buy
from tests.shop import add_product
from tools.webforms import form_to


def consents() -> list[tuple[str, bool, str]]:
    found = [tuple(row) for row in db.rows("SELECT purpose, is_given, way FROM consent ORDER BY created_at, id")]
    db.release()
    return found


def test_each_change_of_mind_is_a_row_of_its_own(patron: Patron):
    patron.ask_to_register(news="y")
    patron.follow(patron.link())
    assert consents() == [("marketing", True, "registration")]
    page = "/account/preferences"
    patron.submit(page, page, **{"email-alerts": "y"})  # the news stay ticked
    patron.submit(page, page, **{"email-alerts": "y"})  # nothing new
    form = form_to(patron.get(page), page)
    form.fields.pop("email-marketing")
    patron.client.post(page, data=form.fields)
    path = f"/unsubscribe/{links.unsubscribe_token(patron.id, 'alerts')}"
    patron.client.post(path, data={"List-Unsubscribe": "One-Click"})
    patron.client.post(path, data={"List-Unsubscribe": "One-Click"})
    wanted = {"preferences": [{"channel": "email", "type": "marketing", "enabled": True}]}
    patron.client.put("/api/v1/customer/preferences", json=wanted, headers={"X-CSRF-Token": patron.csrf()})
    assert consents() == [
        ("marketing", True, "registration"),
        ("alerts", True, "preferences"),
        ("marketing", False, "preferences"),
        ("alerts", False, "link"),
        ("marketing", True, "api"),
    ]
    page = patron.get("/account/data")
    assert page.count("Taken back") == 2
    assert "when registering" in page
    answer = patron.submit("/account/data", "/account/data/export", current=PASSWORD)
    data = json.loads(zipfile.ZipFile(io.BytesIO(answer.data)).read("data.json"))
    assert [each["is_given"] for each in data["consents"]] == [True, False, False, True, True]


def test_who_says_nothing_has_allowed_nothing(aina: Patron):
    aina.submit("/account/preferences", "/account/preferences")
    assert consents() == []
    assert "Nothing that needs your consent." in aina.get("/account/data")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE consent SET is_given = true RETURNING id",
        "UPDATE consent SET version = 'another' RETURNING id",
        "DELETE FROM consent RETURNING id",
        "TRUNCATE consent",
    ],
)
def test_nobody_changes_a_consent(aina: Patron, as_owner: None, statement: str):
    aina.submit("/account/preferences", "/account/preferences", **{"email-alerts": "y"})
    with pytest.raises(IntegrityError, match="only added to"), transaction():
        db.rows(statement)
    assert consents() == [("alerts", True, "preferences")]


def test_an_order_knows_the_terms_it_was_placed_under(aina: Patron):
    buy(aina, add_product(), 1)
    assert db.scalar("SELECT terms_version FROM orders") == TERMS_VERSION


def test_every_cookie_is_needed_for_what_was_asked_for(patron: Patron):
    """So there is nothing to ask consent for, and no banner (docs/privacy.md). A new cookie has to be thought about here."""
    patron.register()
    buy(patron, add_product(), 1)
    patron.post("/-/preferences", language="ms", currency="MYR", theme="dark")
    patron.sign_out()
    patron.sign_in(remember="y")
    names = {cookie.key for cookie in patron.client._cookies.values()}
    assert {"session", "customer", "theme"} <= names <= {"session", "customer", "lang", "currency", "theme"}
