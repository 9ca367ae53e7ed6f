from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from app.core import db
from app.payments.models import (
    Instalment,
    Payment,
    PaymentAttempt,
    PaymentCapture,
    PaymentDispute,
    PaymentNotice,
    Refund,
)
from app.payments.rules import NOT_REFUNDED, UNDECIDED, is_reversal


def lock_payment_of_order(order_id: uuid.UUID) -> Payment:
    statement = select(Payment).where(Payment.order_id == order_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one()


def lock_attempts(payment_id: uuid.UUID) -> list[PaymentAttempt]:
    statement = (
        select(PaymentAttempt)
        .where(PaymentAttempt.payment_id == payment_id)
        .order_by(PaymentAttempt.id)
        .with_for_update()
    )
    attempts = db.session.scalars(statement.execution_options(populate_existing=True))
    return sorted(attempts, key=lambda attempt: attempt.position)


def lock_refund(refund_id: uuid.UUID) -> Refund | None:
    statement = select(Refund).where(Refund.id == refund_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def payment_of_order(order_id: uuid.UUID) -> Payment | None:
    statement = select(Payment).where(Payment.order_id == order_id).options(joinedload(Payment.attempts))
    return db.session.scalars(statement).unique().one_or_none()


def instalments_of(payment_id: uuid.UUID) -> list[Instalment]:
    """The plan of a payment, the first due first. Empty when it is paid in one go."""
    statement = select(Instalment).where(Instalment.payment_id == payment_id).order_by(Instalment.position)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def is_due(order_id: uuid.UUID) -> bool:
    """Whether an order waits for money from outside: it is not paid, and value does not cover it."""
    found = "SELECT EXISTS (SELECT FROM payment WHERE order_id = :id AND state = 'open' AND value_minor < amount_minor)"
    return bool(db.scalar(found, id=order_id))


def order_of_attempt(attempt_id: uuid.UUID) -> uuid.UUID | None:
    return db.scalar(
        "SELECT p.order_id FROM payment_attempt a JOIN payment p ON p.id = a.payment_id WHERE a.id = :id", id=attempt_id
    )


def order_of_payment(payment_id: uuid.UUID) -> uuid.UUID:
    """Known already where the payment is locked: then nothing is asked."""
    return db.session.get_one(Payment, payment_id).order_id


def has_open_attempts(order_id: uuid.UUID) -> bool:
    """Whether somebody might still pay for this order. Holds no connection afterwards: the network comes next."""
    found = db.scalar(
        "SELECT EXISTS (SELECT FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " WHERE p.order_id = :id AND a.state IN ('created', 'open', 'failed'))",
        id=order_id,
    )
    db.release()
    return bool(found)


def attempt(attempt_id: uuid.UUID) -> PaymentAttempt | None:
    return db.session.get(PaymentAttempt, attempt_id)


def attempt_by_provider_order(provider: str, provider_order_id: str) -> PaymentAttempt | None:
    statement = select(PaymentAttempt).where(
        PaymentAttempt.provider == provider, PaymentAttempt.provider_order_id == provider_order_id
    )
    return db.session.scalars(statement).one_or_none()


def attempt_of_notice(notice: PaymentNotice) -> PaymentAttempt | None:
    """The attempt a notice is about: by the provider's order id, by a payment we have seen before, or by our receipt."""
    order_id, payment_id = notice.facts.get("provider_order_id"), notice.facts.get("provider_payment_id")
    if order_id and (attempt := attempt_by_provider_order(notice.provider, order_id)):
        return attempt
    if payment_id and (capture := capture_by_provider_id(notice.provider, payment_id)):
        return db.session.get(PaymentAttempt, capture.attempt_id)
    return attempt_by_receipt(notice.provider, notice.facts.get("receipt") or "")


def capture_of_notice(notice: PaymentNotice) -> PaymentCapture | None:
    """The money a notice is about: by the provider's payment, else the one that its attempt brought."""
    capture = capture_by_provider_id(notice.provider, notice.facts.get("provider_payment_id") or "")
    attempt = None if capture else attempt_of_notice(notice)
    if attempt is None:
        return capture
    return next((each for each in captures_of(attempt.payment_id) if each.attempt_id == attempt.id), None)


def attempt_by_receipt(provider: str, receipt: str) -> PaymentAttempt | None:
    statement = select(PaymentAttempt).where(PaymentAttempt.provider == provider, PaymentAttempt.receipt == receipt)
    return db.session.scalars(statement).one_or_none()


def capture_by_provider_id(provider: str, provider_payment_id: str) -> PaymentCapture | None:
    statement = select(PaymentCapture).where(
        PaymentCapture.provider == provider, PaymentCapture.provider_payment_id == provider_payment_id
    )
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def captures_of(payment_id: uuid.UUID) -> list[PaymentCapture]:
    statement = (
        select(PaymentCapture).where(PaymentCapture.payment_id == payment_id).order_by(PaymentCapture.created_at)
    )
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def refunds_of(payment_id: uuid.UUID) -> list[Refund]:
    return list(db.session.scalars(select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at)))


