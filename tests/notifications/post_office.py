"""A real SMTP server on a port of its own, that takes mails or does what a test asks of it."""

from __future__ import annotations

import email
import socket
import ssl
from email import policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class PostOffice:
    """`refuse` maps a recipient's name to the answer to RCPT TO; `after_data` is the answer to the mail itself."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None, **options: object
    ):
        self.begin_anew()
        self.host, self.port = host, port or free_port(host)
        options = {"authenticator": self._login, "auth_require_tls": False, **options}
        if context is not None:
            options["tls_context"] = context
        self.controller = Controller(self, hostname=host, port=self.port, **options)  # type: ignore[arg-type]

    def begin_anew(self) -> None:
        """Forget what came, and what a test asked for."""
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.logins: list[tuple[str, str]] = []
        self.refuse: dict[str, str] = {}
        self.after_data = "250 OK"
        self.connections = 0

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def open(self) -> PostOffice:
        self.controller.start()
        return self

    def close(self) -> None:
        """May be called again."""
        if not self.controller.loop.is_closed():
            self.controller.stop(no_assert=True)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        for name, answer in self.refuse.items():
            if name in address:
                return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if not self.after_data.startswith("250"):
            return self.after_data
        self.mails.append(email.message_from_bytes(envelope.content, policy=policy.SMTPUTF8))
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return self.after_data

    def _login(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"right", handled=False)


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def body_of(mail: EmailMessage, kind: str) -> str:
    """The `plain` or `html` half of a mail."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
