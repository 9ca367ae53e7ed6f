"""What is written about API keys: to those who answer for them and to the shop's owners."""

from __future__ import annotations

import uuid
from functools import partial

from app.accounts import queries as accounts
from app.api_keys import queries
from app.api_keys.events import ApiKeyChanged, ApiKeyEnding
from app.notifications import flows, letters
from app.notifications.flows import Mail


def tell_key_changed(event: ApiKeyChanged) -> None:
    """A key that somebody else made is found out by the mail about it."""
    who = accounts.email_of(event.staff_id) or ""
    _tell(f"{event.name}:{event.change_id}", event.key_id, change=event.what, who=who)


def tell_key_ending(event: ApiKeyEnding) -> None:
    _tell(f"{event.name}:{event.change_id}", event.key_id, change="ending", who="")


def _tell(topic: str, key_id: uuid.UUID, *, change: str, who: str) -> None:
    key = queries.key(key_id)
    if key is None:
        return
    values = {"change": change, "key": key, "who": who}
    mail = partial(Mail, topic, "api_key_changed", locale=letters.LANGUAGES[0], order_id=None, values=values)
    flows.send_each([partial(mail, recipient=email) for email in queries.to_tell(key_id)])
