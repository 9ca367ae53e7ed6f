import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class RefundCredited(Event):
    """A refund has succeeded and its credit note, where one is due, is there: whoever tells of it tells all at once."""

    name = "refund.credited"
    refund_id: uuid.UUID
    order_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class DocumentWanted(Event):
    """Somebody wants the customer to have it by mail. Each wish is one mail."""

    name = "document.wanted"
    document_id: uuid.UUID
    wish_id: uuid.UUID
