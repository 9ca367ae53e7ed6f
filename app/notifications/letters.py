"""What mails say: `templates/email/<template>.txt` and `.html`, in the language of the order or the reader, without a request.

A template's `.txt` sets `subject`; both halves extend a frame. Values: `shop`, `base_url` and what the caller gives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from app.core import catalogues, clock, formats
from app.core.settings import BadSettings, Settings, Shop
from app.notifications.errors import MailRefused
from app.payments.rules import method_of

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates" / "email"
SHORT_TEMPLATES = ROOT / "templates" / "sms"
LANGUAGES = tuple(catalogues.LANGUAGES)
NOTHING_ATTACHED: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Site:
    """Who writes: the shop, where its pages are, and the sender's name and address."""

    shop: Shop
    base_url: str
    sender_name: str
    sender: str
    bank_details: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str
    locale: str


_site: Site | None = None


def configure(settings: Settings) -> None:
    """Called once by the factory. Raises BadSettings when MAIL_FROM or SHOP_EMAIL is no address."""
    global _site
    name, address = parseaddr(settings.mail_from)
    if not _is_address(address) or not _is_one_line(settings.mail_from):
        raise BadSettings(
            [f"MAIL_FROM={settings.mail_from} is no address, such as Murni Batik <orders@murnibatik.example>"]
        )
    if not _is_address(settings.shop.email):
        raise BadSettings([f"SHOP_EMAIL={settings.shop.email} is no address: sold orders and answers go there"])
    _site = Site(settings.shop, settings.base_url, name or settings.shop.name, address, settings.manual.bank_details)


def site() -> Site:
    if _site is None:
        raise RuntimeError("mails are not configured yet")
    return _site


def language_of(locale: str) -> str:
    return locale if locale in LANGUAGES else LANGUAGES[0]


def compose(template: str, *, locale: str, timezone: str = "", **values: Any) -> Letter:
    """Render both halves of a mail, its times in this zone (an IANA name), else the shop's."""
    language = language_of(locale)
    environment = _environment(language, site(), clock.zone(timezone, default=site().shop.timezone))
    text = environment.get_template(f"{template}.txt").make_module(values)
    subject = " ".join(str(text.subject).split())  # type: ignore[attr-defined]
    html = environment.get_template(f"{template}.html").render(values, subject=subject)
    return Letter(subject=subject, text=str(text).strip() + "\n", html=html, locale=language)


def short(template: str, *, locale: str, **values: Any) -> str:
    """The text of an SMS, `templates/sms/<template>.txt`."""
    environment = _environment(language_of(locale), site(), site().shop.timezone)
    return environment.get_template(f"{template}.txt").render(values).strip()


def addressed(
    letter: Letter,
    *,
    recipient: str,
    key: str,
    attached: Mapping[str, bytes] = NOTHING_ATTACHED,
    unsubscribe: str = "",
) -> EmailMessage:
    """The mail as it is sent. `key` makes its Message-ID: the same mail sent again is known by the same id. `attached` are
    PDFs by file name. `unsubscribe` is the path that ends mails of this kind, by a page or by one click (RFC 8058).

    Raises MailRefused for a recipient that cannot stand in a header.
    """
    if not _is_address(recipient):
        raise MailRefused("the address is none")
    message = EmailMessage(policy=policy.SMTP if recipient.isascii() else policy.SMTPUTF8)
    message["From"] = Address(site().sender_name, addr_spec=site().sender)
    message["To"] = _address(recipient)
    message["Reply-To"] = Address(addr_spec=site().shop.email)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{key}@{site().sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{site().base_url}{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(letter.text, cte="quoted-printable")
    message.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for name, content in attached.items():
        message.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    message["Content-Language"] = letter.locale  # last: what stands here before moves into the first half
    return message


def _is_address(text: str) -> bool:
    """Whether it can stand in a header as one address: in any alphabet, without spaces, controls or commas."""
    name, _, domain = text.rpartition("@")
    if not (name and domain and _is_one_line(text)) or any(character.isspace() for character in text):
        return False
    try:
        # the standard library takes ASCII only here, so that every other letter stands in as an x
        return Address(addr_spec=re.sub(r"[^\x00-\x7f]", "x", text)).domain != ""
    except (MessageError, ValueError, IndexError):
        return False


def _address(text: str) -> Address:
    name, _, domain = text.rpartition("@")
    return Address(username=name, domain=domain)


def _is_one_line(text: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


@lru_cache(maxsize=8 * len(LANGUAGES))
def _environment(language: str, site: Site, zone: ZoneInfo) -> Environment:
    environment = Environment(
        loader=FileSystemLoader([TEMPLATES, SHORT_TEMPLATES]),
        autoescape=select_autoescape(["html"], disabled_extensions=["txt"], default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    translations = catalogues.translations(language)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(locale=language, shop=site.shop, base_url=site.base_url)
    territories = Locale.parse(language).territories

    def moment(value: datetime) -> str:
        return formats.format_moment(value, language=language, timezone=zone)

    def day(value: datetime) -> str:
        return formats.format_day(value, language=language, timezone=zone)

    environment.filters.update(
        day=day,
        money=formats.format_money,
        quantity=formats.format_quantity,
        moment=moment,
        country=lambda code: territories.get(code, code),
        method=lambda code: translations.ugettext(_method_name(code)),
    )
    return environment


def _method_name(code: str) -> str:
    """A way to pay in words; one we have never heard of, as the provider calls it."""
    known = method_of(code)
    return known.label if known else code.capitalize()
