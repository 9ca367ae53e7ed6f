"""Uploads are decoded, checked and encoded anew (CAT-09, FAULTS X12, X15)."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import time
import zlib

import pytest
from PIL import Image, ImageCms, features

from app.core.storage import KINDS, WIDTHS
from app.core.storage.pictures import MAX_BYTES, PictureRefused, renditions

TEXT = b"secret place 3.1390N 101.6869E"


def encoded(kind: str = "JPEG", size: tuple[int, int] = (1600, 2000), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def refusal(upload: bytes) -> str:
    start = time.perf_counter()
    with pytest.raises(PictureRefused) as refused:
        renditions(upload, widths=WIDTHS, kinds=KINDS)
    assert time.perf_counter() - start < 1
    return refused.value.code


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_every_width_in_both_formats(kind: str):
    assert features.check("avif")
    made = renditions(encoded(kind), widths=WIDTHS, kinds=KINDS)
    assert [(each.width, each.kind) for each in made.renditions] == [
        (width, kind) for width in WIDTHS for kind in KINDS
    ]
    assert (made.width, made.height) == (1000, 1250)
    for each in made.renditions:
        picture = opened(each.read())
        assert picture.size == (each.width, each.width * 5 // 4)
        assert picture.format == each.kind.upper()


def test_small_pictures_are_not_blown_up():
    made = renditions(encoded(size=(300, 200)), widths=WIDTHS, kinds=KINDS)
    assert {opened(each.read()).size for each in made.renditions} == {(240, 160), (300, 200)}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_x15_nothing_but_pixels_is_kept(kind: str):
    exif = Image.Exif()
    exif[0x010E] = TEXT.decode()
    exif.get_ifd(0x8825)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    upload = encoded(kind, exif=exif.tobytes(), icc_profile=profile)
    assert TEXT in upload
    for each in renditions(upload + b"<script>" + TEXT, widths=(240, 360), kinds=KINDS).renditions:
        data = each.read()
        assert TEXT not in data
        assert b"<script>" not in data
        assert not opened(data).getexif()
        assert "icc_profile" not in opened(data).info


def test_pictures_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    made = renditions(encoded(size=(2000, 1600), exif=exif.tobytes()), widths=WIDTHS, kinds=KINDS)
    assert (made.width, made.height) == (1000, 1250)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "I;16"), ("JPEG", "CMYK"), ("PNG", "1")]
)
def test_all_modes_become_rgb(kind: str, mode: str):
    made = renditions(encoded(kind, (400, 500), mode), widths=(240,), kinds=("webp",))
    assert opened(made.renditions[0].read()).mode == "RGB"


def test_transparent_parts_show_white():
    buffer = io.BytesIO()
    Image.new("RGBA", (300, 300), (0, 0, 0, 0)).save(buffer, "PNG")
    made = renditions(buffer.getvalue(), widths=(240,), kinds=("webp",))
    assert opened(made.renditions[0].read()).getpixel((5, 5)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A valid PNG of a few kilobytes that unpacks to width × height."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * ((width + 1) * min(height, 2000)), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 20_000), (13_000, 10), (10, 13_000), (100_000, 100_000), (5_001, 5_000)])
def test_x15_too_many_pixels_are_refused_before_they_are_unpacked(size: tuple[int, int]):
    assert refusal(bomb(*size)) == "picture_too_many_pixels"


def test_x15_too_many_bytes():
    assert refusal(b"\xff\xd8" + b"\0" * MAX_BYTES) == "picture_too_large"


@pytest.mark.parametrize("kind", ["WEBP", "PNG", "AVIF"])
def test_x15_moving_pictures_are_refused(kind: str):
    frames = [Image.new("RGB", (8, 8), (n * 5 % 256, n % 256, 0)) for n in range(60)]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    assert refusal(buffer.getvalue()) == "picture_moves"


def gif(count: int) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.new("P", (2, 2), n % 256) for n in range(count)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"GIF89a",
        gif(1),
        gif(300),
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<?xml version='1.0'?><svg/>",
        b"%PDF-1.7",
        b"\x00" * 1000,
        b"<html>",
        b"BM" + b"\0" * 100,
        b"#!/bin/sh\n",
    ],
    ids=range(11),
)
def test_x12_what_is_no_picture_of_ours_is_refused(upload: bytes):
    assert refusal(upload) == "picture_unknown"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_broken_pictures_are_refused(kind: str):
    whole = encoded(kind, (600, 600))
    for upload in (whole[: len(whole) // 2], whole[:40]):
        assert refusal(upload) in ("picture_broken", "picture_unknown")


def test_x15_memory_stays_bounded():
    """The largest picture that is taken, in a process of its own: far below 300 MB."""
    code = (
        "import io, re\n"
        "from PIL import Image\n"
        "from app.core.storage import KINDS\n"
        "from app.core.storage.pictures import renditions\n"
        "buffer = io.BytesIO()\n"
        "Image.new('RGBA', (5000, 5000), (9, 9, 9, 9)).save(buffer, 'PNG')\n"
        "renditions(buffer.getvalue(), widths=(240,), kinds=KINDS)\n"
        "print(int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(answer.stdout) < 300