def open_refunds_of(capture_id: uuid.UUID) -> list[Refund]:
    return list(db.session.scalars(select(Refund).where(Refund.capture_id == capture_id).order_by(Refund.created_at)))


def refund(refund_id: uuid.UUID) -> Refund | None:
    return db.session.get(Refund, refund_id)


_GOES_BACK = (
    PaymentCapture.attempt_id.is_(None),
    PaymentCapture.part.desc(),
    PaymentCapture.provider,
    PaymentCapture.id,
)


def refunds_by_key(key: uuid.UUID) -> list[Refund]:
    """What one click has asked for: a refund of each capture it takes from, in the order of `applied_captures`."""
    statement = select(Refund).join(PaymentCapture, PaymentCapture.id == Refund.capture_id).where(Refund.key == key)
    return list(db.session.scalars(statement.order_by(*_GOES_BACK)))


def order_of_refund(refund_id: uuid.UUID) -> uuid.UUID | None:
    return db.scalar(
        "SELECT p.order_id FROM refund r JOIN payment p ON p.id = r.payment_id WHERE r.id = :id", id=refund_id
    )


def order_of_named_payment(named: str) -> uuid.UUID | None:
    """The order of a payment, by its own id or by that of the provider's payment it was paid with."""
    return db.scalar(
        "SELECT p.order_id FROM payment p JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied"
        " WHERE p.id::text = :named OR c.provider_payment_id = :named LIMIT 1",
        named=named,
    )


def applied_captures(payment_id: uuid.UUID) -> list[PaymentCapture]:
    """The money an order is paid with, in the order in which it goes back: from outside (the latest instalment first), then
    gift cards, then credit."""
    statement = select(PaymentCapture).where(PaymentCapture.payment_id == payment_id, PaymentCapture.is_applied)
    statement = statement.order_by(*_GOES_BACK)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def refundable_minor(capture: PaymentCapture) -> int:
    """What may still go back of a capture: what is back, under way or waiting, and what a bank took, is off it.

    The provider may know of refunds that we have not seen yet; the larger sum counts.
    """
    return max(rest_minor(capture), 0)


def rest_minor(capture: PaymentCapture) -> int:
    """The same, below zero when more is asked for than came: something went back while a refund waited for approval."""
    ours = sum(each.amount_minor for each in open_refunds_of(capture.id) if each.state not in NOT_REFUNDED)
    lost = [each for each in disputes_of(capture.payment_id) if each.state == "lost" and each.capture_id == capture.id]
    taken = sum(each.amount_minor for each in lost)
    return capture.amount_minor - max(ours, capture.refunded_minor) - taken


def disputes_of(payment_id: uuid.UUID) -> list[PaymentDispute]:
    statement = select(PaymentDispute).where(PaymentDispute.payment_id == payment_id)
    return list(db.session.scalars(statement.order_by(PaymentDispute.created_at)))


def dispute_by_provider_id(provider: str, provider_dispute_id: str) -> PaymentDispute | None:
    statement = select(PaymentDispute).where(
        PaymentDispute.provider == provider, PaymentDispute.provider_dispute_id == provider_dispute_id
    )
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def has_undecided_dispute(payment_id: uuid.UUID) -> bool:
    return any(each.state in UNDECIDED for each in disputes_of(payment_id))


