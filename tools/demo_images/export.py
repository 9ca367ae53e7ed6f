"""Pictures as files: AVIF, a WebP fallback, every width, and the manifest the shop reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

MANIFEST = "pictures.json"
SWATCH_WIDTH = 96
STATED_WIDTH = 1000  # the manifest's width and height are those of this file

# Measured: about 100 pictures stay under 24 MB and every AVIF of 720 pixels under 75 kB, and at 100 % the wax lines are
# still clean. Small files hold more detail per pixel; large ones are mostly shown scaled down on dense screens.
_AVIF_QUALITY = {96: 50, 240: 42, 360: 41, 480: 40, 720: 39, 1000: 35, 1600: 44}
_WEBP_QUALITY = {96: 40, 240: 26, 360: 23, 480: 20, 720: 17, 1000: 13, 1600: 24}


@dataclass(frozen=True)
class Entry:
    """What the manifest says about a picture; `swatch` names the swatch of its cloth, if it has one."""

    name: str
    width: int
    height: int
    tint: str
    sizes: tuple[int, ...]
    swatch: str | None = None


def write_picture(image: Image.Image, folder: Path, name: str, widths: Iterable[int]) -> None:
    """Write `<name>-<width>.avif` and `.webp` for every width (pixels); none may be wider than the image."""
    for width in widths:
        height = round(image.height * width / image.width)
        resized = image if width == image.width else image.resize((width, height), Image.Resampling.LANCZOS)
        _encode(resized, folder / f"{name}-{width}", width)


def write_swatch(image: Image.Image, folder: Path, name: str) -> None:
    """Write `<name>-swatch.avif` and `.webp`."""
    _encode(image, folder / f"{name}-swatch", SWATCH_WIDTH)


def picture_files(name: str, widths: Iterable[int]) -> list[str]:
    """The file names that `write_picture` makes."""
    return [f"{name}-{width}.{kind}" for width in widths for kind in ("avif", "webp")]


def swatch_files(name: str) -> list[str]:
    """The file names that `write_swatch` makes."""
    return [f"{name}-swatch.{kind}" for kind in ("avif", "webp")]


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Write `pictures.json`: picture name → width, height, tint (a ground's name), sizes, swatch (or null)."""
    manifest = {
        entry.name: {
            "width": entry.width,
            "height": entry.height,
            "tint": entry.tint,
            "sizes": list(entry.sizes),
            "swatch": entry.swatch,
        }
        for entry in entries
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _encode(image: Image.Image, stem: Path, width: int) -> None:
    image.save(
        stem.with_name(stem.name + ".avif"),
        quality=_AVIF_QUALITY[width],
        speed=_avif_speed(width),
        subsampling="4:2:0",
        max_threads=1,
    )
    image.save(stem.with_name(stem.name + ".webp"), quality=_WEBP_QUALITY[width], method=6)


def _avif_speed(width: int) -> int:
    """Large files get the slower encoder: it saves 4 % there, and almost nothing on small ones."""
    return 4 if width >= 720 else 6
