"""One-click repairs: each uses a verb that exists anyway and may be pressed twice. Called with no transaction open."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core import db
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.orders import flows as orders
from app.orders import queries as order_queries
from app.payments import actions as payments
from app.payments import gateway
from app.payments import queries as payment_queries
from app.payments.actions import postings
from app.payments.gateway import ProviderRefund
from app.payments.models import PaymentCapture, Refund
from app.reconciliation import actions, queries
from app.reconciliation.errors import NoSuchRepair, ReasonMissing
from app.reconciliation.models import Difference
from app.reconciliation.rules import KINDS
from app.returns.actions import reports as refunds


@dataclass(frozen=True, slots=True)
class Case:
    """A difference as plain values: no connection is held while a provider is asked."""

    id: uuid.UUID
    kind: str
    provider: str
    subject: str
    order_id: uuid.UUID | None
    attempt_id: uuid.UUID | None
    capture_id: uuid.UUID | None
    refund_id: uuid.UUID | None
    found_minor: int


def repair(difference_id: uuid.UUID, how: str, *, actor: str, reason: str = "") -> None:
    """Do it, note who did it, and close the difference: once, however often it is pressed.

    Raises NotFound, NoSuchRepair, ReasonMissing, AlreadyClosed, or ProviderUnavailable (then nothing was changed here).
    """
    case = _case(difference_id)
    if how not in KINDS[case.kind].repairs:
        raise NoSuchRepair()
    if how in ("accept", "write_off") and not reason.strip():
        raise ReasonMissing()
    in_transaction(lambda: actions.lock_open(difference_id))  # before anybody is asked; again below
    change = PREPARATIONS[how](case) if how in PREPARATIONS else CHANGES[how]

    def work() -> None:
        if case.order_id is not None:  # the lock order: an order comes before everything of it
            order_queries.lock_order(case.order_id)
        difference = actions.lock_open(difference_id)
        change(difference)
        actions.close(difference, how=how, actor=actor, reason=reason.strip())

    in_transaction(work)


def _case(difference_id: uuid.UUID) -> Case:
    row = queries.difference(difference_id)
    if row is None:
        raise NotFound()
    names = ("id", "kind", "provider", "subject", "order_id", "attempt_id", "capture_id", "refund_id", "found_minor")
    case = Case(**{name: getattr(row, name) for name in names})
    db.release()
    return case


Change = Callable[[Difference], object]


def _nothing(_difference: Difference) -> None:
    """The work is done already, or there is none."""


def _settle(case: Case) -> Change:
    """Ask the provider about the order, and settle by its answer."""
    if case.order_id is None:
        raise NoSuchRepair()
    orders.settle_now(case.order_id, also=case.attempt_id)
    return _nothing


def _refunds_there(case: Case) -> list[ProviderRefund]:
    """The provider's word on all refunds of the payment. Raises NoSuchRepair when it has not the one in question (any more)."""
    capture = db.session.get(PaymentCapture, case.capture_id)
    provider_payment_id = capture.provider_payment_id if capture else ""
    db.release()
    found = gateway.provider(case.provider).find_refunds(provider_payment_id)
    if all(each.id != case.subject for each in found):
        raise NoSuchRepair()
    return found


def _join_refund(case: Case) -> Change:
    found = _refunds_there(case)

    def join(difference: Difference) -> None:
        if difference.capture_id is None or difference.order_id is None:
            raise NoSuchRepair()
        refunds.note_refunds(difference.order_id, difference.capture_id, found)

    return join


def _ask_refund(case: Case) -> Change:
    report = next(each for each in _refunds_there(case) if each.id == case.subject)

    def note(difference: Difference) -> None:
        payments.note_refund(_refund(difference), _order_id(difference), report)

    return note


def _fail_refund(difference: Difference) -> None:
    """The provider has no such refund: noted as failed, it stands among the payments that need somebody, to be asked for again."""
    payments.note_refund_refused(_refund(difference), _order_id(difference), error="unknown to the provider")


def _send_back(difference: Difference) -> None:
    """Refund what is left of a capture that pays nothing, or that paid a part of an order that was cancelled since."""
    [capture] = payment_queries.lock_captures([_needed(difference.capture_id)])
    order = order_queries.order(_order_id(difference))
    is_over = order is not None and order.state == "cancelled"
    rest = Money(payment_queries.refundable_minor(capture), capture.currency)
    if not rest or (capture.is_applied and not is_over):
        return
    reason = "plan_ended" if capture.is_applied else "double"
    sent = payments.request_refund(capture, rest, reason=reason, is_automatic=True)
    if sent is None:  # an automatic one was made before, and less came of it
        payments.request_refund(capture, rest, reason=reason, is_automatic=False)


def _post(difference: Difference) -> None:
    """Bring the books up to what the capture or the refund says."""
    if difference.refund_id is None:
        [capture] = payment_queries.lock_captures([_needed(difference.capture_id)])
        postings.post_capture_late(capture)
        return
    refund = _refund(difference)
    if refund.state == "succeeded":
        postings.post_refund(refund, _order_id(difference))
    else:
        postings.reverse_refund(refund, _order_id(difference))


def _post_fee(difference: Difference) -> None:
    """The statement has the last word on a fee; without one, the books follow the payment."""
    [capture] = payment_queries.lock_captures([_needed(difference.capture_id)])
    if difference.kind == "fee_differs":
        postings.note_fee(capture, difference.found_minor)
    else:
        postings.post_fee(capture)


def _refund(difference: Difference) -> Refund:
    refund = payment_queries.lock_refund(_needed(difference.refund_id))
    if refund is None:
        raise NoSuchRepair()
    return refund


def _order_id(difference: Difference) -> uuid.UUID:
    return _needed(difference.order_id)


def _needed(value: uuid.UUID | None) -> uuid.UUID:
    if value is None:
        raise NoSuchRepair()
    return value


PREPARATIONS: Mapping[str, Callable[[Case], Change]] = {
    "settle": _settle,
    "join_refund": _join_refund,
    "ask_refund": _ask_refund,
}
CHANGES: Mapping[str, Change] = {
    "fail_refund": _fail_refund,
    "send_back": _send_back,
    "post": _post,
    "post_fee": _post_fee,
    "write_off": actions.write_off,
    "accept": _nothing,
}
