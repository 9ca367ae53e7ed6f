"""Numbers on a grid: colours in linear light, noise, blur and signed distances.

A field is an array of floats, shape (height, width). Signed distances are negative inside a shape; `coverage` turns
them into the share of a pixel that the shape covers, so nothing needs supersampling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Field = NDArray[np.floating]
Colour = NDArray[np.floating]

TAU = 2 * np.pi
GAMMA = 2.2


def linear_light(hex_colour: str) -> Colour:
    """The sRGB colour `#rrggbb` as three linear-light numbers from 0 to 1."""
    digits = hex_colour.lstrip("#")
    channels = [int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4)]
    return (np.array(channels) ** GAMMA).astype(np.float32)


def smoothstep(low: float, high: float, values: Field) -> Field:
    """0 below `low`, 1 above `high`, an S-curve between; `low` may be the larger one."""
    share = np.clip((values - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)


def mix(first: Colour, second: Colour, amount: Field) -> NDArray[np.floating]:
    """Colours of shape (height, width, 3): `first` where amount is 0, `second` where it is 1."""
    share = amount[..., None]
    return first * (1 - share) + second * share


def rotate(x: Field, y: Field, angle: float) -> tuple[Field, Field]:
    """Coordinates turned by `angle` radians about the origin."""
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cosine * x - sine * y, sine * x + cosine * y


def wrap(x: Field, period: float = 1.0) -> Field:
    """The signed distance from the nearest multiple of `period`: −period/2 … period/2."""
    return ((x / period + 0.5) % 1 - 0.5) * period


def coverage(distance: Field, softness: float) -> Field:
    """Share of the pixel inside the shape; `softness` is the width of the soft edge in the unit of the distance."""
    return np.clip(0.5 - distance / softness, 0, 1)


def ellipse(x: Field, y: Field, half_width: float, half_height: float) -> Field:
    """Signed distance (approximate away from the edge) to an ellipse at the origin."""
    near = np.hypot(x / half_width, y / half_height)
    steep = np.hypot(x / half_width**2, y / half_height**2) + 1e-6
    return near * (near - 1) / steep


def vesica(x: Field, y: Field, half_length: float, half_width: float) -> Field:
    """Signed distance to a petal with its points on the x axis."""
    radius = (half_length**2 + half_width**2) / (2 * half_width)
    return np.hypot(x, np.abs(y) + radius - half_width) - radius


def diamond(x: Field, y: Field, half_diagonal: float) -> Field:
    """Signed distance in the sum norm to a square standing on its corner."""
    return np.abs(x) + np.abs(y) - half_diagonal


def soft_union(first: Field, second: Field, roundness: float) -> Field:
    """Both shapes in one outline, the seam rounded over `roundness`."""
    share = np.clip(0.5 + 0.5 * (first - second) / roundness, 0, 1)
    return first * (1 - share) + second * share - roundness * share * (1 - share)


def fold_angle(x: Field, y: Field, count: int, turn: float = 0.0) -> tuple[Field, Field]:
    """Coordinates folded into one of `count` sectors, so that one petal drawn there is drawn in all of them."""
    sector = TAU / count
    angle = (np.arctan2(y, x) + turn + sector / 2) % sector - sector / 2
    radius = np.hypot(x, y)
    return radius * np.cos(angle), radius * np.sin(angle)


def noise(shape: tuple[int, int], cell: float, *, seed: int, octaves: int = 3, gain: float = 0.5) -> Field:
    """Smooth noise around ½: random grids of `cell` pixels, half of it and so on, each `gain` times as strong."""
    generator = np.random.default_rng(seed)
    total, weights, weight = np.zeros(shape, np.float32), 0.0, 1.0
    for octave in range(octaves):
        total += weight * _noise_octave(shape, max(2.0, cell / 2**octave), generator)
        weights += weight
        weight *= gain
    return total / weights


def _noise_octave(shape: tuple[int, int], cell: float, generator: np.random.Generator) -> Field:
    height, width = shape
    grid = generator.random((int(height / cell) + 3, int(width / cell) + 3)).astype(np.float32)
    size = (int(grid.shape[1] * cell), int(grid.shape[0] * cell))
    return np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC))[:height, :width]


def blur(field: Field, sigma: float) -> Field:
    """Gaussian blur of `sigma` pixels by running means. Pillow's blur works on bytes, and 256 steps show as rings."""
    radius = round((np.sqrt(4 * sigma**2 + 1) - 1) / 2)
    if radius < 1:
        return field
    for _ in range(3):
        field = _running_mean(_running_mean(field, radius, axis=0), radius, axis=1)
    return field.astype(np.float32)


def _running_mean(field: Field, radius: int, *, axis: int) -> Field:
    margins = [(0, 0), (0, 0)]
    margins[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(field, margins, mode="edge"), axis=axis, dtype=np.float64)
    width = 2 * radius + 1
    if axis == 0:
        return (total[width:] - total[:-width]) / width
    return (total[:, width:] - total[:, :-width]) / width


def lookup(image: NDArray[np.floating], column: Field, row: Field) -> NDArray[np.floating]:
    """Bilinear values of `image` (a field or colours) at fractional pixel positions; positions outside wrap around."""
    height, width = image.shape[:2]
    column, row = np.mod(column, width - 1), np.mod(row, height - 1)
    left = np.minimum(column.astype(np.int32), width - 2)
    top = np.minimum(row.astype(np.int32), height - 2)
    right_share, low_share = column - left, row - top
    if image.ndim == 3:
        right_share, low_share = right_share[..., None], low_share[..., None]
    upper = image[top, left] * (1 - right_share) + image[top, left + 1] * right_share
    lower = image[top + 1, left] * (1 - right_share) + image[top + 1, left + 1] * right_share
    return upper * (1 - low_share) + lower * low_share
