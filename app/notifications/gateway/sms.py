"""SMS: a short text to a phone, by whoever `SMS_URL` names. Plain values in and out; never called in a transaction.

console:                     written to stdout, for development
https://sms.example/send     one POST of JSON for each message, answered by any 2xx:

    POST /send
    Authorization: Bearer <SMS_TOKEN>
    Idempotency-Key: <id>
    {"id": "<id>", "to": "+60123456789", "text": "…", "from": "<SMS_FROM>"}

429, 5xx and silence mean “once more, later”, with the same id; any other answer means never. A bridge of ten lines makes it any
carrier's own API.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from app.core.settings import Settings, Sms
from app.core.settings.sms import CONSOLE
from app.notifications.errors import SmsDelayed, SmsRefused

TIMEOUT_SECONDS = (3.0, 8.0)
LATER = frozenset({401, 403, 408, 425, 429})  # wrong keys are ours to mend


@dataclass(frozen=True, slots=True)
class Message:
    """`id` is the idempotency key; `to` is E.164."""

    id: str
    to: str
    text: str


_sms = Sms()


def configure(settings: Settings) -> None:
    """Called once by the factory."""
    global _sms
    _sms = settings.sms


def send(message: Message) -> None:
    """Raises SmsDelayed when another try may succeed, SmsRefused when none will."""
    if not _sms.url:
        raise SmsRefused("SMS_URL is not set")
    if _sms.url == CONSOLE:
        sys.stdout.write(f"SMS to {message.to}: {message.text}\n")
        sys.stdout.flush()
        return
    status = _posted(message)
    if status in LATER or not 200 <= status < 500:
        raise SmsDelayed(f"status {status}")
    if status >= 300:
        raise SmsRefused(f"status {status}")


def _posted(message: Message) -> int:
    from app.core import http  # noqa: PLC0415 - most shops send none

    body = {"id": message.id, "to": message.to, "text": message.text, "from": _sms.sender}
    headers = {"Authorization": f"Bearer {_sms.token}", "Idempotency-Key": message.id}
    try:
        answer = http.Session().request("POST", _sms.url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except http.NO_ANSWER as error:
        raise SmsDelayed(type(error).__name__) from None  # what lies below may repeat the number
    return answer.status_code
