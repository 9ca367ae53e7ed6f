"""Refunds for programs (REF-03, REF-04): the same action, approval and keys as the form of the back office (X3)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify
from flask_babel import gettext as _

from app.api import asked
from app.core.errors import NotFound, Refused
from app.core.transaction import in_transaction
from app.payments import queries as payments
from app.payments.models import Refund
from app.returns import actions as returns
from app.returns.rules import LONGEST_NOTE, STAFF_REASONS, Wish
from app.web import staff
from app.web.describe import COUNT, TEXT, describe, list_of, one_of, record
from app.web.errors import problem
from app.web.forms import has_control_characters
from app.web.gates import guards
from app.web.limits import limit_api
from app.web.refund_words import REFUSALS, why_not
from app.web.respond import no_store
from app.web.rights import needs
from app.web.site import settings

bp = limit_api(no_store(Blueprint("api_refunds", __name__)))
for prefix in ("/api/v1/admin", "/api/payments/refund"):
    guards(prefix)(staff.refuse_strangers)

STATE = one_of("waiting", "requested", "pending", "succeeded", "failed", "rejected")
PARTS = list_of(record(id=TEXT, state=STATE, amount=COUNT))
ANSWER = record(id=TEXT, order=TEXT, state=STATE, amount=COUNT, currency=TEXT, parts=PARTS)
STATUSES = (400, 401, 403, 404, 409, 415, 422)


@bp.post("/api/v1/admin/orders/<uuid:order_id>/refund")
@needs("refunds.change", fresh=True)
@describe(
    "Refund an amount of an order in minor units, once per key",
    takes=record(amount=COUNT, reason=TEXT),
    answers={201: ANSWER},
    refusals=STATUSES,
    for_staff=True,
    needs_csrf=True,
    takes_key=True,
)
def refund_order(order_id: uuid.UUID) -> Response:
    return _refund(order_id, asked.posted())


@bp.post("/api/payments/refund")
@needs("refunds.change", fresh=True)
@describe(
    "The same for a payment: `payment` is its id here or the provider's",
    takes=record(payment=TEXT, amount=COUNT, reason=TEXT),
    answers={201: ANSWER},
    refusals=STATUSES,
    for_staff=True,
    needs_csrf=True,
    takes_key=True,
)
def refund_payment() -> Response:
    posted = asked.posted()
    named = posted.get("payment")
    order_id = payments.order_of_named_payment(named) if isinstance(named, str) and 0 < len(named) <= 100 else None
    if order_id is None:
        raise NotFound(_("There is no such payment."))
    return _refund(order_id, posted)


def _refund(order_id: uuid.UUID, posted: dict[str, Any]) -> Response:
    amount, key = _amount(posted), asked.idempotency_key(is_required=True)
    reason, note = _reason(posted)
    wanted = returns.RefundOrder(
        wish=Wish(amount_minor=amount),
        reason=reason,
        note=note,
        by=staff.actor(),
        key=key,
        accept_minor=amount,
        above=settings().refund_approval_minor,
    )
    try:
        refunds = in_transaction(partial(returns.refund_lines, order_id, wanted))
    except REFUSALS as refusal:
        return problem(refusal.status, refusal.code, why_not(refusal.code), **refusal.facts)
    if sum(refund.amount_minor for refund in refunds) != amount:
        raise Refused(_("This Idempotency-Key belongs to another refund."), code="key_reused")
    answer = jsonify(_shown(refunds, order_id))
    answer.status_code = 201
    return answer


def _shown(refunds: Sequence[Refund], order_id: uuid.UUID) -> dict[str, Any]:
    """An order that was paid in several ways is refunded to each of them: `parts`, the first of which gives its name."""
    first = refunds[0]
    return {
        "id": str(first.id),
        "order": str(order_id),
        "state": first.state,
        "amount": sum(refund.amount_minor for refund in refunds),
        "currency": first.currency,
        "parts": [{"id": str(each.id), "state": each.state, "amount": each.amount_minor} for each in refunds],
    }


def _amount(posted: dict[str, Any]) -> int:
    amount = posted.get("amount")
    if type(amount) is not int or not 0 < amount < 10**12:
        raise Refused(_("Say the amount in whole minor units, such as 1250."), code="bad_amount")
    return amount


def _reason(posted: dict[str, Any]) -> tuple[str, str]:
    """(code, words): one of the codes, or words of one's own."""
    text = posted.get("reason", "")
    if not isinstance(text, str) or len(text) > LONGEST_NOTE or has_control_characters(text):
        raise Refused(_("Say the reason in one line of plain text."), code="bad_reason")
    codes = {reason.code for reason in STAFF_REASONS}
    return (text, "") if text in codes else ("other", text)
