"""A shop that has something of everything, for tests that walk all routes and forms: so they meet pages, not 404s."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.accounts.actions import keeping
from app.core import db
from app.core.crypto import EncryptedText
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.recurring.actions import plans
from app.search import actions as search
from app.value import actions as value
from tests.customers.patron import Patron
from tests.routes import path_of
from tests.shop import ADDRESS, add_product
from tests.staff import StaffMember, hire
from tools.webforms import WebForm, forms_of

CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
# What a rule's argument is the id of. An argument that is not named here gets a made-up one.
IDS = {
    "order_id": "SELECT id FROM orders ORDER BY id LIMIT 1",
    "order": "SELECT token FROM orders ORDER BY id LIMIT 1",
    "address_id": "SELECT id FROM customer_address LIMIT 1",
    "line_id": "SELECT id FROM cart_line LIMIT 1",
    "account_id": "SELECT id FROM value_account LIMIT 1",
    "staff_id": "SELECT id FROM staff WHERE role = 'agent'",
    "role_id": "SELECT id FROM staff_role LIMIT 1",
    "kept_id": "SELECT id FROM staff_kept_form LIMIT 1",
    "invitation_id": "SELECT id FROM staff_invitation LIMIT 1",
    "request_id": "SELECT id FROM refund_request LIMIT 1",
    "refund_id": "SELECT id FROM refund LIMIT 1",
    "document_id": "SELECT id FROM document LIMIT 1",
    "delivery_id": "SELECT id FROM outbox_delivery LIMIT 1",
    "product_id": "SELECT product_id FROM wish LIMIT 1",
    "plan_id": "SELECT id FROM recurring_plan LIMIT 1",
    "recurring_id": "SELECT id FROM recurring_order LIMIT 1",
    "session_id": "SELECT id FROM customer_session ORDER BY id LIMIT 1",
    "profile_id": "SELECT id FROM measurement_profile LIMIT 1",
    "subscriber_id": "SELECT id FROM newsletter_subscriber LIMIT 1",
    "passkey_id": "SELECT id FROM passkey LIMIT 1",
}
SLUGS = {"/c/<slug>": "SELECT slug FROM category LIMIT 1", "/p/<slug>": "SELECT slug FROM product LIMIT 1"}


@dataclass
class Route:
    rule: Rule
    method: str
    path: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.rule.rule}"


@dataclass
class Stand:
    """A form where it stands; `names` are those of all controls of its page."""

    who: str
    client: FlaskClient
    form: WebForm
    names: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.who}: {self.form.action}"

    def send(self, data: dict[str, object], **options: Any) -> TestResponse:
        return self.client.post(self.form.action, data=data, **options)


class World:
    def __init__(self, app: Flask, aina: Patron) -> None:
        self.app, self.aina = app, aina

    def fill(self) -> World:
        aina = self.aina.register()
        shirt = add_product(stock_of={"KB": 50})
        with transaction():
            search.reindex_all()
        aina.submit("/account/addresses/new", "/account/addresses", **ADDRESS)
        self.token = aina.order(shirt)
        aina.pay(self.token)
        aina.deliver()
        aina.submit("/account/preferences", "/account/preferences", **{"email-marketing": "y"})
        page = f"/order/{self.token}/refund"
        aina.submit(page, page, reason="too_small", note="Too small for me")
        aina.add(shirt)
        aina.post("/wishlist", product=db.scalar("SELECT product_id FROM variant WHERE id = :v", v=shirt))
        new = value.NewValue(Money(5000, "MYR"), by="staff:1", key=new_id())
        self.card = in_transaction(lambda: value.issue(new))[0].code
        sku = db.scalar("SELECT sku FROM variant WHERE id = :v", v=shirt)
        db.release()
        in_transaction(lambda: plans.add(sku, period="month", every=1, by="staff:1"))
        self.owner = self.hire("owner@example.com")
        hire(self.app, "agent@example.com", role="agent")
        self.owner.press("/admin/staff/invite", "/admin/staff/invite", email="new@example.com", role="agent")
        in_transaction(
            lambda: keeping.keep(db.scalar("SELECT id FROM staff LIMIT 1"), b"", "/admin/staff", [("a", "b")])
        )
        self.owner.press("/admin/staff/roles/new", "/admin/staff/roles/new", name="Weekend", right="orders.view")
        db.release()
        return self

    def hire(self, email: str) -> StaffMember:
        member = hire(self.app, email).sign_in()
        with transaction():
            db.rows("UPDATE staff SET backup_codes_saved_at = now() RETURNING id")
        return member

    def routes(self, *methods: str) -> list[Route]:
        """Each route with things that exist in its path, wherever the world has such a thing."""
        found = []
        with self.app.app_context():
            for rule in self.app.url_map.iter_rules():
                for method in sorted((rule.methods or set()) & set(methods)):
                    found.append(Route(rule, method, self._path(rule)))
        db.release()
        return found

    def _path(self, rule: Rule) -> str:
        path, values = path_of(self.app, rule), {}
        for name in rule.arguments:
            sql = SLUGS.get(rule.rule) if name == "slug" else IDS.get(name)
            if name in ("token", "order_token") and rule.rule.startswith(("/order/", "/checkout/pay/")):
                values[name] = self.token
            elif sql and (found := db.scalar(sql)):
                values[name] = found
        if not values:
            return path
        sample = self.app.url_map.bind("localhost").match(path, method=min(rule.methods or {"GET"}))[1]
        built: str = self.app.url_map.bind("localhost").build(
            rule.endpoint, {**sample, **values}, method=min(rule.methods or {"GET"})
        )
        return built

    def clients(self) -> dict[str, FlaskClient]:
        return {"stranger": self.app.test_client(), "customer": self.aina.client, "staff": self.owner.client}

    def forms(self) -> list[Stand]:
        """Every form of every page that changes something, each action once, in the browser of somebody who may send it."""
        found: dict[str, Stand] = {}
        clients = self.clients()
        for route in self.routes("GET"):
            for who in ("staff",) if route.path.startswith("/admin") else ("customer", "stranger"):
                answer = clients[who].get(route.path)
                if answer.status_code != 200 or answer.mimetype != "text/html":
                    continue
                names = frozenset(re.findall(r'\bname="([^"]+)"', answer.text))
                for form in forms_of(answer.text):
                    form.action = form.action or route.path
                    if form.method == "post" and not leaves(form.action):
                        action = re.sub(r"[0-9a-f-]{36}", "*", form.action)
                        found.setdefault(action, Stand(who, clients[who], form, names))
        return list(found.values())


def leaves(path: str) -> bool:
    """Whether it signs out, or ends what the walk goes on with."""
    return (
        path.split("?", maxsplit=1)[0] in ("/logout", "/admin/logout", "/admin/profile/authenticator") or "://" in path
    )


def csrf_of(client: FlaskClient, path: str = "/about") -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def digest(*, without: tuple[str, ...] = ()) -> dict[str, str]:
    """A fingerprint of each table's rows, taken in one statement."""
    one = "SELECT '{0}', coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {0} t"
    found = db.rows(" UNION ALL ".join(one.format(table) for table in tables() if table not in without))
    db.forget()
    return {row[0]: row[1] for row in found}


