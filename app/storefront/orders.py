"""The order's own page, for everybody who holds its token, and the tracking form for guests."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.errors import NotFound
from app.core.money import Money
from app.documents import queries as documents
from app.orders import queries
from app.orders.models import Order
from app.orders.rules import public_status
from app.returns import queries as returns
from app.returns.rules import UNANSWERED
from app.shipping.rules import add_working_days
from app.storefront import order_view
from app.web import plan_words, value_words
from app.web.forms import has_control_characters, is_email, parse_phone
from app.web.limits import limit
from app.web.respond import no_store, respond
from app.web.site import settings
from app.web.visitor import forget_cart, visitor

bp = no_store(Blueprint("orders", __name__))

WAIT_SECONDS = 5


@bp.get("/order/<token>")
def show(token: str) -> ResponseReturnValue:
    order, issued = documents.order_with_documents(token)
    if order is None:
        raise NotFound()
    money = returns.standing(order.id)
    if money is None:
        raise NotFound()
    due, parts = order_view.split(order, money.value_minor)
    status = public_status(order=order.state, payment=money.state)
    has_begun = money.plan is not None and money.plan.has_begun
    has_asked = money.wish is not None and money.wish.state in UNANSWERED
    if status == "confirmed" and order.visitor == visitor():
        forget_cart()  # the worker empties it; the badge should not wait for that
    return respond(
        "storefront/orders/show.html",
        "_order_card.html",
        order=order,
        money_state=money.state,
        status=200,
        word=status,
        is_late=order.cancel_reason == "sold_out_before_payment",
        is_value_gone=order.cancel_reason == "value_gone_before_payment",
        is_at_bank=order.state == "pending" and money.is_at_bank and money.promise is None,
        promise=money.promise if order.state == "pending" else None,
        bank_details=settings().manual.bank_details,
        first_name=order_view.first_name(order),
        address=order_view.masked_address(order),
        days=_delivery_days(order),
        documents=issued,
        wait_seconds=WAIT_SECONDS,
        is_stopped=money.is_stopped,
        refunds=money.refunds if money.is_paid or has_begun else [],
        plan=order_view.plan(money.plan),
        refund_total=money.plan.received if money.plan and has_begun else order.total,
        wish=money.wish,
        can_ask=order.state == "confirmed" and money.state == "paid" and not has_asked,
        due=due,
        **order_view.summary(order),
        summary_paid=[*_paid_rows(order, parts, due), *plan_words.summary_rows(money.plan)],
    )


@bp.get("/track")
def show_track() -> ResponseReturnValue:
    return respond("storefront/orders/track.html", number="", contact="", error=None)


@bp.post("/track")
@limit("10/minute", per_address="60/minute")
def track() -> ResponseReturnValue:
    """The same neutral sentence whatever did not fit."""
    number, contact = request.form.get("number", "").strip()[:40], request.form.get("contact", "").strip()[:254]
    order = None
    if number and contact and not has_control_characters(number + contact):
        order = _find(number.upper().removeprefix("#"), contact)
    if order is None:
        words = _("We found no order with this number and this e-mail address or phone number.")
        return respond("storefront/orders/track.html", status=422, number=number, contact=contact, error=words)
    return redirect(url_for("orders.show", token=order.token), 303)


def _find(number: str, contact: str) -> Order | None:
    if is_email(contact):
        return queries.find_for_guest(number=number, email=contact)
    phone = parse_phone(contact)
    return queries.find_for_guest(number=number, phone=phone) if phone else None


def _paid_rows(order: Order, parts: list[tuple[str, str, Money]], due: Money) -> list[tuple[str, str]]:
    return value_words.rows(parts, due) if order.confirmed_at is None else value_words.paid_rows(parts, due)


def _delivery_days(order: Order) -> tuple[object, object] | None:
    days = order.snapshot.get("delivery_days")
    if order.confirmed_at is None or not days:
        return None
    start = order.confirmed_at.astimezone(settings().shop.timezone).date()
    return add_working_days(start, days[0]), add_working_days(start, days[1])
