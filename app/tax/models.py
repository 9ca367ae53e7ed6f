from __future__ import annotations

from sqlalchemy import CheckConstraint, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, CreatedAt, Key


class TaxRate(Base):
    """A rate in basis points (1/100 %). `state` empty means the whole country; a state's own rate wins over it.

    `is_included`: the shop's prices already contain it (SST at home); else it is added at checkout (GST abroad).
    """

    __tablename__ = "tax_rate"
    __table_args__ = (
        UniqueConstraint("country", "state", "tax_class"),
        CheckConstraint("basis_points >= 0 AND basis_points <= 10000", name="basis_points"),
    )

    id: Mapped[Key]
    country: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="")
    tax_class: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)  # as printed: SST, IGST, GST
    basis_points: Mapped[int]
    is_included: Mapped[bool] = mapped_column(server_default=text("false"))
    on_shipping: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]
