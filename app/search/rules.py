"""Words, filters and spelling: what can be decided without looking anything up. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from app.core.money import exponent

GROUPS = ("category", "motif", "colour", "fibre", "size")  # facets whose values are tokens of a document
SORTS = ("newest", "price_asc", "price_desc", "relevance")
PER_PAGE = 24
MAX_PAGE = 400
MAX_QUERY = 200  # characters that are looked at
MAX_TERMS = 8
MAX_WORD = 40
MAX_VALUES = 30  # per facet; more than any shopper ticks
MAX_PRICE_MINOR = 10**12
HINTED = 8  # letters of a word that its hints are made of
PREFIX_FROM = 4  # letters from which any word of a query also matches longer words; the last one does from two

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. Within a facet any value will do, all facets must. Prices in minor units."""

    category: tuple[str, ...] = ()
    motif: tuple[str, ...] = ()
    colour: tuple[str, ...] = ()
    fibre: tuple[str, ...] = ()
    size: tuple[str, ...] = ()
    price_from: int | None = None
    price_to: int | None = None
    in_stock: bool = False

    @property
    def count(self) -> int:
        """How many are set, a price range being one."""
        values = sum(len(getattr(self, group)) for group in GROUPS)
        return values + self.has_price + self.in_stock

    @property
    def has_price(self) -> bool:
        return self.price_from is not None or self.price_to is not None

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of what is set."""
        named = [group for group in GROUPS if getattr(self, group)]
        return (*named, *(["price"] if self.has_price else []), *(["stock"] if self.in_stock else []))

    def without(self, group: str, value: str | None = None) -> Filters:
        """These filters less one value, or less a whole facet (`price` and `stock` are facets too)."""
        if group == "price":
            return replace(self, price_from=None, price_to=None)
        if group == "stock":
            return replace(self, in_stock=False)
        kept = tuple(each for each in getattr(self, group) if value is not None and each != value)
        changes: dict[str, Any] = {group: kept}
        return replace(self, **changes)

    def parameters(self, currency: str) -> list[tuple[str, str]]:
        """The same as pairs of a query string, from which `filters_from` makes them again."""
        pairs = [(group, value) for group in GROUPS for value in getattr(self, group)]
        for name, amount in (("min", self.price_from), ("max", self.price_to)):
            if amount is not None:
                pairs.append((name, major(amount, currency)))
        return [*pairs, *([("stock", "1")] if self.in_stock else [])]


NO_FILTERS = Filters()


def filters_from(values: Mapping[str, Sequence[str]], *, currency: str) -> Filters:
    """Filters out of a query string's lists. What makes no sense is left out: an address never breaks a list."""
    picked = {group: _values(values.get(group, ())) for group in GROUPS}
    low, high = (_amount(values.get(name, ()), currency) for name in ("min", "max"))
    if low is not None and high is not None and low > high:
        low, high = high, low
    in_stock = "1" in values.get("stock", ())
    return Filters(**picked, price_from=low, price_to=high, in_stock=in_stock)


def _values(texts: Iterable[str]) -> tuple[str, ...]:
    clean = (text.strip() for text in texts)
    kept = {text: None for text in clean if text and len(text) <= 60 and text.isprintable()}
    return tuple(sorted(kept)[:MAX_VALUES])


def _amount(texts: Sequence[str], currency: str) -> int | None:
    """`RM 1,200.50` → 120050. None for anything that is no amount."""
    text = re.sub(r"[^0-9.]", "", texts[0][:40]) if texts else ""
    places = exponent(currency)
    found = re.fullmatch(r"(\d+)(?:\.(\d*))?|\.(\d+)", text, re.ASCII)
    if not found:
        return None
    whole, part = found[1] or "0", (found[2] or found[3] or "")[:places].ljust(places, "0")
    return min(int(whole + part), MAX_PRICE_MINOR)


def major(minor: int, currency: str) -> str:
    """120050 → `1200.50`, 120000 → `1200`: an amount as a number input takes it."""
    places = exponent(currency)
    whole, part = divmod(minor, 10**places)
    return f"{whole}.{part:0{places}d}" if part else str(whole)


def token(group: str, value: str) -> str:
    """How a document says that it has this value of a facet."""
    return f"{group}:{value}"


def fold(text: str) -> str:
    """Lower case, without accents: `Kéramik` and `keramik` are one word."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def words(text: str) -> list[str]:
    """The words of a text, folded; everything that is no letter or digit separates."""
    return [word[:MAX_WORD] for word in _WORD.findall(fold(text))]


def terms(query: str) -> tuple[str, ...]:
    """The words that are looked for: at most eight different ones, out of the first 200 characters."""
    return tuple(dict.fromkeys(words(query[:MAX_QUERY])))[:MAX_TERMS]


def is_blank(query: str) -> bool:
    return not query[:MAX_QUERY].strip()


def tsquery(terms: Sequence[str]) -> str:
    """The terms as PostgreSQL's to_tsquery takes them: all must be there, long words and the last one as prefixes."""
    last = len(terms) - 1
    parts = []
    for number, term in enumerate(terms):
        is_prefix = len(term) >= (2 if number == last else PREFIX_FROM)
        parts.append(f"'{term}':*" if is_prefix else f"'{term}'")
    return " & ".join(parts)


def hints(word: str) -> list[str]:
    """The beginning of a word with up to two letters left out (one for short words): misspelt words share one of them."""
    stem = word[:HINTED]
    found = {stem}
    for dropped in range(1, allowed_errors(stem) + 1):
        for positions in combinations(range(len(stem)), dropped):
            found.add("".join(letter for place, letter in enumerate(stem) if place not in positions))
    return sorted(found)


def allowed_errors(word: str) -> int:
    """How many letters may be wrong: none in words of two letters, one up to five, else two."""
    return 0 if len(word) < 3 else 1 if len(word) < 6 else 2


def distance(one: str, other: str, *, limit: int = 2) -> int:
    """Letters to add, drop, change or swap with the neighbour to get from one word to the other; `limit` + 1 if more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, its in enumerate(other, 1):
            cost = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == its:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


def corrected(terms: Sequence[str], known: Mapping[str, int]) -> tuple[str, ...] | None:
    """The terms with unknown ones replaced by their nearest known word, the more frequent one on a tie.

    None when all are known or one has no neighbour. A term that begins a known word counts as known.
    """
    fixed = []
    for term in terms:
        if term in known or any(word.startswith(term) for word in known):
            fixed.append(term)
            continue
        near = sorted((distance(term, word), -frequency, word) for word, frequency in known.items())
        if not near or near[0][0] > allowed_errors(term):
            return None
        fixed.append(near[0][2])
    return tuple(fixed) if tuple(fixed) != tuple(terms) else None
