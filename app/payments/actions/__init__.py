"""Verbs of payments, in the caller's transaction. The order is locked first by whoever calls; the network is elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert

from app.core import clock, db, outbox
from app.core.ids import new_id, new_token
from app.core.masks import mask
from app.core.money import Money
from app.payments import queries
from app.payments.actions import instalments, looking, postings
from app.payments.actions.value import goes_to_value
from app.payments.errors import TooManyAttempts
from app.payments.events import (
    AttemptReplaced,
    PaymentFailed,
    RefundRequested,
    RefundSettled,
)
from app.payments.gateway import Opened, ProviderPayment, ProviderRefund
from app.payments.models import Payment, PaymentAttempt, PaymentCapture, Refund
from app.payments.rules import (
    FINAL,
    GIVE_UP_AFTER_DAYS,
    MAX_ATTEMPTS,
    PlanTerms,
    Portion,
    ask_again_after,
)

INITIATING_SECONDS = 20  # how long one process may be at creating the provider's order before another one tries
CAPTURE_STATE = {
    "created": None,
    "authorized": "authorized",
    "captured": "captured",
    "refunded": "refunded",
    "failed": "failed",
}


_CREATE = (
    "INSERT INTO payment (id, order_id, amount_minor, value_minor, parts, currency)"
    " VALUES (:id, :order, :amount, :value, :parts, :currency)"
)


def create(order_id: uuid.UUID, amount: Money, *, value_minor: int = 0, plan: PlanTerms | None = None) -> None:
    """The open payment of an order, which must be in the database already; gift cards cover `value_minor` of it, and the rest
    is paid as the `plan` says. Raises ValueError when that is too little for so many instalments."""
    payment_id, parts = new_id(), plan.parts if plan else 1
    values = {"id": payment_id, "order": order_id, "amount": amount.minor, "currency": amount.currency}
    db.rows(_CREATE, **values, value=value_minor, parts=parts)
    if plan:
        instalments.add(payment_id, Money(amount.minor - value_minor, amount.currency), plan)


def open_attempt(
    payment: Payment,
    attempts: Sequence[PaymentAttempt],
    *,
    provider: str,
    method: str,
    reference: str,
    portion: Portion,
    bank: str = "",
) -> PaymentAttempt:
    """The attempt to pay with now: the last one while it is still open there, for the same portion; else a new one.

    Raises TooManyAttempts when the order has used them up.
    """
    last = attempts[-1] if attempts else None
    if last and last.state in ("created", "open") and _is_same_way(last, provider, method, portion):
        last.method, last.bank = method, bank
        return last
    attempt = add_attempt(
        payment, attempts, provider=provider, method=method, reference=reference, bank=bank, portion=portion
    )
    for earlier in attempts:
        if earlier.is_by_hand:
            note_closed(earlier)
        elif earlier.state not in FINAL:  # a declined one too: somebody may try another card on its page yet
            outbox.record(AttemptReplaced(earlier.id))
    return attempt


def add_attempt(
    payment: Payment,
    attempts: Sequence[PaymentAttempt],
    *,
    provider: str,
    method: str,
    reference: str,
    portion: Portion,
    bank: str = "",
) -> PaymentAttempt:
    """One more try, beside those there are. Raises TooManyAttempts."""
    if tries_left(attempts, portion) <= 0:
        raise TooManyAttempts()
    position = len(attempts) + 1
    attempt = PaymentAttempt(
        id=new_id(),
        payment_id=payment.id,
        position=position,
        provider=provider,
        method=method,
        receipt=f"{reference}-{position}",
        return_token=new_token(),
        state="created",
        bank=bank,
        page_url="",
        amount_minor=portion.amount.minor,
        currency=payment.currency,
        first_part=portion.first,
        last_part=portion.last,
        asked=0,
        initiating_until=func.clock_timestamp() + timedelta(seconds=INITIATING_SECONDS),  # by us, who made it
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt


def tries_left(attempts: Sequence[PaymentAttempt], portion: Portion) -> int:
    """How often this portion may still be tried; each instalment has its own tries."""
    return MAX_ATTEMPTS - sum(each.first_part == portion.first for each in attempts)


def _is_same_way(attempt: PaymentAttempt, provider: str, method: str, portion: Portion) -> bool:
    """A provider's page lets the shopper choose again; by hand each method has its own rules."""
    if (attempt.first_part, attempt.last_part) != (portion.first, portion.last):
        return False
    return attempt.provider == provider and (attempt.method == method or not attempt.is_by_hand)


def claim_initiation(attempt: PaymentAttempt) -> bool:
    """Be the one who asks the provider to create its order. False while somebody else is at it."""
    return bool(
        db.rows(
            "UPDATE payment_attempt SET initiating_until = clock_timestamp() + make_interval(secs => :seconds)"
            " WHERE id = :id AND provider_order_id IS NULL AND coalesce(initiating_until, '-infinity') < clock_timestamp() RETURNING id",
            id=attempt.id,
            seconds=INITIATING_SECONDS,
        )
    )


