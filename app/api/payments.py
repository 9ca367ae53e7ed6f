"""Payments for programs (PAY-12, PAY-13, PAY-16): started as the pay page does it, settled by what the provider says."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.api import asked
from app.api.checkout import CONFIRMED, standing
from app.core import db
from app.core.errors import NotFound, Refused
from app.orders import flows
from app.orders.models import Order
from app.orders.rules import PAYMENT_STATES, STATUSES, public_status
from app.payments import gateway, queries
from app.payments.errors import (
    AlreadyInitiating,
    BadSignature,
    Covered,
    KeyReused,
    NotNext,
    NotPayable,
    ProviderRefused,
    ProviderUnavailable,
    TooManyAttempts,
)
from app.payments.models import Payment, PaymentAttempt, Refund
from app.payments.rules import INSTALMENT_STATES, MAX_ATTEMPTS, PlanPart
from app.stock.errors import LockLost
from app.web import access, rights, staff
from app.web.describe import COUNT, FLAG, MOMENT, TEXT, describe, many, one_of, or_null, record, some_of
from app.web.errors import problem
from app.web.gates import guards
from app.web.limits import limit, limit_api
from app.web.pay import chosen_bank, offers_for, send_to_pay
from app.web.respond import no_store
from app.web.rights import opens_to
from app.web.site import settings

bp = limit_api(no_store(Blueprint("api_payments", __name__)))
for path in ("/api/v1/payment/initiate", "/api/v1/payment/verify"):
    guards(path)(asked.refuse_unknown_visitors)

STARTED = record(
    order=TEXT, attempt=TEXT, state=TEXT, provider=TEXT, provider_order_id=TEXT, method=TEXT, url=TEXT,
    amount_minor=COUNT, currency=TEXT,
)  # fmt: skip
ATTEMPT = record(
    id=TEXT, position=COUNT, provider=TEXT, method=TEXT, state=TEXT, provider_order_id=or_null(TEXT), amount_minor=COUNT,
    currency=TEXT, error_code=or_null(TEXT), created_at=MOMENT,
)  # fmt: skip
INSTALMENT = record(position=COUNT, amount_minor=COUNT, currency=TEXT, state=one_of(*INSTALMENT_STATES), due_at=MOMENT)
REFUND = record(id=TEXT, state=TEXT, amount_minor=COUNT, currency=TEXT, created_at=MOMENT)
PAYMENT = record(
    id=TEXT, order=TEXT, status=one_of(*STATUSES), state=one_of(*PAYMENT_STATES), amount_minor=COUNT, value_minor=COUNT,
    received_minor=COUNT, balance_minor=COUNT, currency=TEXT, paid_at=or_null(MOMENT), instalments=many(INSTALMENT),
    attempts=many(ATTEMPT), refunds=many(REFUND),
)  # fmt: skip
SHOWN_REFUNDS = ("requested", "pending", "succeeded", "failed")  # what staff still think over is theirs
REFUSALS = (NotPayable, LockLost, TooManyAttempts, AlreadyInitiating, KeyReused, Covered, NotNext)


@bp.post("/api/v1/payment/initiate")
@limit("60/minute")
@describe(
    "Start paying an order of this session; the browser then goes to `url`. Repeated, it is the same attempt as long as that is open",
    takes=some_of(order=TEXT, method=TEXT, bank=TEXT, rest=FLAG, part=COUNT),
    answers={201: STARTED},
    refusals=(400, 401, 404, 409, 415, 422, 503),
    for_shopper=True,
    needs_csrf=True,
    takes_key=True,
)
def initiate() -> Response:
    """`order` is its token or id; `method` a code of the payment methods, the order's own when it is missing. Of an order with
    instalments the next one is paid, or with `rest` all that is left; 409 when that does not begin with the `part` that is named."""
    found = asked.posted()
    order = asked.own_order(asked.text_of(found, "order"))
    key, method = asked.idempotency_key(), found.get("method", order.payment_method)
    payment = queries.payment_of_order(order.id)
    if payment is not None and not payment.due:
        return problem(Covered.status, Covered.code, _why_not(Covered.code))
    codes = [offer.method.code for offer in offers_for(order.currency, payment)]
    if method not in codes:
        raise Refused(_("Choose how you want to pay"), code="unknown_method", methods=codes)
    bank = chosen_bank(asked.text_of(found, "bank"), method=method, currency=order.currency)
    rest, part = found.get("rest") is True, _part_of(found)
    try:
        attempt_id = send_to_pay(order, method=method, bank=bank, key=key, rest=rest, part=part)
    except REFUSALS as refusal:
        return problem(refusal.status, refusal.code, _why_not(refusal.code))
    except (ProviderUnavailable, ProviderRefused):
        return asked.unavailable()
    answer = jsonify(_started(order, attempt_id))
    answer.status_code = 201
    return answer


@bp.post("/api/v1/payment/verify")
@limit("60/minute")
@describe(
    "Check what a provider handed to the browser, member by member beside `order`, then settle by asking the provider",
    takes={**some_of(order=TEXT), "additionalProperties": TEXT},
    answers={200: CONFIRMED},
    refusals=(400, 401, 404, 415, 422, 503),
    for_shopper=True,
    needs_csrf=True,
    takes_key=True,
)
def verify() -> Response:
    """400 for a claim that was not signed for an attempt of this order (P9). What it claims decides nothing else."""
    found = asked.posted()
    order = asked.own_order(asked.text_of(found, "order"))
    asked.idempotency_key()
    claim = {name: value for name, value in found.items() if name != "order" and isinstance(value, str)}
    try:
        attempt_id = _attempt_of(claim, _attempts(order.id))
        flows.settle_now(order.id, also=attempt_id)
    except (ProviderUnavailable, ProviderRefused):
        return asked.unavailable()
    return jsonify(standing(order.id))


@bp.get("/api/v1/payments/<order>")
@describe(
    "The payment of an order, by the order's token or id, with its attempts and refunds: for the session that placed it, and for staff",
    answers={200: PAYMENT},
    refusals=(401, 403, 404),
    for_shopper=True,
)
@opens_to("payments.view")
def show_payment(order: str) -> Response:
    found = _readable(order)
    payment = queries.payment_of_order(found.id)
    if payment is None:
        raise NotFound(_("There is no such payment."))
    return jsonify(_shown(found, payment))


@guards("/api/v1/payments")
def refuse_strangers() -> ResponseReturnValue | None:
    if staff.can("payments.view"):
        staff.note_activity()
        return None
    if access.is_given() and access.claims("customer") is None:
        return rights.refuse_token("payments.view")
    return asked.refuse_unknown_visitors()


def _readable(named: str) -> Order:
    order = asked.named_order(named) if staff.can("payments.view") else asked.own_order(named)
    if order is None:
        raise NotFound(_("There is no such order."))
    return order


def _attempts(order_id: uuid.UUID) -> list[PaymentAttempt]:
    payment = queries.payment_of_order(order_id)
    return list(payment.attempts) if payment else []


def _attempt_of(claim: Mapping[str, str], attempts: list[PaymentAttempt]) -> uuid.UUID:
    """The latest attempt that the claim was signed for. Raises BadSignature, or Refused where nothing is claimed."""
    refusal: BadSignature | None = None
    known = [(each.id, each.provider, each.provider_order_id) for each in reversed(attempts) if each.provider_order_id]
    db.release()
    for attempt_id, provider, provider_order_id in known:
        try:
            if gateway.provider(provider).verify_payment(provider_order_id, claim):
                return attempt_id
        except BadSignature as failure:
            refusal = failure
    raise refusal or Refused(_("Send what the provider handed to the browser."), code="nothing_claimed")


def _part_of(found: Mapping[str, Any]) -> int | None:
    part = found.get("part")
    if part is not None and type(part) is not int:
        raise Refused(_("Name the part by its number."), code="no_part")
    return part


def _started(order: Order, attempt_id: uuid.UUID) -> dict[str, Any]:
    attempt = next(each for each in _attempts(order.id) if each.id == attempt_id)
    page = "orders.show" if attempt.is_by_hand else "pay.continue_there"
    return {
        "order": order.token,
        "attempt": str(attempt.id),
        "state": attempt.state,
        "provider": attempt.provider,
        "provider_order_id": attempt.provider_order_id,
        "method": attempt.method,
        "url": attempt.page_url or settings().base_url + url_for(page, token=order.token),
        "amount_minor": attempt.amount_minor,
        "currency": attempt.currency,
    }


def _shown(order: Order, payment: Payment) -> dict[str, Any]:
    return {
        "id": str(payment.id),
        "order": order.token,
        "status": public_status(order=order.state, payment=payment.state),
        "state": payment.state,
        "amount_minor": payment.amount_minor,
        "value_minor": payment.value_minor,
        "received_minor": payment.received_minor,
        "balance_minor": payment.balance.minor,
        "currency": payment.currency,
        "instalments": [_instalment(each) for each in payment.plan.parts] if payment.plan else [],
        "paid_at": payment.paid_at.isoformat() if payment.paid_at else None,
        "attempts": [_attempt(each) for each in payment.attempts],
        "refunds": [_refund(each) for each in queries.refunds_of(payment.id) if each.state in SHOWN_REFUNDS],
    }


def _instalment(part: PlanPart) -> dict[str, Any]:
    return {
        "position": part.position,
        "amount_minor": part.amount.minor,
        "currency": part.amount.currency,
        "state": part.state,
        "due_at": part.due_at.isoformat(),
    }


def _attempt(attempt: PaymentAttempt) -> dict[str, Any]:
    return {
        "id": str(attempt.id),
        "position": attempt.position,
        "provider": attempt.provider,
        "method": attempt.method,
        "state": attempt.state,
        "provider_order_id": attempt.provider_order_id,
        "amount_minor": attempt.amount_minor,
        "currency": attempt.currency,
        "error_code": attempt.error_code,
        "created_at": attempt.created_at.isoformat(),
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "id": str(refund.id),
        "state": refund.state,
        "amount_minor": refund.amount_minor,
        "currency": refund.currency,
        "created_at": refund.created_at.isoformat(),
    }


def _why_not(code: str) -> str:
    return {
        NotPayable.code: _("This order is not waiting for payment any more."),
        LockLost.code: _("The items are not held any more. Place the order again."),
        TooManyAttempts.code: _("Paying did not work %(n)s times. Please write to us: we will help.", n=MAX_ATTEMPTS),
        AlreadyInitiating.code: _("We are already sending you to the payment page. Please try again in a moment."),
        Covered.code: _("Gift cards cover this order: confirm it."),
        NotNext.code: _("This part is not the next one to pay."),
        KeyReused.code: _("This Idempotency-Key belongs to another question."),
    }[code]
