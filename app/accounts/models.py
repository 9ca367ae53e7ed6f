from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key


class Staff(Base):
    """`last_totp_step` is the 30-second step last accepted: a code works once (RFC 6238, 5.2)."""

    __tablename__ = "staff"
    __table_args__ = (CheckConstraint("role IN ('owner')", name="role"),)

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    totp_secret: Mapped[str] = mapped_column(EncryptedText)
    totp_confirmed_at: Mapped[datetime | None]
    last_totp_step: Mapped[int] = mapped_column(server_default="0")
    backup_codes_saved_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[CreatedAt]


class StaffBackupCode(Base):
    __tablename__ = "staff_backup_code"
    __table_args__ = (Index("ix_staff_backup_code_staff_id", "staff_id"),)

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None]


class StaffSession(Base):
    """A sign-in. The cookie holds a random token, the table its fingerprint; `passed_totp_at` opens the back office.

    `fresh_codes` are the backup codes in clear, from the first sign-in until “I saved them”.
    """

    __tablename__ = "staff_session"
    __table_args__ = (Index("ix_staff_session_staff_id", "staff_id"),)

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    passed_totp_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    fresh_codes: Mapped[str | None] = mapped_column(EncryptedText)
    created_at: Mapped[CreatedAt]


class LoginAttempt(Base):
    """A password or code that was tried, for the limits per account (in the database: Redis may be flushed)."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        CheckConstraint("kind IN ('password', 'code')", name="kind"),
        Index("ix_login_attempt_account", "account_index", "kind", text("created_at DESC")),
    )

    id: Mapped[Key]
    account_index: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[str] = mapped_column(Text)
    was_right: Mapped[bool]
    created_at: Mapped[CreatedAt]
