"""The picture generator: motifs keep their look, pictures their shape, and the shipped files their weight."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.demo_images import __main__ as command
from tools.demo_images import catalogue, editorial, export, fabrics, field, products
from tools.demo_images.palettes import GROUND_NAMES, PALETTE_NAMES, palette

SHIPPED = Path(__file__).parents[2] / "demo" / "pictures"
CATALOGUE = Path(__file__).parents[2] / "demo" / "catalogue"

# Mean and spread of the finished cloth in linear light, drawn small with seed 5.
LOOK_OF_MOTIFS = {
    "kawung": (0.393, 0.281),
    "parang": (0.329, 0.267),
    "ceplok": (0.313, 0.263),
    "mega": (0.244, 0.216),
    "floral": (0.336, 0.260),
    "truntum": (0.113, 0.161),
    "tabur": (0.102, 0.165),
    "sarong": (0.179, 0.211),
}


def small_cloth(motif: str, palette_name: str | None = None, *, seed: int = 5) -> np.ndarray:
    size = (480.0, 800.0) if motif == "sarong" else (480.0, 480.0)
    dyes = palette_name or ("teluk" if motif == "floral" else "indigo")
    return fabrics.fabric(motif, dyes, size=size, repeat=fabrics.REPEATS[motif], density=0.35, seed=seed).colours


def picture(shot: str, **changes: object) -> products.Picture:
    return products.Picture(**{"name": shot, "shot": shot, "motif": "kawung", "palette": "soga", "seed": 4, **changes})


@pytest.mark.parametrize("motif", fabrics.MOTIFS)
def test_a_motif_keeps_its_brightness_and_contrast(motif: str) -> None:
    colours = small_cloth(motif)
    assert np.isfinite(colours).all()
    mean, spread = LOOK_OF_MOTIFS[motif]
    assert colours.mean() == pytest.approx(mean, abs=0.02)
    assert colours.std() == pytest.approx(spread, abs=0.02)


def test_the_same_seed_draws_the_same_cloth_and_another_seed_another() -> None:
    first, again, other = (small_cloth("mega", seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", PALETTE_NAMES)
def test_every_palette_can_dye_flowers(name: str) -> None:
    colours = small_cloth("floral", name)
    assert np.isfinite(colours).all()
    assert colours.std() > 0.08
    assert palette(name).light.min() > 0.55  # the undyed lines are what makes it batik


def test_wax_keeps_the_dye_out_but_lets_it_into_the_cracks() -> None:
    cloth = fabrics.drawn_cloth("kawung", "indigo", size=(480, 480), repeat=118, density=0.5, seed=5)
    cracked = (cloth.crackle() > 0.5) & (cloth.wax > 0.95)
    whole = (cloth.crackle() == 0) & (cloth.wax > 0.95)
    finished = cloth.finish()
    assert cracked.any()
    assert finished[cracked].mean() < 0.9 * finished[whole].mean()


@pytest.mark.parametrize("shot", products.SHOTS)
def test_a_shot_is_4_to_5_and_shows_the_cloth(shot: str) -> None:
    image = products.render(picture(shot), width=120)
    assert image.size == (120, 150)
    pixels = np.asarray(image, np.float32)
    assert pixels.std() > 20
    assert 60 < pixels.mean() < 235


def test_a_second_motif_changes_a_sarong_and_a_table() -> None:
    for shot, motif in (("hang_sarong", "sarong"), ("table", "truntum")):
        plain, changed = (
            np.asarray(products.render(picture(shot, motif=motif, motif2=second), width=60))
            for second in (None, "ceplok")
        )
        assert not np.array_equal(plain, changed)


def test_the_ground_colours_the_wall() -> None:
    corners = {
        name: products.render(picture("cushion", ground=name), width=60).getpixel((2, 2)) for name in GROUND_NAMES
    }
    assert len(set(corners.values())) == len(GROUND_NAMES)
    assert min(min(corner) for corner in corners.values()) > 200


@pytest.mark.parametrize("name", editorial.PICTURES)
def test_editorial_pictures_have_the_stated_ratio(name: str) -> None:
    story = editorial.PICTURES[name]
    image = story.draw(160)
    assert image.height / image.width == pytest.approx(story.stated_height / export.STATED_WIDTH, abs=0.01)
    assert np.asarray(image, np.float32).std() > 15


def test_blur_keeps_the_mean_and_smooths() -> None:
    rough = np.random.default_rng(1).random((60, 80)).astype(np.float32)
    smooth = field.blur(rough, 4)
    assert smooth.shape == rough.shape
    assert smooth.mean() == pytest.approx(rough.mean(), abs=0.02)
    assert smooth.std() < 0.2 * rough.std()


def write_catalogue(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "shirts.toml").write_text(text, encoding="utf-8")
    return folder


ONE_PICTURE = """
[[product]]
slug = "kawung-cushion"
[[product.pictures]]
name = "cushion-a"
shot = "cushion"
motif = "kawung"
palette = "soga"
seed = 3
ground = "mist"
"""


def test_the_catalogue_is_read_with_defaults(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", ONE_PICTURE)
    (found,) = catalogue.load_pictures(folder)
    assert found == products.Picture("cushion-a", "cushion", "kawung", "soga", 3, "mist", None, None)


@pytest.mark.parametrize(
    ("written", "instead", "complaint"),
    [
        ('shot = "cushion"', 'shot = "sofa"', "shot 'sofa' is unknown"),
        ('palette = "soga"', 'palette = "neon"', "palette 'neon' is unknown"),
        ("seed = 3", "", "seed"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(
    tmp_path: Path, written: str, instead: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_catalogue(tmp_path / "catalogue", ONE_PICTURE.replace(written, instead))
    assert command.main(["--catalogue", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert complaint in capsys.readouterr().err


def test_one_name_for_two_different_pictures_is_refused(tmp_path: Path) -> None:
    folder = write_catalogue(tmp_path / "catalogue", ONE_PICTURE + ONE_PICTURE.replace("seed = 3", "seed = 4"))
    with pytest.raises(catalogue.CatalogueError, match="described twice"):
        catalogue.load_pictures(folder)


def test_the_command_writes_files_and_the_manifest(tmp_path: Path) -> None:
    folder, out = write_catalogue(tmp_path / "catalogue", ONE_PICTURE), tmp_path / "out"
    assert command.main(["--catalogue", str(folder), "--out", str(out), "--only", "kawung-soga"]) == 0
    assert {path.name for path in out.iterdir()} == {*export.swatch_files("kawung-soga"), export.MANIFEST}
    with Image.open(out / "kawung-soga-swatch.avif") as image:
        assert image.size == (export.SWATCH_WIDTH, export.SWATCH_WIDTH)
    manifest = json.loads((out / export.MANIFEST).read_text())
    assert manifest["cushion-a"] == {
        "width": 1000,
        "height": 1250,
        "tint": "mist",
        "sizes": [240, 360, 480, 720, 1000],
        "swatch": "kawung-soga",
    }


def test_every_picture_of_the_catalogue_is_shipped_and_described() -> None:
    jobs = catalogue.jobs(CATALOGUE)
    assert [file for job in jobs for file in job.files if not (SHIPPED / file).exists()] == []
    shipped = {path.name for path in SHIPPED.iterdir()} - {export.MANIFEST}
    assert shipped - {file for job in jobs for file in job.files} == set()
    manifest = json.loads((SHIPPED / export.MANIFEST).read_text())
    assert set(manifest) == {entry.name for entry in catalogue.entries(CATALOGUE)}


def test_shipped_files_stay_light() -> None:
    weights = {path.name: path.stat().st_size for path in SHIPPED.iterdir()}
    assert sum(weights.values()) <= 24_000_000
    assert [name for name, weight in weights.items() if name.endswith("-720.avif") and weight > 75_000] == []


def test_shipped_pictures_have_the_size_that_the_manifest_states() -> None:
    for name, entry in json.loads((SHIPPED / export.MANIFEST).read_text()).items():
        for kind in ("avif", "webp"):
            with Image.open(SHIPPED / f"{name}-1000.{kind}") as image:
                assert image.size == (entry["width"], entry["height"]), name
