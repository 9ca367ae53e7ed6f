from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.money import Money
from app.core.states import HasState, check_in
from app.recurring.rules import CYCLE_MOVES, MOST_EVERY, PERIODS, REASONS, RECURRING_MOVES

HOW_OFTEN = f"{check_in('period', PERIODS)} AND every BETWEEN 1 AND {MOST_EVERY}"


class RecurringPlan(Base):
    """What may be subscribed to and how often. Ended, not deleted: those who subscribed keep what they have."""

    __tablename__ = "recurring_plan"
    __table_args__ = (
        CheckConstraint(HOW_OFTEN, name="how_often"),
        UniqueConstraint("variant_id", "period", "every"),
        Index("ix_recurring_plan_created_at", text("created_at DESC"), text("id DESC")),
    )

    id: Mapped[Key]
    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id"))
    period: Mapped[str] = mapped_column(Text)
    every: Mapped[int] = mapped_column(SmallInteger)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[CreatedAt]


class RecurringOrder(HasState, Base):
    """An order that comes again, as it was agreed upon: `terms` are its lines, prices and delivery, and stay so.

    `asked_for` is what the provider was last told to be: running, paused or cancelled; `seen` what it last was. A pause that we did
    not ask for was made in the provider's own dashboard, and is respected. One process at a time asks (`asking_until`), so
    that no answer is older than what was told since.
    """

    __tablename__ = "recurring_order"
    __table_args__ = (
        CheckConstraint(check_in("state", RECURRING_MOVES), name="state"),
        CheckConstraint(f"over_reason IS NULL OR {check_in('over_reason', REASONS)}", name="over_reason"),
        CheckConstraint("(closed_at IS NOT NULL) = (over_reason IS NOT NULL)", name="closed"),
        CheckConstraint("asked_for IN ('running', 'paused', 'cancelled')", name="asked_for"),
        CheckConstraint("state IN ('pending', 'cancelled') OR started_at IS NOT NULL", name="started"),
        CheckConstraint("amount_minor > 0 AND quantity > 0", name="amounts"),
        CheckConstraint(HOW_OFTEN, name="how_often"),
        UniqueConstraint("key"),
        UniqueConstraint("token"),
        UniqueConstraint("provider", "provider_subscription_id"),
        UniqueConstraint("receipt"),
        Index("ix_recurring_order_created_at", text("created_at DESC"), text("id DESC")),
        Index("ix_recurring_order_state_created_at", "state", text("created_at DESC"), text("id DESC")),
        Index("ix_recurring_order_visitor", "visitor"),
        Index("ix_recurring_order_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
        Index(
            "ix_recurring_order_closed_known",
            "closed_at",
            postgresql_where=text("closed_at IS NOT NULL AND visitor <> 'erased'"),
        ),
        Index("ix_recurring_order_ask_at", "ask_at", postgresql_where=text("ask_at IS NOT NULL")),
        Index(
            "ix_recurring_order_next_charge_at",
            "next_charge_at",
            postgresql_where=text("state IN ('active', 'past_due') AND next_charge_at IS NOT NULL"),
        ),
    )
    MOVES = RECURRING_MOVES

    id: Mapped[Key]
    token: Mapped[str] = mapped_column(Text)
    key: Mapped[uuid.UUID]  # of the click: the same click is one subscription
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    over_reason: Mapped[str | None] = mapped_column(Text)
    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id"))
    quantity: Mapped[int]
    period: Mapped[str] = mapped_column(Text)
    every: Mapped[int] = mapped_column(SmallInteger)
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(Text)
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    visitor: Mapped[str] = mapped_column(Text)
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id"))  # its orders are theirs too
    locale: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(EncryptedText)
    phone: Mapped[str] = mapped_column(EncryptedText)
    address: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    provider: Mapped[str] = mapped_column(Text)
    receipt: Mapped[str | None] = mapped_column(Text)  # our name of it at the provider: that of its first attempt
    provider_plan_id: Mapped[str | None] = mapped_column(Text)
    provider_subscription_id: Mapped[str | None] = mapped_column(Text)
    page_url: Mapped[str] = mapped_column(Text, server_default="")  # where the means of payment is given
    asked_for: Mapped[str] = mapped_column(Text, server_default="running")
    seen: Mapped[str] = mapped_column(Text, server_default="")
    asking_until: Mapped[datetime | None]
    next_charge_at: Mapped[datetime | None]  # as the provider last said
    ask_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class RecurringCycle(HasState, Base):
    """One turn. `provider_charge_id` is the provider's invoice: a charge belongs to one cycle, whoever tells of it how often."""

    __tablename__ = "recurring_cycle"
    __table_args__ = (
        CheckConstraint(check_in("state", CYCLE_MOVES), name="state"),
        CheckConstraint("position > 0", name="position"),
        CheckConstraint("state = 'skipped' OR order_id IS NOT NULL", name="order"),
        CheckConstraint("provider_charge_id IS NULL OR order_id IS NOT NULL", name="charge"),
        UniqueConstraint("recurring_id", "position"),
        UniqueConstraint("order_id"),
        UniqueConstraint("provider", "provider_charge_id"),
    )
    MOVES = CYCLE_MOVES

    id: Mapped[Key]
    recurring_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("recurring_order.id"))
    position: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="locked")
    due_at: Mapped[datetime]
    order_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("orders.id"))
    provider: Mapped[str] = mapped_column(Text)
    provider_charge_id: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
