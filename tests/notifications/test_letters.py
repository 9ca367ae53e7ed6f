"""What mails say and how they are built: both halves, both languages, nothing that breaks out of its place."""

import dataclasses
import datetime
import re
import uuid
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from app.api_keys.queries import Shown
from app.core import catalogues, settings
from app.core.money import Money
from app.core.settings import BadSettings
from app.documents.models import Document
from app.notifications import letters
from app.notifications.errors import MailRefused
from app.notifications.queries import (
    MailAttempt,
    MailDispute,
    MailLine,
    MailOrder,
    MailPart,
    MailPayment,
    MailPromise,
    MailRefund,
    MailValue,
)
from app.payments.rules import Plan, PlanPart
from app.recurring.queries import MailRecurring

BASE = {
    "APP_ENV": "test",
    "DATABASE_URL": "postgresql://x",
    "REDIS_URL": "redis://x",
    "BASE_URL": "https://shop.example",
}
TEMPLATES = sorted(path.stem for path in letters.TEMPLATES.glob("*.txt") if not path.name.startswith("_"))

TO_STAFF = (
    "books_differ",
    "webhooks_silent",
    "requests_due",
    "staff_backup_code_used",
    "staff_sign_in_blocked",
    "staff_invited",
    "staff_reset",
    "staff_access_changed",
    "staff_alert",
    "api_key_changed",
    "value_issued",
    *(path.stem for path in letters.TEMPLATES.glob("customer_*.txt")),
    "wish_back",
    "newsletter_confirm",
)  # about an account, not about an order


def rm(minor):
    return Money(minor, "MYR")


ORDER = MailOrder(
    id=uuid.UUID(int=7),
    label="MB10482",
    token="token-of-22-characters",
    state="confirmed",
    cancel_reason="",
    locale="en",
    email="aina@example.com",
    name="Aina Rahman",
    address=("Aina Rahman", "12 Jalan Kiara", "50480 Kuala Lumpur"),
    country="SG",
    lines=(MailLine("Kemeja Teluk", "M", 2, None, rm(37800)), MailLine("Kain Ela", "", 5, 500, rm(9500))),
    subtotal=rm(47300),
    discount=rm(300),
    shipping=rm(0),
    shipping_name="Standard delivery",
    delivery_days=(2, 4),
    tax_added=rm(2800),
    tax_included=rm(100),
    tax_names=("SST 8 %",),
    total=rm(49800),
)
PART = PlanPart(1, rm(24900), "paid", datetime.datetime(2026, 5, 31, 17, 30, tzinfo=datetime.UTC))
VALUES = {
    "order": ORDER,
    "payment": MailPayment(rm(49800), "fpx", "pay_1", datetime.datetime(2026, 5, 31, 17, 30, tzinfo=datetime.UTC)),
    "refund": MailRefund(ORDER.id, rm(49800), "late", "requested", "rfnd_00000000000001"),
    "left": 9,
    "token": "token-of-43-characters",
    "minutes": 60,
    "hours": 48,
    "old": "a•••@example.com",
    "name": "Aina",
    "at": datetime.datetime(2026, 6, 7, 17, 30, tzinfo=datetime.UTC),
    "product": "Kemeja Teluk",
    "path": "/p/kemeja-teluk",
    "unsubscribe": "/unsubscribe/token",
    "document": Document(kind="invoice", number="INV-2026-00001", total_minor=49800, currency="MYR"),
    "note": Document(kind="credit_note", number="CN-2026-00001", total_minor=49800, currency="MYR"),
    "answer": "Cut to your measure",
    "promise": MailPromise("K7F3-3QX9-1", datetime.datetime(2026, 6, 3, 17, 30, tzinfo=datetime.UTC), rm(49800)),
    "attempt": MailAttempt(rm(49800)),
    "plan": Plan((PART, PlanPart(2, rm(24900), "open", datetime.datetime(2026, 6, 30, 17, 30, tzinfo=datetime.UTC)))),
    "part": PART,
    "issued": MailValue("value.issued:1", "gift_card", rm(5000), "ABCD-EFGH-JKLM-NPQR", None, "aina@example.com", "en"),
    "bank_details": "Murni Batik Sdn. Bhd.\nMaybank 5140 0000 0000",
    "provider": "Razorpay",
    "overdue": 2,
    "soon": 1,
    "days": 5,
    "what": "totp",
    "label": "Acme ID",
    "is_known": False,
    "is_connected": True,
    "kind": "pace",
    "change": "rotated",
    "who": "mei@example.com",
    "key": Shown(
        id=uuid.UUID(int=8),
        name="Warehouse",
        scopes=["orders.view"],
        networks=[],
        created_at=datetime.datetime(2026, 6, 3, 17, 30, tzinfo=datetime.UTC),
        expires_at=datetime.datetime(2026, 9, 3, 17, 30, tzinfo=datetime.UTC),
        state="active",
        staff_id=uuid.UUID(int=9),
        email="mei@example.com",
        lost=[],
        last_used_at=None,
    ),
    "browser": "Firefox, Linux",
    "system": "Linux",
    "network": "203.0.113.…",
    "until": datetime.datetime(2026, 6, 3, 17, 30, tzinfo=datetime.UTC),
    "url": "https://shop.example/admin/invitation/token",
    "count": 2,
    "dispute": MailDispute(rm(49800), datetime.datetime(2026, 6, 7, 17, 30, tzinfo=datetime.UTC)),
    "due_at": datetime.datetime(2026, 6, 7, 17, 30, tzinfo=datetime.UTC),
    "subscription": MailRecurring(
        "token-of-22-characters",
        "en",
        "aina@example.com",
        "active",
        "Kopi <Ela>, 250 g",
        2,
        None,
        "month",
        1,
        rm(49800),
        None,
        "",
    ),
}


