"""A customer asks for money back, staff answer. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from app.audit import actions as audit
from app.core import clock, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.orders import actions as orders
from app.payments.errors import NotDecided
from app.payments.models import Refund
from app.returns import actions, queries
from app.returns.errors import AlreadyAsked, AlreadyDecided, BadRefund, NothingToRefund, NotRefundable
from app.returns.events import RefundAsked, RefundDeclined
from app.returns.models import RefundRequest, RefundRequestLine


def ask(order_id: uuid.UUID, *, quantities: Mapping[uuid.UUID, int], reason: str, note: str) -> RefundRequest:
    """Put a customer's wish before the staff.

    Raises NotRefundable, NotDecided, AlreadyAsked, BadRefund (not so much of a line is left) or NothingToRefund.
    """
    order = actions.locked_order(order_id)
    found = queries.refundable(order)
    if order.state not in ("confirmed", "on_hold") or found is None or found.account.rest_minor == 0:
        raise NotRefundable()
    if found.is_disputed:
        raise NotDecided()
    if queries.unanswered_request(order.id) is not None:
        raise AlreadyAsked()
    wanted = {line_id: quantity for line_id, quantity in quantities.items() if quantity}
    left = {line.id: line.left for line in found.account.lines}
    if any(not 0 < quantity <= left.get(line_id, 0) for line_id, quantity in wanted.items()):
        raise BadRefund()
    if not wanted:
        raise NothingToRefund()
    request = RefundRequest(id=new_id(), order_id=order.id, reason=reason, note=note, state="open", answer="")
    request.lines = [RefundRequestLine(order_line_id=line_id, quantity=n) for line_id, n in wanted.items()]
    db.session.add(request)
    orders.note(order.id, "refund_asked", actor="customer", reason=reason)
    outbox.record(RefundAsked(request.id, order.id))
    return request


def decline(request_id: uuid.UUID, *, answer: str, by: str) -> RefundRequest:
    """Say no, with a reason that the customer reads. Raises NotFound or AlreadyDecided."""
    request = _locked(request_id)
    if request.state != "open":
        raise AlreadyDecided()
    request.move_to("declined")
    request.answer, request.decided_by, request.decided_at = answer, by, clock.now()
    orders.note(request.order_id, "refund_declined", actor=by)
    audit.record(
        "refund.declined",
        actor=by,
        object_kind="refund_request",
        object_id=request.id,
        before={"state": "open"},
        after={"state": request.state},
        order=str(request.order_id),
    )
    outbox.record(RefundDeclined(request.id, request.order_id))
    return request


def accept(request_id: uuid.UUID, *, order_id: uuid.UUID, refund: Refund, by: str) -> None:
    """The refund that was just made answers this wish; the same click again changes nothing."""
    request = _locked(request_id)
    if request.order_id != order_id:
        raise NotFound()
    if request.refund_id == refund.id:
        return
    if request.state != "open":
        raise AlreadyDecided()
    request.refund_id, request.decided_by, request.decided_at = refund.id, by, clock.now()
    request.move_to("waiting" if refund.state == "waiting" else "accepted")


def _locked(request_id: uuid.UUID) -> RefundRequest:
    request = queries.lock_request(request_id)
    if request is None:
        raise NotFound()
    return request
