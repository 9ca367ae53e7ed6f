"""The geometric batik motifs, drawn from formulas. Lengths are in repeats of the motif.

Kawung, parang, truntum and mega mendung are Javanese; ceplok is the family of rosettes; tabur is the scatter of a
sarong's body.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tools.demo_images.cloth import Cloth
from tools.demo_images.field import (
    Field,
    coverage,
    diamond,
    ellipse,
    fold_angle,
    rotate,
    soft_union,
    vesica,
    wrap,
)

_PARANG_BAND = 0.74
_PARANG_BLADE = 0.40
_CLOUD_BANDS = 6
# x, y, radius of the billows of a cloud that is about 1 wide; y grows downwards
_BILLOWS = (
    (-0.43, 0.055, 0.075),
    (-0.29, -0.03, 0.115),
    (-0.06, -0.10, 0.165),
    (0.17, -0.04, 0.13),
    (0.33, 0.045, 0.085),
    (0.06, 0.06, 0.12),
    (-0.17, 0.06, 0.10),
)


def kawung(cloth: Cloth) -> None:
    """Four palm fruits around every crossing of a lattice that stands on its corner."""
    u, v = rotate(cloth.x, cloth.y, np.pi / 4)
    _kawung_fruit(cloth, wrap(u - 0.5), wrap(v))
    _kawung_fruit(cloth, wrap(v - 0.5), wrap(u))
    crossing_u, crossing_v = wrap(u), wrap(v)
    cloth.fill(diamond(crossing_u, crossing_v, 0.085), "ground")
    cloth.fill(diamond(crossing_u, crossing_v, 0.055), "light")
    cloth.fill(diamond(crossing_u, crossing_v, 0.025), "dye")
    _kawung_star(cloth, wrap(u - 0.5), wrap(v - 0.5))


def _kawung_fruit(cloth: Cloth, along: Field, across: Field) -> None:
    outline = np.maximum(ellipse(along, across, 0.44, 0.235), vesica(along, across, 0.47, 0.27))
    cloth.fill(outline, "light")
    cloth.stroke(outline + 0.035, 0.007, "mid")
    cloth.fill(ellipse(along, across, 0.27, 0.10), "dye")
    cloth.fill(ellipse(along, across, 0.22, 0.065), "accent")
    cloth.fill(ellipse(along, across, 0.19, 0.012), "light")
    cloth.fill(np.hypot(np.abs(along) - 0.345, across) - 0.02, "dye")


def _kawung_star(cloth: Cloth, x: Field, y: Field) -> None:
    cloth.stroke(diamond(x, y, 0.15), 0.012, "light")
    petal_x, petal_y = fold_angle(x, y, 4, np.pi / 4)
    cloth.fill(ellipse(petal_x - 0.075, petal_y, 0.05, 0.022), "light")
    dot_x, dot_y = fold_angle(x, y, 8)
    cloth.fill(np.hypot(dot_x - 0.2, dot_y) - 0.011, "mid", wax=0.7)


def parang(cloth: Cloth) -> None:
    """Diagonal bands of curved blades, rows of small diamonds (mlinjon) between the bands."""
    along, v = rotate(cloth.x, cloth.y, -np.pi / 4.6)
    number = np.floor(v / _PARANG_BAND)
    across = (v / _PARANG_BAND - number) * 2 - 1
    band = coverage((np.abs(across) - 0.8) * _PARANG_BAND / 2, cloth.softness)
    cloth.paint(band, "dye")
    _parang_blades(cloth, along / _PARANG_BLADE + 0.37 * number, np.clip(across / 0.8, -1, 1), band)
    cloth.stroke((np.abs(across) - 0.8) * _PARANG_BAND / 2, 0.008, "light")
    _parang_mlinjon(cloth, along, wrap(v, _PARANG_BAND))


def _parang_blades(cloth: Cloth, position: Field, across: Field, band: Field) -> None:
    """`position` counts blades along the band; `across` runs from −1 to 1 over the blade's height."""
    centre = 0.62 * np.sin(across * np.pi / 2) + 0.30 * np.sin(across * np.pi)
    beside = wrap(position - centre)
    half_width = 0.19 + 0.17 * np.cos(across * np.pi / 2).clip(0) ** 1.2
    blade = (np.abs(beside) - half_width) * 0.8 * _PARANG_BLADE
    cloth.fill(blade, "light", within=band)
    cloth.stroke(blade + 0.026, 0.0055, "mid", within=band)
    beside = np.abs(wrap(position - centre - 0.02))
    for colour, reach, width in (("accent", 0.62, 0.34 * half_width), ("light", 0.5, 0.025)):
        short = coverage((np.abs(across) - reach) * 0.3, cloth.softness)
        cloth.fill((beside - width) * 0.32, colour, within=short)
    for side in (-1, 1):
        knob_x = wrap(position - 0.62 * 0.95 * side) * _PARANG_BLADE
        knob = np.hypot(knob_x, (across - 0.80 * side) * 0.8 * _PARANG_BAND / 2)
        cloth.fill(knob - 0.048, "dye", within=band)
        cloth.stroke(knob - 0.040, 0.006, "light", within=band)
        cloth.fill(knob - 0.018, "light", within=band)