@pytest.fixture(autouse=True)
def _site():
    before = letters._site
    letters.configure(settings.load({**BASE, "SHOP_TAX_NUMBER": "W10-1808"}))
    yield
    letters._site = before


def values_of(template):
    return {**VALUES, "what": "added"} if template == "customer_passkey_changed" else VALUES


def changed(**changes):
    return {**VALUES, "order": dataclasses.replace(ORDER, **changes)}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("locale", letters.LANGUAGES)
def test_every_mail_renders_in_every_language(template, locale):
    letter = letters.compose(template, locale=locale, **values_of(template))
    assert letter.subject
    assert "\n" not in letter.subject
    for half in (letter.text, letter.html):
        assert ("MB10482" in half) == (template not in TO_STAFF and not template.startswith("subscription_"))
        assert not re.search(r"\{\{|\{%|%\(|None|Undefined", half)
        assert "Murni Batik Sdn. Bhd." in half
        assert "W10-1808" in half
    assert not re.search(r"<[a-z]|&[a-z]+;", letter.text)
    assert f'<html lang="{locale}">' in letter.html
    assert "color-scheme" in letter.html
    assert "max-width:600px" in letter.html
    assert not re.search(r'(src|href)="(?!https://shop\.example|mailto:)', letter.html)


def test_there_are_just_the_mails_that_something_sends():
    domains = Path(letters.__file__).parents[1]
    source = "".join(path.read_text() for path in (*domains.glob("*/handlers.py"), *domains.glob("*/handlers/*.py")))
    assert sorted(name for name in TEMPLATES if f'"{name}"' in source) == TEMPLATES
    assert len(TEMPLATES) == 56


@pytest.mark.parametrize("change", ["created", "rotated", "revoked", "ending"])
def test_each_kind_of_news_about_a_key_has_words(change):
    letter = letters.compose("api_key_changed", locale="ms", **{**VALUES, "change": change})
    assert "Warehouse" in letter.subject
    assert "/admin/api-keys/00000000-0000-0000-0000-000000000008" in letter.text


