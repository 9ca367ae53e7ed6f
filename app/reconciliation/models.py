from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, CreatedAt, Key
from app.core.states import check_in
from app.reconciliation.rules import KINDS, ROW_KINDS, RUN_STATES, STATES


class ProviderTransaction(Base):
    """A row of a provider's statement, kept as it was told. Signed minor units: positive came to us.

    `payment_ref`, `refund_ref` and `payout_ref` are the provider's ids, empty where the row names none.
    """

    __tablename__ = "provider_transaction"
    __table_args__ = (
        UniqueConstraint("provider", "transaction_id"),
        CheckConstraint(check_in("kind", ROW_KINDS), name="kind"),
        Index("ix_provider_transaction_payment_ref", "provider", "payment_ref"),
        Index(
            "ix_provider_transaction_refund_ref", "provider", "refund_ref", postgresql_where=text("refund_ref <> ''")
        ),
        Index("ix_provider_transaction_payout_ref", "provider", "payout_ref"),
        Index("ix_provider_transaction_settled_at", text("settled_at DESC"), text("id DESC")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(Text)
    transaction_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    gross_minor: Mapped[int]
    fee_minor: Mapped[int]
    net_minor: Mapped[int]
    payment_ref: Mapped[str] = mapped_column(Text, server_default="")
    refund_ref: Mapped[str] = mapped_column(Text, server_default="")
    payout_ref: Mapped[str] = mapped_column(Text, server_default="")
    settled_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]


class StatementProgress(Base):
    """How much of a provider's statement is stored: everything between two moments."""

    __tablename__ = "statement_progress"

    provider: Mapped[str] = mapped_column(Text, primary_key=True)
    since: Mapped[datetime]
    through: Mapped[datetime]


class ReconciliationRun(Base):
    """One comparison: with a provider, or (provider `shop`) of our own rows with each other."""

    __tablename__ = "reconciliation_run"
    __table_args__ = (
        CheckConstraint(check_in("state", RUN_STATES), name="state"),
        Index("uq_reconciliation_run_running", "provider", unique=True, postgresql_where=text("state = 'running'")),
        Index("ix_reconciliation_run_started_at", text("started_at DESC")),
        Index("ix_reconciliation_run_provider", "provider", text("started_at DESC")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(Text)
    trigger: Mapped[str] = mapped_column(Text)  # schedule, command, staff:<id>
    state: Mapped[str] = mapped_column(Text, server_default="running")
    since: Mapped[datetime]
    until: Mapped[datetime]
    payments: Mapped[int] = mapped_column(server_default="0")  # how many were compared
    refunds: Mapped[int] = mapped_column(server_default="0")
    statement_rows: Mapped[int] = mapped_column(server_default="0")
    found: Mapped[int] = mapped_column(server_default="0")
    opened: Mapped[int] = mapped_column(server_default="0")
    closed: Mapped[int] = mapped_column(server_default="0")
    error: Mapped[str] = mapped_column(Text, server_default="")
    balances: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")  # of the shop's run: the trial balance then
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    finished_at: Mapped[datetime | None]


class Difference(Base):
    """Something two sides do not agree on. (kind, provider, subject) is one row for ever: found again it opens again."""

    __tablename__ = "difference"
    __table_args__ = (
        UniqueConstraint("kind", "provider", "subject"),
        CheckConstraint(check_in("kind", tuple(KINDS)), name="kind"),
        CheckConstraint(check_in("state", STATES), name="state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed_at"),
        Index("ix_difference_state_opened_at", "state", text("opened_at DESC"), text("id DESC")),
        Index("ix_difference_opened_at", text("opened_at DESC"), text("id DESC")),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    order_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("orders.id"))
    attempt_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payment_attempt.id"))
    capture_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payment_capture.id"))
    refund_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("refund.id"))
    currency: Mapped[str] = mapped_column(Text)
    found_currency: Mapped[str] = mapped_column(Text, server_default="")
    expected_minor: Mapped[int]
    found_minor: Mapped[int]
    happened_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(Text, server_default="open")
    last_run_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("reconciliation_run.id"))
    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str] = mapped_column(Text, server_default="")
    reason: Mapped[str] = mapped_column(Text, server_default="")


class WebhookSilence(Base):
    """A time in which payments came and a provider told nothing. At most one is going on for each provider."""

    __tablename__ = "webhook_silence"
    __table_args__ = (
        Index("uq_webhook_silence_open", "provider", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Key]
    provider: Mapped[str] = mapped_column(Text)
    began_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]
