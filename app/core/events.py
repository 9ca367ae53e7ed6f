"""Facts that domains announce: frozen dataclasses of ids, numbers and short words. No personal data, no secrets."""

import dataclasses
import uuid
from typing import Any, ClassVar


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `name` is the public name (`order.paid`), also used for outgoing webhooks."""

    name: ClassVar[str]

    def payload(self) -> dict[str, Any]:
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def load(cls, payload: dict[str, Any]) -> "Event":
        types = {field.name: field.type for field in dataclasses.fields(cls)}
        return cls(**{key: _typed(types[key], value) for key, value in payload.items()})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) else value


def _typed(kind: Any, value: Any) -> Any:
    return uuid.UUID(value) if kind in (uuid.UUID, "uuid.UUID") and value is not None else value
