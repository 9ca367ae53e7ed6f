"""Verbs of the mail record (NOT-37), in the caller's transaction: claim a mail, send it, note what became of it."""

from __future__ import annotations

import uuid

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from app.core import crypto, db, outbox
from app.core.ids import new_id
from app.customers.events import WishBack
from app.notifications.models import MailMessage


def claim(*, topic: str, template: str, recipient: str, locale: str, order_id: uuid.UUID | None) -> uuid.UUID | None:
    """The record of this mail, made on the first try and counted on each; None when it was sent or refused already."""
    _index_anew(topic, template, recipient)
    statement = insert(MailMessage).values(
        id=new_id(),
        topic=topic,
        template=template,
        recipient=recipient,
        recipient_index=crypto.blind_index(recipient),
        locale=locale,
        order_id=order_id,
        attempts=1,
    )
    again = statement.on_conflict_do_update(
        index_elements=["topic", "recipient_index", "template"], set_={"attempts": MailMessage.attempts + 1}
    )
    found = db.session.execute(again.returning(MailMessage.id, MailMessage.state)).one()
    return found.id if found.state == "queued" else None


def _index_anew(topic: str, template: str, recipient: str) -> None:
    """What an older key has indexed is the same mail: it is not sent twice while keys are rotated."""
    newest, *older = crypto.blind_indexes(recipient)
    if older:
        mine = (MailMessage.topic == topic, MailMessage.template == template, MailMessage.recipient_index.in_(older))
        db.session.execute(
            update(MailMessage).where(*mine).values(recipient_index=newest).execution_options(synchronize_session=False)
        )


def mark_sent(mail_id: uuid.UUID, *, server: str) -> None:
    _note(mail_id, state="sent", server=server, sent_at=func.clock_timestamp(), last_error=None)


def mark_refused(mail_id: uuid.UUID, *, reason: str) -> None:
    _note(mail_id, state="refused", last_error=reason)


def note_delay(mail_id: uuid.UUID, *, reason: str) -> None:
    _note(mail_id, last_error=reason)


def _note(mail_id: uuid.UUID, **values: object) -> None:
    db.session.execute(update(MailMessage).where(MailMessage.id == mail_id).values(**values))


def note_wishes() -> int:
    """Remember which wishes are sold out, and announce those that can be had again, each at most once a week. Returns how many.

    Sold out is what is on no shelf: what others hold and have not paid may be back in minutes, and is nothing to tell.
    """
    db.rows(
        "UPDATE wish w SET was_sold_out = true FROM search_document d WHERE d.product_id = w.product_id AND d.is_sold_out"
        " AND NOT w.was_sold_out AND NOT EXISTS (SELECT FROM variant v JOIN stock_item s ON s.variant_id = v.id"
        "  WHERE v.product_id = w.product_id AND v.is_available AND s.on_hand > s.safety) RETURNING w.id"
    )
    back = db.rows(
        "WITH back AS (SELECT w.id, c.id AS customer_id, c.id IS NOT NULL AND coalesce(w.told_at < now() - interval '7 days', true)"
        "   AS is_news FROM wish w JOIN search_document d ON d.product_id = w.product_id LEFT JOIN (customer c"
        "   JOIN notification_preference p ON p.customer_id = c.id AND p.channel = 'email' AND p.type = 'alerts' AND p.enabled)"
        "   ON c.visitor = w.visitor AND c.is_active WHERE w.was_sold_out AND NOT d.is_sold_out ORDER BY w.id FOR UPDATE OF w)"
        " UPDATE wish w SET was_sold_out = false, told_at = CASE WHEN b.is_news THEN clock_timestamp() ELSE w.told_at END"
        " FROM back b WHERE w.id = b.id RETURNING b.customer_id, w.product_id, b.is_news"
    )
    news = [WishBack(row.customer_id, row.product_id, new_id()) for row in back if row.is_news]
    outbox.record_all(news)
    return len(news)
