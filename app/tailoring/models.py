from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.tailoring import rules
from app.tailoring.rules import Fitting


class MeasurementProfile(Base):
    """Somebody's measures under a name, `Aminah`. All that tells of the body is one encrypted value, so it is code that keeps
    each measure within its bounds. `measures` are millimetres by the names of `rules.MEASURES`, those that were taken."""

    __tablename__ = "measurement_profile"
    __table_args__ = (
        CheckConstraint("unit IN ('cm', 'in')", name="unit"),
        Index("ix_measurement_profile_customer_id_created_at", "customer_id", "created_at"),
        Index("uq_measurement_profile_default", "customer_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[Key]
    customer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(EncryptedText)
    measures: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    note: Mapped[str] = mapped_column(EncryptedText)
    unit: Mapped[str] = mapped_column(Text)  # what its owner types and reads
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())

    @property
    def fitting(self) -> Fitting:
        record = {"mm": self.measures, "unit": self.unit, "name": self.name, "note": self.note}
        return rules.fitting(record, profile_id=self.id)
