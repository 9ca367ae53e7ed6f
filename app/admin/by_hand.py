"""What only staff can say: that money has come by hand, that it will not, and what became of a refund they sent (N8)."""

from __future__ import annotations

import uuid
from typing import cast

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import orders as pages
from app.admin.desk import desk, done
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.orders import queries
from app.orders.actions import by_hand
from app.payments.errors import AmountDiffers, NotByHand, ReferenceUsed
from app.returns.actions import by_hand as refunds
from app.returns.errors import AlreadyDecided
from app.web.formats import format_money
from app.web.forms import has_control_characters, parse_amount, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("by_hand", __name__)
LONGEST_REFERENCE = 100


@bp.post("/orders/<uuid:order_id>/money-arrived")
@needs("payments.change", fresh=True, back="/admin/orders/{order_id}")
@limit(FORMS)
def money_arrived(order_id: uuid.UUID) -> ResponseReturnValue:
    order = queries.order(order_id)
    if order is None:
        raise NotFound()
    try:
        amount = Money(parse_amount(request.form.get("amount", ""), order.currency), order.currency)
    except ValueError:
        return _again(order_id, "amount", _("Enter an amount such as 12.50"))
    reference = tidy(request.form.get("reference"))
    if not reference or len(reference) > LONGEST_REFERENCE or has_control_characters(reference):
        words = _("Enter the bank's or the courier's reference, at most %(n)s characters", n=LONGEST_REFERENCE)
        return _again(order_id, "reference", words)
    said = {"receipt": request.form.get("receipt", ""), "amount": amount, "reference": reference}
    try:
        is_new = in_transaction(lambda: by_hand.note_arrival(order_id, **said, by=actor()))
    except ReferenceUsed:
        return _again(order_id, "reference", _("Money with this reference was entered for this order before"))
    except AmountDiffers as refusal:
        due = cast(Money, refusal.facts["due"])
        words = _(
            "The order costs %(total)s, so %(amount)s does not pay it. Send the money back, or ask for the rest.",
            total=format_money(due),
            amount=format_money(amount),
        )
        return _again(order_id, "amount", words)
    except NotByHand:
        return done(_page(order_id), "not-by-hand")
    return done(_page(order_id), "money-arrived" if is_new else "said-before")


@bp.post("/orders/<uuid:order_id>/no-money")
@needs("payments.change", fresh=True, back="/admin/orders/{order_id}")
@limit(FORMS)
def no_money(order_id: uuid.UUID) -> ResponseReturnValue:
    try:
        is_new = in_transaction(lambda: by_hand.give_up(order_id, by=actor()))
    except NotByHand:
        return done(_page(order_id), "not-by-hand")
    return done(_page(order_id), "given-up" if is_new else "said-before")


@bp.post("/refunds/<uuid:refund_id>/sent")
@needs("payments.change", fresh=True, back=lambda refund_id: _back())
@limit(FORMS)
def refund_sent(refund_id: uuid.UUID) -> ResponseReturnValue:
    return _refund(refund_id, "succeeded", "sent-by-hand")


@bp.post("/refunds/<uuid:refund_id>/not-sent")
@needs("payments.change", fresh=True, back=lambda refund_id: _back())
@limit(FORMS)
def refund_not_sent(refund_id: uuid.UUID) -> ResponseReturnValue:
    return _refund(refund_id, "failed", "not-sent")


def _refund(refund_id: uuid.UUID, state: str, what: str) -> ResponseReturnValue:
    try:
        in_transaction(lambda: refunds.note_outcome(refund_id, state=state, by=actor()))
    except AlreadyDecided:
        return done(_back(), "said-before")
    return done(_back(), what)


def _back() -> str:
    """The page the button stood on: that of an order, or the list of payments."""
    try:
        return _page(uuid.UUID(request.form.get("order", "")))
    except ValueError:
        return "/admin/payments"


def _page(order_id: uuid.UUID) -> str:
    return f"/admin/orders/{order_id}"


def _again(order_id: uuid.UUID, field: str, words: str) -> ResponseReturnValue:
    context = pages.context_of(order_id)
    return respond("admin/orders/page.html", status=422, fault=(field, words), typed=request.form, **context)
