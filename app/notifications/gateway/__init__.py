"""SMTP: the server of MAIL_URL, then that of MAIL_FALLBACK_URL. Plain values in and out; never called in a transaction.

smtp://user:password@host:587     STARTTLS when the server offers it; a password never travels in clear off this machine
smtps://user:password@host:465    TLS from the first byte
"""

from __future__ import annotations

import logging
import os
import smtplib
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from app.core.settings import BadSettings, Settings
from app.notifications.errors import MailDelayed, MailRefused

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 8.0  # for each step of the conversation; two servers that hang stay well below the outbox's lease
IDLE_SECONDS = 10.0  # a conversation is kept this long for the next mail
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    is_tls: bool = False

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


class PasswordStaysHere(smtplib.SMTPException):
    """The server offers no TLS and is not on this machine."""


_servers: list[Server] = []


def configure(settings: Settings) -> None:
    """Called once by the factory. Raises BadSettings for an address that is none."""
    _servers[:] = [
        server_of(url, name=name)
        for name, url in (("MAIL_URL", settings.mail_url), ("MAIL_FALLBACK_URL", settings.mail_fallback_url))
        if url
    ]


def server_of(url: str, *, name: str = "MAIL_URL") -> Server:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or port == 0:
        raise BadSettings([f"{name} must look like smtp://user:password@mail.example.com:587"])
    is_tls = parts.scheme == "smtps"
    user = unquote(parts.username or "")
    usual = 465 if is_tls else 587 if user else 25
    return Server(parts.hostname, port or usual, user, unquote(parts.password or ""), is_tls)


def send(message: EmailMessage, *, sender: str, recipient: str) -> str:
    """Hand the mail to the first server that takes it; returns that server's name.

    Raises MailRefused when every server refuses the recipient for good (or there is none: only production insists on
    MAIL_URL), MailDelayed when another try may succeed.
    """
    failures = []
    for server in _servers:
        try:
            _line_to(server).send(message, sender=sender, recipient=recipient)
            return server.name
        except (smtplib.SMTPException, OSError) as error:
            log.warning("a mail server did not take a mail", extra={"server": server.name, "error": _told(error)})
            failures.append(error)
    told = "; ".join(f"{server.name}: {_told(error)}" for server, error in zip(_servers, failures, strict=True))
    if all(_is_final(error) for error in failures):
        raise MailRefused(told or "MAIL_URL is not set")
    raise MailDelayed(told)


class Line:
    """A conversation with one server, kept for the next mail for a few seconds. Belongs to one thread."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self._used_at = 0.0

    def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        smtp = self._open()
        try:
            smtp.send_message(message, from_addr=sender, to_addrs=[recipient])
        except BaseException:
            self._drop()
            raise
        self._used_at = time.monotonic()

    def _open(self) -> smtplib.SMTP:
        """The conversation that is open, if the server still listens, else a new one."""
        if self._smtp is not None:
            if time.monotonic() - self._used_at < IDLE_SECONDS and _still_listens(self._smtp):
                return self._smtp
            self._drop()
        self._smtp = _connected(self._server)
        return self._smtp

    def _drop(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


_here = threading.local()


def _line_to(server: Server) -> Line:
    """This thread's line; a child process starts its own, two voices in one conversation would be nonsense."""
    if getattr(_here, "process", None) != os.getpid():
        _here.process, _here.lines = os.getpid(), {}
    lines: dict[Server, Line] = _here.lines
    return lines.setdefault(server, Line(server))


def _still_listens(smtp: smtplib.SMTP) -> bool:
    try:
        return smtp.rset()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _connected(server: Server) -> smtplib.SMTP:
    smtp = _greeted(server)
    try:
        smtp.ehlo()
        is_private = server.is_tls or server.host in LOOPBACK
        if not server.is_tls and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            is_private = True
        if server.user and not is_private:
            raise PasswordStaysHere
        if server.user:
            smtp.login(server.user, server.password)
    except smtplib.SMTPNotSupportedError as error:  # ours to mend; below, the same error means a recipient
        smtp.close()
        raise smtplib.SMTPException from error
    except BaseException:
        smtp.close()
        raise
    return smtp


def _greeted(server: Server) -> smtplib.SMTP:
    name = socket.gethostname()  # given, because smtplib would ask the DNS for it
    if server.is_tls:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(server.host, server.port, name, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(server.host, server.port, name, timeout=TIMEOUT_SECONDS)


def _is_final(error: Exception) -> bool:
    """Whether the same mail would be refused tomorrow too. A rejected sender or password is ours to mend, not final."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPDataError):
        return 500 <= error.smtp_code < 600
    return isinstance(error, smtplib.SMTPNotSupportedError)  # an address in letters that the server cannot spell


def _told(error: Exception) -> str:
    """What happened, without the server's words: they repeat the address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "recipient refused " + ",".join(str(code) for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{type(error).__name__} {error.smtp_code}"
    return type(error).__name__
