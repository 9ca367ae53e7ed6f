"""Hanging cloth, bolts, drapes and close-ups. Lengths are in design units (see `stage`), cloth coordinates too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.demo_images.field import TAU, Field, linear_light, rotate, smoothstep
from tools.demo_images.stage import Fabric, Stage

ROD_RADIUS = 13
_WRAP_RADIUS = 15  # of the cloth around the rod
_BOLT_RADIUS = 92

Place = tuple[float, float, float]  # left end, right end and axis of a bolt


@dataclass(frozen=True)
class Hanging:
    """A cloth over a rod: its box, how many folds, how far they sway, and whether it ends in a fringe."""

    left: float
    right: float
    top: float
    bottom: float
    folds: float = 5
    sway: float = 20
    seed: int = 1
    has_fringe: bool = False


@dataclass(frozen=True)
class _Folds:
    """Per pixel: fold phase (radians), fold height (about −1 to 1), light, the hem's y, the share of the way down."""

    phase: Field
    height: Field
    shade: Field
    hem: Field
    descent: Field
    mask: Field


def rod(stage: Stage, left: float, right: float, y: float) -> None:
    """A round wooden rod on the wall."""
    mask = stage.box(left, y - ROD_RADIUS, right, y + ROD_RADIUS)
    stage.cast_shadow(mask, right=16, down=26, softness=10, strength=0.35)
    across = (stage.y - y) / ROD_RADIUS
    grain = 0.9 + 0.2 * stage.noise(60, 9, 3)
    stage.paint(mask, linear_light("8a5a31") * ((1.15 - 0.55 * across**2 - 0.22 * across) * grain)[..., None])


def hang(stage: Stage, fabric: Fabric, cloth: Hanging, *, offset: tuple[float, float] = (40.0, 26.0)) -> None:
    """A cloth falling over a rod, its folds opening downwards. `offset` is the cloth's place at the top left corner."""
    folds = _fold(stage, cloth)
    stage.cast_shadow(folds.mask, right=34, down=30, softness=34, strength=0.55)
    stage.cast_shadow(folds.mask, right=12, down=10, softness=10, strength=0.35)
    if cloth.has_fringe:
        _fringe(stage, fabric, cloth, folds)
    depth = 0.25 + 0.75 * folds.descent**0.7
    u = stage.x - cloth.left + np.cos(folds.phase) * cloth.sway * 0.40 * depth + offset[0]
    # Borders run parallel to the hem.
    v = stage.y - cloth.top - (folds.hem - cloth.bottom) * folds.descent + offset[1]
    stage.drape(folds.mask, fabric, u, v, folds.shade)
    sheen = np.clip(folds.height, 0, 1) ** 5 * 0.03 * depth * folds.mask
    stage.colours = stage.colours + sheen[..., None] * (0.4 + fabric.mean)
    _wrap_over_rod(stage, fabric, cloth, folds, u=u, offset_v=offset[1])


def _fold(stage: Stage, cloth: Hanging) -> _Folds:
    descent = np.clip((stage.y - cloth.top) / (cloth.bottom - cloth.top), 0, 1)
    stray = stage.noise(260, cloth.seed, 2) - 0.5
    turns = (stage.x - cloth.left) / (cloth.right - cloth.left) * cloth.folds
    phase = turns * TAU + 2.2 * stray + 0.25 * np.sin(3 * descent)
    height = 0.62 * np.sin(phase) + 0.38 * np.sin(0.53 * phase + 1.3)
    fine = 0.22 * np.sin(2.3 * phase + 1.7 + 4 * stray)
    depth = 0.25 + 0.75 * descent**0.7
    shade = 1.02 + 0.48 * depth * (height + fine * depth) - 0.20 * depth * smoothstep(0.25, 1, -height)
    hem = cloth.bottom + np.sin(phase + 0.6) * cloth.sway * 0.55 + 6 * np.sin(0.5 * phase)
    flare = 10 * np.sin(5 * descent + cloth.seed) * descent + 14 * descent
    right = cloth.right + 0.6 * flare + 8 * np.sin(4 * descent)
    mask = stage.box(cloth.left - 0.6 * flare, cloth.top, right, hem)
    stitch = 1 - 0.14 * stage.inside(np.abs(hem - 13 - stage.y) - 1) * (not cloth.has_fringe)
    return _Folds(phase, height, shade * stage.rim(mask, 10) * stitch, hem, descent, mask)


