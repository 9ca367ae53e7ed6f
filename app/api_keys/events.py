import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class ApiKeyChanged(Event):
    """`what` is `created`, `rotated` or `revoked`; `staff_id` who did it. Those who own the shop should know."""

    name = "api_key.changed"
    key_id: uuid.UUID
    change_id: uuid.UUID
    what: str
    staff_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class ApiKeyEnding(Event):
    """It runs out within days, and nobody has rotated it."""

    name = "api_key.ending"
    key_id: uuid.UUID
    change_id: uuid.UUID
