"""What is issued when an order is paid and when a refund has succeeded."""

from app.core import outbox
from app.documents import actions as documents
from app.documents.events import RefundCredited
from app.orders.events import OrderPaid
from app.payments.events import RefundSettled


def issue(event: OrderPaid) -> None:
    documents.issue_for_order(event.order_id)


def credit(event: RefundSettled) -> None:
    if event.state == "succeeded":
        documents.issue_credit_note(event.refund_id, event.order_id)
        outbox.record(RefundCredited(event.refund_id, event.order_id))
