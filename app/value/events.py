import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class ValueIssued(Event):
    """A gift card or store credit was issued to somebody whose address we know."""

    name = "value.issued"
    account_id: uuid.UUID
