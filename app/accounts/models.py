from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core import crypto
from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base, CreatedAt, Key

ROLE = (
    "role IN ('owner', 'manager', 'support', 'fulfilment', 'catalogue', 'finance', 'agent', 'custom')"
    " AND (role = 'custom') = (role_id IS NOT NULL)"
)


class StaffRole(Base):
    """A role of the shop's own: a name and the rights that were ticked for it."""

    __tablename__ = "staff_role"
    __table_args__ = (
        CheckConstraint("length(trim(name)) BETWEEN 1 AND 60", name="name"),
        CheckConstraint(r"array_to_string(rights, ' ') ~ '^([a-z_]+\.[a-z]+( |$))*$'", name="rights"),
        Index("uq_staff_role_name", text("lower(name)"), unique=True),
    )

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text)
    rights: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[CreatedAt]


class Staff(Base):
    """`last_totp_step` is the 30-second step last accepted: a code works once (RFC 6238, 5.2)."""

    __tablename__ = "staff"
    __table_args__ = (
        CheckConstraint(ROLE, name="role"),
        CheckConstraint("(phone IS NULL) = (phone_confirmed_at IS NULL)", name="phone"),
        CheckConstraint("language IN ('en', 'ms')", name="language"),
        CheckConstraint("length(timezone) BETWEEN 1 AND 60", name="timezone"),
        CheckConstraint("theme IN ('device', 'light', 'dark')", name="theme"),
        CheckConstraint("density IN ('cosy', 'compact')", name="density"),
        Index("ix_staff_role_id", "role_id"),
    )

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text)
    role_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_role.id"))
    totp_secret: Mapped[str] = mapped_column(EncryptedText)
    totp_confirmed_at: Mapped[datetime | None]
    last_totp_step: Mapped[int] = mapped_column(server_default="0")
    backup_codes_saved_at: Mapped[datetime | None]
    phone: Mapped[str | None] = mapped_column(EncryptedText)  # E.164, proven by a code
    phone_confirmed_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    signed_in_at: Mapped[datetime | None]  # last, with all that is asked for; kept when the sessions are long forgotten
    blocked_told_at: Mapped[datetime | None]  # when a mail last said that somebody tries to sign in as them
    language: Mapped[str | None] = mapped_column(Text)  # these four: `rules.Preferences`
    timezone: Mapped[str | None] = mapped_column(Text)
    theme: Mapped[str | None] = mapped_column(Text)
    density: Mapped[str] = mapped_column(Text, server_default="cosy")
    created_at: Mapped[CreatedAt]