def _parang_mlinjon(cloth: Cloth, along: Field, beside: Field) -> None:
    period = 0.135
    bead = np.abs(wrap(along - period / 2, period)) + 1.25 * np.abs(beside) - 0.052
    cloth.fill(np.abs(beside) - 0.064, "ground")
    cloth.fill(bead, "light")
    cloth.fill(bead + 0.03, "accent")


def ceplok(cloth: Cloth) -> None:
    """Rosettes in diamonds, smaller four-petalled ones where the diamonds meet."""
    x, y = wrap(cloth.x - 0.5), wrap(cloth.y - 0.5)
    frame = diamond(x, y, 0.47)
    cloth.fill(frame, "dye")
    cloth.stroke(frame, 0.013, "light")
    cloth.stroke(frame + 0.04, 0.005, "mid", wax=0.8)
    _rosette(cloth, x, y, petals=8, reach=0.285, half_length=0.13, half_width=0.055, inside="mid", turn=np.pi / 8)
    _rosette(cloth, x, y, petals=8, reach=0.20, half_length=0.15, half_width=0.062, inside="accent")
    centre = np.hypot(x, y)
    cloth.fill(centre - 0.085, "ground")
    cloth.stroke(centre - 0.072, 0.007, "light")
    cloth.fill(centre - 0.04, "light")
    cloth.fill(centre - 0.018, "accent")
    dot_x, dot_y = fold_angle(x, y, 8, np.pi / 8)
    cloth.fill(np.hypot(dot_x - 0.36, dot_y) - 0.011, "light")
    _ceplok_corner(cloth, wrap(cloth.x), wrap(cloth.y))


def _ceplok_corner(cloth: Cloth, x: Field, y: Field) -> None:
    _rosette(cloth, x, y, petals=4, reach=0.135, half_length=0.115, half_width=0.06, inside="mid")
    _rosette(cloth, x, y, petals=4, reach=0.11, half_length=0.09, half_width=0.035, inside="dye", turn=np.pi / 4)
    centre = np.hypot(x, y)
    cloth.fill(centre - 0.035, "light")
    cloth.fill(centre - 0.016, "accent")


def _rosette(
    cloth: Cloth,
    x: Field,
    y: Field,
    *,
    petals: int,
    reach: float,
    half_length: float,
    half_width: float,
    inside: str,
    turn: float = 0.0,
) -> None:
    along, across = fold_angle(x, y, petals, turn)
    petal = vesica(along - reach, across, half_length, half_width)
    cloth.fill(petal, "light")
    cloth.fill(petal + 0.42 * half_width, inside, wax=0.1)
    cloth.fill(ellipse(along - reach, across, half_length / 2, 0.006), "light")


