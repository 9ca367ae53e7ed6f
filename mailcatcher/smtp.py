"""The receiving side: SMTP on the loopback address, no login asked for, nothing passed on."""

from __future__ import annotations

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailcatcher.store import Store

LARGEST_MAIL = 10_000_000  # bytes


class Catcher:
    """aiosmtpd's handler: every mail goes to the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 aiosmtpd's name
        content = envelope.original_content or b""
        self.store.add(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        return "250 Kept"


def server(store: Store, *, port: int) -> Controller:
    """A server that is not started yet; `start()` runs it in a thread of its own and raises OSError if it cannot."""
    return Controller(
        Catcher(store),
        hostname="127.0.0.1",
        port=port,
        data_size_limit=LARGEST_MAIL,
        enable_SMTPUTF8=True,
        ident="mailcatcher",
    )
