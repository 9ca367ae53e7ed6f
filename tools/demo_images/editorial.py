"""Pictures that tell a story instead of showing a product: the home page's hero and how a cloth is waxed and dyed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.demo_images import shots
from tools.demo_images.cloth import Cloth
from tools.demo_images.fabrics import REPEATS, drawn_cloth, fabric
from tools.demo_images.field import Field, blur, linear_light, mix, noise, rotate, smoothstep
from tools.demo_images.stage import FULL_VIEW, Fabric, Stage, bezier, plaster
from tools.demo_images.tabletop import planks

_COTTON = linear_light("ebe3d5")
_PENCIL = linear_light("8d8a86")
_WAX_THIN, _WAX_THICK = linear_light("d39a4e"), linear_light("8a4f1c")
_COPPER, _HANDLE = linear_light("b56a3a"), linear_light("7a4a26")
_CLAY, _CLAY_DARK = linear_light("9a7a5c"), linear_light("4c3626")
_SUN = np.array((1.06, 1.0, 0.90), np.float32)
_BATH = linear_light("10182f")


@dataclass(frozen=True)
class Editorial:
    """A picture of this module: how it is drawn (at a width in pixels), its ground, and the widths it is shipped in."""

    draw: Callable[[int], Image.Image]
    ground: str
    widths: tuple[int, ...] = (240, 360, 480, 720, 1000)
    stated_height: int = 1250  # of the file that is 1000 wide


def hero(width: int) -> Image.Image:
    """Four cloths on a rod, the left third an empty wall. 16:7."""
    stage = Stage((0, 0, 1600, 700), width=width)
    plaster(stage, "plaster", horizon=9, fall_off=0.08)
    shots.rod(stage, 560, 1640, 74)
    for motif, palette, seed, box in (
        ("sarong", "indigo", 4, shots.Hanging(632, 892, 76, 640, folds=4, sway=13, seed=2)),
        ("mega", "langit", 5, shots.Hanging(948, 1112, 76, 548, folds=2.8, sway=15, seed=6, has_fringe=True)),
        ("floral", "teluk", 11, shots.Hanging(1168, 1396, 76, 650, folds=3.6, sway=14, seed=9)),
        ("parang", "soga", 7, shots.Hanging(1450, 1570, 76, 580, folds=2.2, sway=12, seed=3, has_fringe=True)),
    ):
        shots.hang(stage, _small_fabric(stage, motif, palette, seed, box, zoom=0.66), box)
    _window_light(stage, (180, -60), (560, 900))
    return stage.photograph()


def hero_portrait(width: int) -> Image.Image:
    """The same wall for a phone held upright: three cloths. 4:5."""
    stage = Stage(FULL_VIEW, width=width)
    plaster(stage, "plaster", horizon=9, fall_off=0.08)
    shots.rod(stage, -40, 1040, 118)
    for motif, palette, seed, box in (
        ("sarong", "indigo", 4, shots.Hanging(72, 432, 120, 1120, folds=4.2, sway=17, seed=2)),
        ("mega", "langit", 5, shots.Hanging(484, 668, 120, 900, folds=2.8, sway=18, seed=6, has_fringe=True)),
        ("floral", "teluk", 11, shots.Hanging(724, 946, 120, 1035, folds=3, sway=16, seed=9)),
    ):
        shots.hang(stage, _small_fabric(stage, motif, palette, seed, box, zoom=0.86), box)
    _window_light(stage, (60, -60), (620, 1400))
    return stage.photograph()


def craft_wax(width: int) -> Image.Image:
    """White cotton, half of the pencilled motif already drawn over in hot wax, the canting laid down."""
    stage = Stage(FULL_VIEW, width=width)
    planks(stage)
    size = (1240.0, 1400.0)
    cloth = drawn_cloth("kawung", "indigo", size=size, repeat=330, density=stage.density, seed=12)
    waxed = _waxed_share(cloth)
    cotton = Fabric(_waxed_cotton(cloth, waxed), density=stage.density)
    x, y = rotate(stage.x, stage.y, -0.05)
    swell = stage.noise(420, 5, 2) - 0.5
    sheet = stage.inside(np.maximum(-x - 60, y - 1130 - 5 * np.sin(stage.x / 90)))
    stage.cast_shadow(sheet, right=6, down=14, softness=12, strength=0.6)
    slope_y, slope_x = np.gradient(swell * 90 * stage.density)
    light = (1.0 + 0.7 * (slope_x + slope_y)) * (1.04 - 0.14 * np.hypot(stage.x / 1000 - 0.35, stage.y / 1250 - 0.3))
    hem = 1 - 0.16 * stage.inside(np.abs(y - 1108) - 1)
    stage.drape(sheet, cotton, x + 90, y + 90, light * hem)
    _canting(stage, (486, 640))
    return stage.photograph()


def craft_dye(width: int) -> Image.Image:
    """The waxed cloth is drawn out of the indigo bath: blue below, still white above."""
    stage = Stage(FULL_VIEW, width=width)
    plaster(stage, "sand", horizon=0.72)
    shots.rod(stage, 130, 870, 118)
    _vat(stage)
    size = (680.0, 980.0)
    cloth = drawn_cloth("kawung", "indigo", size=size, repeat=150, density=stage.density, seed=12)
    dipped = Fabric(_half_dyed(cloth, density=stage.density), density=stage.density)
    shots.hang(stage, dipped, shots.Hanging(225, 775, 120, 1050, folds=4.3, sway=13, seed=5))
    _bath_surface(stage)
    return stage.photograph()


def craft_cloth(width: int) -> Image.Image:
    """The finished cloth in folds."""
    stage = Stage(FULL_VIEW, width=width)
    done = fabric("kawung", "indigo", size=(1200, 1460), repeat=190, density=stage.density, seed=12)
    shots.drape(stage, done, seed=8)
    return stage.photograph()


PICTURES: dict[str, Editorial] = {
    "home-hero": Editorial(hero, "plaster", (240, 360, 480, 720, 1000, 1600), 438),
    "home-hero-portrait": Editorial(hero_portrait, "plaster"),
    "craft-wax": Editorial(craft_wax, "sand"),
    "craft-dye": Editorial(craft_dye, "sand"),
    "craft-cloth": Editorial(craft_cloth, "sand"),
}


def _small_fabric(stage: Stage, motif: str, palette: str, seed: int, box: shots.Hanging, *, zoom: float) -> Fabric:
    size = (box.right - box.left + 110, box.bottom - box.top + 36)
    return fabric(motif, palette, size=size, repeat=REPEATS[motif] * zoom, density=stage.density, seed=seed)


def _window_light(stage: Stage, top_left: tuple[float, float], size: tuple[float, float]) -> None:
    """Two panes of slanting sunlight over wall and cloth."""
    x = (stage.x - top_left[0] - 0.42 * (stage.y - top_left[1])) / size[0]
    left_pane, right_pane = (
        smoothstep(start - 0.03, start + 0.03, x) * smoothstep(end + 0.03, end - 0.03, x)
        for start, end in ((0, 0.46), (0.54, 1))
    )
    sunlight = 0.10 * stage.blur(np.maximum(left_pane, right_pane), 6)
    stage.colours = stage.colours * (0.965 + sunlight[..., None] * _SUN)


def _waxed_share(cloth: Cloth) -> Field:
    """1 where the kawung has been waxed already, 0 where it is only pencilled. Wax is drawn fruit by fruit.

    In units of √½ repeat every fruit fills a square; stars and crossings sit on the corners of the squares by turns.
    """
    x, y = cloth.x * np.sqrt(2), cloth.y * np.sqrt(2)
    corner_x, corner_y = np.round(x), np.round(y)
    reach = np.where((corner_x + corner_y) % 2 == 1, 0.23, 0.09)
    at_corner = np.maximum(np.abs(x - corner_x), np.abs(y - corner_y)) < reach
    piece_x = np.where(at_corner, corner_x, np.floor(x) + 0.5)
    piece_y = np.where(at_corner, corner_y, np.floor(y) + 0.5)
    return (piece_y + 0.35 * piece_x < 3.95).astype(np.float32)


def _waxed_cotton(cloth: Cloth, waxed: Field) -> NDArray[np.floating]:
    """Cotton with pencil lines, and amber wax, thicker in the middle of a line, where `waxed` is 1."""
    slubs = 0.97 + 0.06 * noise(cloth.size, 3, seed=8, octaves=1)
    colours = np.broadcast_to(_COTTON, cloth.colours.shape) * slubs[..., None]
    wax = np.clip(cloth.wax, 0, 1)
    outline = np.clip(4 * np.abs(wax - blur(wax, 1.6)) - 0.5, 0, 1)
    colours = mix(colours, _PENCIL, 0.75 * outline * (1 - waxed))
    thickness = blur(wax, cloth.repeat * 0.02) * (0.7 + 0.6 * noise(cloth.size, cloth.repeat * 0.12, seed=4))
    amber = mix(np.broadcast_to(_WAX_THIN, colours.shape), _WAX_THICK, np.clip(1.5 * thickness - 0.55, 0, 1) * 0.7)
    slope_y, slope_x = np.gradient(blur(wax, 2.5))
    gloss = np.asarray(np.clip(-(slope_x + slope_y) * 2.2, -0.25, 0.5))[..., None]
    return mix(colours, amber * (1 + gloss) + 0.12 * np.clip(gloss, 0, 1), 0.92 * wax * waxed)


def _half_dyed(cloth: Cloth, *, density: float) -> NDArray[np.floating]:
    """Waxed cotton above an uneven line, indigo around the wax below it; the dye deepens towards the bath."""
    dry = _waxed_cotton(cloth, np.ones(cloth.size, np.float32))
    units = np.indices(cloth.size, dtype=np.float32, sparse=True)[0] / density
    depth = units - 470 + 90 * (noise(cloth.size, 150 * density, seed=21, octaves=4) - 0.5)
    fresh, deep = linear_light("5f8fb0"), linear_light("1b2f5c")
    dye = mix(np.broadcast_to(fresh, dry.shape), deep, smoothstep(0, 120, depth))
    dye = dye * (0.86 + 0.28 * noise(cloth.size, 60 * density, seed=23, octaves=4))[..., None]
    soaked = smoothstep(-10, 14, depth)
    unwaxed = 1 - np.clip(cloth.wax, 0, 1)
    return mix(dry, dye, soaked * unwaxed) * (1 - 0.10 * soaked * (1 - unwaxed))[..., None]


def _vat(stage: Stage) -> None:
    """A clay jar of indigo, seen a little from above."""
    across = (stage.x - 500) / 420
    rim = np.hypot(across, (stage.y - 1012) / 92)
    taper = 0.10 * np.clip(stage.y - 1012, 0, None)
    body = stage.box(80 + taper, 1012, 920 - taper, 9999)
    outline = np.maximum(body, stage.inside((rim - 1) * 92))
    stage.cast_shadow(outline, right=40, down=10, softness=40, strength=0.5)
    clay = (1.06 - 0.62 * np.abs(across + 0.22) ** 2.2) * (0.9 + 0.2 * stage.noise(90, 6, 4))
    stage.paint(outline, _CLAY * clay[..., None])
    lip = stage.inside((rim - 1) * 92) * (1 - stage.inside((np.hypot(across / 0.94, (stage.y - 1012) / 82) - 1) * 82))
    stage.paint(lip, _CLAY * (1.18 - 0.20 * across)[..., None])
    inner = stage.inside((np.hypot(across / 0.94, (stage.y - 1012) / 82) - 1) * 82)
    stage.paint(inner, _CLAY_DARK * (0.75 + 0.3 * smoothstep(930, 960, stage.y))[..., None])
    bath = stage.inside((np.hypot(across / 0.915, (stage.y - 1024) / 72) - 1) * 72) * inner
    sky = 0.25 * smoothstep(0.1, 0.9, np.abs(across)) + 0.5 * np.clip(stage.noise(180, 14, 2) - 0.5, 0, 1)
    stage.paint(bath, _BATH * (0.9 + 3.0 * sky)[..., None])


def _bath_surface(stage: Stage) -> None:
    """The cloth's dark reflection and the ripple where it enters the bath."""
    across = (stage.x - 500) / 420
    bath = stage.inside((np.hypot(across / 0.915, (stage.y - 1024) / 72) - 1) * 72)
    ripple = stage.y - 1014 - 3 * np.sin(stage.x / 47) - 1.5 * np.sin(stage.x / 19)
    under = stage.inside(-ripple) * stage.inside(np.abs(stage.x - 500) - 296, 14) * bath
    glint = np.exp(-((ripple / 3.0) ** 2)) * stage.inside(np.abs(stage.x - 500) - 278, 24) * bath
    stage.paint(under * 0.93, _BATH * 1.1)
    stage.paint(0.28 * glint, linear_light("8fb0c8"))


