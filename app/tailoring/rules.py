"""What is measured, within which bounds, and how lengths are read and written. Pure. Lengths are integer millimetres."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MAX_PROFILES = 20
MAX_NAME = 40
MAX_NOTE = 300
UNITS = ("cm", "in")

# Millimetres, from a small child to the largest adult that anybody sews for: what lies outside was mistyped. Measured on the
# body as ISO 8559-1 has it, in the order in which a tailor goes round with the tape.
BOUNDS: dict[str, tuple[int, int]] = {
    "neck": (200, 650),
    "shoulder": (200, 700),
    "chest": (400, 2000),
    "waist": (350, 2000),
    "hip": (400, 2200),
    "upper_arm": (120, 700),
    "arm": (250, 950),
    "back": (200, 700),
    "inside_leg": (250, 1100),
    "height": (700, 2300),
}
MEASURES = tuple(BOUNDS)

# What a garment needs, and no more than that is asked for or handed to the tailor.
GARMENTS: dict[str, tuple[str, ...]] = {
    "top": ("neck", "shoulder", "chest", "waist", "hip", "upper_arm", "arm", "back"),
    "bottom": ("waist", "hip", "inside_leg", "height"),
    "full": MEASURES,
}

_CM = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]))?")
_INCH = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?")
_INCH_PARTS = re.compile(r"([0-9]{1,3})[ -]([1357])/([248])")


class NotALength(ValueError):
    """Not a number of centimetres with at most one decimal, or of inches with at most two or in halves, quarters, eighths."""


def parsed(text: str, unit: str) -> int:
    """Millimetres of `102.5` cm, `40.25` or `40 1/4` inches; inches are rounded half up to the millimetre. Raises NotALength."""
    if unit == "cm" and (found := _CM.fullmatch(text)):
        return int(found[1]) * 10 + int(found[2] or 0)
    if unit == "in" and (found := _INCH.fullmatch(text)):
        return _rounded(int(found[1] + (found[2] or "").ljust(2, "0")) * 254, 1000)
    if unit == "in" and (found := _INCH_PARTS.fullmatch(text)) and found[2] < found[3]:
        parts = int(found[3])
        return _rounded((int(found[1]) * parts + int(found[2])) * 254, 10 * parts)
    raise NotALength(text)


def shown(mm: int, unit: str) -> str:
    """`102.5` cm, or inches to a hundredth: that is fine enough for the millimetre to come back."""
    if unit == "cm":
        return f"{mm // 10}.{mm % 10}".removesuffix(".0")
    hundredths = _rounded(mm * 1000, 254)
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")


def is_plausible(measure: str, mm: int) -> bool:
    low, high = BOUNDS[measure]
    return low <= mm <= high


def is_other_unit(measure: str, text: str, unit: str) -> bool:
    """Whether the figure would be right in the other unit: somebody typed inches as centimetres, or the other way round."""
    try:
        return is_plausible(measure, parsed(text, "in" if unit == "cm" else "cm"))
    except NotALength:
        return False


def _rounded(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor)


@dataclass(frozen=True, slots=True)
class Fitting:
    """The measures a garment is made to. `name` is whose they are (empty: typed for this garment alone), `unit` what they were
    given in."""

    measures: Mapping[str, int] = field(default_factory=dict)
    unit: str = "cm"
    name: str = ""
    note: str = ""
    profile_id: uuid.UUID | None = None

    def missing(self, garment: str) -> tuple[str, ...]:
        """What the garment needs and nobody has measured."""
        return tuple(each for each in GARMENTS[garment] if each not in self.measures)

    def only_for(self, garment: str) -> Fitting:
        """Without what the garment does not need."""
        return replace(self, measures=_ordered(self.measures, GARMENTS[garment]))

    def record(self) -> dict[str, Any]:
        """As it is stored, encrypted; whose profile it came from is a column of its own."""
        return {"mm": dict(self.measures), "unit": self.unit, "name": self.name, "note": self.note}


def fitting(record: Mapping[str, Any], *, profile_id: uuid.UUID | None = None) -> Fitting:
    return Fitting(_ordered(record["mm"], MEASURES), record["unit"], record["name"], record["note"], profile_id)


def _ordered(measures: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: measures[name] for name in names if name in measures}


@dataclass(frozen=True, slots=True)
class Sealed:
    """A fitting as a line carries it: encrypted, with a key that is the same for the same person's measures. Lines of one
    variant with different keys stay apart."""

    key: str
    text: str
    profile_id: uuid.UUID | None = None
