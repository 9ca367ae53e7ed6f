from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.books.rules import ISSUED_HERE
from app.core import clock
from app.core.db import Base, CreatedAt, Key
from app.core.money import Money
from app.core.states import HasState, check_in
from app.payments.rules import (
    ATTEMPT_MOVES,
    BY_HAND,
    CAPTURE_STATES,
    DISPUTE_MOVES,
    INSTALMENT_STATES,
    PAYMENT_MOVES,
    REFUND_MOVES,
    REFUND_SOURCES,
    Plan,
    PlanPart,
)


class Payment(HasState, Base):
    """What one order costs and whether the shop has it. One row per order."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint(check_in("state", PAYMENT_MOVES), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("0 <= value_minor AND value_minor <= amount_minor", name="value"),
        CheckConstraint("0 <= received_minor AND received_minor <= amount_minor - value_minor", name="received"),
        CheckConstraint("paid_at IS NULL OR received_minor = amount_minor - value_minor", name="paid_whole"),
        CheckConstraint("parts > 0", name="parts"),
    )
    MOVES = PAYMENT_MOVES

    id: Mapped[Key]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"), unique=True)
    amount_minor: Mapped[int]
    value_minor: Mapped[int] = mapped_column(server_default="0")  # of the amount: what gift cards and credit cover
    received_minor: Mapped[int] = mapped_column(
        server_default="0"
    )  # of the rest: what has come from outside and pays it
    parts: Mapped[int] = mapped_column(SmallInteger, server_default="1")  # instalments that the rest is paid in
    currency: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    created_at: Mapped[CreatedAt]
    paid_at: Mapped[datetime | None]

    attempts: Mapped[list[PaymentAttempt]] = relationship(order_by="PaymentAttempt.position", back_populates="payment")
    instalments: Mapped[list[Instalment]] = relationship(order_by="Instalment.position", viewonly=True)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def due(self) -> Money:
        """What has to come from outside, all in all."""
        return Money(self.amount_minor - self.value_minor, self.currency)

    @property
    def balance(self) -> Money:
        """What of it has not come yet."""
        return self.due - Money(self.received_minor, self.currency)

    @property
    def is_on_plan(self) -> bool:
        """Some instalments are paid, others are to come."""
        return self.parts > 1 and self.received_minor > 0 and self.paid_at is None

    @property
    def plan(self) -> Plan | None:
        """Its instalments as plain values; None when it is paid in one go, and then nothing is asked."""
        if self.parts == 1:
            return None
        rows = [
            PlanPart(each.position, Money(each.amount_minor, self.currency), each.state, each.due_at)
            for each in self.instalments
        ]
        return Plan(rows)

    def mark_paid(self) -> None:
        self.move_to("paid")
        self.paid_at = clock.now()


class Instalment(Base):
    """A part of what an order costs, due on its day (PAY-28). An order that is paid in one go has none.

    They are paid in their order, one or several by one capture. `remind_at` and `late_at` are fixed with the plan: what was
    agreed stays, whatever the settings say later.
    """

    __tablename__ = "instalment"
    __table_args__ = (
        CheckConstraint(check_in("state", INSTALMENT_STATES), name="state"),
        CheckConstraint("(state = 'paid') = (capture_id IS NOT NULL)", name="capture"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("position > 0", name="position"),
        UniqueConstraint("payment_id", "position"),
        Index("ix_instalment_capture_id", "capture_id"),
        Index("ix_instalment_remind_at", "remind_at", postgresql_where=text("state = 'open' AND reminded_at IS NULL")),
        Index("ix_instalment_due_at", "due_at", postgresql_where=text("state = 'open' AND warned_at IS NULL")),
        Index("ix_instalment_late_at", "late_at", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[Key]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    amount_minor: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    due_at: Mapped[datetime]
    remind_at: Mapped[datetime]
    late_at: Mapped[datetime]  # from then on staff may end the plan
    capture_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payment_capture.id"))
    reminded_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]


class PaymentAttempt(HasState, Base):
    """One try at one provider, committed before the provider hears of it and never deleted.

    `receipt` is our key there: an order whose creation got no answer is looked up by it, never created blindly again.
    """

    __tablename__ = "payment_attempt"
    __table_args__ = (
        CheckConstraint(check_in("state", ATTEMPT_MOVES), name="state"),
        UniqueConstraint("payment_id", "position"),
        UniqueConstraint("provider", "provider_order_id"),
        Index("uq_payment_attempt_key", "payment_id", "key", unique=True, postgresql_where=text("key IS NOT NULL")),
        CheckConstraint("0 < first_part AND first_part <= last_part", name="parts"),
        Index("ix_payment_attempt_created_at", "created_at"),
        Index(
            "ix_payment_attempt_by_hand",
            "created_at",
            postgresql_where=text("provider = 'manual' AND state IN ('created', 'open')"),
        ),
        Index("ix_payment_attempt_ask_at", "ask_at", postgresql_where=text("state IN ('created', 'open', 'failed')")),
    )
    MOVES = ATTEMPT_MOVES

    id: Mapped[Key]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    provider: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    receipt: Mapped[str] = mapped_column(Text, unique=True)
    return_token: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[str] = mapped_column(Text, server_default="created")
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(Text)
    first_part: Mapped[int] = mapped_column(SmallInteger, server_default="1")  # the instalments it is to pay
    last_part: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    provider_order_id: Mapped[str | None] = mapped_column(Text)
    page_url: Mapped[str] = mapped_column(
        Text, server_default=""
    )  # where its page opens, when that is the provider's to say
    key: Mapped[uuid.UUID | None]  # a program's: the same one again is this attempt
    bank: Mapped[str] = mapped_column(Text, server_default="")  # the provider's code of the shopper's bank, if chosen
    initiating_until: Mapped[datetime | None]  # somebody is asking the provider to create its order right now
    error_code: Mapped[str | None] = mapped_column(Text)
    error_reason: Mapped[str | None] = mapped_column(Text)
    asked: Mapped[int] = mapped_column(server_default="0")
    ask_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp() + interval '15 seconds'"))
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]

    payment: Mapped[Payment] = relationship(back_populates="attempts")
    captures: Mapped[list[PaymentCapture]] = relationship(order_by="PaymentCapture.created_at")

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_by_hand(self) -> bool:
        """Whether nobody but our staff knows if this was paid."""
        return self.provider == BY_HAND


class PaymentCapture(Base):
    """A payment the provider knows of. At most one per order is `is_applied`: the money the order is paid with; of an order
    that is paid in instalments at most one of each, and `part` is the first that it pays.

    What gift cards and credit pay of it are captures too, without an attempt: `provider` is then the kind of value, and
    `provider_payment_id` the id of the hold that was spent.
    """

    __tablename__ = "payment_capture"
    __table_args__ = (
        CheckConstraint(check_in("state", CAPTURE_STATES), name="state"),
        UniqueConstraint("provider", "provider_payment_id"),
        CheckConstraint(f"(attempt_id IS NULL) = ({check_in('provider', ISSUED_HERE)})", name="attempt"),
        Index(
            "uq_payment_capture_applied",
            "payment_id",
            "part",
            unique=True,
            postgresql_where=text("is_applied AND attempt_id IS NOT NULL"),
        ),
        Index("ix_payment_capture_attempt_id", "attempt_id"),
        Index("ix_payment_capture_payment_id", "payment_id"),
        Index(
            "ix_payment_capture_refunds_ask_at", "refunds_ask_at", postgresql_where=text("refunds_ask_at IS NOT NULL")
        ),
        Index("ix_payment_capture_created_at", "created_at"),
    )

    id: Mapped[Key]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment.id"))
    attempt_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payment_attempt.id"))
    provider: Mapped[str] = mapped_column(Text)
    provider_payment_id: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text, server_default="")
    state: Mapped[str] = mapped_column(Text)
    is_applied: Mapped[bool] = mapped_column(server_default=text("false"))
    part: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    refunded_minor: Mapped[int] = mapped_column(server_default="0")  # as the provider last reported it
    fee_minor: Mapped[int] = mapped_column(server_default="0")  # what the provider keeps of it, as last reported
    refunds_asked: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    refunds_ask_at: Mapped[datetime | None]  # when to ask which refunds the provider knows; None: not any more
    created_at: Mapped[CreatedAt]
    captured_at: Mapped[datetime | None]

    is_taken_now = False  # no column: the money was noted in this transaction and is not in the books yet

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class PaymentNotice(Base):
    """A verified webhook, kept as it came. (provider, event_id) happens once."""

    __tablename__ = "payment_notice"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index("ix_payment_notice_created_at", text("created_at DESC")),
        Index("ix_payment_notice_payment", "provider", text("(facts ->> 'provider_payment_id')")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(Text)
    event_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the ids we act on; the body itself holds personal data
    created_at: Mapped[CreatedAt]


class Refund(HasState, Base):
    """Money on its way back. The row exists before the provider is asked; `refund-<id>` is the idempotency key there.

    What pays back a gift card, or goes back `as_credit`, needs no provider: it is done when it is asked for.
    `requested_by` and `decided_by` are actors; above a limit one asks and another one decides (REF-08). `key` comes from
    the form: the same click sent twice is one refund of each capture.
    """

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint(check_in("state", REFUND_MOVES), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(check_in("source", REFUND_SOURCES), name="source"),
        CheckConstraint("decided_by IS NULL OR decided_by <> requested_by", name="two_people"),
        CheckConstraint("state NOT IN ('waiting', 'rejected') OR provider_refund_id IS NULL", name="unsent"),
        UniqueConstraint("provider_refund_id"),
        UniqueConstraint("key", "capture_id"),
        Index("uq_refund_automatic", "capture_id", unique=True, postgresql_where=text("is_automatic")),
        Index("ix_refund_payment_id", "payment_id"),
        Index("ix_refund_capture_id", "capture_id"),
        Index("ix_refund_created_at", text("created_at DESC"), text("id DESC")),
        Index("ix_refund_state_created_at", "state", text("created_at DESC"), text("id DESC")),
        Index("ix_refund_by_hand", "created_at", postgresql_where=text("is_by_hand AND state = 'pending'")),
        Index("ix_refund_open", "created_at", postgresql_where=text("state IN ('requested', 'pending', 'failed')")),
    )
    MOVES = REFUND_MOVES

    id: Mapped[Key]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment.id"))
    capture_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_capture.id"))
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(
        Text
    )  # late, double, mismatch, cancelled, disputed; dashboard; or one of `returns.rules.STAFF_REASONS`
    note: Mapped[str] = mapped_column(Text, server_default="")  # the reason in the words of the staff
    source: Mapped[str] = mapped_column(Text, server_default="shop")
    requested_by: Mapped[str] = mapped_column(Text, server_default="system")
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    key: Mapped[uuid.UUID | None]
    is_automatic: Mapped[bool] = mapped_column(server_default=text("false"))
    state: Mapped[str] = mapped_column(Text, server_default="requested")
    provider_refund_id: Mapped[str | None] = mapped_column(Text)
    is_by_hand: Mapped[bool] = mapped_column(server_default=text("false"))  # staff send it and say what became of it
    as_credit: Mapped[bool] = mapped_column(server_default=text("false"))  # as store credit, wherever it came from
    to_account_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("value_account.id"))  # where value went back to
    error: Mapped[str | None] = mapped_column(Text)
    asked: Mapped[int] = mapped_column(server_default="0")
    ask_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp() + interval '60 seconds'"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def provider_key(self) -> str:
        """Our idempotency key at the provider: the same for every repetition of this one refund."""
        return f"refund-{self.id}"


class PaymentDispute(HasState, Base):
    """The customer's bank wants a payment back (N23). While it is undecided the order is on hold and nothing is refunded."""

    __tablename__ = "payment_dispute"
    __table_args__ = (
        CheckConstraint(check_in("state", DISPUTE_MOVES), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        UniqueConstraint("provider", "provider_dispute_id"),
        Index("ix_payment_dispute_payment_id", "payment_id"),
        Index("ix_payment_dispute_ask_at", "ask_at", postgresql_where=text("state IN ('open', 'under_review')")),
    )
    MOVES = DISPUTE_MOVES

    id: Mapped[Key]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment.id"))
    capture_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payment_capture.id"))
    provider: Mapped[str] = mapped_column(Text)
    provider_dispute_id: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, server_default="")  # in the provider's words
    state: Mapped[str] = mapped_column(Text)
    respond_by: Mapped[datetime | None]  # until then evidence is taken
    ask_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