def give_up_initiation(attempt_id: uuid.UUID) -> None:
    """The question was answered, by a failure: the next click may ask again at once, after a look whether it was acted on."""
    db.rows(
        "UPDATE payment_attempt SET initiating_until = NULL WHERE id = :id AND provider_order_id IS NULL RETURNING id",
        id=attempt_id,
    )


def remember_provider_order(attempt_id: uuid.UUID, opened: Opened) -> None:
    """Keep the provider's id of an attempt. The first one stays: a second answer to the same receipt changes nothing."""
    db.rows(
        "UPDATE payment_attempt SET provider_order_id = :provider_order, page_url = :page_url,"
        " state = CASE state WHEN 'created' THEN 'open' ELSE state END,"
        " ask_at = clock_timestamp() + interval '15 seconds' WHERE id = :id AND provider_order_id IS NULL RETURNING id",
        id=attempt_id,
        provider_order=opened.id,
        page_url=opened.page_url,
    )


def note_payments(attempt: PaymentAttempt, found: Sequence[ProviderPayment]) -> list[PaymentCapture]:
    """Write down what the provider reports of an attempt. States only move forward; returns all its captures."""
    known = {capture.provider_payment_id: capture for capture in queries.captures_of(attempt.payment_id)}
    for report in found:
        state = CAPTURE_STATE[report.state]
        if state is None:
            continue
        capture = known.get(report.id)
        if capture is None:
            capture = _add_capture(attempt, report, state)
            known[report.id] = capture
        _update_capture(capture, report, state)
    db.session.flush()
    return [capture for capture in known.values() if capture.attempt_id == attempt.id]


def _add_capture(attempt: PaymentAttempt, report: ProviderPayment, state: str) -> PaymentCapture:
    capture = PaymentCapture(
        id=new_id(),
        payment_id=attempt.payment_id,
        attempt_id=attempt.id,
        provider=attempt.provider,
        provider_payment_id=report.id,
        amount_minor=report.amount.minor,
        currency=report.amount.currency,
        method=report.method,
        state=state,
        is_applied=False,
        part=attempt.first_part,
        refunded_minor=0,
        fee_minor=0,
    )
    db.session.add(capture)
    return capture


FORWARD = {
    "failed": 0,
    "authorized": 1,
    "captured": 2,
    "refunded": 3,
}  # a failure may still become money, never the reverse


# What was authorised may lapse or be declined when it is captured; a refund may fail after all, and the money is here again.
BACKWARD = frozenset({("authorized", "failed"), ("refunded", "captured")})


def _update_capture(capture: PaymentCapture, report: ProviderPayment, state: str) -> None:
    """Whoever settles puts what was taken into the books (`postings.post_taken`), in the same transaction."""
    moved = (capture.state, state)
    if FORWARD[state] > FORWARD[capture.state] or moved in BACKWARD:
        capture.state = state
    is_known = capture.captured_at is not None
    if capture.state in ("captured", "refunded") and not is_known:
        capture.captured_at, capture.is_taken_now = clock.now(), True
        looking.look_for_refunds_again(capture)
    capture.refunded_minor = report.refunded_minor
    if report.fee_minor > capture.fee_minor:
        capture.fee_minor = report.fee_minor
        if is_known:
            postings.post_fee(capture)


def note_failure(attempt: PaymentAttempt, *, order_id: uuid.UUID, code: str, reason: str) -> None:
    """The provider reports that a try failed. Only unpaid attempts move, and the failure is announced once."""
    if attempt.state in ("created", "open"):
        attempt.move_to("failed")
        attempt.error_code, attempt.error_reason = code[:100], mask(reason)[:200]
        outbox.record(PaymentFailed(attempt.id, order_id))


def note_closed(attempt: PaymentAttempt) -> None:
    """The provider takes no payment for this attempt any more and had none: another try needs another attempt."""
    if attempt.can_move_to("closed"):
        attempt.move_to("closed")
        attempt.ended_at = clock.now()


def note_asked(attempt: PaymentAttempt, *, held_until: datetime | None) -> None:
    """The provider has answered about this attempt and it is not final: ask again later, ever slower, for four days; and at the
    moment its order's stock is held no longer, for then its page has to be closed."""
    if attempt.is_by_hand:  # there is nobody to ask
        return
    attempt.asked += 1
    seconds = ask_again_after(attempt.asked)
    too_old = db.scalar(
        "UPDATE payment_attempt SET ask_at = least(clock_timestamp() + make_interval(secs => :seconds),"
        " CASE WHEN CAST(:held_until AS timestamptz) > clock_timestamp() THEN CAST(:held_until AS timestamptz) END)"
        " WHERE id = :id RETURNING created_at < clock_timestamp() - make_interval(days => :days)",
        id=attempt.id,
        seconds=seconds,
        held_until=held_until,
        days=GIVE_UP_AFTER_DAYS,
    )
    if too_old:
        note_closed(attempt)


