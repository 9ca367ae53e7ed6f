"""Which pictures the demo shop needs, read from its product data, and how each is drawn.

A picture is a table `[[product.pictures]]` (of a file in `demo/catalogue/`) with `name`, `shot`, `motif`, `palette`,
`seed`, and optionally `ground`, `scale` (design units per repeat) and `motif2` (a table's trim, a sarong's body).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.demo_images import editorial, export
from tools.demo_images.fabrics import MOTIFS
from tools.demo_images.palettes import GROUND_NAMES, PALETTE_NAMES
from tools.demo_images.products import SHOTS, Picture, render, swatch

CATALOGUE_FOLDER = Path("demo/catalogue")
WIDTHS = (240, 360, 480, 720, 1000)
_ALLOWED = {
    "shot": tuple(SHOTS),
    "motif": tuple(MOTIFS),
    "palette": PALETTE_NAMES,
    "ground": GROUND_NAMES,
    "motif2": (*MOTIFS, None),
}


class CatalogueError(ValueError):
    """The catalogue asks for a picture that cannot be drawn."""


def load_pictures(folder: Path = CATALOGUE_FOLDER) -> list[Picture]:
    """All product pictures, in the order of the files. CatalogueError for unknown words and for a name used twice."""
    pictures: dict[str, Picture] = {}
    for path in sorted(folder.glob("*.toml")):
        for table in _picture_tables(tomllib.loads(path.read_text(encoding="utf-8"))):
            picture = _picture(table, path)
            if pictures.setdefault(picture.name, picture) != picture:
                raise CatalogueError(f"{path}: the picture {picture.name} is described twice, differently")
    return list(pictures.values())


@dataclass(frozen=True)
class Job:
    """One thing to draw: a product picture, an editorial picture or a swatch, and the files it ends in."""

    name: str
    files: tuple[str, ...]
    run: Callable[[Path], None]


def jobs(folder: Path = CATALOGUE_FOLDER) -> list[Job]:
    """Everything the demo shop shows. CatalogueError as in `load_pictures`."""
    pictures = load_pictures(folder)
    products = [_job(picture.name, WIDTHS, partial(_draw_product, picture)) for picture in pictures]
    stories = [_job(name, story.widths, partial(_draw_story, name)) for name, story in editorial.PICTURES.items()]
    cloths = sorted({(picture.motif, picture.palette) for picture in pictures})
    return stories + products + [_swatch_job(motif, palette) for motif, palette in cloths]


def entries(folder: Path = CATALOGUE_FOLDER) -> list[export.Entry]:
    """The manifest of the same pictures. Category tiles and the hero use it like product pages do."""
    products = [
        export.Entry(picture.name, 1000, 1250, picture.ground, WIDTHS, f"{picture.motif}-{picture.palette}")
        for picture in load_pictures(folder)
    ]
    stories = [
        export.Entry(name, export.STATED_WIDTH, story.stated_height, story.ground, story.widths)
        for name, story in editorial.PICTURES.items()
    ]
    return stories + products


def _job(name: str, widths: tuple[int, ...], run: Callable[[Path], None]) -> Job:
    return Job(name, tuple(export.picture_files(name, widths)), run)


def _swatch_job(motif: str, palette: str) -> Job:
    name = f"{motif}-{palette}"
    return Job(name, tuple(export.swatch_files(name)), partial(_draw_swatch, motif, palette))


def _draw_product(picture: Picture, folder: Path) -> None:
    export.write_picture(render(picture, width=max(WIDTHS)), folder, picture.name, WIDTHS)


def _draw_story(name: str, folder: Path) -> None:
    story = editorial.PICTURES[name]
    export.write_picture(story.draw(max(story.widths)), folder, name, story.widths)


def _draw_swatch(motif: str, palette: str, folder: Path) -> None:
    export.write_swatch(swatch(motif, palette), folder, f"{motif}-{palette}")


def _picture_tables(document: dict) -> Iterator[dict]:
    products = document.get("product", [])
    for product in products if isinstance(products, list) else [products]:
        yield from product.get("pictures", [])


def _picture(table: dict, path: Path) -> Picture:
    known = {field: table[field] for field in Picture.__dataclass_fields__ if field in table}
    try:
        picture = Picture(**known)
    except TypeError as error:
        raise CatalogueError(f"{path}: picture {table.get('name', '?')}: {error}") from error
    for field, allowed in _ALLOWED.items():
        if getattr(picture, field) not in allowed:
            raise CatalogueError(f"{path}: picture {picture.name}: {field} {getattr(picture, field)!r} is unknown")
    return picture
