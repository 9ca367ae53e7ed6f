"""Camera, plaster wall, light and shadow. Lengths are in design units: a picture shows about 1000 × 1250 of them.

The stage may be rendered at any pixel size; positions, noise cells and blurs keep their size in units.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from tools.demo_images.field import (
    GAMMA,
    Colour,
    Field,
    blur,
    coverage,
    linear_light,
    lookup,
    mix,
    noise,
    rotate,
    smoothstep,
)
from tools.demo_images.palettes import ground

View = tuple[float, float, float, float]
Point = tuple[float, float]

PRODUCT_VIEW: View = (62, 70, 938, 1165)  # left, top, right, bottom: the product fills the card
FULL_VIEW: View = (0, 0, 1000, 1250)

_SHADOW_TINT = linear_light("4a3422") * 0.55


class Fabric:
    """A finished cloth as a texture. `density` is its pixels per design unit."""

    def __init__(self, colours: NDArray[np.floating], *, density: float) -> None:
        self.colours = colours
        self.density = density
        self.mean: Colour = colours.mean(axis=(0, 1))

    def tone(self, percentile: float) -> Colour:
        """The colour below which `percentile` % of the cloth lies, channel by channel."""
        step = max(1, round(4 * self.density))
        return np.percentile(self.colours[::step, ::step], percentile, axis=(0, 1)).astype(np.float32)

    def sample(self, u: Field, v: Field) -> NDArray[np.floating]:
        """Colours at the places (u, v), in units from the cloth's top left corner; it repeats beyond its edges."""
        return lookup(self.colours, u * self.density, v * self.density)


