from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.crypto import EncryptedText
from app.core.db import Base, CreatedAt, Key
from app.core.states import HasState, check_in
from app.privacy.rules import KINDS, PROOFS, REQUEST_MOVES


class DataRequest(HasState, Base):
    """Somebody wants to see, correct or delete what is known of them, or objects to a use of it (DAT-04). To be answered until
    `due_at`. At most one of a kind is open for an e-mail address and its account, or without one.

    The address is forgotten with the person: then the row proves that it was done, and no more.
    """

    __tablename__ = "data_request"
    __table_args__ = (
        CheckConstraint(check_in("kind", KINDS), name="kind"),
        CheckConstraint(check_in("state", REQUEST_MOVES), name="state"),
        CheckConstraint(check_in("proof", PROOFS), name="proof"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("(email IS NULL) = (email_index IS NULL)", name="email"),
        CheckConstraint("state <> 'open' OR email_index IS NOT NULL", name="whose"),
        Index(
            "uq_data_request_open",
            "email_index",
            "kind",
            "customer_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_data_request_due_at", "due_at", "id", postgresql_where=text("state = 'open'")),
        Index("ix_data_request_closed_at", text("closed_at DESC"), text("id DESC")),
        Index("ix_data_request_email_index", "email_index", text("created_at DESC")),
        Index("ix_data_request_customer_id", "customer_id", postgresql_where=text("customer_id IS NOT NULL")),
    )
    MOVES = REQUEST_MOVES

    id: Mapped[Key]
    reference: Mapped[str] = mapped_column(Text, unique=True)  # how both sides call it
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="open")
    customer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("customer.id", ondelete="SET NULL"))
    email: Mapped[str | None] = mapped_column(EncryptedText)
    email_index: Mapped[bytes | None] = mapped_column(LargeBinary)
    proof: Mapped[str] = mapped_column(Text)  # how it is known that it is theirs
    note: Mapped[str] = mapped_column(EncryptedText)  # what they want, in their words or the staff's
    answer: Mapped[str] = mapped_column(EncryptedText)  # what was done, or why not
    opened_by: Mapped[str] = mapped_column(Text)
    closed_by: Mapped[str | None] = mapped_column(Text)
    due_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]
    closed_at: Mapped[datetime | None]