def truntum(cloth: Cloth) -> None:
    """Small eight-rayed stars on a half-drop grid, a dotted cross between two of them."""
    zoom = 3.3
    u, v = cloth.x * 3.1, cloth.y * 3.6
    shift = 0.5 * (np.floor(v) % 2)
    x, y = wrap(u + shift - 0.5), wrap(v - 0.5)
    along, across = fold_angle(x, y, 8)
    cloth.fill(vesica(along - 0.19, across, 0.14, 0.032), "light", zoom=zoom)
    along, across = fold_angle(x, y, 8, np.pi / 8)
    cloth.fill(vesica(along - 0.15, across, 0.08, 0.03), "accent", wax=1.0, zoom=zoom)
    cloth.fill(np.hypot(x, y) - 0.05, "dye", zoom=zoom)
    cloth.fill(np.hypot(x, y) - 0.03, "light", zoom=zoom)
    between = wrap(u + shift)
    cloth.fill(np.hypot(between, y) - 0.028, "light", zoom=zoom)
    dot_x, dot_y = fold_angle(between, y, 4)
    cloth.fill(np.hypot(dot_x - 0.09, dot_y) - 0.016, "mid", wax=0.8, zoom=zoom)


def tabur(cloth: Cloth) -> None:
    """Five-petalled blossoms with two leaves, scattered on a half-drop grid, and single dots between them."""
    zoom = 1 / 0.42
    u, v = cloth.x * zoom, cloth.y * zoom
    x, y = wrap(u - 0.5), wrap(v + 0.5 * (np.floor(u) % 2) - 0.5)
    along, across = fold_angle(x, y, 5, np.pi / 2)
    petal = ellipse(along - 0.13, across, 0.095, 0.07)
    cloth.fill(petal, "light", zoom=zoom)
    cloth.fill(petal + 0.03, "accent", zoom=zoom)
    cloth.fill(np.hypot(x, y) - 0.05, "light", zoom=zoom)
    cloth.fill(np.hypot(x, y) - 0.025, "dye", zoom=zoom)
    for side in (-1, 1):
        leaf_x, leaf_y = rotate(x - 0.13 * side, y - 0.22, 0.8 * side)
        leaf = vesica(leaf_x, leaf_y, 0.12, 0.035)
        cloth.fill(leaf, "light", zoom=zoom)
        cloth.fill(leaf + 0.014, "mid", zoom=zoom)
    dot_x, dot_y = fold_angle(wrap(u), wrap(v + 0.5 * (np.floor(u - 0.5) % 2)), 4)
    cloth.fill(np.hypot(dot_x - 0.06, dot_y) - 0.022, "light", zoom=zoom)


def mega(cloth: Cloth) -> None:
    """Mega mendung: rows of clouds, each in bands from pale at the rim to deep in the heart."""
    generator = np.random.default_rng(cloth.seed)
    for x, y in _cloud_places(cloth, generator):
        size, mirror = generator.uniform(0.85, 1.15), generator.choice((-1, 1))
        window = cloth.window(x, y, 0.75 * size, 0.5 * size)
        if window:
            _cloud(cloth, window, (cloth.x[window] - x) / size * mirror, (cloth.y[window] - y) / size)


def _cloud_places(cloth: Cloth, generator: np.random.Generator) -> Iterator[tuple[float, float]]:
    height, width = cloth.extent
    for row, y in enumerate(np.arange(-0.3, height + 0.6, 0.40)):
        for x in np.arange(-0.8, width + 0.8, 1.12):
            yield x + (row % 2) * 0.56 + generator.uniform(-0.1, 0.1), y + generator.uniform(-0.05, 0.05)


def _cloud(cloth: Cloth, window: tuple[slice, slice], x: Field, y: Field) -> None:
    cloth.fill(_cloud_outline(x, y) - 0.018, "light", at=window)
    for band in range(_CLOUD_BANDS):
        depth = band / (_CLOUD_BANDS - 1)
        shrink = 1 - 0.78 * depth
        outline = _cloud_outline((x + 0.05 * depth) / shrink, (y - 0.015 * depth) / shrink) * shrink
        colour = (1 - depth) * cloth.palette.mid + depth * cloth.palette.dye
        cloth.fill(outline, colour, at=window)
        cloth.stroke(outline, 0.0035, "light", wax=0.5, within=0.85, at=window)


def _cloud_outline(x: Field, y: Field) -> Field:
    outline = np.full_like(x, 9)
    for billow_x, billow_y, radius in _BILLOWS:
        outline = soft_union(outline, np.hypot(x - billow_x, (y - billow_y) * 1.12) - radius, 0.028)
    return soft_union(outline, vesica(x - 0.42, y - 0.075, 0.24, 0.05), 0.05)
