"""The refund form of an order: choose, see the exact amounts, send. GET previews, POST sends just what was shown."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import words
from app.admin.desk import desk, done
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import Money, smallest_step
from app.core.transaction import in_transaction
from app.orders import queries as orders
from app.orders.models import Order
from app.payments.errors import NotDecided, TooSmall
from app.payments.models import Refund
from app.returns import actions as returns
from app.returns import queries
from app.returns.actions import wishes
from app.returns.errors import BadRefund, NothingToRefund, NotRefundable
from app.returns.queries import Refundable
from app.returns.rules import CANCELLED, LONGEST_NOTE, STAFF_REASONS, Plan, Wish, needs_approval, plan
from app.value import queries as value
from app.web import value_words
from app.web.formats import format_quantity, metres
from app.web.forms import has_control_characters, parse_amount, parse_quantity, tidy
from app.web.limits import FORMS, limit
from app.web.refund_words import REFUSALS, why_not
from app.web.respond import is_fragment, respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import actor

bp = desk("refund_form", __name__)
NOT_KEPT = ("csrf_token", "key", "accept", "note", "preview")  # everything else is carried from the form to its preview


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form holds: the wish, and the words for what is wrong with it by the id of its field."""

    wish: Wish
    values: Mapping[str, str]
    faults: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reason(self) -> str:
        codes = [reason.code for reason in STAFF_REASONS]
        chosen = self.values.get("reason", "")
        return chosen if chosen in codes else codes[0]

    @property
    def note(self) -> str:
        return tidy(self.values.get("note"))


@bp.get("/orders/<uuid:order_id>/refund")
@needs("refunds.change", fresh=True)
def show(order_id: uuid.UUID) -> ResponseReturnValue:
    order, found = _order(order_id)
    typed = _typed(order, _asked_for(order, request.args))
    is_preview = "preview" in request.args or is_fragment()
    return _page(order, found, typed, is_preview=is_preview, status=422 if is_preview and typed.faults else 200)


@bp.post("/orders/<uuid:order_id>/refund")
@needs("refunds.change", fresh=True, back=lambda order_id: _address(order_id, request.form))
@limit(FORMS)
def send(order_id: uuid.UUID) -> ResponseReturnValue:
    order, found = _order(order_id)
    typed = _typed(order, request.form)
    key, accept_minor = _key(request.form.get("key", "")), _whole(request.form.get("accept", ""))
    if typed.faults or key is None or accept_minor is None:
        return _page(order, found, typed, is_preview=True, status=422)
    wanted = returns.RefundOrder(
        wish=typed.wish,
        reason=typed.reason,
        note=typed.note,
        by=actor(),
        key=key,
        accept_minor=accept_minor,
        restock="restock" in request.form,
        as_credit="as_credit" in request.form,
        above=settings().refund_approval_minor,
    )
    try:
        refunds = in_transaction(partial(_refund, order_id, wanted, _key(request.form.get("request", ""))))
    except REFUSALS as refusal:
        order, found = _order(order_id)
        typed.faults.append(("", why_not(refusal.code)))
        return _page(order, found, typed, is_preview=True, status=refusal.status)
    return done(f"/admin/orders/{order_id}", _what_happened(refunds))


def _refund(order_id: uuid.UUID, wanted: returns.RefundOrder, request_id: uuid.UUID | None) -> list[Refund]:
    refunds = returns.refund_lines(order_id, wanted)
    if request_id is not None:
        wishes.accept(request_id, order_id=order_id, refund=refunds[0], by=wanted.by)
    return refunds


def _what_happened(refunds: Sequence[Refund]) -> str:
    if any(refund.state == "waiting" for refund in refunds):
        return "refund-waits"
    return "refund-made" if all(refund.to_account_id for refund in refunds) else "refund-sent"


def _order(order_id: uuid.UUID) -> tuple[Order, Refundable]:
    order = orders.order(order_id)
    found = queries.refundable(order) if order else None
    if order is None or found is None:
        raise NotFound()
    return order, found


def _asked_for(order: Order, values: Mapping[str, str]) -> Mapping[str, str]:
    """The form as a customer's request fills it, when one is named and nothing was typed yet."""
    request_id = _key(values.get("request", ""))
    wish = queries.request(request_id) if request_id and "preview" not in values else None
    if wish is None or wish.order_id != order.id:
        return values
    wanted = {each.order_line_id: each.quantity for each in wish.lines}
    filled = {f"q{line.position}": _quantity_text(line, wanted.get(line.id, 0)) for line in order.lines}
    return {**filled, "reason": wish.reason, **values}


def _typed(order: Order, values: Mapping[str, str]) -> Typed:
    faults: list[tuple[str, str]] = []
    quantities: dict[uuid.UUID, int] = {}
    for line in order.lines:
        text = values.get(f"q{line.position}", "").strip()
        try:
            quantities[line.id] = parse_quantity(text, step_mm=_step(line)) if text.strip("0.") else 0
        except ValueError:
            faults.append((f"q{line.position}", _("Enter how much of %(name)s goes back, such as 1", name=line.name)))
    amount_minor = _amount(values.get("amount", ""), order.currency, faults)
    note = values.get("note", "")
    if has_control_characters(note) or len(note) > LONGEST_NOTE:
        faults.append(("note", _("Write the reason in one line of at most %(n)s characters", n=LONGEST_NOTE)))
    wish = Wish(quantities, "shipping" in values, amount_minor, "everything" in values)
    return Typed(wish, values, faults)


