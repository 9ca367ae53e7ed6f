from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.crypto import EncryptedJSON
from app.core.db import Base, CreatedAt, Key

STEPS = ("cart", "contact", "delivery", "review", "placed", "paid")


class Cart(Base):
    """One visitor's open cart. `version` grows with every change; a hot copy older than the cookie's is not believed."""

    __tablename__ = "cart"
    __table_args__ = (
        Index("uq_cart_visitor_open", "visitor", unique=True, postgresql_where=text("is_open")),
        Index("ix_cart_expires_at", "expires_at", postgresql_where=text("is_open")),
        Index("ix_cart_done", "expires_at", postgresql_where=text("NOT is_open")),
    )

    id: Mapped[Key]
    visitor: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(server_default="1")
    is_open: Mapped[bool] = mapped_column(server_default=text("true"))
    expires_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp() + interval '30 days'"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    lines: Mapped[list[CartLine]] = relationship(
        order_by="CartLine.created_at, CartLine.id", cascade="all, delete-orphan"
    )


class CartLine(Base):
    """`quantity` in the variant's smallest unit; `price_seen_minor` is what the shopper saw when adding.

    `fitting`: the measures it is to be made to (`tailoring.rules.Fitting`). Lines of one variant with other measures stay apart
    by `fitting_key`; a line with a profile follows that as long as it exists.
    """

    __tablename__ = "cart_line"
    __table_args__ = (
        UniqueConstraint("cart_id", "variant_id", "fitting_key"),
        CheckConstraint("quantity > 0 AND quantity <= 100000", name="quantity"),
        CheckConstraint("(fitting IS NULL) = (fitting_key = '')", name="fitting"),
        CheckConstraint("profile_id IS NULL OR fitting IS NOT NULL", name="profile"),
        Index("ix_cart_line_profile_id", "profile_id", postgresql_where=text("profile_id IS NOT NULL")),
    )

    id: Mapped[Key]
    cart_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("cart.id", ondelete="CASCADE"))
    variant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("variant.id"))
    quantity: Mapped[int]
    price_seen_minor: Mapped[int]
    fitting: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)
    fitting_key: Mapped[str] = mapped_column(Text, server_default="")
    profile_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("measurement_profile.id", ondelete="SET NULL"))
    created_at: Mapped[CreatedAt]


class CartNotice(Base):
    """What signing in or ordering again did to a cart, to be read once: `/cart?notice=<id>`. Kept for a week."""

    __tablename__ = "cart_notice"
    __table_args__ = (
        Index("ix_cart_notice_created_at", "created_at"),
        Index("ix_cart_notice_visitor", "visitor"),
    )

    id: Mapped[Key]
    visitor: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]


class FunnelStep(Base):
    """How far a cart has come (CART-05): each step once per cart."""

    __tablename__ = "funnel_step"
    __table_args__ = (
        CheckConstraint("step IN ('cart', 'contact', 'delivery', 'review', 'placed', 'paid')", name="step"),
        Index("ix_funnel_step_step_created_at", "step", "created_at"),
    )

    cart_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[CreatedAt]