def has_lost_part(payment_id: uuid.UUID) -> bool:
    """Whether a bank has taken back some of the money that the order is paid with."""
    found = db.scalar(
        "SELECT EXISTS (SELECT FROM payment_dispute d JOIN payment_capture c ON c.id = d.capture_id AND c.is_applied"
        " WHERE d.payment_id = :id AND d.state = 'lost')",
        id=payment_id,
    )
    return bool(found)


def captures_to_look_at(*, limit: int = 200) -> list[Any]:
    """(id, provider) of captures whose provider is due to be asked which refunds it knows, the longest waiting first."""
    return db.rows(
        "SELECT id, provider FROM payment_capture WHERE refunds_ask_at <= now() ORDER BY refunds_ask_at LIMIT :limit",
        limit=limit,
    )


def disputes_to_ask(*, everything: bool = False, limit: int = 200) -> list[Any]:
    """(provider, provider_dispute_id) of disputes without a decision."""
    return db.rows(
        "SELECT provider, provider_dispute_id FROM payment_dispute WHERE state IN ('open', 'under_review')"
        " AND (:everything OR ask_at <= now()) ORDER BY ask_at LIMIT :limit",
        everything=everything,
        limit=limit,
    )


def disputes_looked_at(provider: str, ids: Sequence[str]) -> set[str]:
    """Those of the provider's ids that need no question now: we know them, and asked not long ago or will anyway."""
    found = db.rows(
        "SELECT provider_dispute_id FROM payment_dispute WHERE provider = :provider AND provider_dispute_id = ANY(:ids)"
        " AND (ask_at > now() OR state IN ('open', 'under_review'))",
        provider=provider,
        ids=list(ids),
    )
    return {row[0] for row in found}


def notice(notice_id: uuid.UUID) -> PaymentNotice | None:
    return db.session.get(PaymentNotice, notice_id)


def is_news(notice: PaymentNotice, attempt: PaymentAttempt) -> bool:
    """Whether a notice can tell us anything: a captured payment that is already applied cannot."""
    if is_reversal(notice.kind):
        return True
    capture = capture_by_provider_id(notice.provider, notice.facts.get("provider_payment_id") or "")
    return not (capture and capture.is_applied and capture.state == "captured" and attempt.state == "captured")


def orders_to_ask(*, limit: int = 200) -> list[uuid.UUID]:
    """Orders with an attempt that is not final and is due to be asked about, the longest waiting first."""
    found = db.rows(
        "SELECT p.order_id FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " WHERE a.state IN ('created', 'open', 'failed') AND a.provider <> 'manual' AND a.ask_at <= now()"
        " GROUP BY p.order_id ORDER BY min(a.ask_at) LIMIT :limit",
        limit=limit,
    )
    return [row[0] for row in found]


def all_unfinished_orders() -> list[uuid.UUID]:
    """Orders with any attempt that is not final, whenever it was asked about last."""
    found = db.rows(
        "SELECT p.order_id FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " WHERE a.state IN ('created', 'open', 'failed') AND a.provider <> 'manual' GROUP BY p.order_id ORDER BY min(a.created_at)"
    )
    return [row[0] for row in found]


def refunds_to_ask(*, everything: bool = False, limit: int = 200) -> list[uuid.UUID]:
    """Refunds whose last word is missing and the provider's to say."""
    found = db.rows(
        "SELECT id FROM refund WHERE state IN ('requested', 'pending') AND NOT is_by_hand"
        " AND (:everything OR ask_at <= now()) ORDER BY ask_at LIMIT :limit",
        everything=everything,
        limit=limit,
    )
    return [row[0] for row in found]


