"""The mails: one .eml file each, named by the time it came, so that names sort by age."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from typing import Any

KEPT = 2000  # mails; the oldest make room
IDENTIFIER = re.compile(r"\d{8}T\d{12}-[0-9a-f]{8}")


@dataclass(frozen=True)
class Mail:
    """One mail as a reader wants it. `to` holds the addresses it was really sent to, whatever its headers say."""

    id: str
    received: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]

    def summary(self) -> dict[str, Any]:
        """What a list shows, ready for JSON."""
        return {
            "id": self.id,
            "received": self.received.isoformat(),
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
        }

    def details(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            **self.summary(),
            "text": self.text,
            "html": self.html,
            "headers": [list(pair) for pair in self.headers],
        }


class Store:
    """The folder of mails. Safe to use from several threads: a mail appears as a whole and never changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def add(self, content: bytes, *, sender: str, recipients: Iterable[str]) -> str:
        """Keeps a mail and returns its id. The envelope goes in front of it, as headers of its own."""
        identifier = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}"
        envelope = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
        draft = self.folder / f".{identifier}"
        draft.write_bytes(envelope.encode() + content)
        draft.replace(self._path(identifier))
        self._make_room()
        return identifier

    def ids(self) -> list[str]:
        """All ids, newest first."""
        return sorted((name[:-4] for name in os.listdir(self.folder) if IDENTIFIER.fullmatch(name[:-4])), reverse=True)

    def mail(self, identifier: str) -> Mail | None:
        """The mail with this id, or None."""
        content = self.raw(identifier)
        return None if content is None else _parse(identifier, content)

    def raw(self, identifier: str) -> bytes | None:
        """The mail as it came, after the two lines about its envelope; None if there is none with this id."""
        if not IDENTIFIER.fullmatch(identifier):
            return None
        try:
            return self._path(identifier).read_bytes()
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        """Throws all mails away."""
        for identifier in self.ids():
            self._path(identifier).unlink(missing_ok=True)

    def _path(self, identifier: str) -> Path:
        return self.folder / f"{identifier}.eml"

    def _make_room(self) -> None:
        for identifier in self.ids()[KEPT:]:
            self._path(identifier).unlink(missing_ok=True)


@lru_cache(maxsize=KEPT)
def _parse(identifier: str, content: bytes) -> Mail:
    message = message_from_bytes(content, policy=policy.default)
    return Mail(
        id=identifier,
        received=datetime.strptime(identifier.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC),
        sender=_header(message, "From"),
        to=tuple(address.strip() for address in _header(message, "X-Envelope-To").split(",") if address.strip()),
        subject=_header(message, "Subject"),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        headers=tuple((name, str(value)) for name, value in message.items()),
    )


def _header(message: EmailMessage, name: str) -> str:
    return " ".join(str(message.get(name, "")).split())


def _body(message: EmailMessage, kind: str) -> str:
    """The text of the first part of this kind; one with a wrong charset is shown as well as can be."""
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