class StaffInvitation(Base):
    """Somebody is asked to join. The mail carries a random token, the table its fingerprint; `mail_token` is the token
    itself until the mail has left."""

    __tablename__ = "staff_invitation"
    __table_args__ = (
        CheckConstraint(ROLE, name="role"),
        CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="end"),
        Index(
            "uq_staff_invitation_open",
            "email_index",
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
        Index("ix_staff_invitation_created_at", text("created_at DESC")),
        Index("ix_staff_invitation_role_id", "role_id"),
        Index("ix_staff_invitation_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary)
    role: Mapped[str] = mapped_column(Text)
    role_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_role.id"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    mail_token: Mapped[str | None] = mapped_column(EncryptedText)
    mail_number: Mapped[int] = mapped_column(server_default="1")  # how often it was sent, each time with a new token
    invited_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class StaffReset(Base):
    """Somebody wants a link to choose another password. Written down alike whether anybody works here under this address or
    not: the worker finds out. `token` is the link's secret until its mail has left, `token_hash` what the link is known by."""

    __tablename__ = "staff_reset"
    __table_args__ = (
        CheckConstraint("used_at IS NULL OR token IS NULL", name="spent"),
        Index("ix_staff_reset_email_index_created_at", "email_index", text("created_at DESC")),
        Index("ix_staff_reset_created_at", "created_at"),
    )

    id: Mapped[Key]
    email: Mapped[str] = mapped_column(EncryptedText)
    email_index: Mapped[bytes] = mapped_column(LargeBinary)
    token: Mapped[str | None] = mapped_column(EncryptedText)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    mailed_at: Mapped[datetime | None]  # None: no mail yet, or none at all
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class StaffKeptForm(Base):
    """What somebody sent when their session was over, or a fresh code was asked for, until they are back: bound to them and to
    the browser (`browser_hash`). `form` has the `path` and the `fields`, (name, value) each, without passwords and codes."""

    __tablename__ = "staff_kept_form"
    __table_args__ = (
        Index("ix_staff_kept_form_staff_id", "staff_id"),
        Index("ix_staff_kept_form_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    browser_hash: Mapped[bytes] = mapped_column(LargeBinary)
    form: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON)
    expires_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]


class StaffBackupCode(Base):
    __tablename__ = "staff_backup_code"
    __table_args__ = (Index("ix_staff_backup_code_staff_id", "staff_id"),)

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    used_at: Mapped[datetime | None]


class StaffSmsCode(Base):
    """A code for a phone, good in the session that asked: to prove a new number (`phone`), or to sign in with. `code` is there
    in clear until the worker has sent it; `phone` is the number to be proven."""

    __tablename__ = "staff_sms_code"
    __table_args__ = (
        CheckConstraint("purpose IN ('phone', 'sign_in')", name="purpose"),
        CheckConstraint("used_at IS NULL OR (code IS NULL AND phone IS NULL)", name="spent"),
        Index("ix_staff_sms_code_staff_id_created_at", "staff_id", "created_at"),
        Index("ix_staff_sms_code_created_at", "created_at"),
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    session_id: Mapped[uuid.UUID]
    purpose: Mapped[str] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(EncryptedText)
    code: Mapped[str | None] = mapped_column(EncryptedText)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class StaffSession(Base):
    """A sign-in. The cookie holds a random token, the table its fingerprint; `passed_totp_at`, when a code was last given,
    opens the back office. `address` and `agent` tell the person where it was. The token of a program (`is_program`) renews
    access tokens instead, and is no cookie.

    `fresh_codes` are the backup codes in clear, from the first sign-in until “I saved them”.
    """

    __tablename__ = "staff_session"
    __table_args__ = (
        Index("ix_staff_session_staff_id", "staff_id"),
        Index("ix_staff_session_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    passed_totp_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    fresh_codes: Mapped[str | None] = mapped_column(EncryptedText)
    address: Mapped[str | None] = mapped_column(EncryptedText)
    agent: Mapped[str] = mapped_column(Text, server_default="")
    place_index: Mapped[bytes | None] = mapped_column(info=crypto.LASTING)  # fingerprint of network and browser
    is_program: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]


class StaffSpentToken(Base):
    """A token that a program's session was renewed with. Whoever brings it again has a copy that was stolen, or was stolen
    from."""

    __tablename__ = "staff_spent_token"
    __table_args__ = (Index("ix_staff_spent_token_session_id", "session_id"),)

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff_session.id", ondelete="CASCADE"))
    spent_at: Mapped[CreatedAt]


class StaffDevice(Base):
    """A browser that its owner trusts: for some weeks the password is enough there (SEC-22), but never for what asks for a
    fresh code. `confirmed_at` is when the code was given with which it was trusted."""

    __tablename__ = "staff_device"
    __table_args__ = (Index("ix_staff_device_staff_id", "staff_id"), Index("ix_staff_device_expires_at", "expires_at"))

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    confirmed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(EncryptedText)
    agent: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]


class StaffAlert(Base):
    """Something about signing in that looks suspicious (SEC-12). `staff_id` is empty where it concerns many accounts, or those
    of customers."""

    __tablename__ = "staff_alert"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('many_accounts', 'new_place', 'pace', 'stolen_token', 'copied_passkey', 'many_customers')",
            name="kind",
        ),
        Index("ix_staff_alert_created_at", text("created_at DESC")),
        Index("ix_staff_alert_address_index", "address_index", text("created_at DESC")),
        Index("ix_staff_alert_staff_id", "staff_id"),
    )

    id: Mapped[Key]
    kind: Mapped[str] = mapped_column(Text)
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    address: Mapped[str | None] = mapped_column(EncryptedText)
    address_index: Mapped[bytes | None]
    agent: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]


class LoginAttempt(Base):
    """A password or code that was tried, for the limits per account (in the database: Redis may be flushed). Each `kind`
    counts for itself: else whoever knows an e-mail address could keep its owner out (ASVS 6.3.1).

    `password`, `code` and `passkey` are what everybody may try; `trusted` a password in a browser that its owner trusts;
    `own` and `again` the password, and code or passkey, of whoever is at work already.
    """

    __tablename__ = "login_attempt"
    __table_args__ = (
        CheckConstraint("kind IN ('password', 'code', 'trusted', 'own', 'again', 'passkey')", name="kind"),
        Index("ix_login_attempt_account", "account_index", "kind", text("created_at DESC")),
        Index("ix_login_attempt_created_at", text("created_at DESC"), text("id DESC")),
        Index("ix_login_attempt_address", "address_index", text("created_at DESC"), text("id DESC")),
        Index(
            "ix_login_attempt_wrong", "address_index", text("created_at DESC"), postgresql_where=text("NOT was_right")
        ),
    )

    id: Mapped[Key]
    account_index: Mapped[bytes] = mapped_column(LargeBinary, info={crypto.INDEX: "staff.email_index"})
    kind: Mapped[str] = mapped_column(Text)
    was_right: Mapped[bool]
    address: Mapped[str | None] = mapped_column(EncryptedText)
    address_index: Mapped[bytes | None]
    agent: Mapped[str] = mapped_column(Text, server_default="")
    created_at: Mapped[CreatedAt]
