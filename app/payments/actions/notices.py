"""The inbox of verified webhooks."""

from dataclasses import asdict

from sqlalchemy.dialects.postgresql import insert

from app.core import db, outbox
from app.core.ids import new_id
from app.payments.events import NoticeReceived, SubscriptionNoticeReceived
from app.payments.gateway import Notice
from app.payments.models import PaymentNotice


def store(*, provider: str, notice: Notice) -> bool:
    """Put a verified webhook into the inbox. False when it had been there already: it was acted on then."""
    facts = {name: value for name, value in asdict(notice).items() if name not in ("event_id", "kind")}
    notice_id = new_id()
    statement = (
        insert(PaymentNotice)
        .values(id=notice_id, provider=provider, event_id=notice.event_id, kind=notice.kind, facts=facts)
        .on_conflict_do_nothing()
        .returning(PaymentNotice.id)
    )
    if db.session.execute(statement).scalar() is None:
        return False
    received = SubscriptionNoticeReceived if notice.provider_subscription_id else NoticeReceived
    outbox.record(received(notice_id))
    return True
