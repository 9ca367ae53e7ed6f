"""A picture as the `picture` and `thumb` macros take it, out of what cart and order keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """`name` is the public id in the image storage."""

    name: str
    alt: str = ""
    tint: str = "plaster"
    width: int = 1000
    height: int = 1250


def picture_of(public_id: str | None, *, alt: str = "", tint: str = "plaster") -> Picture | None:
    return Picture(public_id, alt, tint) if public_id else None
