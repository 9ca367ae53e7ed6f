from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.audit import rules
from app.core import crypto
from app.core.crypto import LenientText
from app.core.db import Base, CreatedAt, Key

NEWEST = (text("created_at DESC"), text("id DESC"))


class AuditEntry(Base):
    """`actor` is `staff:<id>`, `command`, `system` or `customer`, `facts.api_key` the key that staff's program asked with.
    `facts`, `before` and `after` hold ids, numbers and words of the trade, no personal data. Nothing changes an entry; only the
    encrypted address may be forgotten (a trigger). As the database cannot tell that from nonsense, an address that nobody can
    read is told as such and stops no page and no seal.

    `mac` is keyed: who can write to the database and has no key of the shop's cannot add an entry that looks like ours.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_created_at", *NEWEST),
        Index("ix_audit_entry_actor", "actor", *NEWEST),
        Index("ix_audit_entry_area", text("split_part(action, '.', 1)"), *NEWEST),
        Index("ix_audit_entry_object", "object_id", *NEWEST),
        Index("ix_audit_entry_address", "address_index", *NEWEST),
        Index(
            "ix_audit_entry_api_key",
            text("(facts ->> 'api_key')"),
            *NEWEST,
            postgresql_where=text("(facts ->> 'api_key') IS NOT NULL"),
        ),
        Index("ix_audit_entry_address_known", "created_at", postgresql_where=text("address IS NOT NULL")),
    )

    id: Mapped[Key]
    actor: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    address: Mapped[str | None] = mapped_column(LenientText)
    address_index: Mapped[bytes | None] = mapped_column(info=crypto.LASTING)  # sealed
    request_id: Mapped[str] = mapped_column(Text, server_default="")
    mac: Mapped[bytes | None]
    created_at: Mapped[CreatedAt]

    def content(self) -> bytes:
        return rules.content(
            entry_id=self.id,
            created_at=self.created_at,
            actor=self.actor,
            action=self.action,
            object_kind=self.object_kind,
            object_id=self.object_id,
            facts=self.facts,
            before=self.before,
            after=self.after,
            address_index=self.address_index,
            request_id=self.request_id,
        )


class AuditSeal(Base):
    """An entry's place in the chain: `hash` is keyed and covers the entry and the seal before it, without gaps."""

    __tablename__ = "audit_seal"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("audit_entry.id"), unique=True)
    hash: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
