"""Orders, to be read: the list, and one page with all that is known about an order."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import gettext as _

from app.admin import words
from app.admin.desk import desk, done
from app.admin.paging import cursor
from app.audit import actions as audit
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.documents import queries as documents
from app.notifications import queries as mails
from app.orders import flows, queries
from app.orders.actions import by_hand as actions
from app.orders.models import Order
from app.orders.rules import ORDER_MOVES, public_status
from app.payments import queries as payments
from app.payments.errors import ProviderUnavailable
from app.payments.models import PaymentAttempt, PaymentCapture
from app.payments.rules import FINAL, UNDECIDED
from app.stock import queries as stock
from app.tailoring.rules import fitting
from app.value import queries as value
from app.web import measure_words, plan_words, value_words
from app.web.formats import format_quantity
from app.web.forms import has_control_characters, is_email, parse_phone
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("orders", __name__)
A_PAGE = 50


@bp.get("/orders")
@needs("orders.view")
def show_list() -> ResponseReturnValue:
    """Newest first, by key: the thousandth page costs as much as the first."""
    state = request.args.get("state", "")
    state = state if state in ORDER_MOVES else ""
    sought = request.args.get("q", "").strip()[:254]
    before = cursor(request.args.get("before", ""))
    rows = _find(sought) if sought else queries.page(state=state or None, before=before, limit=A_PAGE + 1)
    more = rows[A_PAGE - 1] if len(rows) > A_PAGE and not sought else None
    return respond(
        "admin/orders/list.html",
        orders=[shown_row(row) for row in rows[:A_PAGE]],
        state=state,
        states=("pending", "confirmed", "on_hold", "expired", "cancelled"),
        sought=sought,
        is_first=before is None,
        next_url=_next_url(state, more) if more else None,
    )


@bp.get("/orders/<uuid:order_id>")
@needs("orders.view")
def show(order_id: uuid.UUID) -> ResponseReturnValue:
    return respond("admin/orders/page.html", status=200, fault=None, typed={}, **context_of(order_id))


def context_of(order_id: uuid.UUID) -> dict[str, Any]:
    """All that is known about an order, for its page. Raises NotFound."""
    order = queries.order(order_id)
    payment = payments.payment_of_order(order_id)
    if order is None or payment is None:
        raise NotFound()
    captures = payments.captures_of(payment.id)
    disputes = payments.disputes_of(payment.id) if captures else []
    return {
        "order": order,
        "title": order.number or order.reference,
        "state": words.order_status(public_status(order=order.state, payment=payment.state)),
        "payment": payment,
        "payment_state": words.payment_state(
            "part" if payment.is_on_plan and payment.state == "open" else payment.state
        ),
        "plan": payment.plan,
        "plan_rows": plan_words.rows(payment.plan) if payment.plan else [],
        "can_end_plan": payment.is_on_plan and payment.state == "open" and order.state in ("pending", "on_hold"),
        "lines": [_line(line, order) for line in order.lines],
        "sums": _sums(order),
        "attempts": payment.attempts,
        "captures": captures,
        "cards": _cards(order_id) if any(each.attempt_id is None for each in captures) else {},
        "refunds": payments.refunds_of(payment.id),
        "hold": stock.hold_of(order_id),
        "events": [_event(each) for each in reversed(queries.timeline(order_id))],
        "mails": mails.mails_of_order(order_id),
        "documents": documents.documents_of(order_id),
        "is_open": any(each.state not in FINAL and not each.is_by_hand for each in payment.attempts),
        "expected": _expected(payment.attempts, captures),
        "can_give_up": order.state == "pending" and bool(payment.attempts) and payment.attempts[-1].is_by_hand,
        "disputes": disputes,
        "can_refund": order.confirmed_at is not None and payment.state != "refunded",
        "is_disputed": any(each.state in UNDECIDED for each in disputes),
        "words": words,
        "measure": measure_words,
        "standing": plan_words.standing,
        "money": Money,
    }


def _cards(order_id: uuid.UUID) -> dict[str, str]:
    """The gift cards that paid, by what their captures are known by."""
    return {str(each.hold_id): value_words.name(each.kind, each.last_four) for each in value.paying(order_id)}


def _expected(attempts: Sequence[PaymentAttempt], captures: Sequence[PaymentCapture]) -> PaymentAttempt | None:
    """The last promise to pay by hand whose money has not come: it may still come after all is over."""
    came = {each.attempt_id for each in captures}
    last = next((each for each in reversed(attempts) if each.is_by_hand), None)
    return last if last is not None and last.id not in came else None


@bp.post("/orders/<uuid:order_id>/ask")
@needs("orders.change")
@limit(FORMS)
def ask_provider(order_id: uuid.UUID) -> ResponseReturnValue:
    """Ask the provider about this order now, and settle by what it says."""
    if queries.order(order_id) is None:
        raise NotFound()
    with transaction():
        audit.record("order.provider_asked", actor=actor(), object_kind="order", object_id=order_id)
    try:
        flows.settle_now(order_id)
    except ProviderUnavailable:
        return done(_back(order_id), "no-answer")
    return done(_back(order_id), "asked")


@bp.post("/orders/<uuid:order_id>/plan/end")
@needs("refunds.change", fresh=True, back="/admin/orders/{order_id}")
@limit(FORMS)
def end_plan(order_id: uuid.UUID) -> ResponseReturnValue:
    """Its instalments do not come: cancel the order, and send back those that have."""
    is_new = in_transaction(lambda: actions.end_plan(order_id, actor=actor()))
    return done(f"/admin/orders/{order_id}", "plan-ended-here" if is_new else "said-before")


def shown_row(row: Any) -> dict[str, Any]:
    """One row of a list of orders, in words."""
    return {
        "id": row.id,
        "url": f"/admin/orders/{row.id}",
        "name": row.number or row.reference,
        "at": row.created_at,
        "customer": (row.address or {}).get("name", ""),
        "country": _country(row.country),
        "status": words.order_status(public_status(order=row.state, payment=row.payment_state)),
        "payment": words.payment_state("part" if row.is_part_paid else row.payment_state),
        "lines": row.lines,
        "total": Money(row.total_minor, row.currency),
    }


def _find(sought: str) -> list[Any]:
    """Orders by number or reference, or by the e-mail address or phone number they were placed with."""
    if has_control_characters(sought):
        return []
    phone = parse_phone(sought)
    return queries.matching(
        sought.upper().removeprefix("#"),
        email=sought if is_email(sought) else "",
        phone=phone or "",
    )


def _next_url(state: str, row: Any) -> str:
    query = {"state": state} if state else {}
    return "/admin/orders?" + urlencode({**query, "before": f"{row.created_at.isoformat()}_{row.id}"})


def _back(order_id: uuid.UUID) -> str:
    """The page the button stood on: the order's own, or the list of payments."""
    return "/admin/payments" if request.form.get("back") == "payments" else f"/admin/orders/{order_id}"


def _line(line: Any, order: Order) -> dict[str, Any]:
    return {
        "name": line.name,
        "detail": " · ".join(part for part in (line.options, line.sku) if part),
        "quantity": format_quantity(line.quantity, line.step_mm if line.unit == "metre" else None),
        "total": Money(line.total_minor, order.currency),
        "fitting": fitting(line.fitting) if line.fitting else None,
    }


def _sums(order: Order) -> list[tuple[str, Money]]:
    rows = [
        (_("Subtotal"), order.subtotal_minor),
        (_("Discount"), -order.discount_minor),
        (_("Delivery"), order.shipping_minor),
    ]
    rows += [(_("Tax added"), order.tax_added_minor), (_("Tax included"), order.tax_included_minor)]
    return [(name, Money(minor, order.currency)) for name, minor in rows if minor or name == rows[0][0]]


def _event(each: Any) -> dict[str, Any]:
    text, tone = words.event(each.kind, each.facts)
    return {
        "at": each.created_at,
        "text": text,
        "tone": tone,
        "who": words.actor(each.actor),
        "detail": words.event_detail(each.kind, each.facts),
    }


def _country(code: str) -> str:
    locale = get_locale() or Locale("en")
    return str(locale.territories.get(code, code))
