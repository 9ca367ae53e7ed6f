from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, CreatedAt, Key


class CspReport(Base):
    """One kind of policy violation and how often browsers saw it (SEC-38). Addresses are kept without their query."""

    __tablename__ = "csp_report"
    __table_args__ = (Index("ix_csp_report_last_seen_at", text("last_seen_at DESC")),)

    id: Mapped[Key]
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    directive: Mapped[str] = mapped_column(Text)
    blocked: Mapped[str] = mapped_column(Text)
    page: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, server_default="")
    count: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