def _canting(stage: Stage, tip: tuple[float, float]) -> None:
    """The wax pen: a wooden handle, a copper bowl and its bent spout."""
    along, across = rotate(stage.x - tip[0], stage.y - tip[1], -0.72)
    radius = 15 + 5 * np.sin(np.clip((along - 190) / 430, 0, 1) * np.pi)
    handle = stage.inside(np.maximum(np.abs(across) - radius, np.maximum(170 - along, along - 980)))
    ferrule = stage.inside(np.maximum(np.abs(across) - 13, np.maximum(132 - along, along - 196)))
    bowl = stage.inside((np.hypot((along - 98) / 56, across / 40) - 1) * 40)
    spout = stage.polygon(_spout(tip))
    whole = np.maximum.reduce([handle, ferrule, bowl, spout])
    stage.cast_shadow(whole, right=18, down=24, softness=16, strength=0.6)
    stage.cast_shadow(whole, right=5, down=7, softness=5, strength=0.5)
    round_light = 1.2 - 0.75 * (across / radius + 0.25) ** 2
    stage.paint(handle, _HANDLE * (round_light * (0.88 + 0.3 * stage.noise(40, 31, 3)))[..., None])
    stage.paint(spout, _COPPER * 1.05)
    stage.paint(ferrule, _COPPER * (1.25 - 0.7 * (across / 13 + 0.3) ** 2)[..., None])
    gleam = 0.3 * np.exp(-(((across + 24) / 7) ** 2))
    stage.paint(bowl, _COPPER * (1.15 - 0.35 * np.clip(across / 40 + 0.2, -1, 1) + gleam)[..., None])
    _wax_in_bowl(stage, along, across)


def _spout(tip: tuple[float, float]) -> list[tuple[float, float]]:
    cosine, sine = np.cos(0.72), np.sin(0.72)
    outline = bezier((60, -12), (20, -14), (2, -2)) + bezier((0, 2), (22, 4), (60, 14))
    return [(tip[0] + cosine * x - sine * y, tip[1] + sine * x + cosine * y) for x, y in outline]


def _wax_in_bowl(stage: Stage, along: Field, across: Field) -> None:
    opening = stage.inside((np.hypot((along - 98) / 44, across / 29) - 1) * 29)
    melted = stage.inside((np.hypot((along - 98) / 39, (across - 1) / 24) - 1) * 24)
    stage.paint(opening, _COPPER * 0.35)
    stage.paint(melted, _WAX_THICK * (0.75 + 0.35 * smoothstep(24, -24, across))[..., None])
    glint = stage.inside((np.hypot((along - 84) / 12, (across + 9) / 4) - 1) * 4, 3)
    stage.paint(glint * 0.7, linear_light("ffe9c0"))
