"""The floral motif: hibiscus (bunga raya), leaves on vines and small blossoms in the gaps. Lengths are in repeats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.demo_images.cloth import Cloth, Window
from tools.demo_images.field import TAU, Colour, Field, coverage, mix, noise, rotate, smoothstep, vesica, wrap

Point = tuple[float, float]

_FLOWER_RADIUS = 0.30
_FLOWER_DISTANCE = 0.59
_BLOSSOM_RADIUS = 0.075
_PETALS = 5
_PAINT_ORDER = (0, 2, 4, 1, 3)  # so that neighbours overlap


@dataclass(frozen=True)
class Bloom:
    """Where a flower sits, how large and how far turned (radians), and its colours from the heart outwards."""

    centre: Point
    radius: float
    turn: float
    heart: Colour
    petal: Colour
    tip: Colour
    seed: int


@dataclass(frozen=True)
class Leaf:
    """A leaf by its middle, direction in radians, half length and half width."""

    centre: Point
    direction: float
    half_length: float
    half_width: float
    seed: int


def floral(cloth: Cloth) -> None:
    """Hibiscus at scattered places: the vines, three leaves around each flower, the flowers, then small fillers."""
    generator = np.random.default_rng(cloth.seed)
    height, width = cloth.extent
    places = _scatter(generator, (-0.1, width + 0.1), (-0.1, height + 0.1), distance=_FLOWER_DISTANCE)
    for place in places:
        _vine(cloth, place, generator)
    for place in places:
        _leaves_around(cloth, place, generator)
    for number, place in enumerate(places):
        _bloom(cloth, _large_bloom(cloth, place, generator, is_second_kind=number % 3 == 2))
    gaps = _scatter(
        generator, (0, width), (0, height), distance=0.17, keep_away=places, keep_distance=1.28 * _FLOWER_RADIUS
    )
    for place in gaps:
        _bloom(cloth, _small_bloom(cloth, place, generator))


def _scatter(
    generator: np.random.Generator,
    across: Point,
    down: Point,
    *,
    distance: float,
    keep_away: list[Point] | None = None,
    keep_distance: float = 0.0,
    tries: int = 5000,
) -> list[Point]:
    """Random places in a box, at least `distance` apart and `keep_distance` from those in `keep_away`."""
    candidates = generator.uniform((across[0], down[0]), (across[1], down[1]), (tries, 2))
    if keep_away:
        gaps = np.hypot(*(candidates[:, None, :] - np.array(keep_away)[None]).transpose(2, 0, 1))
        candidates = candidates[gaps.min(axis=1) > keep_distance]
    chosen: list[Point] = []
    for x, y in candidates.tolist():
        if all((x - other_x) ** 2 + (y - other_y) ** 2 > distance**2 for other_x, other_y in chosen):
            chosen.append((x, y))
    return chosen


def _vine(cloth: Cloth, start: Point, generator: np.random.Generator) -> None:
    """A stem that bends by 1.4 radians, with four leaves to both sides."""
    direction = generator.uniform(0, TAU)
    share = np.linspace(0, 1, 40)
    heading = direction + 1.4 * share
    length = 0.95 * 0.62 * share
    stem = np.stack((start[0] + length * np.cos(heading), start[1] + length * np.sin(heading)), axis=1)
    _stem(cloth, stem, width=0.026, colour="light")
    _stem(cloth, stem, width=0.013, colour="leaf")
    for step in (12, 22, 32, 39):
        side = 1 if step % 4 else -1
        x, y = stem[step] + 0.09 * np.array((np.cos(heading[step] + side), np.sin(heading[step] + side)))
        _leaf(cloth, Leaf((x, y), heading[step] + 0.9 * side, 0.13, 0.042, int(generator.integers(10**6))))


def _stem(cloth: Cloth, points: np.ndarray, *, width: float, colour: str) -> None:
    pixels = points * cloth.repeat
    middle, half = (points.min(0) + points.max(0)) / 2, np.ptp(points, axis=0) / 2 + 12 / cloth.repeat
    window = cloth.window(middle[0], middle[1], half[0], half[1])
    if window is None:
        return
    top, left = window[0].start, window[1].start
    image = Image.new("L", (window[1].stop - left, window[0].stop - top), 0)
    line = [(x - left, y - top) for x, y in pixels.tolist()]
    ImageDraw.Draw(image).line(line, fill=255, width=max(2, int(width * cloth.repeat)), joint="curve")
    mask = np.asarray(image.filter(ImageFilter.GaussianBlur(1.0)), np.float32) / 255
    cloth.paint(mask, colour, wax=1.0, at=window)


def _leaves_around(cloth: Cloth, place: Point, generator: np.random.Generator) -> None:
    first = generator.uniform(0, TAU)
    for number in range(3):
        direction = first + number * TAU / 3 + generator.uniform(-0.3, 0.3)
        reach = 0.95 * _FLOWER_RADIUS
        centre = (place[0] + reach * np.cos(direction), place[1] + reach * np.sin(direction))
        _leaf(cloth, Leaf(centre, direction, 0.20, 0.075, int(generator.integers(10**6))))


def _leaf(cloth: Cloth, leaf: Leaf) -> None:
    length, reach = leaf.half_length, leaf.half_length * 1.15
    window = cloth.window(*leaf.centre, reach, reach)
    if window is None:
        return
    x, y = rotate(cloth.x[window] - leaf.centre[0], cloth.y[window] - leaf.centre[1], -leaf.direction)
    y = y - 0.18 * length * np.cos(x / length * 1.5) + 0.1 * length
    outline = vesica(x, y, length, leaf.half_width)
    unevenness = noise(x.shape, length * cloth.repeat / 2, seed=leaf.seed) - 0.5
    towards_tip = np.clip((x / length + 1) / 2 + 0.7 * unevenness, 0, 1)
    cloth.fill(outline - 0.011, "light", at=window)
    greens = mix(cloth.palette.leaf, cloth.palette.leaf_tip, towards_tip)
    cloth.paint(coverage(outline, cloth.softness), greens, at=window)
    beside_rib = coverage(0.006 - np.abs(y), cloth.softness) * coverage(outline + 0.012, cloth.softness)
    veins = wrap(x - 1.1 * np.abs(y), 0.22 * length)
    cloth.stroke(veins, 0.0035, "light", wax=0.6, within=0.8 * beside_rib, at=window)
    cloth.stroke(y, 0.0055, "light", within=coverage(outline, cloth.softness), at=window)


def _large_bloom(cloth: Cloth, place: Point, generator: np.random.Generator, *, is_second_kind: bool) -> Bloom:
    colours = cloth.palette
    radius = _FLOWER_RADIUS * generator.uniform(0.82, 1.08) * (0.72 if is_second_kind else 1)
    turn, seed = generator.uniform(0, TAU), int(generator.integers(10**6))
    if is_second_kind:
        return Bloom(place, radius, turn, colours.heart, colours.second_petal, colours.second_tip, seed)
    return Bloom(place, radius, turn, colours.heart, colours.petal, colours.petal_tip, seed)


def _small_bloom(cloth: Cloth, place: Point, generator: np.random.Generator) -> Bloom:
    colours = cloth.palette
    turn, seed = generator.uniform(0, TAU), int(generator.integers(10**6))
    return Bloom(place, _BLOSSOM_RADIUS, turn, colours.accent, colours.second_petal, colours.second_tip, seed)


def _bloom(cloth: Cloth, bloom: Bloom) -> None:
    reach = 1.25 * bloom.radius
    window = cloth.window(*bloom.centre, reach, reach)
    if window is None:
        return
    x, y = (cloth.x[window] - bloom.centre[0]) / bloom.radius, (cloth.y[window] - bloom.centre[1]) / bloom.radius
    unevenness = noise(x.shape, bloom.radius * cloth.repeat * 0.35, seed=bloom.seed, octaves=4) - 0.5
    outwards = np.clip(np.hypot(x, y) + 0.55 * unevenness, 0, 1)
    colours = mix(bloom.heart, bloom.petal, smoothstep(0.12, 0.6, outwards))
    colours = mix(colours, bloom.tip, smoothstep(0.62, 1.0, outwards))
    for number in _PAINT_ORDER:
        along, across = rotate(x, y, -(bloom.turn + number * TAU / _PETALS))
        _petal(cloth, window, along, across, number=number, colours=colours, zoom=1 / bloom.radius)
    _heart(cloth, window, x, y, bloom)


def _petal(cloth: Cloth, window: Window, x: Field, y: Field, *, number: int, colours: np.ndarray, zoom: float) -> None:
    """One petal along the x axis from 0 to about 1, its rim ruffled, its veins fanning out."""
    y = y - 0.10 * np.sin(3 * np.clip(x, 1e-3, 1.2))
    bearing = np.arctan2(y, x - 0.45)
    ruffle = 0.022 * np.sin(7 * bearing + number) + 0.014 * np.sin(15 * bearing + 2 * number)
    blade = 0.39 * (np.hypot((x - 0.58) / 0.43, y / 0.37) - 1) - ruffle * smoothstep(0.3, 0.8, x)
    wedge = np.maximum(np.abs(y) - (0.06 + 0.42 * np.clip(x, 1e-3, 1.2)), np.maximum(x - 0.5, -x))
    outline = np.minimum(blade, wedge)
    softness = cloth.softness * zoom
    cloth.fill(outline - 0.028, "light", at=window, zoom=zoom)
    cloth.paint(coverage(outline, softness), colours, at=window)
    angle = np.arctan2(y, x + 0.05)
    fade = smoothstep(0.28, 0.42, x) * (1 - smoothstep(0.72, 0.86, x + 0.25 * np.abs(np.sin(40 * angle))))
    inside = coverage(outline + 0.05, softness) * fade
    veins = wrap(angle, 0.17) * np.maximum(x, 0.05)
    cloth.stroke(veins, 0.006, "light", wax=0.6, within=0.55 * inside, at=window, zoom=zoom)


def _heart(cloth: Cloth, window: Window, x: Field, y: Field, bloom: Bloom) -> None:
    """The dark throat and the curved stamen with its nine pollen dots."""
    zoom = 1 / bloom.radius
    cloth.fill(np.hypot(x, y) - 0.13, bloom.heart * 0.55, at=window, zoom=zoom)
    cloth.stroke(np.hypot(x, y) - 0.13, 0.014, "light", within=0.8, at=window, zoom=zoom)
    x, y = rotate(x, y, -(bloom.turn + 0.6))
    y = y - 0.22 * x * x
    length = coverage(np.maximum(x - 0.62, -x), cloth.softness * zoom)
    cloth.stroke(y, 0.026, "stamen", within=length, at=window, zoom=zoom)
    for number in range(9):
        pollen = np.hypot(x - (0.34 + 0.3 * number / 8), y - (0.06 if number % 2 else -0.06))
        cloth.fill(pollen - 0.03, "stamen", at=window, zoom=zoom)
        cloth.fill(pollen - 0.014, "light", at=window, zoom=zoom)
