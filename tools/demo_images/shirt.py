"""A short-sleeved shirt laid flat, seen from above. Lengths are in design units (see `stage`)."""

from __future__ import annotations

import numpy as np

from tools.demo_images.field import TAU, Field, linear_light, rotate, smoothstep
from tools.demo_images.stage import Fabric, Point, Stage, bezier

_THREAD = linear_light("f0e2c8")
_HORN = linear_light("d9c2a0")
_HORN_DARK = linear_light("5a3a22")
_LABEL = linear_light("f0e3cb")
_MIDDLE = 500.0
_BUTTONS = range(322, 1060, 124)


def shirt(stage: Stage, fabric: Fabric, *, seed: int) -> None:
    """Sleeves first, then body, placket, collar, pocket and buttons."""
    body, sleeves = stage.polygon(_body()), [stage.polygon(_sleeve(side)) for side in (-1, 1)]
    outline = np.maximum.reduce([body, *sleeves])
    stage.cast_shadow(outline, right=34, down=40, softness=44, strength=0.55)
    stage.cast_shadow(outline, right=10, down=14, softness=12, strength=0.4)
    for mask, side in zip(sleeves, (-1, 1), strict=True):
        _draw_sleeve(stage, fabric, mask, side, seed)
    _armhole_shadow(stage, body, np.maximum(*sleeves))
    folds = stage.creases(seed, angle=0.10, cell=120, stretch=5)
    _draw_body(stage, fabric, body, folds, seed)
    _draw_placket(stage, fabric, body)
    _draw_collar(stage, fabric)
    _draw_pocket(stage, fabric, folds)
    _draw_buttons(stage)


def _mirrored(points: list[Point], side: int) -> list[Point]:
    """`points` as they are for side −1 (the left of the picture), mirrored about the middle for side 1."""
    return points if side < 0 else [(2 * _MIDDLE - x, y) for x, y in points]


def _body() -> list[Point]:
    left = (
        bezier((500, 236), (440, 236), (408, 204))
        + bezier((408, 204), (350, 224), (302, 258))
        + bezier((302, 258), (287, 420), (293, 560))
        + bezier((293, 560), (284, 820), (266, 1068))
        + bezier((266, 1068), (380, 1096), (500, 1090))
    )
    return left + _mirrored(left, 1)[::-1]


def _sleeve(side: int) -> list[Point]:
    left = (
        bezier((372, 214), (305, 234), (264, 266))
        + bezier((264, 266), (172, 400), (108, 556))
        + bezier((108, 556), (180, 622), (264, 634))
        + bezier((264, 634), (292, 560), (308, 470))
        + bezier((308, 470), (304, 350), (372, 214))
    )
    return _mirrored(left, side)


def _draw_sleeve(stage: Stage, fabric: Fabric, mask: Field, side: int, seed: int) -> None:
    u, v = rotate(stage.x - _MIDDLE, stage.y - 300, -0.42 * side)
    folds = stage.creases(seed + 2 + side, angle=0.5 * side, cell=90, stretch=5)
    tone = 0.93 if side < 0 else 0.88
    stage.drape(mask, fabric, u + 630 + 90 * side, v + 300, (1.03 + 1.4 * folds) * stage.rim(mask, 16) * tone)
    cuff_start, cuff_end = _mirrored([(108, 556), (264, 634)], side)
    _stitch_line(stage, mask, cuff_start, cuff_end, distance=32)


def _stitch_line(stage: Stage, mask: Field, start: Point, end: Point, *, distance: float) -> None:
    """A pressed line parallel to an edge, `distance` inside it."""
    normal_x, normal_y = end[1] - start[1], start[0] - end[0]
    away = np.abs((stage.x - start[0]) * normal_x + (stage.y - start[1]) * normal_y) / np.hypot(normal_x, normal_y)
    stage.shade(stage.inside(np.abs(away - distance) - 0.8) * mask, 0.2)


def _armhole_shadow(stage: Stage, body: Field, sleeves: Field) -> None:
    shadow = stage.blur(body, 9) * sleeves * (body < 0.5)
    stage.shade(shadow, 0.42)


def _draw_body(stage: Stage, fabric: Fabric, body: Field, folds: Field, seed: int) -> None:
    """Two fronts cut from different places of the cloth, so that the motif does not meet at the placket by accident."""
    cut = np.where(stage.x < _MIDDLE, 0, 180)
    broad = stage.creases(seed + 5, angle=0.0, cell=210, stretch=4)
    light = (1.04 + 1.5 * folds + 0.6 * broad) * stage.rim(body, 30) * (1.06 - 0.13 * (stage.x - 260) / 480)
    stage.drape(body, fabric, stage.x - 200 + cut + 26 * folds, stage.y - 180 + 20 * folds, light)
    hem = 1056 + 12 * np.sin(np.clip((stage.x - 262) / 476, 0, 1) * np.pi)
    stage.shade(stage.inside(np.abs(stage.y - hem) - 0.8) * body, 0.2)
    for side in (-1, 1):
        yoke_start, yoke_end = _mirrored([(404, 232), (302, 288)], side)
        _stitch_line(stage, body * stage.box(300, 200, 700, 300), yoke_start, yoke_end, distance=0)