# A refund that failed is taken care of once there is a newer one of the same amount, or nothing is left to send.
FAILED = (
    "r.state = 'failed' AND NOT EXISTS (SELECT 1 FROM refund n WHERE n.capture_id = r.capture_id"
    " AND n.state NOT IN ('failed', 'rejected') AND n.amount_minor = r.amount_minor AND n.created_at > r.created_at)"
    " AND r.amount_minor <= (SELECT c.amount_minor FROM payment_capture c WHERE c.id = r.capture_id)"
    " - (SELECT coalesce(sum(n.amount_minor), 0) FROM refund n WHERE n.capture_id = r.capture_id"
    " AND n.state NOT IN ('failed', 'rejected'))"
)
NEEDS_ATTENTION = f"""
    SELECT o.id AS order_id, o.reference, o.number, r.id AS refund_id, 'refund_failed' AS kind, r.reason, r.amount_minor,
           r.currency, r.created_at, r.error
    FROM refund r JOIN payment p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id WHERE {FAILED}
    UNION ALL
    SELECT o.id, o.reference, o.number, NULL, 'no_answer', a.provider, a.amount_minor, a.currency, a.created_at, a.error_code
    FROM payment_attempt a JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id
    WHERE a.state IN ('created', 'open') AND a.provider <> 'manual' AND o.state = 'pending' AND p.received_minor = 0
      AND a.created_at < now() - interval '1 hour'
    UNION ALL
    SELECT o.id, o.reference, o.number, r.id, 'refund_by_hand', r.reason, r.amount_minor, r.currency, r.created_at, NULL
    FROM refund r JOIN payment p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id
    WHERE r.is_by_hand AND r.state = 'pending'
    UNION ALL
    SELECT o.id, o.reference, o.number, NULL, 'authorized', c.provider, c.amount_minor, c.currency, c.created_at, NULL
    FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id
    WHERE c.state = 'authorized' AND NOT c.is_applied
    UNION ALL
    SELECT o.id, o.reference, o.number, NULL, 'instalment_late', '', sum(i.amount_minor)::bigint, p.currency, min(i.due_at), NULL
    FROM instalment i JOIN payment p ON p.id = i.payment_id JOIN orders o ON o.id = p.order_id
    WHERE i.state = 'open' AND i.late_at <= now() AND p.received_minor > 0 AND o.state IN ('pending', 'on_hold')
    GROUP BY o.id, p.id
"""  # nosec B608


def attention_page(*, limit: int = 50) -> list[Any]:
    """Payments that need a person: refunds that failed, long silence, money authorised and not taken. The latest first."""
    return db.rows(f"{NEEDS_ATTENTION} ORDER BY created_at DESC LIMIT :limit", limit=limit)


def attention_count() -> int:
    return int(db.scalar(f"SELECT count(*) FROM ({NEEDS_ATTENTION}) a"))  # nosec B608


def expected_by_hand(*, limit: int = 50) -> list[Any]:
    """Money that customers transfer or give to the courier, the longest promised first."""
    return db.rows(
        "SELECT o.id AS order_id, o.reference, a.receipt, a.method, a.amount_minor, a.currency, a.created_at,"
        " CASE WHEN p.parts = 1 OR p.received_minor = 0 THEN o.expires_at END AS expires_at"
        " FROM payment_attempt a JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE a.provider = 'manual' AND a.state IN ('created', 'open') AND o.state = 'pending'"
        " ORDER BY a.created_at LIMIT :limit",
        limit=limit,
    )


def sent_back_page(*, limit: int = 50) -> list[Any]:
    """Money that went back by itself (late, double, wrong amount), the latest first, whatever became of it."""
    return db.rows(
        "SELECT o.id AS order_id, o.reference, o.number, r.id AS refund_id, r.state, r.reason, r.amount_minor, r.currency,"
        " r.created_at FROM refund r JOIN payment p ON p.id = r.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE r.is_automatic ORDER BY r.created_at DESC LIMIT :limit",
        limit=limit,
    )


def ended_attempts(*, hours: int) -> tuple[int, int]:
    """(paid, failed) tries of the last hours (PAY-33). Tries that nobody finished are neither."""
    row = db.rows(
        "SELECT count(*) FILTER (WHERE state = 'captured'),"
        " count(*) FILTER (WHERE state = 'failed' OR (state = 'closed' AND error_code IS NOT NULL))"
        " FROM payment_attempt WHERE created_at >= now() - make_interval(hours => :hours)",
        hours=hours,
    )[0]
    return row[0], row[1]


def lock_captures(ids: Sequence[uuid.UUID]) -> list[PaymentCapture]:
    statement = select(PaymentCapture).where(PaymentCapture.id.in_(ids)).order_by(PaymentCapture.id).with_for_update()
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))
