"""The mail catcher: what goes in by SMTP comes out as a page and as JSON, and runs nothing."""

import json
import smtplib
import urllib.request
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from mailcatcher import pages, store
from run import ports
from tests.run.conftest import Start
from tests.run.waiting import wait_until


def message(**changed: str) -> EmailMessage:
    mail = EmailMessage()
    values = {
        "From": "Kedai <shop@example.com>",
        "To": "aina@example.com",
        "Subject": "Pesanan disahkan – ₹",
        **changed,
    }
    for name, value in values.items():
        mail[name] = value
    mail.set_content("Terima kasih, Aina.")
    mail.add_alternative("<h1>Terima kasih</h1><script>alert(1)</script>", subtype="html")
    return mail


@pytest.fixture
def mails(tmp_path: Path) -> store.Store:
    return store.Store(tmp_path / "mail")


@pytest.fixture
def client(mails: store.Store) -> Iterator[FlaskClient]:
    with pages.create_app(mails).test_client() as client:
        yield client


def test_a_mail_travels_from_smtp_to_json(tmp_path: Path, start: Start) -> None:
    smtp_port, http_port = ports.pick(), ports.pick()
    arguments = ["--smtp-port", str(smtp_port), "--http-port", str(http_port), "--data", str(tmp_path)]
    catcher = start("-m", "mailcatcher", *arguments)
    assert catcher.stdout is not None
    assert str(http_port) in catcher.stdout.readline()
    with smtplib.SMTP("127.0.0.1", smtp_port, timeout=10) as smtp:
        smtp.send_message(message(), to_addrs=["aina@example.com", "copy@example.com"])
    [listed] = read(http_port, "/messages.json")
    assert listed["to"] == ["aina@example.com", "copy@example.com"]
    mail = read(http_port, f"/messages/{listed['id']}.json")
    assert mail["from"] == "Kedai <shop@example.com>"
    assert mail["subject"] == "Pesanan disahkan – ₹"
    assert mail["text"].strip() == "Terima kasih, Aina."
    assert "<h1>Terima kasih</h1>" in mail["html"]
    catcher.terminate()
    assert catcher.wait(timeout=10) == 0


def read(port: int, path: str) -> list[dict[str, str]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def test_a_taken_port_is_a_sentence(tmp_path: Path, start: Start) -> None:
    port = str(ports.pick())
    first = start("-m", "mailcatcher", "--smtp-port", str(ports.pick()), "--http-port", port, "--data", str(tmp_path))
    assert first.stdout is not None
    first.stdout.readline()
    second = start("-m", "mailcatcher", "--smtp-port", str(ports.pick()), "--http-port", port, "--data", str(tmp_path))
    wait_until(lambda: second.poll() is not None)
    assert second.returncode == 1
    assert second.stderr is not None
    assert "cannot listen" in second.stderr.read()


def test_the_list_shows_the_newest_first_and_escapes(mails: store.Store, client: FlaskClient) -> None:
    mails.add(message(Subject="first").as_bytes(), sender="a@b.c", recipients=["one@example.com"])
    mails.add(message(Subject="<b>second</b>").as_bytes(), sender="a@b.c", recipients=["two@example.com"])
    page = client.get("/").text
    assert page.index("&lt;b&gt;second") < page.index("first")
    assert [mail["subject"] for mail in client.get("/messages.json").get_json()] == ["<b>second</b>", "first"]


def test_the_html_of_a_mail_can_run_nothing(mails: store.Store, client: FlaskClient) -> None:
    identifier = mails.add(message().as_bytes(), sender="a@b.c", recipients=["x@example.com"])
    page = client.get(f"/messages/{identifier}")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    html = client.get(f"/messages/{identifier}/html")
    assert html.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in html.headers["Content-Security-Policy"]
    assert b"X-Envelope-To: x@example.com" in client.get(f"/messages/{identifier}/raw").data


def test_mails_are_thrown_away_by_button_and_by_program(mails: store.Store, client: FlaskClient) -> None:
    for clear in (lambda: client.post("/clear"), lambda: client.delete("/messages")):
        mails.add(message().as_bytes(), sender="a@b.c", recipients=["x@example.com"])
        assert clear().status_code in (204, 303)
        assert client.get("/messages.json").get_json() == []


def test_other_sites_can_neither_read_nor_clear(mails: store.Store, client: FlaskClient) -> None:
    identifier = mails.add(message().as_bytes(), sender="a@b.c", recipients=["x@example.com"])
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.post("/clear", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert mails.ids() == [identifier]


@pytest.mark.parametrize("identifier", ["x", "../secret", "20260101T000000000000-00000000"])
def test_an_unknown_mail_is_not_found(client: FlaskClient, identifier: str) -> None:
    for path in ("", ".json", "/html", "/raw"):
        assert client.get(f"/messages/{identifier}{path}").status_code == 404


def test_a_mail_with_a_broken_charset_is_still_shown(mails: store.Store) -> None:
    content = b"From: a@b.c\r\nSubject: x\r\nContent-Type: text/plain; charset=klingon\r\n\r\nhello \xff\r\n"
    mail = mails.mail(mails.add(content, sender="a@b.c", recipients=["x@example.com"]))
    assert mail is not None
    assert mail.text.startswith("hello")


def test_the_oldest_make_room(mails: store.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT", 2)
    kept = [mails.add(b"Subject: x\r\n\r\n", sender="a@b.c", recipients=["x@example.com"]) for _ in range(3)]
    assert mails.ids() == [kept[2], kept[1]]
