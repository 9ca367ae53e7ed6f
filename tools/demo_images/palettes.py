"""The dyes of each palette and the plaster grounds behind the products."""

from __future__ import annotations

from dataclasses import dataclass

from tools.demo_images.field import Colour, linear_light


@dataclass(frozen=True)
class Palette:
    """Linear-light colours of one cloth. `ground` and `ground2` mix unevenly; `ink` seeps through cracked wax."""

    ground: Colour
    ground2: Colour
    dye: Colour
    mid: Colour
    light: Colour
    accent: Colour
    ink: Colour
    leaf: Colour
    leaf_tip: Colour
    heart: Colour
    petal: Colour
    petal_tip: Colour
    second_petal: Colour
    second_tip: Colour
    stamen: Colour


# name: ground, ground2, dye, mid, light, accent, ink
_CLOTHS = {
    "indigo": ("1d2f55", "16264a", "15234a", "4a74a8", "f3ead8", "b9702f", "1d2f55"),
    "soga": ("3b2115", "4a2a19", "2b1a14", "9a5f2c", "f4e6ca", "a3642b", "5a3219"),
    "plum": ("4a1f3d", "5a2748", "34142f", "a05a86", "f6e6dc", "d08a3a", "4a1f3d"),
    "pandan": ("1f4a3a", "1a3f34", "14322a", "6f9a72", "f3ecd7", "c9822f", "1f4a3a"),
    "kunyit": ("b8690f", "c67a1c", "7a3414", "e9b65c", "fff3da", "8f2f1d", "7a3414"),
    "langit": ("8f2a22", "7f231f", "12305f", "a9cbe0", "fbf4e6", "e0a63f", "8f2a22"),
    "laut": ("0e4a55", "0b3d4a", "0d3346", "bfe0d8", "fbf4e6", "e0a63f", "0e4a55"),
    "teluk": ("0d5a62", "0a4450", "0a4450", "6fb7a8", "fbf3e2", "e8a33a", "0a4450"),
    "senja": ("f1ddc4", "e9c9ae", "6d1740", "c98a6a", "fffaf0", "7b2f52", "b06a4a"),
    "malam": ("1a1f3f", "2b2458", "1a1f3f", "6f78b0", "f7efe0", "e3a13c", "1a1f3f"),
}

# name: leaf, leaf_tip, heart, petal, petal_tip, second_petal, second_tip, stamen
_FLOWERS = {
    "teluk": ("1f7a58", "8fbf6a", "8e1238", "d93f63", "f7b9a4", "e8892f", "fbdc9a", "ffd873"),
    "senja": ("3f6a4d", "a9bf7d", "6d1740", "b83a63", "f0a89a", "c9722b", "f6d08a", "f5c65a"),
    "malam": ("1f6a6a", "74b79c", "5a1560", "a44aa8", "eeb9dc", "d9653f", "f9c99a", "ffd873"),
}

# name: wall, floor
_GROUNDS = {
    "plaster": ("f1ebe1", "e4d9ca"),
    "sage": ("e4e8dc", "d3d8c6"),
    "blush": ("f5e6dc", "ead2c4"),
    "mist": ("e3e9ec", "d0d9de"),
    "sand": ("f1e6d6", "e3d3ba"),
}

PALETTE_NAMES = tuple(_CLOTHS)
GROUND_NAMES = tuple(_GROUNDS)


def palette(name: str) -> Palette:
    """The palette called `name` (KeyError if there is none); one without flower colours gets them from its dyes."""
    cloth = [linear_light(colour) for colour in _CLOTHS[name]]
    if name in _FLOWERS:
        return Palette(*cloth, *(linear_light(colour) for colour in _FLOWERS[name]))
    _, _, dye, mid, light, accent, _ = cloth
    return Palette(*cloth, *_flowers_from_dyes(dye, mid, light, accent))


def ground(name: str) -> tuple[Colour, Colour]:
    """Wall and floor of the plaster ground called `name` (KeyError if there is none)."""
    wall, floor = _GROUNDS[name]
    return linear_light(wall), linear_light(floor)


def _flowers_from_dyes(dye: Colour, mid: Colour, light: Colour, accent: Colour) -> tuple[Colour, ...]:
    """Two-tone flowers, as a workshop with one dye bath and one accent would make them."""
    leaf, leaf_tip = 0.55 * mid + 0.45 * dye, 0.75 * mid + 0.25 * light
    heart, petal, petal_tip = 0.6 * dye + 0.4 * accent, accent, 0.45 * accent + 0.55 * light
    second, second_tip = mid, 0.35 * mid + 0.65 * light
    return leaf, leaf_tip, heart, petal, petal_tip, second, second_tip, 0.5 * accent + 0.5 * light
