"""Buying, paying and refunding, as the tests of refunds do it."""

from __future__ import annotations

import re
import uuid
from typing import Any

from werkzeug.test import TestResponse

from app.core import db
from app.core.ids import new_id
from app.core.transaction import in_transaction
from app.orders import queries as orders
from app.payments.models import Refund
from app.returns import actions as returns
from app.returns import queries
from app.returns.rules import Wish, plan
from tests.flows.shopper import Shopper
from tests.staff import StaffMember
from tools.webforms import forms_of


def order_of(token: str) -> uuid.UUID:
    found: uuid.UUID = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return found


def buy(shopper: Shopper, *lines: tuple[uuid.UUID, object]) -> str:
    """A paid order of these (variant, quantity); returns its token."""
    for variant, quantity in lines:
        assert shopper.add(variant, quantity).status_code == 303
    token = shopper.place().location.rsplit("/", 1)[-1]
    shopper.pay(token)
    return token


def ask_form(member: StaffMember, token: str, **chosen: Any) -> str:
    """The refund page with the preview of what was chosen."""
    answer = member.client.get(f"/admin/orders/{order_of(token)}/refund", query_string={**chosen, "preview": "1"})
    assert answer.status_code == 200, answer.text
    return answer.text


def shown_total(page: str) -> str:
    found = re.search(r'id="refund-total">([^<]+)<', page)
    assert found, "no amount is shown"
    return found[1].replace("\u00a0", " ")


def send(member: StaffMember, page: str, **changed: Any) -> TestResponse:
    """Press the button below the preview."""
    form = next(form for form in forms_of(page) if "accept" in form.fields)
    return member.client.post(form.action, data=form.filled(**changed))


def refund(member: StaffMember, token: str, **chosen: Any) -> TestResponse:
    return send(member, ask_form(member, token, **chosen))


def refund_now(order_id: uuid.UUID, wish: Wish, *, by: str = "staff:1", **options: Any) -> Refund:
    """Straight through the action, for the amount that would be shown at this moment."""
    order = orders.order(order_id)
    assert order is not None
    found = queries.refundable(order)
    assert found is not None
    amount = plan(found.account, wish).amount_minor
    db.release()
    wanted = returns.RefundOrder(wish=wish, reason="other", by=by, key=new_id(), accept_minor=amount, **options)
    [refund] = in_transaction(lambda: returns.refund_lines(order_id, wanted))
    return refund


def states() -> list[tuple[str, int]]:
    """(state, amount) of all refunds, oldest first."""
    found = [tuple(row) for row in db.rows("SELECT state, amount_minor FROM refund ORDER BY created_at, id")]
    db.release()
    return found


def payment_state(token: str) -> str:
    found: str = db.scalar(
        "SELECT p.state FROM payment p JOIN orders o ON o.id = p.order_id WHERE o.token = :t", t=token
    )
    db.release()
    return found


def provider_payment() -> str:
    found: str = db.scalar("SELECT provider_payment_id FROM payment_capture WHERE is_applied")
    db.release()
    return found


def timeline(token: str) -> list[str]:
    found = db.rows(
        "SELECT e.kind FROM order_event e JOIN orders o ON o.id = e.order_id WHERE o.token = :t ORDER BY e.created_at, e.id",
        t=token,
    )
    db.release()
    return [row[0] for row in found]
