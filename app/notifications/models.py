from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key


class MailMessage(Base):
    """The record of one mail (NOT-37). Its text is rendered when it is sent and not kept."""

    __tablename__ = "mail_message"
    __table_args__ = (
        UniqueConstraint("topic", "recipient_index", "template"),
        CheckConstraint("state IN ('queued', 'sent', 'refused')", name="state"),
        Index("ix_mail_message_order_id", "order_id"),
        Index("ix_mail_message_recipient_index", "recipient_index"),
        Index("ix_mail_message_created_at", text("created_at DESC")),
    )

    id: Mapped[Key]
    topic: Mapped[str] = mapped_column(Text)  # what it is about, such as "order.paid:<order id>"
    template: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(EncryptedText)
    recipient_index: Mapped[bytes]
    locale: Mapped[str] = mapped_column(Text)
    order_id: Mapped[uuid.UUID | None]
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    server: Mapped[str | None] = mapped_column(Text)  # which SMTP server took it
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[CreatedAt]
    sent_at: Mapped[datetime | None]
