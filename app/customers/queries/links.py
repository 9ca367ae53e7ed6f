"""Links of mails that are signed instead of kept: nothing is stored for them, and one is never taken for another."""

from __future__ import annotations

import hmac
import re
import uuid

from app.core import crypto
from app.customers.models import NewsletterSubscriber
from app.customers.rules import TYPES

HEX_ID = re.compile(r"[0-9a-f]{32}")
NEWSLETTER = "newsletter"  # of a link that ends the news: its id is a subscriber's, not a customer's


def unsubscribe_token(whose: uuid.UUID, kind: str) -> str:
    """Ends this kind of mails, without signing in and for ever: it stands in mails that may be years old. `whose` is a customer,
    or a subscriber where `kind` is NEWSLETTER."""
    return f"{whose.hex}-{kind}-{_signatures(f'unsubscribe {whose} {kind}')[0]}"


def unsubscribed_by(token: str) -> tuple[uuid.UUID, str] | None:
    """(id, kind) of a link that we signed; None for every other."""
    parts = token.split("-")
    if len(parts) != 3 or parts[1] not in (*TYPES, NEWSLETTER) or not HEX_ID.fullmatch(parts[0]):
        return None
    whose = uuid.UUID(parts[0])
    return (whose, parts[1]) if _is_signed(f"unsubscribe {whose} {parts[1]}", parts[2]) else None


def confirmation_token(row: NewsletterSubscriber) -> str:
    """Confirms what the letter that was claimed last is about; a later letter's link is another."""
    return f"{row.id.hex}-{_signatures(_letter_of(row))[0]}"


def subscriber_id_of(token: str) -> uuid.UUID | None:
    """Whose link this says it is, be it true or not."""
    whose = token.partition("-")[0]
    return uuid.UUID(whose) if HEX_ID.fullmatch(whose) else None


def is_confirmation_of(row: NewsletterSubscriber, token: str) -> bool:
    return _is_signed(_letter_of(row), token.partition("-")[2])


def _letter_of(row: NewsletterSubscriber) -> str:
    return f"newsletter {row.id} {row.letter_id}"


def _is_signed(subject: str, signature: str) -> bool:
    return any(hmac.compare_digest(signature.encode(), one.encode()) for one in _signatures(subject))


def _signatures(subject: str) -> list[str]:
    """By each key that may have made it, the newest first."""
    return [index.hex()[:40] for index in crypto.blind_indexes(subject)]