class Stage:
    """What the camera sees. Draw into it from back to front, then `photograph`."""

    def __init__(self, view: View = PRODUCT_VIEW, *, width: int = 1000) -> None:
        """`width` is the picture's width in pixels; its height follows from the view."""
        left, top, right, bottom = view
        self.view = view
        self.density = width / (right - left)
        self.shape = (round((bottom - top) * self.density), width)
        rows, columns = np.indices(self.shape, dtype=np.float32)
        self.x: Field = left + (columns + 0.5) / self.density
        self.y: Field = top + (rows + 0.5) / self.density
        self.colours: NDArray[np.floating] = np.ones((*self.shape, 3), np.float32)

    def noise(self, cell: float, seed: int, octaves: int = 3) -> Field:
        return noise(self.shape, cell * self.density, seed=seed, octaves=octaves)

    def blur(self, mask: Field, sigma: float) -> Field:
        return blur(mask, sigma * self.density)

    def inside(self, distance: Field, softness: float = 1.4) -> Field:
        """Mask of a shape by its signed distance in units; the edge is never sharper than a pixel."""
        return coverage(distance, max(softness, 1.4 / self.density))

    def box(self, left: Field | float, top: Field | float, right: Field | float, bottom: Field | float) -> Field:
        """Mask of the pixels between four edges, each a number or a field (a wavy hem)."""
        distances = (left - self.x, self.x - right, top - self.y, self.y - bottom)
        return np.minimum.reduce([self.inside(distance) for distance in distances])

    def rounded_box(self, box: View, radius: float) -> Field:
        left, top, right, bottom = box
        beyond_x = np.maximum(np.maximum(left + radius - self.x, self.x - (right - radius)), 0)
        beyond_y = np.maximum(np.maximum(top + radius - self.y, self.y - (bottom - radius)), 0)
        return self.inside(np.hypot(beyond_x, beyond_y) - radius)

    def polygon(self, points: list[Point]) -> Field:
        """Mask of a closed outline, drawn at twice the size and softened."""
        height, width = self.shape
        image = Image.new("L", (2 * width, 2 * height), 0)
        scale = 2 * self.density
        corners = [((x - self.view[0]) * scale, (y - self.view[1]) * scale) for x, y in points]
        ImageDraw.Draw(image).polygon(corners, fill=255)
        image = image.filter(ImageFilter.GaussianBlur(1.2)).resize((width, height), Image.Resampling.BOX)
        return np.asarray(image, np.float32) / 255

    def paint(self, mask: Field, colour: Colour | NDArray[np.floating]) -> None:
        """Lay one colour, or one per pixel, over what is there."""
        self.colours = mix(self.colours, colour, mask)

    def drape(self, mask: Field, fabric: Fabric, u: Field, v: Field, shade: Field | float = 1.0) -> None:
        """Cover the mask with cloth: (u, v) is the place on the cloth for every pixel, `shade` the light on it."""
        rows, columns = np.nonzero(mask > 0.002)
        if rows.size == 0:
            return
        at = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        light = np.broadcast_to(shade, self.shape)[at][..., None]
        self.colours[at] = mix(self.colours[at], fabric.sample(u[at], v[at]) * light, mask[at])

    def shade(self, mask: Field, strength: float) -> None:
        """Darken the mask by `strength` (0 to 1)."""
        self.colours = self.colours * (1 - strength * mask)[..., None]

    def cast_shadow(self, mask: Field, *, right: float, down: float, softness: float, strength: float) -> None:
        """The warm shadow of a shape, shifted by (right, down) and blurred by `softness`, all in units."""
        shadow = self.blur(self._shifted(mask, right, down), softness) * strength
        self.colours = self.colours * (1 - shadow[..., None] * (1 - _SHADOW_TINT))

    def _shifted(self, mask: Field, right: float, down: float) -> Field:
        height, width = self.shape
        step_x, step_y = round(right * self.density), round(down * self.density)
        moved = np.zeros_like(mask)
        moved[max(0, step_y) : height + min(0, step_y), max(0, step_x) : width + min(0, step_x)] = mask[
            max(0, -step_y) : height - max(0, step_y), max(0, -step_x) : width - max(0, step_x)
        ]
        return moved

    def rim(self, mask: Field, softness: float = 14) -> Field:
        """A factor that darkens a shape gently towards its silhouette."""
        return 0.80 + 0.20 * smoothstep(0.35, 0.95, self.blur(mask, softness))

    def creases(self, seed: int, *, angle: float, cell: float, stretch: float) -> Field:
        """Soft folds at `angle` radians, about −½ to ½, `cell` units apart and `stretch` times longer than wide."""
        coarse = 0.25  # pixels per unit are enough for anything as soft as this
        size = round(2600 * coarse)
        texture = noise((size, size), cell * coarse, seed=seed, octaves=2) - 0.5
        across, along = rotate(self.x - 500, self.y - 625, angle)
        return lookup(texture, (across + 1300) * coarse, (along / stretch + 1300) * coarse)

    def photograph(self) -> Image.Image:
        """Expose, roll off the highlights and convert to 8-bit sRGB."""
        light = np.clip(self.colours * 1.07, 0, None)
        light = np.where(light > 0.8, 0.8 + 0.2 * np.tanh((light - 0.8) / 0.2), light)
        return Image.fromarray((np.clip(light, 0, 1) ** (1 / GAMMA) * 255 + 0.5).astype(np.uint8))


def plaster(stage: Stage, name: str, *, horizon: float = 0.80, fall_off: float = 0.17) -> None:
    """Fill the stage with a plaster wall, lit from the upper left.

    It turns into the floor at `horizon` (share of 1250); `fall_off` is how much darker it gets 1000 units away.
    """
    wall, floor = ground(name)
    x, y = stage.x / 1000, stage.y / 1250
    colours = mix(np.broadcast_to(wall, stage.colours.shape), floor, smoothstep(horizon - 0.03, horizon + 0.05, y))
    light = 1.03 - fall_off * np.hypot(x - 0.36, y - 0.32) ** 1.6
    stage.colours = colours * (light + 0.05 * (stage.noise(420, 3, 2) - 0.5))[..., None]


def bezier(*points: Point, steps: int = 24) -> list[Point]:
    """Points along a Bézier curve of any degree."""
    share = np.linspace(0, 1, steps)[:, None]
    curve = [np.array(point, float) + 0 * share for point in points]
    while len(curve) > 1:
        curve = [first * (1 - share) + second * share for first, second in pairwise(curve)]
    return [(float(x), float(y)) for x, y in curve[0]]
