"""Texts in languages, natural order of sizes, addresses. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LOCALES = ("en", "ms")
CURRENCIES = ("MYR", "INR", "USD")

SIZES = ("xxs", "xs", "s", "m", "l", "xl", "xxl", "2xl", "3xl", "4xl", "5xl")
MAX_SLUG = 120
MOST_TAILORING_DAYS = 90


@dataclass(frozen=True, slots=True)
class Tailoring:
    """How a product is made to measure: what it needs measured (`tailoring.rules.GARMENTS`), the working days more that it takes,
    and whether it has no standard size."""

    garment: str
    days: int
    is_only: bool = False


def tailoring_mark(tailoring: Tailoring | None) -> str:
    """What a form carries along to tell later whether it still shows how things are."""
    return f"{tailoring.garment}:{tailoring.days}:{int(tailoring.is_only)}" if tailoring else "none"


def in_locale(words: Mapping[str, str] | None, locale: str) -> str:
    """The text in the language, else in English, else empty."""
    if not words:
        return ""
    return words.get(locale) or words.get("en") or ""


def slugify(name: str) -> str:
    """`Kain Ela “Ceplok”` → `kain-ela-ceplok`. Raises ValueError when nothing is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG].rstrip("-")
    if not slug:
        raise ValueError(f"no address can be made from {name!r}")
    return slug


def is_slug(text: str) -> bool:
    return len(text) <= MAX_SLUG and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) is not None


def naturally_sorted(values: Iterable[str]) -> list[str]:
    """S, M, L, XL … before numbers in their order (`9` before `10`), before all other words."""
    return sorted(values, key=_natural_key)


def _natural_key(value: str) -> tuple[int, int, list[tuple[int, int, str]]]:
    word = value.casefold()
    if word in SIZES:
        return (0, SIZES.index(word), [])
    parts = re.findall(r"\d+|\D+", word)
    keys = [(0, int(part[:18]), "") if part.isdecimal() else (1, 0, part) for part in parts]
    return (1, 0, keys)
