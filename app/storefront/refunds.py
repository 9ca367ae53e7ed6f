"""“Ask for a refund”, for whoever holds the order's token (REF-09). Staff answer; nothing moves by itself."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.errors import Conflict, NotFound
from app.core.transaction import in_transaction
from app.orders import queries as orders
from app.orders.models import Order
from app.payments.errors import NotDecided
from app.returns import queries
from app.returns.actions import wishes
from app.returns.errors import AlreadyAsked, BadRefund, NothingToRefund, NotRefundable
from app.returns.queries import Refundable
from app.returns.rules import ASKABLE, LONGEST_NOTE
from app.web.formats import format_quantity, metres
from app.web.forms import has_control_characters, parse_quantity, tidy
from app.web.limits import limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("refunds", __name__))


@bp.get("/order/<token>/refund")
def show(token: str) -> ResponseReturnValue:
    order, found = _order(token)
    return _page(order, found)


@bp.post("/order/<token>/refund")
@limit("10/hour", per_address="200/hour")
def ask(token: str) -> ResponseReturnValue:
    order, found = _order(token)
    faults: list[tuple[str, str]] = []
    quantities = _quantities(order, faults)
    reason, note = request.form.get("reason", ""), tidy(request.form.get("note"))
    if reason not in {each.code for each in ASKABLE}:
        faults.append(("reason", _("Say why you would like your money back")))
    if len(note) > LONGEST_NOTE or has_control_characters(note):
        faults.append(("note", _("Use one line of at most %(n)s characters", n=LONGEST_NOTE)))
    if not faults:
        try:
            in_transaction(lambda: wishes.ask(order.id, quantities=quantities, reason=reason, note=note))
            return redirect(url_for("orders.show", token=order.token), 303)
        except (AlreadyAsked, BadRefund, NothingToRefund, NotRefundable, NotDecided) as refusal:
            faults.append(("", _why_not(refusal.code)))
            order, found = _order(token)
            return _page(order, found, faults, status=refusal.status)
    return _page(order, found, faults, status=422)


def _order(token: str) -> tuple[Order, Refundable]:
    """Raises NotFound for strangers, Conflict for an order whose money cannot come back any more."""
    order = orders.order_by_token(token)
    if order is None:
        raise NotFound()
    found = queries.refundable(order)
    if found is None or order.state not in ("confirmed", "on_hold"):
        raise Conflict(_("This order is not paid, so there is nothing to refund."), code=NotRefundable.code)
    return order, found


def _page(
    order: Order, found: Refundable, faults: list[tuple[str, str]] | None = None, *, status: int = 200
) -> ResponseReturnValue:
    left = {line.id: line.left for line in found.account.lines}
    return respond(
        "storefront/orders/refund.html",
        status=status,
        order=order,
        lines=[_line(line, left[line.id]) for line in order.lines if left[line.id]],
        typed=request.form,
        reasons=ASKABLE,
        words_of=_reason_words(),
        faults=faults or [],
        is_asked=queries.unanswered_request(order.id) is not None,
        can_ask=found.account.rest_minor > 0 and not found.is_disputed,
        longest=LONGEST_NOTE,
    )


def _quantities(order: Order, faults: list[tuple[str, str]]) -> dict[uuid.UUID, int]:
    found = {}
    for line in order.lines:
        text = request.form.get(f"q{line.position}", "").strip()
        try:
            found[line.id] = parse_quantity(text, step_mm=_step(line)) if text.strip("0.") else 0
        except ValueError:
            faults.append(
                (f"q{line.position}", _("Enter how much of %(name)s you send back, such as 1", name=line.name))
            )
    return found


def _line(line: Any, left: int) -> dict[str, Any]:
    step = _step(line)
    return {
        "field": f"q{line.position}",
        "name": line.name,
        "detail": line.options,
        "left": format_quantity(left, step),
        "most": metres(left, step) if step else str(left),
        "step": metres(1, step) if step else "1",
        "is_length": step is not None,
    }


def _step(line: Any) -> int | None:
    return line.step_mm if line.unit == "metre" else None


def _reason_words() -> dict[str, str]:
    """The reasons as the customer says them."""
    return {
        "changed_mind": _("I changed my mind"),
        "damaged": _("It is damaged or faulty"),
        "wrong_item": _("It is not what I ordered"),
        "not_as_described": _("It is not as described"),
        "never_arrived": _("It never arrived"),
        "other": _("Another reason"),
    }


def _why_not(code: str) -> str:
    return {
        AlreadyAsked.code: _("You have asked already. We will answer by e-mail."),
        BadRefund.code: _("There is not so much of an item left to refund. Please check the quantities."),
        NothingToRefund.code: _("Choose at least one item."),
        NotRefundable.code: _("All the money of this order has gone back already."),
        NotDecided.code: _("Your bank is looking into this payment. Please wait for its answer."),
    }[code]