def tables() -> list[str]:
    return [
        row[0]
        for row in db.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'seed_%' ORDER BY 1"
        )
    ]


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return sorted(table for table in before if before[table] != after[table])


def columns() -> dict[str, set[str]]:
    """Every column of every table, with the types it has there."""
    found: dict[str, set[str]] = {}
    for name, kind in db.rows(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name NOT LIKE 'seed_%'"
    ):
        found.setdefault(name, set()).add(kind)
    db.release()
    return found


def tables_that_hold(*words: str) -> list[str]:
    """Tables with a row that holds one of the words in clear, in any column."""
    one = "SELECT '{0}', w FROM unnest(CAST(:words AS text[])) w WHERE EXISTS (SELECT FROM {0} t WHERE strpos(t::text, w) > 0)"
    found = db.rows(" UNION ALL ".join(one.format(table) for table in tables()), words=list(words))
    db.forget()
    return [f"{table}: {word}" for table, word in found] + _encrypted_columns_that_hold(words)


def _encrypted_columns_that_hold(words: tuple[str, ...]) -> list[str]:
    found = []
    for mapper in db.Base.registry.mappers:
        for column in mapper.columns:
            if isinstance(column.type, EncryptedText):
                texts = [text for text in db.session.scalars(select(column)) if text]
                found += [f"{column}: {word}" for word in words for text in texts if word in text]
    db.forget()
    return found
