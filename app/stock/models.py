from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, CreatedAt, Key
from app.core.states import HasState, check_in
from app.stock.rules import LOCK_MOVES, MOVEMENT_KINDS


class Warehouse(Base):
    __tablename__ = "warehouse"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="MY")
    priority: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # lower ships first


class StockItem(Base):
    """Counters in the variant's smallest unit (a piece, or one step of length). Free = on_hand - locked - safety."""

    __tablename__ = "stock_item"
    __table_args__ = (
        UniqueConstraint("variant_id", "warehouse_id"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("locked >= 0 AND locked <= on_hand", name="locked"),
        CheckConstraint("safety >= 0", name="safety"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[Key]
    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id"))
    warehouse_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("warehouse.id"))
    on_hand: Mapped[int] = mapped_column(server_default="0")
    locked: Mapped[int] = mapped_column(server_default="0")
    safety: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[CreatedAt]


class StockLock(HasState, Base):
    """Units held for one order until `expires_at` (database time).

    `is_paying` is set while a payment attempt is open: then only the provider's answer may free an expired lock.
    """

    __tablename__ = "stock_lock"
    __table_args__ = (
        CheckConstraint(check_in("state", LOCK_MOVES), name="state"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("uq_stock_lock_held", "order_id", "stock_item_id", unique=True, postgresql_where=text("state = 'held'")),
        Index("ix_stock_lock_expires_at", "expires_at", "id", postgresql_where=text("state = 'held'")),
        Index("ix_stock_lock_free_when_expired", "stock_item_id", "expires_at",
              postgresql_where=text("state = 'held' AND NOT is_paying")),
        Index("ix_stock_lock_variant_id_expires_at", "variant_id", "expires_at", postgresql_where=text("state = 'held'")),
        Index("ix_stock_lock_order_id", "order_id"),
        {"postgresql_with": {"fillfactor": "80"}},
    )  # fmt: skip
    MOVES = LOCK_MOVES

    id: Mapped[Key]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    stock_item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stock_item.id"))
    variant_id: Mapped[uuid.UUID]
    warehouse_id: Mapped[uuid.UUID]
    quantity: Mapped[int]
    state: Mapped[str] = mapped_column(Text, server_default="held")
    is_paying: Mapped[bool] = mapped_column(server_default=text("false"))
    expires_at: Mapped[datetime]
    renewals: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    was_kept: Mapped[bool] = mapped_column(server_default=text("false"))  # extended once for a bank that was still busy
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]


class StockMovement(Base):
    """The ledger: every change of a counter with its cause. Rows are never changed; a (lock, kind) happens once."""

    __tablename__ = "stock_movement"
    __table_args__ = (
        CheckConstraint(check_in("kind", MOVEMENT_KINDS), name="kind"),
        UniqueConstraint("lock_id", "kind"),
        Index(
            "uq_stock_movement_sell", "order_id", "stock_item_id", unique=True, postgresql_where=text("kind = 'sell'")
        ),
        Index(
            "uq_stock_movement_restock",
            "source_id",
            "stock_item_id",
            unique=True,
            postgresql_where=text("kind = 'restock'"),
        ),
        Index("ix_stock_movement_stock_item_id", "stock_item_id", "created_at"),
        Index("ix_stock_movement_order_id", "order_id"),
    )

    id: Mapped[Key]
    stock_item_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stock_item.id"))
    order_id: Mapped[uuid.UUID | None]
    lock_id: Mapped[uuid.UUID | None]
    source_id: Mapped[uuid.UUID | None]  # what brought goods back, such as the part of a refund: once each
    kind: Mapped[str] = mapped_column(Text)
    on_hand_delta: Mapped[int] = mapped_column(server_default="0")
    locked_delta: Mapped[int] = mapped_column(server_default="0")
    on_hand_after: Mapped[int]
    locked_after: Mapped[int]
    actor: Mapped[str] = mapped_column(Text, server_default="system")
    reason: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]


class CleanupRun(Base):
    """One pass of the release: what `GET /api/cron/stock-cleanup` reports."""

    __tablename__ = "stock_cleanup_run"
    __table_args__ = (Index("ix_stock_cleanup_run_started_at", text("started_at DESC")),)

    id: Mapped[Key]
    trigger: Mapped[str] = mapped_column(Text)  # schedule, staff:<id>, command
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]
    released: Mapped[int] = mapped_column(server_default="0")
    waiting: Mapped[int] = mapped_column(server_default="0")  # kept because the provider's answer is unknown
    failed: Mapped[int] = mapped_column(server_default="0")
