"""The sarong: its body, borders, and the kepala panel with two facing rows of bamboo shoots (pucuk rebung).

Lengths are in repeats; y grows downwards.
"""

from __future__ import annotations

import numpy as np

from tools.demo_images.cloth import Cloth
from tools.demo_images.field import Field, coverage, diamond, vesica, wrap
from tools.demo_images.motifs import tabur

_KEPALA_MIDDLE = 0.745  # share of the cloth's height
_KEPALA_HALF = 0.65
_HEM = 0.15  # middle of the lower border from the edge
_TOP = 0.25  # of the upper one, part of it goes around the rod
_WHOLE_SARONG = 3.0  # a cloth less high than this is a detail: no hems, the panel in the middle
_SHOOT_BASE = 0.32
_BORDER = 0.05  # half height of a border of diamonds


def sarong(cloth: Cloth) -> None:
    """Scattered blossoms over the whole cloth, then the panel and the borders over them."""
    tabur(cloth)
    panel_and_borders(cloth)


def panel_and_borders(cloth: Cloth) -> None:
    """What makes a cloth a sarong, over whatever its body shows."""
    height = cloth.extent[0]
    if height < _WHOLE_SARONG:
        _kepala(cloth, height / 2)
        return
    _kepala(cloth, _KEPALA_MIDDLE * height)
    _plain_strip(cloth, -1, _TOP + 0.15)
    _border(cloth, _TOP)
    _plain_strip(cloth, _KEPALA_MIDDLE * height + _KEPALA_HALF, height + 1)
    _border(cloth, height - _HEM)


def _kepala(cloth: Cloth, middle: float) -> None:
    top, bottom = middle - _KEPALA_HALF, middle + _KEPALA_HALF
    _plain_strip(cloth, top, bottom)
    _row_of_shoots(cloth, base=top + 0.15, tip=middle - 0.02)
    _row_of_shoots(cloth, base=bottom - 0.15, tip=middle + 0.02)
    _border(cloth, top + 0.065)
    _border(cloth, bottom - 0.065)


def _plain_strip(cloth: Cloth, top: float, bottom: float) -> None:
    cloth.fill(np.maximum(top - cloth.y, cloth.y - bottom), "ground")


def _border(cloth: Cloth, middle: float) -> None:
    """A strip of accent colour with a chain of diamonds, a row of dots to both sides."""
    y = cloth.y - middle
    cloth.fill(np.abs(y) - _BORDER, "accent")
    cloth.stroke(np.abs(y) - _BORDER, 0.008, "light")
    x = wrap(cloth.x, 0.14)
    cloth.fill(diamond(x, y, 0.046), "light")
    cloth.fill(diamond(x, y, 0.024), "dye")
    cloth.fill(np.hypot(wrap(cloth.x - 0.07, 0.14), y) - 0.013, "light")
    cloth.fill(np.hypot(wrap(cloth.x, 0.07), np.abs(y) - _BORDER - 0.028) - 0.009, "light")


def _row_of_shoots(cloth: Cloth, *, base: float, tip: float) -> None:
    height = abs(tip - base)
    rise = (cloth.y - base) / (tip - base) * height
    in_row = coverage(np.maximum(-rise - 0.01, rise - height - 0.03), cloth.softness)
    _shoots(cloth, wrap(cloth.x, _SHOOT_BASE), rise, height, in_row)
    _drops(cloth, wrap(cloth.x - _SHOOT_BASE / 2, _SHOOT_BASE), rise, height, in_row)


def _shoots(cloth: Cloth, x: Field, rise: Field, height: float, in_row: Field) -> None:
    """Triangles filled with chevrons around a leaf, dots climbing to the tip. `rise` is the height above the base."""
    half_width = _SHOOT_BASE / 2 * np.clip(1 - rise / height, 0, 1) ** 0.92
    outline = np.maximum((np.abs(x) - half_width) * 0.93, -rise)
    inside = coverage(outline + 0.028, cloth.softness) * in_row
    cloth.fill(outline, "light", within=in_row)
    cloth.fill(outline + 0.012, "dye", within=in_row)
    cloth.fill(np.hypot(wrap(rise, 0.045), outline - 0.024) - 0.008, "light", within=in_row)
    cloth.stroke(outline + 0.024, 0.004, "mid", within=in_row)
    cloth.stroke(wrap(rise + 0.9 * np.abs(x), 0.06), 0.006, "accent", within=inside)
    leaf_rise = rise - 0.23 * height
    cloth.fill(vesica(leaf_rise, x, 0.21 * height, 0.055), "dye", within=in_row)
    cloth.fill(vesica(leaf_rise, x, 0.19 * height, 0.047), "light", within=in_row)
    cloth.fill(vesica(leaf_rise, x, 0.145 * height, 0.029), "accent", within=in_row)
    cloth.fill(vesica(leaf_rise, x, 0.11 * height, 0.007), "light", within=in_row)
    for share in (0.50, 0.60, 0.69, 0.77, 0.83):
        cloth.fill(np.hypot(x, rise - share * height) - 0.016 * (1.25 - share), "light", within=in_row)


def _drops(cloth: Cloth, x: Field, rise: Field, height: float, in_row: Field) -> None:
    """Hanging drops in the gaps between the shoots, dots falling from them."""
    drop = vesica(rise - 0.80 * height, x, 0.15 * height, 0.05)
    cloth.fill(drop, "light", within=in_row)
    cloth.fill(drop + 0.013, "accent", within=in_row)
    cloth.fill(vesica(rise - 0.80 * height, x, 0.08 * height, 0.006), "light", within=in_row)
    for number, share in enumerate((0.59, 0.50, 0.42)):
        cloth.fill(np.hypot(x, rise - share * height) - 0.013 + 0.002 * number, "light", within=in_row)
