"""The inbox of verified webhooks."""

import json
import uuid
from collections.abc import Callable
from dataclasses import asdict

from app.core import db, outbox
from app.core.events import Event
from app.core.ids import new_id
from app.payments.events import NoticeReceived, ReversalNoticed, SubscriptionNoticeReceived
from app.payments.gateway import Notice
from app.payments.rules import is_reversal


def store(*, provider: str, notice: Notice) -> bool:
    """Put a verified webhook into the inbox. False when it had been there already: it was acted on then."""
    facts = {name: value for name, value in asdict(notice).items() if name not in ("event_id", "kind")}
    notice_id = new_id()
    is_new = db.scalar(
        "INSERT INTO payment_notice (id, provider, event_id, kind, facts) VALUES (:id, :provider, :event, :kind, CAST(:facts AS jsonb))"
        " ON CONFLICT DO NOTHING RETURNING true",
        id=notice_id,
        provider=provider,
        event=notice.event_id,
        kind=notice.kind,
        facts=json.dumps(facts),
    )
    if not is_new:
        return False
    news = _news_of(notice)
    if news is not NoticeReceived or not _is_needless(provider, notice, notice_id):
        outbox.record(news(notice_id), event_id=notice_id)
    return True


def _is_needless(provider: str, notice: Notice, notice_id: uuid.UUID) -> bool:
    """Whether nobody has to hear of it: what it is about is settled, or the worker will ask the provider about it anyway.

    Providers send two or three notices about one payment, within moments.
    """
    if not notice.provider_payment_id:
        return False
    is_settled, earlier = db.rows(_KNOWN, id=notice_id, provider=provider, payment=notice.provider_payment_id)[0]
    return is_settled or outbox.has_not_begun(NoticeReceived, earlier)


# A payment that is captured and applied to its order has no more to say; what reverses it is another kind of notice.
_KNOWN = """
    SELECT EXISTS (
        SELECT FROM payment_capture c JOIN payment_attempt a ON a.id = c.attempt_id
        WHERE c.provider = :provider AND c.provider_payment_id = :payment
          AND c.is_applied AND c.state = 'captured' AND a.state = 'captured'
    ), ARRAY(
        SELECT id FROM payment_notice
        WHERE provider = :provider AND facts ->> 'provider_payment_id' = :payment AND id <> :id
    )
"""


def _news_of(notice: Notice) -> Callable[[uuid.UUID], Event]:
    if notice.provider_subscription_id:
        return SubscriptionNoticeReceived
    return ReversalNoticed if is_reversal(notice.kind) else NoticeReceived
