"""A product picture from its description: which cloth to make, how to set up the shot, and the camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from tools.demo_images import shirt, shots, tabletop
from tools.demo_images.fabrics import REPEATS, fabric
from tools.demo_images.stage import FULL_VIEW, PRODUCT_VIEW, Fabric, Stage, View, plaster


@dataclass(frozen=True)
class Picture:
    """One product picture as the catalogue asks for it."""

    name: str
    shot: str
    motif: str
    palette: str
    seed: int
    ground: str = "plaster"
    scale: float | None = None
    motif2: str | None = None


@dataclass(frozen=True)
class Shot:
    """How a shot is set up.

    `cloth` is the (width, height) in design units that it needs, `zoom` enlarges the motif, `view` is the camera and
    `horizon` where the floor begins (share of 1250).
    """

    draw: Callable[[Stage, Fabric, Picture], None]
    cloth: tuple[float, float]
    zoom: float = 1.0
    view: View = PRODUCT_VIEW
    horizon: float = 0.9


def render(picture: Picture, *, width: int = 1000) -> Image.Image:
    """Draw a product picture `width` pixels wide, 4:5."""
    shot = SHOTS[picture.shot]
    stage = Stage(shot.view, width=width)
    plaster(stage, picture.ground, horizon=shot.horizon)
    shot.draw(stage, _fabric(picture, shot, stage.density), picture)
    return stage.photograph()


def swatch(motif: str, palette: str, *, width: int = 96) -> Image.Image:
    """A square piece of the flat cloth, as the colour choice of a product shows it."""
    units = 200.0
    stage = Stage((0, 0, units, units), width=width)
    size, repeat = (units + 2, units + 2), REPEATS[motif] * 0.9
    flat = fabric(motif, palette, size=size, repeat=repeat, density=stage.density, seed=3)
    stage.drape(stage.box(-9, -9, 999, 999), flat, stage.x, stage.y, 1.04)
    return stage.photograph()


def _fabric(picture: Picture, shot: Shot, density: float) -> Fabric:
    repeat = picture.scale or REPEATS[picture.motif] * shot.zoom
    return fabric(
        picture.motif,
        picture.palette,
        size=shot.cloth,
        repeat=repeat,
        density=density,
        seed=picture.seed,
        body=picture.motif2,
    )


def _hang_sarong(stage: Stage, cloth: Fabric, picture: Picture) -> None:
    box = shots.Hanging(180, 820, 150, 1085, folds=5, sway=18, seed=picture.seed)
    shots.rod(stage, 85, 915, box.top - 2)
    shots.hang(stage, cloth, box)


def _hang_scarf(stage: Stage, cloth: Fabric, picture: Picture) -> None:
    box = shots.Hanging(295, 705, 150, 1015, folds=3.7, sway=27, seed=picture.seed, has_fringe=True)
    shots.rod(stage, 200, 800, box.top - 2)
    shots.hang(stage, cloth, box)


def _table(stage: Stage, cloth: Fabric, picture: Picture) -> None:
    trim = picture.motif2 or "parang"
    size, repeat = SHOTS["table"].cloth, REPEATS[trim] * 0.55
    trim_cloth = fabric(trim, picture.palette, size=size, repeat=repeat, density=stage.density, seed=picture.seed + 1)
    tabletop.table(stage, cloth, trim_cloth, seed=picture.seed)


def _seeded(draw: Callable[..., None]) -> Callable[[Stage, Fabric, Picture], None]:
    """A shot that needs to know nothing of the picture but its seed."""
    return lambda stage, cloth, picture: draw(stage, cloth, seed=picture.seed)


_STACK_VIEW: View = (100, 170, 900, 1170)

SHOTS: dict[str, Shot] = {
    "hang_sarong": Shot(_hang_sarong, cloth=(760, 970)),
    "hang_scarf": Shot(_hang_scarf, cloth=(540, 910)),
    "shirt": Shot(_seeded(shirt.shirt), cloth=(1200, 1240), horizon=1.2),
    "bolt": Shot(_seeded(shots.bolt), cloth=(720, 920)),
    "stack": Shot(_seeded(tabletop.stack), cloth=(720, 960), view=_STACK_VIEW, horizon=0.42),
    "cushion": Shot(_seeded(tabletop.cushion), cloth=(900, 1050), zoom=1.15, horizon=0.74),
    "table": Shot(_table, cloth=(860, 1060), zoom=0.9, view=FULL_VIEW),
    "drape": Shot(_seeded(shots.drape), cloth=(1200, 1460), zoom=1.35, view=FULL_VIEW),
    "macro": Shot(_seeded(shots.macro), cloth=(1200, 1400), zoom=2.6, view=FULL_VIEW),
}