def _draw_placket(stage: Stage, fabric: Fabric, body: Field) -> None:
    across = np.abs(stage.x - _MIDDLE)
    mask = stage.inside(across - 25) * body * (stage.y > 250)
    stage.cast_shadow(mask, right=5, down=2, softness=5, strength=0.5)
    stage.drape(mask, fabric, stage.x - 120, stage.y - 150, 0.92 + 0.10 * smoothstep(0, 8, 25 - across))
    dashes = stage.inside(-0.35 - np.sin(stage.y * TAU / 11), 0.5)
    stage.paint(stage.inside(np.abs(across - 19) - 0.5) * dashes * mask * 0.5, _THREAD)


def _draw_collar(stage: Stage, fabric: Fabric) -> None:
    """The dark inside of the neck with its label, the stand behind it, and the two wings folded down."""
    inside = stage.polygon(
        bezier((418, 196), (500, 172), (582, 196))
        + bezier((582, 196), (556, 262), (500, 302))
        + bezier((500, 302), (444, 262), (418, 196))
    )
    stage.drape(inside, fabric, stage.x - 100, stage.y, 0.22)
    stage.paint(inside * 0.55, fabric.mean * 0.30)
    stage.shade(inside * smoothstep(215, 185, stage.y), 0.45)
    label = stage.box(474, 202, 526, 232)
    stage.paint(label, _LABEL * 0.93)
    stage.paint(stage.inside(np.abs(np.hypot(stage.x - 500, stage.y - 217) - 6) - 0.8) * label, _HORN_DARK)
    _draw_collar_stand(stage, fabric)
    for side in (-1, 1):
        _draw_wing(stage, fabric, side)


def _draw_collar_stand(stage: Stage, fabric: Fabric) -> None:
    outline = (
        bezier((402, 192), (412, 158), (450, 152))
        + bezier((450, 152), (500, 144), (550, 152))
        + bezier((550, 152), (588, 158), (598, 192))
        + bezier((598, 192), (560, 184), (500, 181), (440, 184), (402, 192))
    )
    mask = stage.polygon(outline)
    stage.cast_shadow(mask, right=2, down=7, softness=6, strength=0.5)
    u, v = rotate(stage.x - _MIDDLE, stage.y - 250, np.pi)
    stage.drape(mask, fabric, u + 500, v + 420, stage.rim(mask, 7) * 0.98)


def _draw_wing(stage: Stage, fabric: Fabric, side: int) -> None:
    outline = _mirrored(
        bezier((404, 194), (398, 172), (418, 160), (446, 153))
        + bezier((446, 153), (438, 205), (499, 288))
        + bezier((499, 288), (474, 330), (436, 356))
        + bezier((436, 356), (402, 284), (404, 194)),
        side,
    )
    mask = stage.polygon(outline)
    stage.cast_shadow(mask, right=6, down=10, softness=8, strength=0.55)
    u, v = rotate(stage.x - _MIDDLE, stage.y - 250, 0.9 * side)
    stage.drape(mask, fabric, u + 620, v + 620, stage.rim(mask, 8) * 1.05)
    inner = stage.blur(mask, 5)
    stage.paint(np.clip(1 - np.abs(inner - 0.80) / 0.05, 0, 1) * mask * 0.22, _THREAD)


def _draw_pocket(stage: Stage, fabric: Fabric, folds: Field) -> None:
    """Nearly matched to the front under it: 10 units off."""
    mask = stage.polygon([(585, 440), (690, 440), (690, 545), (638, 566), (585, 545)])
    stage.cast_shadow(mask, right=3, down=5, softness=5, strength=0.45)
    light = (1 + 0.4 * folds) * stage.rim(mask, 7)
    stage.drape(mask, fabric, stage.x - 200 + 180 + 26 * folds + 8, stage.y - 180 + 20 * folds + 6, light)
    stage.shade(stage.inside(np.abs(stage.y - 460) - 0.8) * mask, 0.2)


def _draw_buttons(stage: Stage) -> None:
    for y in _BUTTONS:
        away = np.hypot(stage.x - _MIDDLE, stage.y - y)
        mask = stage.inside(away - 11)
        stage.cast_shadow(mask, right=2, down=4, softness=4, strength=0.6)
        light = 1.1 - 0.35 * (stage.y - y) / 11 - 0.18 * stage.inside(np.abs(away - 7.5) - 0.6)
        stage.paint(mask, _HORN * light[..., None])
        for hole in (-3, 3):
            stage.paint(stage.inside(np.hypot(stage.x - _MIDDLE - hole, stage.y - y) - 1.6) * 0.85, _HORN_DARK)
