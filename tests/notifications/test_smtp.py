"""The way out: plain, STARTTLS and TLS, logins, fallback, refusals, a conversation kept for the next mail."""

import datetime
import smtplib
import socket
import ssl
import threading
import time
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core import settings
from app.core.settings import BadSettings
from app.notifications import gateway
from app.notifications.errors import MailDelayed, MailRefused
from tests.notifications.post_office import PostOffice, free_port

BASE = {"APP_ENV": "test", "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}


@pytest.fixture
def office(open_office):
    """One of its own, with which nobody has talked yet."""
    return open_office()


@pytest.fixture(autouse=True)
def _leave_as_found():
    before = list(gateway._servers)
    yield
    gateway._servers[:] = before


def use(*urls):
    names = ("MAIL_URL", "MAIL_FALLBACK_URL")
    gateway.configure(settings.load({**BASE, **dict(zip(names, urls, strict=False))}))


def send(recipient="aina@example.com", subject="Hello"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "orders@shop.example", recipient, subject
    message.set_content("Text")
    return gateway.send(message, sender="orders@shop.example", recipient=recipient)


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority; returns (server context, path of the authority)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(__import__("ipaddress").ip_address("127.0.0.1"))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem, secret)
    return context, pem


def test_a_mail_arrives(office):
    use(office.url)
    assert send() == f"127.0.0.1:{office.port}"
    assert [mail["Subject"] for mail in office.mails] == ["Hello"]
    assert office.envelopes == [("orders@shop.example", ["aina@example.com"])]


def test_one_conversation_carries_many_mails(office):
    use(office.url)
    for number in range(5):
        send(subject=str(number))
    assert [mail["Subject"] for mail in office.mails] == ["0", "1", "2", "3", "4"]
    assert office.connections == 1


def test_a_server_that_was_restarted_meanwhile_is_called_again(open_office):
    office = open_office()
    use(office.url)
    send()
    office.close()
    again = open_office(port=office.port)
    send()
    assert len(again.mails) == 1


def test_a_refusal_does_not_spoil_the_next_mail(office):
    use(office.url)
    office.refuse["nobody"] = "550 no such user"
    with pytest.raises(MailRefused):
        send("nobody@example.com")
    send()
    assert len(office.mails) == 1


def test_starttls_is_used_when_it_is_offered_and_the_certificate_checked(open_office, tmp_path, monkeypatch):
    context, authority = certificate(tmp_path)
    office = open_office(context=context, require_starttls=True)
    use(f"smtp://shop:right@127.0.0.1:{office.port}")
    with pytest.raises(MailDelayed, match="SSLCertVerificationError"):
        send()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    send()
    assert len(office.mails) == 1
    assert office.logins == [("shop", "right")]


def test_smtps_is_tls_from_the_first_byte(tmp_path, monkeypatch):
    context, authority = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    office = PostOffice()
    office.controller.ssl_context = context
    office.open()
    try:
        use(f"smtps://127.0.0.1:{office.port}")
        send()
        assert len(office.mails) == 1
    finally:
        office.close()


def test_a_wrong_password_is_ours_to_mend(office):
    use(f"smtp://shop:wrong@127.0.0.1:{office.port}")
    with pytest.raises(MailDelayed, match="SMTPAuthenticationError 535"):
        send()


def test_a_password_never_travels_in_clear_to_another_machine(open_office):
    office = open_office(host="127.0.0.2")
    use(f"smtp://shop:right@127.0.0.2:{office.port}")
    with pytest.raises(MailDelayed, match="PasswordStaysHere"):
        send()
    assert office.logins == []


def test_an_address_the_server_cannot_spell_is_refused(open_office):
    office = open_office(enable_SMTPUTF8=False)
    use(office.url)
    with pytest.raises(MailRefused):
        send("aïna@example.com")


@pytest.mark.parametrize("answer", ["421 closing", "450 mailbox busy", "451 local error", "452 full"])
def test_a_temporary_refusal_is_tried_at_the_second_server_and_later(office, open_office, answer):
    second = open_office()
    use(office.url, second.url)
    office.refuse["aina"] = answer
    assert send() == f"127.0.0.1:{second.port}"
    second.refuse["aina"] = answer
    with pytest.raises(MailDelayed):
        send()


@pytest.mark.parametrize("answer", ["550 no such user", "551 not local", "553 not allowed", "554 refused"])
def test_what_every_server_refuses_for_good_is_refused(office, open_office, answer):
    second = open_office()
    use(office.url, second.url)
    office.refuse["aina"] = answer
    assert send() == f"127.0.0.1:{second.port}"
    second.refuse["aina"] = answer
    with pytest.raises(MailRefused) as refusal:
        send()
    assert "aina" not in str(refusal.value)
    second.refuse["aina"] = "450 not now"
    with pytest.raises(MailDelayed):
        send()


def test_a_mail_refused_as_spam_is_refused(office):
    use(office.url)
    office.after_data = "554 5.7.1 looks like spam"
    with pytest.raises(MailRefused, match="SMTPDataError 554"):
        send()


def test_a_server_that_does_not_answer_is_left_in_time(monkeypatch, open_office):
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 0.3)
    second = open_office()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(f"smtp://127.0.0.1:{silent.getsockname()[1]}", second.url)
        started = time.monotonic()
        assert send() == f"127.0.0.1:{second.port}"
        assert time.monotonic() - started < 2


def test_nobody_listens_anywhere():
    use(f"smtp://127.0.0.1:{free_port()}", f"smtp://127.0.0.1:{free_port()}")
    with pytest.raises(MailDelayed, match=r"ConnectionRefusedError; .*ConnectionRefusedError"):
        send()


def test_threads_do_not_share_a_conversation(office):
    use(office.url)

    def send_and_hang_up():
        send()
        gateway._line_to(gateway._servers[0])._drop()

    threads = [threading.Thread(target=send_and_hang_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(office.mails) == 4
    assert office.connections == 4


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "is_tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 25, "", False),
        ("smtp://me%40x.example:p%3Aw@mail.example.com", "mail.example.com", 587, "me@x.example", False),
        ("smtps://me:pw@mail.example.com", "mail.example.com", 465, "me", True),
        ("smtp://[::1]:2525", "::1", 2525, "", False),
    ],
)
def test_addresses_of_servers(url, host, port, user, is_tls):
    server = gateway.server_of(url)
    assert (server.host, server.port, server.user, server.is_tls) == (host, port, user, is_tls)
    assert "pw" not in repr(server)


@pytest.mark.parametrize(
    "url", ["http://mail.example.com", "smtp://", "mail.example.com", "smtp://host:port", "smtp://host:0"]
)
def test_what_is_no_address_is_refused_at_start_up(url):
    with pytest.raises(BadSettings, match="MAIL_URL must look like"):
        use(url)


def test_the_library_counts_the_way_we_think():
    """A refused sender is a response error but no recipient's fault; both must stay apart."""
    assert gateway._is_final(smtplib.SMTPRecipientsRefused({"a@b": (550, b"no")}))
    assert not gateway._is_final(smtplib.SMTPRecipientsRefused({"a@b": (450, b"no")}))
    assert not gateway._is_final(smtplib.SMTPSenderRefused(550, b"no", "a@b"))
    assert not gateway._is_final(smtplib.SMTPServerDisconnected())
    assert SMTP.__name__ == "SMTP"
