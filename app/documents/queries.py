from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, load_only

from app.core import db
from app.documents.models import Document
from app.orders.models import Order


def documents_of(order_id: uuid.UUID) -> list[Document]:
    """All documents of an order, the first first."""
    statement = select(Document).where(Document.order_id == order_id).order_by(Document.issued_at, Document.id)
    return list(db.session.scalars(statement))


def order_with_documents(token: str) -> tuple[Order | None, list[Document]]:
    """The order with exactly this token, and its documents without what they print, in one statement."""
    if not 22 <= len(token) <= 64:
        return None, []
    statement = (
        select(Order, Document)
        .outerjoin(Document, Document.order_id == Order.id)
        .where(Order.token == token)
        .order_by(Document.issued_at, Document.id)
        .options(joinedload(Order.lines), load_only(Document.kind, Document.number))
    )
    found = db.session.execute(statement).unique().all()
    return (found[0][0] if found else None), [document for _, document in found if document is not None]


def document(document_id: uuid.UUID) -> Document | None:
    return db.session.get(Document, document_id)


def document_of(order_id: uuid.UUID, kind: str) -> Document | None:
    """The invoice or receipt of an order."""
    statement = select(Document).where(
        Document.order_id == order_id, Document.kind == kind, Document.refund_id.is_(None)
    )
    return db.session.scalars(statement).one_or_none()


def invoice_of(order: str) -> Document | None:
    """The invoice of an order, by the order's id or number."""
    found = db.rows(
        "SELECT id FROM orders WHERE number = :order OR id = CAST(:id AS uuid)", order=order, id=_uuid_or_none(order)
    )
    return document_of(found[0].id, "invoice") if found else None


def credit_note_of(refund_id: uuid.UUID) -> Document | None:
    return db.session.scalars(select(Document).where(Document.refund_id == refund_id)).one_or_none()


def money_of(order_id: uuid.UUID) -> list[Any]:
    """(amount_minor, currency, method, reference, last_four, paid_at) of all that the order was paid with: money from outside
    first, then gift cards and credit, which are known by the last four characters of their codes."""
    return db.rows(
        "SELECT c.amount_minor, c.currency, c.method, coalesce(a.last_four, '') AS last_four,"
        " CASE WHEN a.id IS NULL THEN c.provider_payment_id ELSE '••••' || a.last_four END AS reference,"
        " coalesce(c.captured_at, c.created_at) AS paid_at"
        " FROM payment p JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied"
        " LEFT JOIN value_hold h ON c.attempt_id IS NULL AND h.order_id = p.order_id AND h.id::text = c.provider_payment_id"
        " LEFT JOIN value_account a ON a.id = h.account_id"
        " WHERE p.order_id = :id ORDER BY c.attempt_id IS NULL, c.provider, c.id",
        id=order_id,
    )


def refund_facts(refund_id: uuid.UUID) -> Any | None:
    """(amount_minor, reason, state, is_of_order, sent_back_minor) of a refund: whether it returns the money that pays the
    order, and how much of that has gone back by now."""
    found = db.rows(
        "SELECT r.amount_minor, r.reason, r.state, c.is_applied AS is_of_order, (SELECT coalesce(sum(s.amount_minor), 0)::bigint"
        "  FROM refund s JOIN payment_capture o ON o.id = s.capture_id AND o.is_applied"
        "  WHERE s.payment_id = r.payment_id AND s.state = 'succeeded') AS sent_back_minor"
        " FROM refund r JOIN payment_capture c ON c.id = r.capture_id WHERE r.id = :id",
        id=refund_id,
    )
    return found[0] if found else None


def refunds_before_the_sale(order_id: uuid.UUID) -> list[uuid.UUID]:
    """Refunds of an order in instalments that have succeeded and have no credit note."""
    found = db.rows(
        "SELECT r.id FROM payment p JOIN refund r ON r.payment_id = p.id JOIN payment_capture c ON c.id = r.capture_id"
        " WHERE p.order_id = :id AND p.parts > 1 AND c.is_applied AND r.state = 'succeeded'"
        " AND NOT EXISTS (SELECT FROM document d WHERE d.refund_id = r.id) ORDER BY r.created_at",
        id=order_id,
    )
    return [row[0] for row in found]


def refunded_parts(refund_id: uuid.UUID) -> list[Any]:
    """(kind, order_line_id, quantity, amount_minor) of what a refund returns: goods, the delivery, or just an amount."""
    return db.rows(
        "SELECT kind, order_line_id, quantity, amount_minor FROM refund_line WHERE refund_id = :id AND amount_minor > 0"
        " ORDER BY kind = 'amount', id",
        id=refund_id,
    )


def _uuid_or_none(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