def _fringe(stage: Stage, fabric: Fabric, cloth: Hanging, folds: _Folds) -> None:
    """Twisted strands of 9 units in the cloth's light thread colour."""
    strand = np.sin(stage.x * TAU / 9 + 0.6 * np.sin(stage.y * 0.1))
    length = 50 + 10 * np.sin(0.9 * stage.x) + 5 * np.sin(0.23 * stage.x)
    tips = np.clip((folds.hem + length - stage.y) / 8, 0, 1)
    flare = 14 * folds.descent
    below_hem = stage.box(cloth.left - 0.6 * flare, folds.hem - 4, cloth.right + 0.6 * flare, 9999)
    strands = smoothstep(-0.45, 0.1, strand) * tips * below_hem
    stage.cast_shadow(strands, right=14, down=12, softness=8, strength=0.3)
    thread = fabric.tone(88) * 0.92
    stage.paint(0.95 * strands, thread * (folds.shade * (0.72 + 0.33 * strand))[..., None])


def _wrap_over_rod(stage: Stage, fabric: Fabric, cloth: Hanging, folds: _Folds, *, u: Field, offset_v: float) -> None:
    across = np.clip((stage.y - (cloth.top - 2)) / _WRAP_RADIUS, -1, 1)
    middle = cloth.top - 2
    mask = stage.box(cloth.left - 2, middle - _WRAP_RADIUS, cloth.right + 2, middle + _WRAP_RADIUS)
    light = (1.15 - 0.6 * across**2 - 0.2 * across) * (1 + 0.18 * folds.height)
    below = np.clip(1 - (stage.y - middle - _WRAP_RADIUS) / 26, 0, 1) * (stage.y > middle + _WRAP_RADIUS)
    stage.shade(below * folds.mask, 0.35)
    stage.drape(mask, fabric, u, np.arcsin(across) * _WRAP_RADIUS + offset_v, light)