def _amount(text: str, currency: str, faults: list[tuple[str, str]]) -> int:
    try:
        minor = parse_amount(text, currency) if text.strip() else 0
        if minor % smallest_step(currency) == 0:
            return minor
    except ValueError:
        pass
    faults.append(("amount", _("Enter an amount such as 12.50")))
    return 0


def _page(order: Order, found: Refundable, typed: Typed, *, is_preview: bool, status: int) -> ResponseReturnValue:
    faults = list(typed.faults)
    shown = _preview(order, found, typed, faults) if is_preview and not typed.faults else None
    if found.is_disputed:
        faults, shown = [("", why_not(NotDecided.code))], None
    return respond(
        "admin/refund_form/page.html",
        "_refund_preview.html",
        status=422 if is_preview and faults and status == 200 else status,
        order=order,
        name=order.number or order.reference,
        lines=[_line(line, left) for line, left in zip(order.lines, found.account.lines, strict=True)],
        shipping=Money(found.account.shipping_minor, order.currency),
        rest=Money(found.account.rest_minor, order.currency),
        typed=typed,
        reasons=STAFF_REASONS,
        cancels=typed.reason == CANCELLED.code,
        faults=faults,
        preview=shown,
        parts=_parts(order, shown) if shown else [],
        ways=_ways(order, found, shown, as_credit="as_credit" in typed.values) if shown else [],
        goes=Money(shown.amount_minor if shown else 0, order.currency),
        cut=Money(shown.cut_minor if shown else 0, order.currency),
        key=new_id(),
        asked=_request_of(order, typed.values),
        needs_approval=bool(shown) and needs_approval(shown.amount_minor, above=settings().refund_approval_minor),
        hidden=[(name, value) for name, value in typed.values.items() if name not in NOT_KEPT],
    )


def _preview(order: Order, found: Refundable, typed: Typed, faults: list[tuple[str, str]]) -> Plan | None:
    try:
        shown = plan(found.account, typed.wish)
    except ValueError:
        faults.append(("", why_not(BadRefund.code)))
        return None
    if shown.amount_minor == 0:
        code = NothingToRefund.code if found.account.rest_minor else NotRefundable.code
        faults.append(("", why_not(code)))
        return None
    if "as_credit" not in typed.values:
        try:
            queries.check_sendable(queries.divide(shown, found.captures, found.rests), found.captures)
        except TooSmall:
            faults.append(("as_credit", why_not(TooSmall.code)))
            return None
    return shown


def _parts(order: Order, shown: Plan) -> list[tuple[str, Money]]:
    """What goes back, in words, with its amount."""
    lines = {line.id: line for line in order.lines}
    rows = []
    for part in shown.parts:
        label = {"shipping": _("Delivery"), "amount": _("An amount of its own")}.get(part.kind, "")
        if part.line_id:
            line = lines[part.line_id]
            label = f"{format_quantity(part.quantity, _step(line))} × {line.name}"
        rows.append((label, Money(part.amount_minor, shown.currency)))
    return rows


def _ways(order: Order, found: Refundable, shown: Plan, *, as_credit: bool) -> list[tuple[str, Money]]:
    """Where the amount goes: back to what the order was paid with, each to its own, or all of it into store credit."""
    if as_credit:
        return [(_("As store credit, its code by mail to the customer"), Money(shown.amount_minor, shown.currency))]
    paying = value.paying(order.id) if any(each.attempt_id is None for each in found.captures) else []
    cards = {str(each.hold_id): value_words.name(each.kind, each.last_four) for each in paying}
    pieces = queries.divide(shown, found.captures, found.rests)
    return [
        (
            cards.get(capture.provider_payment_id) or words.provider(capture.provider),
            Money(piece.amount_minor, piece.currency),
        )
        for capture, piece in zip(found.captures, pieces, strict=True)
        if piece.amount_minor
    ]


def _request_of(order: Order, values: Mapping[str, str]) -> Any:
    request_id = _key(values.get("request", ""))
    asked = queries.request(request_id) if request_id else None
    return asked if asked is not None and asked.order_id == order.id and asked.state == "open" else None


def _line(line: Any, left: Any) -> dict[str, Any]:
    return {
        "id": line.id,
        "field": f"q{line.position}",
        "name": line.name,
        "detail": " · ".join(part for part in (line.options, line.sku) if part),
        "left": format_quantity(left.left, _step(line)),
        "most": _quantity_text(line, left.left),
        "has_left": left.left > 0,
        "step": _quantity_text(line, 1),
        "is_length": line.unit == "metre",
        "of": format_quantity(line.quantity, _step(line)),
        "worth": Money(left.left_minor, line.order.currency),
    }


def _quantity_text(line: Any, quantity: int) -> str:
    step = _step(line)
    return metres(quantity, step) if step else str(quantity)


def _step(line: Any) -> int | None:
    return line.step_mm if line.unit == "metre" else None


def _address(order_id: uuid.UUID, values: Mapping[str, str]) -> str:
    """This page with what was chosen, to come back to. The words typed stay out of addresses."""
    kept = {name: value for name, value in values.items() if name not in NOT_KEPT and value}
    return f"/admin/orders/{order_id}/refund" + (f"?{urlencode({**kept, 'preview': '1'})}" if kept else "")


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None
