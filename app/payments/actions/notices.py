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
    outbox.record(_news_of(notice)(notice_id))
    return True


def _news_of(notice: Notice) -> Callable[[uuid.UUID], Event]:
    if notice.provider_subscription_id:
        return SubscriptionNoticeReceived
    return ReversalNoticed if is_reversal(notice.kind) else NoticeReceived
