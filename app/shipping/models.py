from __future__ import annotations

import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, CreatedAt, Key


class ShippingZone(Base):
    """Countries, optionally only some states of one, that share rates. The zone with the states wins."""

    __tablename__ = "shipping_zone"

    id: Mapped[Key]
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    countries: Mapped[list[str]] = mapped_column(ARRAY(Text))
    states: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    created_at: Mapped[CreatedAt]


class ShippingRate(Base):
    """A method in a zone and currency: `base_minor` for one item of up to 500 g, `step_minor` for each 500 g more, `item_minor`
    for each item more, free from a subtotal on. A rate by weight alone has no `item_minor`, one by count alone no `step_minor`.
    With `pickup_at` (the parts of an address) nothing is sent: it is fetched there, in the `pickup_hours`."""

    __tablename__ = "shipping_rate"
    __table_args__ = (
        UniqueConstraint("zone_id", "code", "currency"),
        CheckConstraint("base_minor >= 0 AND step_minor >= 0", name="amounts"),
        CheckConstraint("item_minor >= 0", name="item"),
        CheckConstraint("(pickup_at IS NULL) = (pickup_hours IS NULL)", name="pickup"),
        CheckConstraint("min_days >= 0 AND max_days >= min_days", name="days"),
        Index("ix_shipping_rate_zone_id", "zone_id"),
    )

    id: Mapped[Key]
    zone_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("shipping_zone.id"))
    code: Mapped[str] = mapped_column(Text)
    name: Mapped[dict[str, str]] = mapped_column(JSONB)
    currency: Mapped[str] = mapped_column(Text)
    base_minor: Mapped[int]
    step_minor: Mapped[int] = mapped_column(server_default="0")
    item_minor: Mapped[int] = mapped_column(server_default="0")
    free_from_minor: Mapped[int | None]
    pickup_at: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    pickup_hours: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    min_days: Mapped[int] = mapped_column(SmallInteger)  # working days
    max_days: Mapped[int] = mapped_column(SmallInteger)
    position: Mapped[int] = mapped_column(SmallInteger, server_default="0")
