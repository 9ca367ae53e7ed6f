"""What refunds and disputes do when payments announce something."""

from app.payments.events import RefundSettled, ReversalNoticed
from app.returns import actions, flows


def follow_notice(event: ReversalNoticed) -> None:
    flows.follow_notice(event.notice_id)


def note_refund_settled(event: RefundSettled) -> None:
    actions.note_refund_settled(event.order_id, event.refund_id, state=event.state)