@pytest.mark.parametrize(
    "what",
    [
        "password",
        "totp",
        "totp_removed",
        "totp_replaced",
        "codes",
        "phone",
        "phone_removed",
        "authenticator",
        "passkey_added",
        "passkey_removed",
    ],
)
@pytest.mark.parametrize(
    "kind", ["many_accounts", "new_place", "pace", "stolen_token", "copied_passkey", "many_customers"]
)
def test_each_kind_of_news_about_an_account_has_words(what, kind):
    for template in ("staff_access_changed", "staff_alert"):
        letter = letters.compose(template, locale="ms", **{**VALUES, "what": what, "kind": kind})
        assert letter.subject in letter.text
        assert letter.subject in letter.html


def test_another_authenticator_is_not_told_as_a_lost_one():
    letter = letters.compose("staff_access_changed", locale="en", **{**VALUES, "what": "totp_replaced"})
    assert letter.subject == "Another authenticator was set up"
    for half in (letter.text, letter.html):
        assert "signed out everywhere else. Your passkeys and backup codes stay." in half
        assert "QR code" not in half


def test_lines_and_totals_are_those_of_the_order():
    letter = letters.compose("order_confirmed", locale="en", **VALUES)
    for half in (letter.text, letter.html):
        words = (
            "RM\u00a0378.00",
            "2.5\u00a0m",
            "RM\u00a095.00",
            "RM\u00a0473.00",
            "−RM\u00a03.00",
            "Free",
            "SST 8 %",
            "RM\u00a0498.00",
        )
        assert all(word in half for word in words)
        assert "2 to 4 working days" in half
        assert "Singapore" in half
        assert "https://shop.example/order/token-of-22-characters" in half


def test_every_text_of_a_mail_is_translated():
    malay = catalogues.catalogue("ms")
    found = extract_from_dir(str(letters.TEMPLATES), method_map=[("**.*", "jinja2")])
    texts = {text for _, _, text, _, _ in found}
    assert len(texts) > 40
    assert [text for text in texts if text not in malay or not malay[text].string] == []


def test_a_malay_mail_is_malay_throughout():
    letter = letters.compose("order_confirmed", locale="ms", **VALUES)
    assert letter.subject == "Pesanan MB10482 telah disahkan"
    for half in (letter.text, letter.html):
        assert "Terima kasih, Aina Rahman." in half
        assert "Jumlah" in half
        assert "Percuma" in half
        assert not re.search(
            r"\b(Thank|order|Total|Free|Where|working)\b", re.sub(r"https://\S+", "", half.split("<body")[-1])
        )
    paid = letters.compose("payment_received", locale="ms", **VALUES)
    assert "Perbankan dalam talian (FPX)" in paid.text


def test_malay_mails_have_malay_places_and_dates():
    letter = letters.compose("payment_received", locale="ms", **VALUES)
    assert "1 Jun 2026" in letter.text  # in the shop's time zone, where it is past midnight
    assert "Singapura" in letters.compose("order_confirmed", locale="ms", **VALUES).text


@pytest.mark.parametrize("reason", ["late", "double", "mismatch", "cancelled", "disputed", "requested"])
def test_a_refund_says_why(reason):
    values = {**VALUES, "refund": MailRefund(ORDER.id, rm(100), reason, "requested", "–")}
    letter = letters.compose("refund_on_its_way", locale="en", **values)
    assert letter.subject == "Your refund of RM 1.00 is on its way"
    assert ("sorry" in letter.text) is (reason == "late")


@pytest.mark.parametrize("template", TEMPLATES)
def test_text_of_strangers_stays_text(template):
    attack = "<script>alert(1)</script>{{ 7*7 }}\"'&"
    lines = (MailLine(attack, attack, 1, None, rm(1)),)
    order = changed(
        name=attack, address=(attack,), lines=lines, shipping_name=attack, tax_names=(attack,), label=attack
    )["order"]
    values = {**values_of(template), "order": order}
    values["subscription"] = dataclasses.replace(VALUES["subscription"], what=attack)
    letter = letters.compose(template, locale="en", **values)
    assert "<script>" not in letter.html
    assert ("7*7" in letter.html) == ("<script>" in letter.text) == (template not in TO_STAFF)


