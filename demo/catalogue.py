"""The demo shop's files, read and checked: `catalogue/*.toml` and `pictures/pictures.json`.

A product belongs to the category its file is named after.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from app.core.storage import KINDS, Rendition

FOLDER = Path(__file__).parent
TEXTS = ("summary", "description", "story", "care", "seo_title", "seo_description")


@dataclass(frozen=True)
class Catalogue:
    """All tables of all files, by their kind (`category`, `product`, `warehouse` …), in the order of the files."""

    folder: Path
    tables: Mapping[str, Sequence[dict[str, Any]]]
    pictures: Mapping[str, dict[str, Any]]

    def __getitem__(self, kind: str) -> Sequence[dict[str, Any]]:
        return self.tables.get(kind, ())

    @cached_property
    def alts(self) -> dict[str, dict[str, str]]:
        """What each picture shows, in words."""
        return {picture["name"]: picture["alt"] for product in self["product"] for picture in product["pictures"]}


def read(folder: Path = FOLDER) -> Catalogue:
    """Raises KeyError naming a picture that a product asks for and that is not there."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((folder / "catalogue").glob("*.toml")):
        for kind, rows in tomllib.loads(path.read_text(encoding="utf-8")).items():
            tables.setdefault(kind, []).extend({"category": path.stem, **row} for row in rows)
    pictures = json.loads((folder / "pictures" / "pictures.json").read_text(encoding="utf-8"))
    catalogue = Catalogue(folder, tables, pictures)
    missing = sorted(set(catalogue.alts) - set(pictures))
    if missing:
        raise KeyError(f"demo/pictures lacks {', '.join(missing)}")
    return catalogue


def renditions(name: str, picture: Mapping[str, Any], folder: Path = FOLDER) -> list[Rendition]:
    """The files of a drawn picture, in all its sizes and formats."""
    return [
        Rendition(width, kind, folder / "pictures" / f"{name}-{width}.{kind}")
        for width in picture["sizes"]
        for kind in KINDS
    ]