def postpone(order_id: uuid.UUID) -> None:
    """The provider did not answer: ask about this order's attempts again in half a minute."""
    db.rows(
        "UPDATE payment_attempt a SET ask_at = clock_timestamp() + interval '30 seconds' FROM payment p"
        " WHERE p.id = a.payment_id AND p.order_id = :id AND a.state IN ('created', 'open', 'failed') RETURNING a.id",
        id=order_id,
    )


def apply(payment: Payment, attempt: PaymentAttempt, capture: PaymentCapture) -> None:
    """This capture is the money the order is paid with, or some instalments of it. A UNIQUE index lets it be one for each."""
    capture.is_applied = True
    attempt.state = "captured"
    attempt.ended_at = clock.now()
    payment.received_minor += capture.amount_minor
    if payment.parts > 1:
        instalments.mark_paid(payment, attempt, capture)
    if not payment.balance:
        payment.mark_paid()


def request_refund(
    capture: PaymentCapture,
    amount: Money,
    *,
    reason: str,
    is_automatic: bool,
    note: str = "",
    by: str = "system",
    key: uuid.UUID | None = None,
    waits: bool = False,
    as_credit: bool = False,
) -> Refund | None:
    """Send money back; if it `waits`, once a second person has agreed.

    An automatic refund of a capture exists once, and one with a `key` too, however often it is asked for (then None).
    """
    refund_id = new_id()
    statement = (
        insert(Refund)
        .values(
            id=refund_id,
            payment_id=capture.payment_id,
            capture_id=capture.id,
            amount_minor=amount.minor,
            currency=amount.currency,
            reason=reason,
            note=note,
            requested_by=by,
            key=key,
            as_credit=as_credit,
            is_automatic=is_automatic,
            state="waiting" if waits else "requested",
        )
        .on_conflict_do_nothing()
        .returning(Refund)
    )
    refund = db.session.scalars(statement).one_or_none()
    if refund is not None and not waits:
        send_refund(refund, capture)
    return refund


def send_refund(refund: Refund, capture: PaymentCapture) -> None:
    """Let the worker ask the provider, and look soon what became of it. Value goes back without one (`actions.value`)."""
    if goes_to_value(refund, capture):
        return
    outbox.record(RefundRequested(refund.id))
    looking.look_for_refunds_again(capture)


def join_refund(capture: PaymentCapture, order_id: uuid.UUID, report: ProviderRefund) -> Refund | None:
    """A refund the provider knows and we do not: made in its own dashboard. Counted once, whoever reports it how often.

    The caller holds the capture's lock and has looked for a row of ours.
    """
    if report.state == "failed":
        return None
    statement = (
        insert(Refund)
        .values(
            id=new_id(),
            payment_id=capture.payment_id,
            capture_id=capture.id,
            amount_minor=report.amount.minor,
            currency=report.amount.currency,
            reason="dashboard",
            source="provider",
            requested_by=capture.provider,
            is_automatic=False,
            state="pending",
            provider_refund_id=report.id,
        )
        .on_conflict_do_nothing()
        .returning(Refund)
    )
    refund = db.session.scalars(statement).one_or_none()
    if refund is not None:
        looking.look_for_refunds_again(capture)
        note_refund(refund, order_id, report)
    return refund


def note_refund(refund: Refund, order_id: uuid.UUID, report: ProviderRefund) -> None:
    """Write down the provider's word on a refund; its last word is announced once."""
    is_final = refund.state == "failed" and refund.provider_refund_id is not None  # an older answer may come later
    refund.provider_refund_id = refund.provider_refund_id or report.id
    refund.is_by_hand = refund.is_by_hand or report.is_by_hand
    if is_final or report.state == refund.state or not refund.can_move_to(report.state):
        return
    had_succeeded = refund.state == "succeeded"
    refund.move_to(report.state)
    refund.updated_at = clock.now()
    if report.state == "succeeded":
        postings.post_refund(refund, order_id)
    elif had_succeeded:
        postings.reverse_refund(refund, order_id)
    if report.state in ("succeeded", "failed"):
        outbox.record(RefundSettled(refund.id, order_id, report.state))


def note_refund_refused(refund: Refund, order_id: uuid.UUID, *, error: str) -> None:
    """The provider will not do it: staff must see that, and may ask again."""
    if refund.can_move_to("failed"):
        postings.reverse_refund(refund, order_id)
        refund.move_to("failed")
        refund.error = error[:500]
        refund.updated_at = clock.now()
        outbox.record(RefundSettled(refund.id, order_id, "failed"))


def postpone_refund(refund: Refund) -> None:
    refund.asked += 1
    refund.ask_at = db.scalar(
        "SELECT clock_timestamp() + make_interval(secs => :seconds)", seconds=ask_again_after(refund.asked)
    )
