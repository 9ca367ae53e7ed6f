"""Which motifs there are, and how a motif, a palette and a size become a fabric for the stage."""

from __future__ import annotations

from collections.abc import Callable

from tools.demo_images import motifs
from tools.demo_images.cloth import Cloth
from tools.demo_images.floral import floral
from tools.demo_images.palettes import palette
from tools.demo_images.sarong import panel_and_borders, sarong
from tools.demo_images.stage import Fabric

MOTIFS: dict[str, Callable[[Cloth], None]] = {
    "kawung": motifs.kawung,
    "parang": motifs.parang,
    "ceplok": motifs.ceplok,
    "mega": motifs.mega,
    "floral": floral,
    "truntum": motifs.truntum,
    "tabur": motifs.tabur,
    "sarong": sarong,
}

# Design units per repeat on a cloth seen from two steps away.
REPEATS = {
    "kawung": 118,
    "parang": 170,
    "ceplok": 172,
    "mega": 235,
    "floral": 240,
    "truntum": 230,
    "tabur": 250,
    "sarong": 250,
}


def drawn_cloth(
    motif: str,
    palette_name: str,
    *,
    size: tuple[float, float],
    repeat: float,
    density: float,
    seed: int,
    body: str | None = None,
) -> Cloth:
    """A cloth with its motif, not yet finished.

    `size` is (width, height) and `repeat` a length in design units; `density` is pixels per unit; `body` is the motif
    that a sarong shows instead of scattered blossoms. KeyError for an unknown motif or palette.
    """
    width, height = size
    cloth = Cloth(
        (round(height * density), round(width * density)),
        repeat=repeat * density,
        palette=palette(palette_name),
        seed=seed,
    )
    if motif == "sarong" and body:
        body_repeat = repeat * REPEATS[body] / REPEATS["sarong"]
        beneath = drawn_cloth(body, palette_name, size=size, repeat=body_repeat, density=density, seed=seed)
        cloth.colours, cloth.wax = beneath.colours, beneath.wax
        panel_and_borders(cloth)
    else:
        MOTIFS[motif](cloth)
    return cloth


def fabric(
    motif: str,
    palette_name: str,
    *,
    size: tuple[float, float],
    repeat: float,
    density: float,
    seed: int,
    body: str | None = None,
) -> Fabric:
    """The same, finished and ready to be draped."""
    cloth = drawn_cloth(motif, palette_name, size=size, repeat=repeat, density=density, seed=seed, body=body)
    return Fabric(cloth.finish(), density=density)
