import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class NoticeReceived(Event):
    """A verified webhook about a payment is in the inbox."""

    name = "payment.notice_received"
    notice_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ReversalNoticed(Event):
    """A verified webhook in the inbox is about a refund or a dispute."""

    name = "payment.reversal_noticed"
    notice_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class SubscriptionNoticeReceived(Event):
    """A verified webhook about a subscription is in the inbox."""

    name = "payment.subscription_notice_received"
    notice_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PaymentReceived(Event):
    """Money was captured and applied to its order."""

    name = "payment.received"
    payment_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class InstalmentPaid(Event):
    """An instalment was captured and applied to its order, or several at once."""

    name = "payment.instalment_paid"
    capture_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class InstalmentComing(Event):
    """An instalment is due soon."""

    name = "payment.instalment_coming"
    instalment_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class InstalmentOverdue(Event):
    """The day of an instalment has passed, and it is not paid."""

    name = "payment.instalment_overdue"
    instalment_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class PaymentFailed(Event):
    """A try failed; the order can be paid again while it lives."""

    name = "payment.failed"
    attempt_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AttemptReplaced(Event):
    """The shopper pays another way now; nobody should pay the earlier attempt any more."""

    name = "payment.attempt_replaced"
    attempt_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class RefundRequested(Event):
    name = "refund.requested"
    refund_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class DisputeOpened(Event):
    """The customer's bank wants money back; evidence is awaited."""

    name = "payment.dispute_opened"
    dispute_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class DisputeDecided(Event):
    """`state`: won, lost or closed."""

    name = "payment.dispute_decided"
    dispute_id: uuid.UUID
    order_id: uuid.UUID
    state: str


@dataclass(frozen=True, slots=True)
class RefundSettled(Event):
    """The provider's last word on a refund: succeeded or failed."""

    name = "refund.settled"
    refund_id: uuid.UUID
    order_id: uuid.UUID
    state: str
