from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, CIDR
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.networks import Network


class ApiKey(Base):
    """What a program may do, from where (no networks: from everywhere) and until when. What it is asked with: `ApiKeySecret`."""

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("length(trim(name)) BETWEEN 1 AND 60", name="name"),
        CheckConstraint(r"array_to_string(scopes, ' ') ~ '^[a-z_]+\.[a-z]+( [a-z_]+\.[a-z]+)*$'", name="scopes"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        Index("uq_api_key_name", text("lower(name)"), unique=True, postgresql_where=text("revoked_at IS NULL")),
        Index("ix_api_key_expires_at", "expires_at", postgresql_where=text("revoked_at IS NULL")),
    )

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    networks: Mapped[list[Network]] = mapped_column(ARRAY(CIDR), server_default="{}")
    expires_at: Mapped[datetime]
    ending_told_at: Mapped[datetime | None]  # when a mail last said that it runs out; a rotation begins anew
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ApiKeySecret(Base):
    """What a program holds: a key of which the table keeps the hash, and for what must be signed a signing secret, which
    both sides have to know. `staff_id` was shown it and answers for it: it opens no more than they may do themselves.

    `ends_at` is set when another one has replaced it; until then both work.
    """

    __tablename__ = "api_key_secret"
    __table_args__ = (
        CheckConstraint("public_id ~ '^[2-9a-z]{12}$'", name="public_id"),
        CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
        Index("uq_api_key_secret_newest", "key_id", unique=True, postgresql_where=text("ends_at IS NULL")),
        Index("ix_api_key_secret_key_id", "key_id"),
        Index("ix_api_key_secret_staff_id", "staff_id"),
    )

    id: Mapped[Key]
    key_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_key.id"))
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    public_id: Mapped[str] = mapped_column(Text, unique=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    signing_secret: Mapped[str | None] = mapped_column(EncryptedText)
    ends_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ApiKeyNonce(Base):
    """A word that a signed request brought: it counts once."""

    __tablename__ = "api_key_nonce"
    __table_args__ = (
        CheckConstraint("length(nonce) BETWEEN 16 AND 64", name="nonce"),
        Index("ix_api_key_nonce_created_at", "created_at"),
    )

    secret_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_key_secret.id", ondelete="CASCADE"), primary_key=True)
    nonce: Mapped[str] = mapped_column(Text, primary_key=True)
    created_at: Mapped[CreatedAt]
