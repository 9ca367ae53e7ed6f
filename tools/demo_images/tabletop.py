"""Folded cloth, cushions and a laid table. Lengths are in design units (see `stage`)."""

from __future__ import annotations

import numpy as np

from tools.demo_images.field import TAU, Field, ellipse, fold_angle, linear_light, rotate, smoothstep
from tools.demo_images.stage import Fabric, Stage

_PAPER = linear_light("e8d9bd")
_STAMP_INK = linear_light("6b3a1e")
_FOLDS_IN_STACK = 5
_STACK_TOP, _STACK_FRONT, _STACK_FOOT = 372.0, 858.0, 1008.0
_STACK_HALF_WIDTH = 306.0
_PIPING = linear_light("f3e6cf")
_CUSHION_HALF = 330.0
_PLATE_RADIUS = 262.0


def stack(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """A folded cloth seen from the front and above: its top, the folds of its front, and a paper band around it."""
    generator = np.random.default_rng(seed)
    top = _stack_top_mask(stage)
    outline = np.maximum(top, stage.rounded_box((194, 700, 806, _STACK_FOOT), 16))
    stage.cast_shadow(outline, right=34, down=40, softness=46, strength=0.6)
    stage.cast_shadow(outline, right=8, down=14, softness=12, strength=0.5)
    height = (_STACK_FOOT - _STACK_FRONT) / _FOLDS_IN_STACK
    for number in reversed(range(_FOLDS_IN_STACK)):
        _front_fold(stage, fabric, number=number, height=height, ragged=generator.uniform(-7, 7, 2))
    _stack_top(stage, fabric, top, seed)
    _paper_band(stage)


def _perspective(stage: Stage) -> Field:
    """How much narrower the top looks at every y: 1 at its front edge."""
    return 1 - 0.075 * (_STACK_FRONT - stage.y) / (_STACK_FRONT - _STACK_TOP)


def _stack_top_mask(stage: Stage) -> Field:
    sideways = np.abs(stage.x - 500) / _perspective(stage)
    beyond_x = np.maximum(sideways - (_STACK_HALF_WIDTH - 22), 0)
    beyond_y = np.maximum(np.maximum(_STACK_TOP + 22 - stage.y, stage.y - (_STACK_FRONT + 14 - 22)), 0)
    return stage.inside(np.hypot(beyond_x, beyond_y) - 22)


def _front_fold(stage: Stage, fabric: Fabric, *, number: int, height: float, ragged: np.ndarray) -> None:
    """One rounded edge of the folded cloth, counted from the top; `ragged` moves its ends."""
    top = _STACK_FRONT + number * height
    half = _STACK_HALF_WIDTH - 1.5 * number
    sag = 0.9 * number * np.sin((stage.x - 500) / 170 + 2)
    y = stage.y - sag
    mask = stage.rounded_box((500 - half + ragged[0], top - 12, 500 + half + ragged[1], top + height - 1), height / 2.2)
    across = np.clip((y - top) / height * 2 - 1, -1, 1)
    light = 1.02 - 0.86 * smoothstep(0.0, 1.0, across) - 0.62 * smoothstep(-0.25, -1.0, across) * (number > 0)
    light = light * (1 - 0.035 * number) * (1.03 - 0.16 * (stage.x - 200) / 600)
    v = _STACK_FRONT - _STACK_TOP + 60 + number * 61 + 26 * np.arcsin(across)
    stage.drape(mask, fabric, stage.x - 180 + number * 9, v, light)
    if number:
        stage.shade(stage.inside(np.abs(y - top) - 1.5, 6) * mask, 0.75)


def _stack_top(stage: Stage, fabric: Fabric, mask: Field, seed: int) -> None:
    swell = stage.noise(300, seed + 5, 2) - 0.5
    u = (stage.x - 500) / _perspective(stage) + 320 + 14 * swell
    v = (stage.y - _STACK_TOP) * 1.12 + 14 * swell
    far = (_STACK_FRONT - stage.y) / (_STACK_FRONT - _STACK_TOP)
    edge = np.minimum(_STACK_HALF_WIDTH - np.abs(stage.x - 500) / _perspective(stage), stage.y - _STACK_TOP)
    past_front = stage.y - _STACK_FRONT
    roll = 0.94 + 0.14 * smoothstep(-2, -56, past_front) - 0.22 * smoothstep(0, 14, past_front)
    daylight = (1.05 - 0.08 * far - 0.10 * (stage.x - 200) / 600) * (1 + 0.35 * swell)
    stage.drape(mask, fabric, u, v, (0.82 + 0.22 * smoothstep(0, 30, edge)) * daylight * roll)


def _paper_band(stage: Stage) -> None:
    """A sleeve of paper from the back over the front edge, stamped with a kawung flower."""
    half = 74.0
    x = (stage.x - 500) / np.where(stage.y < _STACK_FRONT, _perspective(stage), 1)
    mask = stage.inside(np.abs(x) - half) * stage.box(0, _STACK_TOP - 2, 1000, _STACK_FOOT + 2)
    stage.cast_shadow(mask, right=6, down=3, softness=7, strength=0.5)
    past_front = stage.y - _STACK_FRONT
    over_edge = 1 - 0.20 * smoothstep(-4, 16, past_front) + 0.05 * np.exp(-(((past_front + 8) / 10) ** 2))
    grain = 1.02 + 0.04 * (stage.noise(5, 8, 2) - 0.5) - 0.05 * x / half
    foot = 1 - 0.22 * smoothstep(_STACK_FOOT - 26, _STACK_FOOT, stage.y)
    edges = 0.92 + 0.08 * smoothstep(0, 12, half - np.abs(x))
    stage.paint(mask, _PAPER * (over_edge * grain * foot * edges)[..., None])
    for rule in (-half + 11, half - 11):
        stage.paint(stage.inside(np.abs(x - rule) - 0.5) * mask * 0.7, _STAMP_INK)
    _kawung_stamp(stage, (500, (_STACK_TOP + _STACK_FRONT) / 2), 30)


def _kawung_stamp(stage: Stage, centre: tuple[float, float], size: float) -> None:
    along, across = fold_angle((stage.x - centre[0]) / size, (stage.y - centre[1]) / size / 0.93, 4, np.pi / 4)
    petal = ellipse(along - 0.64, across, 0.5, 0.25) * size
    stage.paint(stage.inside(petal) * (1 - stage.inside(np.abs(petal + 4.5) - 0.8)) * 0.9, _STAMP_INK)
    ring = np.abs(np.hypot(stage.x - centre[0], (stage.y - centre[1]) / 0.93) - 1.5 * size)
    stage.paint(stage.inside(ring - 0.8) * 0.75, _STAMP_INK)


def cushion(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """A square cushion with rope piping, a little turned."""
    tilt = 0.06 if seed % 2 else -0.05
    x, y = rotate((stage.x - 500) / _CUSHION_HALF, (stage.y - 640) / _CUSHION_HALF, tilt)
    distance = np.where((np.abs(x) < 1.3) & (np.abs(y) < 1.3), _cushion_outline(x, y), 1.0) * _CUSHION_HALF
    outer = stage.inside(distance - 9)
    stage.cast_shadow(outer, right=26, down=60, softness=50, strength=0.6)
    stage.cast_shadow(outer, right=6, down=26, softness=18, strength=0.5)
    rope = (1.02 - 0.35 * smoothstep(-0.6, 1, y)) * (0.86 + 0.14 * np.sin((x - y) * 150))
    stage.paint(outer, _PIPING * rope[..., None])
    bulge = 0.5 * 0.16 * (1 - (np.clip(1 - x * x, 0, 1) * np.clip(1 - y * y, 0, 1)) ** 0.42)
    u, v = 500 + x * _CUSHION_HALF * (1 + bulge), 500 + y * _CUSHION_HALF * (1 + bulge)
    light = np.clip(0.44 + 0.76 * _cushion_light(stage, x, y, seed), 0.3, 1.3)
    stage.drape(stage.inside(distance), fabric, u, v, light * (0.70 + 0.30 * smoothstep(0, 40, -distance)))


def _cushion_outline(x: Field, y: Field) -> Field:
    """Distance in half widths to a square whose sides are pinched between the corners."""
    pinch = 0.06
    return np.maximum(np.abs(x) * (1 + pinch * (1 - y * y)), np.abs(y) * (1 + pinch * (1 - x * x))) - 1


def _cushion_light(stage: Stage, x: Field, y: Field, seed: int) -> Field:
    """Light on the height field ((1−x²)(1−y²))^½ with wrinkles and gathers; analytic slopes leave no rings."""
    rise_x, rise_y = np.clip(1 - x * x, 0.02, 1), np.clip(1 - y * y, 0.02, 1)
    slope_x, slope_y = -0.6 * x * np.sqrt(rise_y / rise_x), -0.6 * y * np.sqrt(rise_x / rise_y)
    wrinkle_x, wrinkle_y = (stage.noise(150, seed + offset, 3) - 0.5 for offset in (0, 9))
    corner = np.clip(np.abs(x * y), 0, 1) ** 1.5
    gather = np.sin((np.arctan2(np.abs(y), np.abs(x)) - np.pi / 4) * 26 + 6 * wrinkle_x) * corner**2
    slope_x = slope_x + 0.35 * gather * np.sign(x) + 0.55 * wrinkle_x * (1 - corner)
    slope_y = slope_y - 0.35 * gather * np.sign(y) + 0.55 * wrinkle_y * (1 - corner)
    return np.clip((-0.46 * slope_x - 0.66 * slope_y + 0.78) / np.sqrt(1 + slope_x**2 + slope_y**2), 0.10, 1.3)


def table(stage: Stage, cloth: Fabric, trim: Fabric, *, seed: int) -> None:
    """A place mat on planks with a plate and a napkin; hem and napkin are of the `trim` cloth. Full view."""
    planks(stage)
    _mat(stage, cloth, trim, seed)
    _plate(stage, (470.0, 640.0))
    _napkin(stage, trim, seed)


def planks(stage: Stage) -> None:
    """Upright boards of 200 units, each with its own tone and long grain."""
    board = np.floor(stage.x / 200)
    grain = stage.creases(2, angle=0.0, cell=22, stretch=26) + 0.5 * stage.creases(5, angle=0.02, cell=7, stretch=40)
    tone = 0.93 + 0.42 * grain + 0.09 * ((board * 37 % 5) / 5 - 0.5)
    seam = 1 - 0.45 * np.clip(1 - np.abs(stage.x - np.round(stage.x / 200) * 200) / 2, 0, 1)
    light = 1.12 - 0.35 * np.hypot(stage.x / 1000 - 0.35, stage.y / 1250 - 0.3)
    stage.colours = np.broadcast_to(linear_light("a9794c"), stage.colours.shape) * (tone * seam * light)[..., None]


def _mat(stage: Stage, cloth: Fabric, trim: Fabric, seed: int) -> None:
    x, y = rotate(stage.x - 500, stage.y - 625, -0.10)
    distance = np.maximum(np.abs(x) - 370, np.abs(y) - 480) + 3 * np.sin(x / 70) * np.sin(y / 90)
    mask = stage.inside(distance)
    stage.cast_shadow(mask, right=10, down=12, softness=12, strength=0.6)
    swell = stage.noise(260, seed, 2) - 0.5
    stage.drape(mask, cloth, x + 420 + 10 * swell, y + 520 + 10 * swell, 1 + 0.32 * swell)
    stage.drape(mask * stage.inside(-26 - distance), trim, x + 420, y + 520, 0.96 * (1 + 0.32 * swell))
    stage.shade(stage.inside(np.abs(distance + 26) - 0.8) * mask, 0.25)


def _plate(stage: Stage, centre: tuple[float, float]) -> None:
    right, down = stage.x - centre[0], stage.y - centre[1]
    radius, angle = np.hypot(right, down), np.arctan2(down, right)
    mask = stage.inside(radius - _PLATE_RADIUS)
    stage.cast_shadow(mask, right=22, down=26, softness=22, strength=0.65)
    stage.cast_shadow(mask, right=6, down=8, softness=8, strength=0.5)
    towards_light = np.cos(angle - 1.25 * np.pi)
    well = np.exp(-(((radius - 0.68 * _PLATE_RADIUS) / 9) ** 2))
    rim = smoothstep(_PLATE_RADIUS - 8, _PLATE_RADIUS, radius)
    light = 1 + towards_light * (0.10 * well - 0.05 * rim) - 0.03 * smoothstep(0.7 * _PLATE_RADIUS, 0, radius)
    glaze = 0.985 + 0.03 * stage.noise(30, 4, 2)
    stage.paint(mask, linear_light("efe7d8") * (np.clip(light, 0.6, 1.1) * glaze)[..., None])
    stage.paint(stage.inside(np.abs(radius - _PLATE_RADIUS + 9) - 0.9) * mask * 0.7, linear_light("9a6a3a"))


def _napkin(stage: Stage, trim: Fabric, seed: int) -> None:
    x, y = rotate(stage.x - 505, stage.y - 640, 0.42)
    distance = np.maximum(np.abs(x) - 78, np.abs(y) - 250)
    mask = stage.inside(distance)
    stage.cast_shadow(mask, right=8, down=10, softness=9, strength=0.55)
    pleat = 1 - 0.35 * np.exp(-np.abs(x - 10) / 3) * (x > 10) + 0.10 * np.exp(-np.abs(x - 4) / 8)
    waist = 1 + 0.35 * np.exp(-(((y - 20) / 60) ** 2))
    swell = stage.noise(260, seed, 2) - 0.5
    light = pleat * (0.86 + 0.14 * smoothstep(0, 16, -distance)) * (1 + 0.2 * swell)
    stage.drape(mask, trim, x * waist + 300, y + 400, light)
    _napkin_ring(stage, x, y)


def _napkin_ring(stage: Stage, x: Field, y: Field) -> None:
    mask = stage.inside(np.maximum(np.abs(y - 20) - 30, np.abs(x) - 84))
    across = (y - 20) / 30
    stage.cast_shadow(mask, right=4, down=6, softness=5, strength=0.5)
    light = 1.15 - 0.5 * across**2 - 0.3 * across + 0.05 * np.sin(x * TAU / 9) - 0.25 * (np.abs(x) / 84) ** 3
    stage.paint(mask, linear_light("b5834c") * light[..., None])