def bolt(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """A bolt of cloth on a card core, the first metre hanging down."""
    left, right, axis = 190.0, 820.0, 330.0
    hem = 1090 + 12 * np.sin(stage.x / 120 + seed) + 5 * np.sin(stage.x / 47)
    below = np.clip((stage.y - axis) / 760, 0, 1)
    sheet = stage.box(left + 6 - 10 * below, axis, right - 6 + 10 * below, hem)
    roll = stage.box(left, axis - _BOLT_RADIUS, right, axis + _BOLT_RADIUS)
    stage.cast_shadow(np.maximum(sheet, roll), right=40, down=34, softness=40, strength=0.55)
    stage.cast_shadow(np.maximum(sheet, roll), right=12, down=12, softness=12, strength=0.35)
    _core_ends(stage, left, right, axis)
    _bolt_sheet(stage, fabric, sheet, hem, (left, right, axis), seed=seed)
    _bolt_roll(stage, fabric, roll, (left, right, axis))


def _core_ends(stage: Stage, left: float, right: float, axis: float) -> None:
    across = (stage.y - axis) / 30
    card = linear_light("b99467") * (1.1 - 0.5 * across**2 - 0.25 * across)[..., None]
    for end, side in ((left, -1), (right, 1)):
        stage.paint(stage.box(end + side * 17 - 34, axis - 30, end + side * 17 + 34, axis + 30), card)


def _bolt_sheet(stage: Stage, fabric: Fabric, sheet: Field, hem: Field, place: Place, *, seed: int) -> None:
    left, right, axis = place
    below = np.clip((stage.y - axis) / 760, 0, 1)
    phase = (stage.x - left) / (right - left) * 3.2 * TAU + 3 * (stage.noise(340, seed, 2) - 0.5)
    past_roll = stage.y - axis - _BOLT_RADIUS
    contact = 1 - 0.34 * np.exp(-np.clip(past_roll, 0, None) / 55) * (past_roll > 0)
    selvedge = 0.90 + 0.10 * smoothstep(0, 16, np.minimum(stage.x - left, right - stage.x))
    stitch = 1 - 0.14 * stage.inside(np.abs(hem - 13 - stage.y) - 1)
    shade = (1.02 + 0.26 * below * np.sin(phase)) * contact * selvedge * stitch * stage.rim(sheet, 10)
    u = stage.x - left + 10 * np.cos(phase) * below + 30
    stage.drape(sheet, fabric, u, stage.y - axis + _BOLT_RADIUS * np.pi / 2, shade)


def _bolt_roll(stage: Stage, fabric: Fabric, roll: Field, place: Place) -> None:
    left, right, axis = place
    across = np.clip((stage.y - axis) / _BOLT_RADIUS, -1, 1)
    ends = np.minimum(stage.x - left, right - stage.x)
    shade = np.clip(1.12 - 0.62 * (across + 0.25) ** 2, 0.2, 1.3) * (1 - 0.25 * smoothstep(14, 0, ends))
    stage.drape(roll, fabric, stage.x - left + 30, (np.arcsin(across) + np.pi / 2) * _BOLT_RADIUS, shade)
    sheen = 0.05 * np.exp(-(((across + 0.35) / 0.16) ** 2)) * roll
    stage.colours = stage.colours + sheen[..., None]
    for layer in range(5):
        stage.shade(np.clip(1.2 - np.abs(ends - 2 - 3 * layer), 0, 1) * roll, 0.12)


def drape(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """The whole picture is cloth in soft diagonal folds."""
    stray, drift = stage.noise(420, seed, 2) - 0.5, stage.noise(700, seed + 1, 2) - 0.5
    along, across = rotate(stage.x / 1000, stage.y / 1250, -0.62)
    phase = (2.6 * across + 0.62 * stray + 0.5 * drift + 0.12 * np.sin(3.1 * along)) * TAU
    height = (0.5 + 0.5 * np.cos(phase)) ** 2
    height += 0.22 * np.sin(1.5 * phase + 1 + 3 * stray) + 0.12 * np.sin(2.6 * phase + 6 * drift)
    slope_y, slope_x = np.gradient(height * 120 * stage.density)
    facing = np.clip((0.50 * slope_x + 0.62 * slope_y + 0.74) / np.sqrt(1 + slope_x**2 + slope_y**2), 0, 1.3)
    occlusion = 0.55 + 0.45 * smoothstep(-0.2, 0.55, height)
    u = 1.05 * stage.x + 5 * slope_x + 30 * stray + 60
    v = 1.05 * stage.y + 5 * slope_y + 60
    stage.drape(np.ones(stage.shape, np.float32), fabric, u, v, (0.32 + 0.88 * facing) * occlusion)


def macro(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """The cloth from close by, lying almost flat, so that cracks and waxed lines can be seen."""
    swell = stage.noise(520, seed, 2) - 0.5
    slope_y, slope_x = np.gradient(swell * 90 * stage.density)
    light = 1.04 + 0.9 * (slope_x + slope_y) + 0.05 * swell
    fall_off = 1 - 0.16 * np.hypot(stage.x / 1000 - 0.4, stage.y / 1250 - 0.4) ** 1.5
    u, v = rotate(stage.x + 24 * swell, stage.y + 24 * swell, 0.06)
    stage.drape(np.ones(stage.shape, np.float32), fabric, u + 90, v + 10, light * fall_off)
