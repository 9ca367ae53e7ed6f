"""Whose documents these are, and how they word things: texts, figures and dates of one language and currency.

`configure` takes the seller from the settings; only documents that are issued later hear of a change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from babel import Locale

from app.core import catalogues, formats
from app.core.settings import Settings, Shop
from app.orders.models import Order
from app.payments.rules import methods

# Marks that turn the direction of what follows, and controls: a name must not reorder or hide the figures beside it.
UNPRINTABLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\u0000-\u0009\u000b-\u001f\u007f-\u009f]")
_shop = Shop()


def configure(settings: Settings) -> None:
    """Called once by the factory."""
    global _shop
    _shop = settings.shop


def shop() -> Shop:
    return _shop


def plain(text: object) -> str:
    """Text of somebody else as it may be printed: without controls and marks of direction; line breaks stay."""
    return UNPRINTABLE.sub("", str(text).replace("\u2028", "\n").replace("\u2029", "\n").replace("\r\n", "\n"))


@dataclass(frozen=True, slots=True)
class Words:
    """Texts, figures and dates of one language and currency."""

    language: str
    currency: str

    def _(self, text: str, **values: object) -> str:
        said = catalogues.translate(self.language, text)
        return said % values if values else said

    def money(self, minor: int) -> str:
        return formats.format_minor(minor, self.currency)

    def day(self, moment: datetime) -> str:
        return formats.format_day(moment, language=self.language, timezone=shop().timezone)

    def country(self, code: str) -> str:
        return str(Locale.parse(self.language).territories.get(code, code))

    def method(self, code: str) -> str:
        """A way to pay in words; one we have never heard of, as the provider calls it."""
        known = {method.code: method.label for method in methods(self.currency)}
        return self._(known[code]) if code in known else plain(code).capitalize()


def words_of(order: Order) -> Words:
    language = order.locale if order.locale in catalogues.LANGUAGES else next(iter(catalogues.LANGUAGES))
    return Words(language, order.currency)
