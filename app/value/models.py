from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core import crypto
from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.money import Money
from app.core.states import HasState, check_in
from app.value.rules import ACCOUNT_MOVES, ENTRY_KINDS, HOLD_STATES, KINDS


class ValueAccount(HasState, Base):
    """A gift card, or one store credit. Its code is known here by a keyed hash alone.

    `mail_code` is the code on its way to its owner, encrypted, and forgotten when the mail has left. The form that issued
    it is its batch: the same form sent twice issues nothing twice.
    """

    __tablename__ = "value_account"
    __table_args__ = (
        CheckConstraint(check_in("kind", KINDS), name="kind"),
        CheckConstraint(check_in("state", ACCOUNT_MOVES), name="state"),
        CheckConstraint("0 <= held_minor AND held_minor <= balance_minor", name="amounts"),
        UniqueConstraint("code_index"),
        UniqueConstraint("batch_id", "position"),
        Index("ix_value_account_created_at", text("created_at DESC"), text("id DESC")),
        Index("ix_value_account_state_created_at", "state", text("created_at DESC"), text("id DESC")),
        Index("ix_value_account_last_four", "last_four", text("created_at DESC"), text("id DESC")),
        Index("ix_value_account_email_index", "email_index"),
        Index(
            "ix_value_account_spent_known",
            "created_at",
            postgresql_where=text("balance_minor = 0 AND email_index IS NOT NULL"),
        ),
        Index("ix_value_account_expires_at", "expires_at", postgresql_where=text("balance_minor > held_minor")),
    )
    MOVES = ACCOUNT_MOVES

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    balance_minor: Mapped[int] = mapped_column(server_default="0")
    held_minor: Mapped[int] = mapped_column(server_default="0")  # of the balance, for orders that are not paid yet
    code_index: Mapped[bytes] = mapped_column(info=crypto.LASTING)
    last_four: Mapped[str] = mapped_column(Text)
    mail_code: Mapped[str | None] = mapped_column(EncryptedText)
    email: Mapped[str | None] = mapped_column(EncryptedText)
    email_index: Mapped[bytes | None]
    locale: Mapped[str] = mapped_column(Text, server_default="en")
    state: Mapped[str] = mapped_column(Text, server_default="active")
    expires_at: Mapped[datetime | None]
    issued_by: Mapped[str] = mapped_column(Text)
    batch_id: Mapped[uuid.UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    note: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]

    @property
    def balance(self) -> Money:
        return Money(self.balance_minor, self.currency)

    @property
    def held(self) -> Money:
        return Money(self.held_minor, self.currency)

    @property
    def free_minor(self) -> int:
        return self.balance_minor - self.held_minor


class ValueHold(Base):
    """Value kept for one order. An order holds of an account at most once at a time, and spends of it once."""

    __tablename__ = "value_hold"
    __table_args__ = (
        CheckConstraint(check_in("state", HOLD_STATES), name="state"),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index(
            "uq_value_hold_live",
            "order_id",
            "account_id",
            unique=True,
            postgresql_where=text("state IN ('held', 'spent')"),
        ),
        Index("ix_value_hold_order_id", "order_id"),
        Index("ix_value_hold_account_id", "account_id"),
        Index("ix_value_hold_held", "created_at", postgresql_where=text("state = 'held'")),
    )

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("value_account.id"))
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    amount_minor: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="held")
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]


class ValueEntry(Base):
    """One movement of an account; the counters are the sums of these. Triggers let nobody change or delete one.

    (account, kind, source) happens once. The source is the hold, the refund, the form or the row itself.
    """

    __tablename__ = "value_entry"
    __table_args__ = (
        CheckConstraint(check_in("kind", ENTRY_KINDS), name="kind"),
        CheckConstraint("balance_delta <> 0 OR held_delta <> 0", name="delta"),
        UniqueConstraint("account_id", "kind", "source_id"),
        Index("ix_value_entry_account_id_created_at", "account_id", "created_at", "id"),
    )

    id: Mapped[Key]
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("value_account.id"))
    kind: Mapped[str] = mapped_column(Text)
    balance_delta: Mapped[int] = mapped_column(server_default="0")
    held_delta: Mapped[int] = mapped_column(server_default="0")
    order_id: Mapped[uuid.UUID | None]
    source_id: Mapped[uuid.UUID]
    actor: Mapped[str] = mapped_column(Text, server_default="system")
    reason: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]
