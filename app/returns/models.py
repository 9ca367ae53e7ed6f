from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.states import HasState, check_in
from app.returns.rules import PART_KINDS, REASONS, REQUEST_MOVES


class RefundLine(Base):
    """A part of a refund: so much of a line, the delivery, or an amount of nothing in particular.

    A line whose money goes back to several places is counted in one of them; the others have its amount and quantity 0.
    `restocked` units of it were put on the shelf again when the refund was sent; they stay there if it fails.
    """

    __tablename__ = "refund_line"
    __table_args__ = (
        CheckConstraint(check_in("kind", PART_KINDS), name="kind"),
        CheckConstraint("(kind = 'goods') = (order_line_id IS NOT NULL)", name="line"),
        CheckConstraint("CASE kind WHEN 'goods' THEN quantity >= 0 ELSE quantity = 0 END", name="quantity"),
        CheckConstraint("restocked >= 0 AND restocked <= quantity", name="restocked"),
        CheckConstraint("amount_minor >= 0", name="amount"),
        UniqueConstraint("refund_id", "kind", "order_line_id", postgresql_nulls_not_distinct=True),
        Index("ix_refund_line_order_line_id", "order_line_id"),
    )

    id: Mapped[Key]
    refund_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("refund.id"))
    kind: Mapped[str] = mapped_column(Text)
    order_line_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("order_line.id"))
    quantity: Mapped[int] = mapped_column(server_default="0")
    amount_minor: Mapped[int]
    wants_restock: Mapped[bool] = mapped_column(server_default=text("false"))
    restocked: Mapped[int] = mapped_column(server_default="0")


class RefundRequest(HasState, Base):
    """A customer's wish for money back. At most one of an order is unanswered."""

    __tablename__ = "refund_request"
    __table_args__ = (
        CheckConstraint(check_in("state", REQUEST_MOVES), name="state"),
        CheckConstraint(check_in("reason", tuple(reason.code for reason in REASONS)), name="reason"),
        CheckConstraint("(state IN ('waiting', 'accepted')) = (refund_id IS NOT NULL)", name="refund"),
        Index(
            "uq_refund_request_unanswered",
            "order_id",
            unique=True,
            postgresql_where=text("state IN ('open', 'waiting')"),
        ),
        Index("ix_refund_request_order_id", "order_id", text("created_at DESC")),
        Index("ix_refund_request_refund_id", "refund_id"),
        Index("ix_refund_request_open", "created_at", "id", postgresql_where=text("state = 'open'")),
    )
    MOVES = REQUEST_MOVES

    id: Mapped[Key]
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    state: Mapped[str] = mapped_column(Text, server_default="open")
    reason: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(EncryptedText, server_default="")  # in the customer's words
    answer: Mapped[str] = mapped_column(Text, server_default="")  # why not, in the words of the staff
    refund_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("refund.id"))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]

    lines: Mapped[list[RefundRequestLine]] = relationship(lazy="selectin")


class RefundRequestLine(Base):
    __tablename__ = "refund_request_line"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)

    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("refund_request.id"), primary_key=True)
    order_line_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("order_line.id"), primary_key=True)
    quantity: Mapped[int]
