from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedJSON
from app.core.db import Base, CreatedAt, Key


class CheckoutSession(Base):
    """What a visitor has typed so far. Expired ones are refused, their answers kept for 24 hours more."""

    __tablename__ = "checkout_session"
    __table_args__ = (Index("ix_checkout_session_expires_at", "expires_at"),)

    id: Mapped[Key]
    visitor: Mapped[str] = mapped_column(Text, unique=True)
    cart_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("cart.id", ondelete="SET NULL"))
    contact: Mapped[dict[str, Any] | None] = mapped_column(EncryptedJSON)  # email, phone
    address: Mapped[dict[str, Any] | None] = mapped_column(
        EncryptedJSON
    )  # name, line1, line2, postcode, city, state, country
    shipping_method: Mapped[str | None] = mapped_column(Text)
    value_ids: Mapped[list[str]] = mapped_column(
        JSONB, server_default=text("'[]'::jsonb")
    )  # accounts whose codes were given
    version: Mapped[int] = mapped_column(server_default="1")
    order_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("orders.id"))  # the order last placed from it
    expires_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
