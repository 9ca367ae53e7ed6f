"""What is written about API keys: to those who answer for them and to the shop's owners."""

from __future__ import annotations

import uuid
from functools import partial

from app.accounts.queries import telling
from app.api_keys import queries
from app.api_keys.events import ApiKeyChanged, ApiKeyEnding
from app.notifications import flows


def tell_key_changed(event: ApiKeyChanged) -> None:
    """A key that somebody else made is found out by the mail about it."""
    who = telling.reader(event.staff_id)
    _tell(f"{event.name}:{event.change_id}", event.key_id, change=event.what, who=who.email if who else "")


def tell_key_ending(event: ApiKeyEnding) -> None:
    _tell(f"{event.name}:{event.change_id}", event.key_id, change="ending", who="")


def _tell(topic: str, key_id: uuid.UUID, *, change: str, who: str) -> None:
    key = queries.key(key_id)
    if key is None:
        return
    values = {"change": change, "key": key, "who": who}
    told = queries.to_tell(key_id)
    flows.send_each([partial(flows.to_staff, to, topic, "api_key_changed", **values) for to in told])