@pytest.mark.parametrize("method", ["fpx", "card", "moonpay", ""])
def test_any_way_to_pay_has_a_name(method):
    values = {
        **VALUES,
        "payment": MailPayment(rm(1), method, "pay_1", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
    }
    text = letters.compose("payment_received", locale="en", **values).text
    assert {"fpx": "Online banking (FPX)", "card": "Card", "moonpay": "Moonpay", "": "Paid by: "}[method] in text


def test_the_split_of_an_order_and_where_its_refund_went_are_told():
    order = dataclasses.replace(ORDER, value=(MailPart("gift_card", "7K2M", rm(2000)),))
    letter = letters.compose("order_confirmed", locale="en", **{**VALUES, "order": order})
    for half in (letter.text, letter.html):
        assert "of it by Gift card ••••7K2M" in half
        assert "RM\u00a020.00" in half
    refund = MailRefund(ORDER.id, rm(2000), "other", "succeeded", "••••7K2M", "gift_card", "7K2M")
    letter = letters.compose("refund_done", locale="en", **{**VALUES, "refund": refund})
    assert "back on your gift card" in letter.text
    assert "working days" not in letter.text
    letter = letters.compose(
        "refund_done", locale="en", **{**VALUES, "refund": dataclasses.replace(refund, is_disabled=True)}
    )
    for text in (letter.text, letter.html):
        assert ("disabled at the moment" in text, "at once" in text) == (True, False)


def test_an_unknown_language_is_answered_in_english():
    assert letters.compose("order_confirmed", locale="xx", **VALUES).locale == "en"


def test_headers_of_a_mail():
    letter = letters.compose("order_confirmed", locale="ms", **VALUES)
    mail = letters.addressed(letter, recipient="aina@example.com", key="key-1")
    raw = mail.as_bytes()
    parsed = message_from_bytes(raw, policy=policy.SMTP)
    assert (parsed["To"], parsed["Message-ID"]) == ("aina@example.com", "<key-1@murnibatik.example>")
    assert (parsed["Content-Language"], parsed["Auto-Submitted"]) == ("ms", "auto-generated")
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    "number", ["MB1\r\nBcc: thief@example.com", "MB1\nBcc: thief@example.com", "MB1\u2028Bcc: x", "MB\x001"]
)
def test_a_subject_cannot_become_a_header(number):
    letter = letters.compose("order_confirmed", locale="en", **changed(label=number))
    mail = letters.addressed(letter, recipient="aina@example.com", key="key-1")
    parsed = message_from_bytes(mail.as_bytes(), policy=policy.SMTP)
    assert parsed.keys() == [
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Language",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "recipient",
    [
        "", "aina", "@example.com", "aina@", "a@b@c.example", "aina@example.com\r\nBcc: x@example.com",
        "aina@exam\x00ple.com",
        "aina@example.com, x@example.com", "aina@example.com\n", "Aina <aina@example.com>",
        "a\u2028b@example.com", "a b@example.com",
    ],
)  # fmt: skip
def test_a_recipient_cannot_become_a_header_or_two(recipient):
    letter = letters.compose("order_confirmed", locale="en", **VALUES)
    with pytest.raises(MailRefused):
        letters.addressed(letter, recipient=recipient, key="key-1")


def test_an_address_in_letters_of_the_world_is_written_as_it_is():
    letter = letters.compose("order_confirmed", locale="en", **VALUES)
    mail = letters.addressed(letter, recipient="aïna@example.com", key="key-1")
    assert "aïna@example.com".encode() in mail.as_bytes()


@pytest.mark.parametrize("sender", ["nobody", "Shop <>", "", "Shop\r\nBcc: x <a@b.example>"])
def test_a_sender_that_is_no_address_is_refused_at_start_up(sender):
    loaded = settings.load({**BASE, "MAIL_FROM": sender or "-"})
    with pytest.raises(BadSettings, match="MAIL_FROM"):
        letters.configure(loaded)


def test_a_shop_without_a_real_address_is_refused_at_start_up():
    with pytest.raises(BadSettings, match="SHOP_EMAIL"):
        letters.configure(settings.load({**BASE, "SHOP_EMAIL": "nobody"}))
