from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.books.rules import ACCOUNTS, CLEARING, KINDS
from app.core.db import Base, CreatedAt, Key
from app.core.states import check_in


class LedgerEntry(Base):
    """One posting. (source, kind, sequence) happens once, so whoever posts may run twice.

    No foreign keys lead out of the books: they are kept when what they tell of is gone. Triggers let nobody change or
    delete a row, and refuse at the commit what does not add up to zero.
    """

    __tablename__ = "ledger_entry"
    __table_args__ = (
        UniqueConstraint("source_table", "source_id", "kind", "sequence", name="uq_ledger_entry_source"),
        CheckConstraint(check_in("kind", KINDS), name="kind"),
        CheckConstraint("sequence > 0", name="sequence"),
        Index("ix_ledger_entry_order_id", "order_id"),
        Index("ix_ledger_entry_occurred_at", text("occurred_at DESC"), text("id DESC")),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    source_table: Mapped[str] = mapped_column(Text)
    source_id: Mapped[str] = mapped_column(Text)
    sequence: Mapped[int] = mapped_column(SmallInteger, server_default="1")  # a fee may become known piece by piece
    order_id: Mapped[uuid.UUID | None]
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    created_at: Mapped[CreatedAt]


class LedgerLine(Base):
    """An amount on an account: positive is a debit, negative a credit, in minor units."""

    __tablename__ = "ledger_line"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount"),
        CheckConstraint(f"{check_in('account', ACCOUNTS)} OR account ~ '^{CLEARING}[a-z]+$'", name="account"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency"),
        Index("ix_ledger_line_account_currency", "account", "currency"),
    )

    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ledger_entry.id"), primary_key=True)
    account: Mapped[str] = mapped_column(Text, primary_key=True)
    currency: Mapped[str] = mapped_column(Text, primary_key=True)
    amount_minor: Mapped[int]
