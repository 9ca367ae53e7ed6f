from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.states import check_in
from app.passkeys.rules import PURPOSES


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose passkeys are meant: one of the two."""

    staff_id: uuid.UUID | None = None
    customer_id: uuid.UUID | None = None


class Passkey(Base):
    """What the shop keeps of one: nothing that opens anything. `user_handle` is what the authenticator knows its owner by:
    random, and the same for all passkeys of one account. `sign_count` only grows, where it counts at all."""

    __tablename__ = "passkey"
    __table_args__ = (
        CheckConstraint("num_nonnulls(staff_id, customer_id) = 1", name="owner"),
        CheckConstraint("length(credential_id) BETWEEN 1 AND 1023", name="credential_id"),
        CheckConstraint("length(user_handle) BETWEEN 1 AND 64", name="user_handle"),
        CheckConstraint("sign_count BETWEEN 0 AND 4294967295", name="sign_count"),
        Index("ix_passkey_staff_id", "staff_id", postgresql_where=text("staff_id IS NOT NULL")),
        Index("ix_passkey_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
    )

    id: Mapped[Key]
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"))
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id", ondelete="CASCADE"))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)  # COSE
    user_handle: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_backed_up: Mapped[bool]
    name: Mapped[str] = mapped_column(EncryptedText)
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class PasskeyChallenge(Base):
    """What a browser was asked to sign, until it answers, once, or some minutes have gone. `bound_to` is a fingerprint of the
    browser's session; `user_handle` is of a passkey that is to be made."""

    __tablename__ = "passkey_challenge"
    __table_args__ = (
        CheckConstraint(check_in("purpose", PURPOSES), name="purpose"),
        CheckConstraint("(purpose IN ('staff_add', 'customer_add')) = (user_handle IS NOT NULL)", name="user_handle"),
        Index("ix_passkey_challenge_expires_at", "expires_at"),
    )

    id: Mapped[Key]
    challenge: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    purpose: Mapped[str] = mapped_column(Text)
    bound_to: Mapped[bytes] = mapped_column(LargeBinary)
    user_handle: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime]
