"""“Place order” for programs (CHK-17 to CHK-19): the same action and locks as the form of the review page."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask_babel import gettext as _

from app.api import asked
from app.checkout import actions as checkout
from app.checkout.errors import (
    CartIsEmpty,
    LinesGone,
    MeasuresMissing,
    NoDelivery,
    NoMethod,
    NoPlan,
    NoSession,
    SessionOver,
    TooManyLocks,
    TotalChanged,
)
from app.core.errors import NotFound, Refused
from app.core.transaction import in_transaction
from app.orders import actions as orders
from app.orders import flows
from app.orders.models import Order
from app.orders.rules import STATUSES, public_status
from app.payments import queries as payments
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import offers
from app.stock import queries as stock
from app.stock.errors import LockLost
from app.value.errors import ValueGone
from app.value.rules import KINDS
from app.web import languages
from app.web.describe import COUNT, FLAG, MOMENT, TEXT, describe, many, one_of, or_null, record, some_of
from app.web.errors import problem
from app.web.gates import guards
from app.web.limits import limit, limit_api
from app.web.pay import new_key, offers_for
from app.web.placing import click_on_place
from app.web.respond import no_store
from app.web.site import settings
from app.web.visitor import visitor

bp = limit_api(no_store(Blueprint("api_checkout", __name__)))
guards("/api/checkout")(asked.refuse_unknown_visitors)

METHOD = record(code=TEXT, label=TEXT, is_down=FLAG)
INTENT = record(
    order=TEXT,
    status=one_of(*STATUSES),
    total_minor=COUNT,
    due_minor=COUNT,
    instalments=COUNT,
    currency=TEXT,
    expires_at=or_null(MOMENT),
    payment_method=TEXT,
    payment_methods=many(METHOD),
)
CONFIRMED = record(
    order=TEXT, number=or_null(TEXT), status=one_of(*STATUSES), total_minor=COUNT, currency=TEXT, is_paid=FLAG
)
REFUSALS = (
    CartIsEmpty,
    LinesGone,
    MeasuresMissing,
    NoDelivery,
    NoMethod,
    NoPlan,
    NoSession,
    SessionOver,
    TooManyLocks,
    TotalChanged,
    ValueGone,
)


@bp.post("/api/checkout/intent")
@limit("60/minute")
@describe(
    "Order what is in the session's cart, for the contact and address given at checkout; the same cart again is the same order",
    takes=some_of(payment_method=TEXT, accept_total=COUNT, instalments=COUNT),
    answers={201: INTENT},
    refusals=(400, 401, 409, 415, 422),
    for_shopper=True,
    needs_csrf=True,
    takes_key=True,
)
def create_intent() -> Response:
    """`accept_total`, where it is sent, must be what the order costs; nothing is paid yet either way. `instalments`: in how
    many it is to be paid, 1 when it is missing."""
    found, known = asked.posted(), visitor()
    click = click_on_place(
        key=asked.idempotency_key() or new_key(),
        accept_total=_accept_total(found),
        accept_value=None,
        payment_method=_method(found),
        address=request.remote_addr or "",
        parts=_instalments(found),
    )
    try:
        order = in_transaction(lambda: checkout.place(known, click))
    except REFUSALS as refusal:
        return _refused(refusal)
    answer = jsonify(_intended(order))
    answer.status_code = 201
    return answer


@bp.post("/api/checkout/confirm")
@limit("60/minute")
@describe(
    "Settle an order of this session by asking its provider; any number of times, and it is the same order",
    takes=record(order=TEXT),
    answers={200: CONFIRMED},
    refusals=(400, 401, 404, 409, 415, 422, 503),
    for_shopper=True,
    needs_csrf=True,
    takes_key=True,
)
def confirm() -> Response:
    """Whatever the caller believes, the provider is asked, and its answer decides. An order nobody paid stays pending; one that
    gift cards cover whole is paid by this."""
    order = asked.own_order(asked.text_of(asked.posted(), "order"))
    asked.idempotency_key()  # repetitions are one without it, yet what is no key is told
    try:
        if not in_transaction(lambda: orders.settle_with_value(order.id)):
            flows.settle_now(order.id)
    except LockLost as refusal:
        return problem(refusal.status, refusal.code, _("The items are not held any more. Place the order again."))
    except (ProviderUnavailable, ProviderRefused):
        return asked.unavailable()
    return jsonify(standing(order.id))


def standing(order_id: uuid.UUID) -> dict[str, Any]:
    """How an order and its money stand now, as everybody may know who holds its token."""
    order, payment = asked.named_order(str(order_id)), payments.payment_of_order(order_id)
    if order is None or payment is None:
        raise NotFound()
    return {
        "order": order.token,
        "number": order.number,
        "status": public_status(order=order.state, payment=payment.state),
        "total_minor": order.total_minor,
        "currency": order.currency,
        "is_paid": payment.state == "paid",
    }


def _accept_total(found: dict[str, Any]) -> int | None:
    total = found.get("accept_total")
    if total is not None and (type(total) is not int or not 0 <= total < 10**15):
        raise Refused(_("Say the amount in whole minor units, such as 1250."), code="bad_amount")
    return total


def _instalments(found: dict[str, Any]) -> int:
    parts = found.get("instalments", 1)
    if type(parts) is not int or not 1 <= parts <= max(1, settings().instalments.most):
        raise Refused(_("Choose whether you pay at once or in parts"), code=NoPlan.code)
    return parts


def _method(found: dict[str, Any]) -> str:
    """The way to pay that was named, else the first that is offered; it can be changed as long as nothing is paid. Without a
    provider gift cards can cover an order still: `place` refuses it when they do not."""
    codes = [offer.method.code for offer in offers(languages.currency())]
    if not codes and "payment_method" not in found:
        return KINDS[0]
    method = found.get("payment_method", codes[0] if codes else None)
    if method not in codes:
        raise Refused(_("Choose how you want to pay"), code="unknown_method", methods=codes)
    return str(method)


def _intended(order: Order) -> dict[str, Any]:
    hold, payment = stock.hold_of(order.id), payments.payment_of_order(order.id)
    return {
        "order": order.token,
        "status": public_status(order=order.state, payment=payment.state if payment else "open"),
        "total_minor": order.total_minor,
        "due_minor": payment.due.minor if payment else order.total_minor,
        "instalments": payment.parts if payment else 1,
        "currency": order.currency,
        "expires_at": hold.expires_at.isoformat() if hold.expires_at else None,
        "payment_method": order.payment_method,
        "payment_methods": [
            {"code": offer.method.code, "label": _(offer.method.label), "is_down": offer.is_down}
            for offer in offers_for(order.currency, payment)
        ],
    }


def _refused(refusal: Any) -> Response:
    words = {
        CartIsEmpty.code: _("Your cart is empty"),
        NoSession.code: _("Give contact and delivery at checkout first."),
        SessionOver.code: _("Your checkout was open for too long"),
        NoDelivery.code: _("We do not deliver there in this way. Choose the delivery again."),
        TooManyLocks.code: _("You have several unpaid orders already"),
        NoMethod.code: _("Choose how you want to pay"),
        NoPlan.code: _("This order cannot be paid in so many parts in this way. Pay it at once, or in another way."),
        TotalChanged.code: _("The total has changed since you saw it. Please check it and order again."),
        ValueGone.code: _(
            "Less is left on a gift card than you saw. Nothing was ordered: please check what remains to pay."
        ),
        LinesGone.code: _("Something in the cart cannot be had any more."),
        MeasuresMissing.code: _("Something in the cart is made to measure, and measurements are missing."),
    }
    facts = dict(refusal.facts)
    if isinstance(refusal, LinesGone):
        facts["possible"] = {str(variant): max(left, 0) for variant, left in refusal.possible.items()}
    answer = problem(refusal.status, refusal.code, words[refusal.code], **facts)
    if isinstance(refusal, TooManyLocks):
        answer.headers["Retry-After"] = str(settings().lock_minutes * 60)
    return answer
