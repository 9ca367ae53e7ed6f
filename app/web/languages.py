"""Language, currency, theme and time zone of an answer: from the address, else the visitor's choice, else the browser, else the
shop.

language   ?lang= -> a preference -> cookie `lang` -> Accept-Language -> en
currency   ?currency= on pages of the catalogue (then kept as cookie) -> cookie `currency` -> the shop's
theme      a preference -> cookie `theme` -> "" (the browser decides)
zone       a preference -> the shop's

Preferences are kept with members of staff and count in the back office alone, from the one-time code on (`follow`): the shop's own
pages show staff what they show everybody.
"""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, get_locale

from app.accounts.rules import NOTHING_CHOSEN, Preferences
from app.core import catalogues, clock
from app.core.catalogues import LANGUAGES
from app.web.site import settings

CURRENCIES = ("MYR", "INR", "USD")
THEMES = ("light", "dark")


class _Texts(Domain):
    """Flask-Babel's gettext over the catalogues that mails and templates read too."""

    def get_translations(self) -> Translations | NullTranslations:
        return catalogues.translations(str(get_locale()))


def init_app(app: Flask) -> None:
    timezone = app.config["SETTINGS"].shop.timezone.key
    babel = Babel(app, default_timezone=timezone, locale_selector=language)
    babel.domain_instance = _Texts()


def follow(preferences: Preferences) -> None:
    """What somebody chose for themselves counts in this request, over what this browser was told."""
    g.preferences = preferences
    g.pop("language", None)


def language() -> str:
    """`en` or `ms`, found once per request."""
    if not has_request_context():
        return "en"
    if "language" not in g:
        g.language = _find_language()
    chosen: str = g.language
    return chosen


def currency() -> str:
    """The currency prices are shown in."""
    chosen = asked_currency() or request.cookies.get("currency", "")
    return chosen if chosen in CURRENCIES else settings().shop.currency


def asked_currency() -> str:
    """The currency that the address of a catalogue page names, as links of feeds do; else empty. From checkout on no address
    may change what a total was shown in."""
    asked = request.args.get("currency", "") if request.blueprint == "catalog" else ""
    return asked if asked in CURRENCIES else ""


def theme() -> str:
    """`light` or `dark` when the visitor chose, else empty."""
    chosen = _preferences().theme or request.cookies.get("theme", "")
    return chosen if chosen in THEMES else ""


def zone() -> ZoneInfo:
    """Whose clock the times of a page go by."""
    return clock.zone(_preferences().timezone, default=settings().shop.timezone)


def canonical(path: str) -> str:
    """The one address of this page that search engines shall keep: its `path` alone, in the language that was asked for by
    address. What is asked for by cookie or browser is at the address without a language."""
    asked = request.args.get("lang", "")
    return address(path, asked if asked in LANGUAGES else "")


def alternates(path: str) -> list[tuple[str, str]]:
    """(language, address) of a page in every language and `x-default`, for `rel=alternate hreflang`: each is the canonical
    address of what it leads to, and lists the same others."""
    return [*((code, address(path, code)) for code in LANGUAGES), ("x-default", address(path))]


def address(path: str, language: str = "") -> str:
    """The whole address of a page of ours; with a language: in that one, whoever asks."""
    joint = "&" if "?" in path else "?"
    return settings().base_url + path + (f"{joint}lang={language}" if language else "")


def _find_language() -> str:
    for asked in (request.args.get("lang", ""), _preferences().language, request.cookies.get("lang", "")):
        if asked in LANGUAGES:
            return asked
    return _best_match(request.headers.get("Accept-Language", ""))


def _preferences() -> Preferences:
    chosen: Preferences = g.get("preferences", NOTHING_CHOSEN)
    return chosen


@lru_cache(maxsize=512)
def _best_match(header: str) -> str:
    """The first of our languages in the browser's order of preference (RFC 9110, 12.5.4)."""
    wishes = []
    for position, part in enumerate(header[:200].split(",")):
        tag, _, weight = part.strip().lower().partition(";q=")
        try:
            wishes.append((-float(weight or 1), position, tag.split("-")[0]))
        except ValueError:
            continue
    return next((tag for weight, _, tag in sorted(wishes) if tag in LANGUAGES and weight < 0), "en")
