"""Language, currency and theme of an answer: from the address, else the visitor's choice, else the browser, else the shop.

language   ?lang= -> cookie `lang` -> Accept-Language -> en
currency   cookie `currency` -> the shop's
theme      cookie `theme` -> "" (the browser decides)
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import urlencode

from babel.support import NullTranslations, Translations
from flask import Flask, g, has_request_context, request
from flask_babel import Babel

from app.web.site import settings

LANGUAGES = {"en": "English", "ms": "Bahasa Melayu"}
CURRENCIES = ("MYR", "INR", "USD")
THEMES = ("light", "dark")
TRANSLATIONS = Path(__file__).parents[2] / "translations"


def init_app(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    timezone = app.config["SETTINGS"].shop.timezone.key
    Babel(app, default_timezone=timezone, locale_selector=language)


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
    chosen = request.cookies.get("currency", "")
    return chosen if chosen in CURRENCIES else settings().shop.currency


def theme() -> str:
    """`light` or `dark` when the visitor chose, else empty."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else ""


def alternates() -> list[tuple[str, str]]:
    """(language, address) of this page in every language and `x-default`, for `<link rel=alternate hreflang>`."""
    base = settings().base_url + request.path
    kept = [(key, value) for key, value in request.args.items(multi=True) if key in ("q", "page", "v")]
    found = [(code, f"{base}?{urlencode([*kept, ('lang', code)])}") for code in LANGUAGES]
    return [*found, ("x-default", f"{base}?{urlencode(kept)}" if kept else base)]


def _find_language() -> str:
    for asked in (request.args.get("lang", ""), request.cookies.get("lang", "")):
        if asked in LANGUAGES:
            return asked
    return _best_match(request.headers.get("Accept-Language", ""))


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


def translate(code: str, text: str) -> str:
    """An English text in the words of a language's catalogue."""
    return translations(code).gettext(text)


@cache
def translations(code: str) -> Translations | NullTranslations:
    """The compiled catalogue of a language, without Flask: for mails and commands."""
    return Translations.load(str(TRANSLATIONS), [code])
