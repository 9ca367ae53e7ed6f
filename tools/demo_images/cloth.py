"""A piece of cloth between wax and dye: colour and wax amount per pixel, and what the dye bath does to them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tools.demo_images.field import Colour, Field, blur, coverage, mix, noise, smoothstep
from tools.demo_images.palettes import Palette

Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))

# How much wax lies on a colour: the undyed cream is fully waxed, the dye not at all.
_WAX = {"light": 1.0, "mid": 0.4, "accent": 0.15, "stamen": 0.85}

_WAVER = 0.04  # repeats: a hand-drawn line strays this far from the formula
_TREMBLE = 0.008  # repeats, the same over short lengths
_CRACK_CELL = 0.45  # repeats between two cracks of the waxed cloth
_CRACK_STRENGTH = 0.5


class Cloth:
    """An unfinished batik. Lengths are in motif repeats; `repeat` is the size of one in pixels.

    `x` and `y` are the coordinates of every pixel, already wavering like a hand-drawn line; `bare` is the unevenly
    dyed ground, which "ground" as a colour brings back. Motifs paint with `fill`, `stroke` and `paint`; `finish` gives
    the dyed cloth.
    """

    def __init__(self, size: tuple[int, int], *, repeat: float, palette: Palette, seed: int) -> None:
        """`size` is (height, width) in pixels."""
        self.size = size
        self.repeat = repeat
        self.palette = palette
        self.seed = seed
        self.softness = 1.6 / repeat
        self.x, self.y = _hand_drawn_coordinates(size, repeat, seed)
        unevenness = smoothstep(0.3, 0.7, noise(size, repeat * 1.6, seed=seed + 5, octaves=4))
        self.bare = mix(palette.ground, palette.ground2, unevenness).astype(np.float32)
        self.colours = self.bare.copy()
        self.wax = np.zeros(size, np.float32)

    @property
    def extent(self) -> tuple[float, float]:
        """(height, width) in repeats."""
        return self.size[0] / self.repeat, self.size[1] / self.repeat

    def window(self, x: float, y: float, half_width: float, half_height: float) -> Window | None:
        """The pixels of a box around (x, y), in repeats; None if it is off the cloth or too small to paint in."""
        bounds = []
        for centre, half, limit in ((y, half_height, self.size[0]), (x, half_width, self.size[1])):
            first, last = ((centre + sign * half) * self.repeat for sign in (-1, 1))
            bounds.append(slice(int(np.clip(first, 0, limit)), int(np.clip(last, 0, limit))))
        if any(bound.stop - bound.start < 4 for bound in bounds):
            return None
        return bounds[0], bounds[1]

    def fill(
        self,
        distance: Field,
        colour: str | Colour,
        *,
        wax: float | None = None,
        within: Field | float = 1.0,
        at: Window = WHOLE,
        zoom: float = 1.0,
    ) -> None:
        """Paint the inside of a shape. `zoom` tells how many units of the distance make one repeat."""
        self.paint(coverage(distance, self.softness * zoom) * within, colour, wax=wax, at=at)

    def stroke(
        self,
        distance: Field,
        half_width: float,
        colour: str | Colour,
        *,
        wax: float | None = None,
        within: Field | float = 1.0,
        at: Window = WHOLE,
        zoom: float = 1.0,
    ) -> None:
        """Paint a line of `half_width` to both sides along the outline of a shape."""
        self.fill(np.abs(distance) - half_width, colour, wax=wax, within=within, at=at, zoom=zoom)

    def paint(
        self, mask: Field, colour: str | Colour | NDArray, *, wax: float | None = None, at: Window = WHOLE
    ) -> None:
        """Lay a colour (the name of a palette's field, one colour or one per pixel) and its wax over what is there."""
        if wax is None:
            wax = _WAX.get(colour, 0.0) if isinstance(colour, str) else 0.0
        if isinstance(colour, str):
            colour = self.bare[at] if colour == "ground" else getattr(self.palette, colour)
        share = mask[..., None]
        self.colours[at] = self.colours[at] * (1 - share) + colour * share
        self.wax[at] = self.wax[at] * (1 - mask) + wax * mask

    def finish(self) -> NDArray[np.floating]:
        """The dyed cloth, (height, width, 3) in linear light: cracked, mottled, with dye pooled at edges, woven."""
        colours = mix(self.colours, self.palette.ink, self.crackle() * self.wax * _CRACK_STRENGTH)
        mottle = 0.90 + 0.2 * noise(self.size, self.repeat * 0.5, seed=self.seed + 50, octaves=4)
        pooling = 1 - 0.16 * np.abs(self.wax - blur(self.wax, 2.2))
        return colours * (mottle * pooling * weave(self.size))[..., None]

    def crackle(self) -> Field:
        """Where the wax broke, 0 to 1: a wide net of cracks and a finer, weaker one."""
        wide = self._crack_net(zoom=1.0, width=0.016, seed=self.seed)
        fine = self._crack_net(zoom=2.3, width=0.020, seed=self.seed + 1)
        return np.maximum(wide, 0.6 * fine)

    def _crack_net(self, *, zoom: float, width: float, seed: int) -> Field:
        cell = self.repeat * 0.2 / zoom
        stray_x, stray_y = (0.7 * (noise(self.size, cell, seed=seed + offset) - 0.5) for offset in (20, 30))
        x, y = self.x / _CRACK_CELL * zoom + stray_x, self.y / _CRACK_CELL * zoom + stray_y
        runs = smoothstep(0.47, 0.66, noise(self.size, self.repeat * 0.5 / zoom, seed=seed + 40))
        return coverage(distance_between_cells(x, y, seed=seed) - width * (0.4 + runs), 0.03) * runs


def distance_between_cells(x: Field, y: Field, *, seed: int, table: int = 64) -> Field:
    """How much farther the second nearest of scattered points is than the nearest: 0 on the borders of their cells.

    One point lies in every unit square; their pattern repeats after `table` squares.
    """
    points = (np.random.default_rng(seed).random((2, table, table)) * 0.9 + 0.05).astype(np.float32)
    column, row = np.floor(x), np.floor(y)
    inside_x, inside_y = x - column, y - row
    column, row = column.astype(np.int32), row.astype(np.int32)
    nearest, second = np.full_like(x, 9), np.full_like(x, 9)
    for step_y in (-1, 0, 1):
        for step_x in (-1, 0, 1):
            index = ((row + step_y) % table) * table + (column + step_x) % table
            away_x, away_y = points[0].take(index) + step_x - inside_x, points[1].take(index) + step_y - inside_y
            distance = np.hypot(away_x, away_y)
            second = np.minimum(second, np.maximum(nearest, distance))
            nearest = np.minimum(nearest, distance)
    return second - nearest


def weave(size: tuple[int, int]) -> Field:
    """A plain weave of two-pixel threads, as a factor near 1."""
    rows, columns = np.indices(size, dtype=np.int32, sparse=True)
    threads = (columns // 2 + rows // 2) % 2
    return (0.985 + 0.015 * threads + 0.015 * np.random.default_rng(7).random(size)).astype(np.float32)


def _hand_drawn_coordinates(size: tuple[int, int], repeat: float, seed: int) -> tuple[Field, Field]:
    rows, columns = np.indices(size, dtype=np.float32, sparse=True)
    straight = {"x": columns / repeat, "y": rows / repeat}
    drawn = []
    for axis, offset in (("x", 1), ("y", 2)):
        waver = _WAVER * (noise(size, repeat * 0.55, seed=seed + offset) - 0.5)
        tremble = _TREMBLE * (noise(size, repeat * 0.07, seed=seed + offset + 2, octaves=2) - 0.5)
        drawn.append((straight[axis] + waver + tremble).astype(np.float32))
    return drawn[0], drawn[1]
