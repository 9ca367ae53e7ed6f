"""Menus and buttons show only what is allowed: whatever a page of the back office links or posts to, its reader may do."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from app.accounts import rules
from app.core import db
from app.core.transaction import transaction
from app.web.rights import need_of
from tests.flows.shopper import Shopper
from tests.shop import add_product
from tests.staff import StaffMember, hire
from tests.value.cards import issue
from tools.webforms import forms_of

MOST = 80


@pytest.fixture
def busy(shop: Flask, shopper: Shopper) -> Flask:
    """A shop with something to do everywhere: a paid order with a failed refund, an open one, a gift card, a given-up mail."""
    shopper.pay(shopper.order(add_product("Kemeja Teluk")))
    shopper.order(add_product("Kemeja Senja"))
    issue(1000)
    hire(shop, "mei@example.com", role="agent")
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'dead' RETURNING id")
    return shop


def offers(page: str) -> set[tuple[str, str]]:
    """(method, path) of every link and form of a page that leads into the back office."""
    links = {("GET", link) for link in re.findall(r'<a [^>]*href="(/admin[^"#]*)"', page)}
    asked = {("GET", link) for link in re.findall(r'hx-get="(/admin[^"#]*)"', page)}
    forms = {(form.method.upper(), form.action) for form in forms_of(page) if form.action.startswith("/admin")}
    return {(method, path.replace("&amp;", "&")) for method, path in links | asked | forms}


def right_for(app: Flask, method: str, path: str) -> str:
    try:
        endpoint, _values = app.url_map.bind("localhost").match(path.partition("?")[0], method=method)
    except HTTPException:
        raise AssertionError(f"{method} {path} leads nowhere") from None
    with app.app_context():
        need = need_of(endpoint)
    assert need is not None, path
    return need.right


def walk(member: StaffMember, rights: frozenset[str]) -> tuple[set[str], list[Any]]:
    """Every page that can be reached from the first one; which rights were offered, and what should not have been."""
    app, seen, todo, used, wrong = member.client.application, set(), ["/admin/"], set(), []
    while todo and len(seen) < MOST:
        path = todo.pop(0)
        key = path.partition("?")[0]
        if key in seen:
            continue
        seen.add(key)
        answer = member.client.get(path)
        if answer.status_code != 200:
            wrong.append((path, answer.status))
        elif answer.mimetype == "text/html":
            for method, found in sorted(offers(answer.text)):
                right = right_for(app, method, found)
                used.add(right)
                if right and right not in rights:
                    wrong.append((path, method, found, right))
                elif method == "GET" and not found.startswith("/admin/totp"):
                    todo.append(found)
    return used - {""}, wrong


@pytest.fixture
def joe(busy: Flask) -> StaffMember:
    """Somebody at work, whose rights the tests change."""
    member = hire(busy, "joe@example.com", rights=[]).sign_in()
    with transaction():
        db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
    return member


def allow(rights: frozenset[str]) -> None:
    with transaction():
        db.rows("UPDATE staff_role SET rights = :rights RETURNING id", rights=sorted(rights))


# What this shop has nothing to press for, and what gets its pages with the issues that bring them.
RARE = {
    "refunds.change",
    "refunds.approve",
    "payments.change",
    "books.change",
    "orders.change",
    "stock.change",
    "subscriptions.change",
}
WITHOUT_PAGES = {"catalogue.view", "customers.view", "catalogue.change", "customers.change"}


def test_each_role_is_offered_what_it_may_and_nothing_else(joe: StaffMember) -> None:
    for role, rights in rules.ROLES.items():
        allow(rights)
        used, wrong = walk(joe, rights)
        assert wrong == [], (role, wrong)
        assert rights - used <= WITHOUT_PAGES | RARE, role


def test_nothing_but_one_right(joe: StaffMember) -> None:
    for right in sorted(rules.RIGHTS):
        allow(frozenset({right}))
        _used, wrong = walk(joe, rules.rights_of(rules.CUSTOM, [right]))
        assert wrong == [], (right, wrong)
