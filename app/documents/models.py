from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedJSON
from app.core.db import Base, CreatedAt, Key
from app.core.money import Money


class Document(Base):
    """Issued once, never changed or deleted: a trigger refuses both, but for a new key of `buyer`. `facts` and `buyer` are all that
    its PDF prints."""

    __tablename__ = "document"
    __table_args__ = (
        CheckConstraint("kind IN ('invoice', 'receipt', 'credit_note')", name="kind"),
        CheckConstraint("(kind = 'credit_note') = (refund_id IS NOT NULL)", name="refund"),
        CheckConstraint("tax_minor >= 0 AND total_minor >= tax_minor", name="amounts"),
        UniqueConstraint("series", "number"),
        UniqueConstraint("refund_id"),
        Index("uq_document_order_id_kind", "order_id", "kind", unique=True, postgresql_where=text("refund_id IS NULL")),
        Index("ix_document_order_id_issued_at", "order_id", "issued_at"),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    series: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"))
    refund_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("refund.id"))
    locale: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    total_minor: Mapped[int]
    tax_minor: Mapped[int]
    taxes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # the tax groups; they add up to the total
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)  # every printed word but those of `buyer`
    buyer: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    edition: Mapped[int] = mapped_column(SmallInteger)  # of the template: templates/documents/<edition>
    issued_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]

    @property
    def total(self) -> Money:
        return Money(self.total_minor, self.currency)

    @property
    def file_name(self) -> str:
        return f"{self.number}.pdf"
