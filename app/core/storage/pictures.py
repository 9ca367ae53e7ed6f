"""Uploaded pictures: believed only after they were decoded, kept only as what we encode ourselves (FAULTS X12, X15)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from app.core.errors import Refused
from app.core.storage import Rendition

MAX_BYTES = 15 * 1024 * 1024
MAX_PIXELS = 25_000_000
MAX_SIDE = 12_000
TYPES = (
    "JPEG",
    "PNG",
    "WEBP",
    "AVIF",
)  # what a camera or an editor writes; no SVG, no GIF, nothing that can hold a script
OPTIONS = {"avif": {"quality": 60, "speed": 7}, "webp": {"quality": 80, "method": 4}}
GROUND = (255, 255, 255)  # shows through where a picture is transparent


class PictureRefused(Refused):
    """`code` says why: picture_too_large, picture_too_many_pixels, picture_moves, picture_unknown or picture_broken."""

    code = "picture_refused"


@dataclass(frozen=True, slots=True)
class Prepared:
    """All sizes of a picture; `width` and `height` are those of the largest."""

    width: int
    height: int
    renditions: tuple[Rendition, ...]


def renditions(upload: bytes, *, widths: Sequence[int], kinds: Sequence[str]) -> Prepared:
    """Encode an upload in every width (never larger than it is) and kind. Raises PictureRefused."""
    picture = _decoded(upload, largest=max(widths))
    sizes = [_scaled(picture, width) for width in widths]
    made = tuple(
        Rendition(width, kind, _encoded(size, kind))
        for width, size in zip(widths, sizes, strict=True)
        for kind in kinds
    )
    return Prepared(sizes[-1].width, sizes[-1].height, made)


def _decoded(upload: bytes, *, largest: int) -> Image.Image:
    """The pixels, upright, in sRGB, without anything else. What lies is found out before memory is spent on it."""
    if len(upload) > MAX_BYTES:
        raise PictureRefused(code="picture_too_large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Pillow only warns of bombs and of broken metadata
            with Image.open(io.BytesIO(upload), formats=TYPES) as opened:
                _check(opened)
                opened.draft("RGB", (largest * 2, largest * 2))  # a JPEG is decoded at a fraction of its size
                return _flat(_in_srgb(_upright(opened, largest=largest)))
    except PictureRefused:
        raise
    except UnidentifiedImageError as error:
        raise PictureRefused(code="picture_unknown") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise PictureRefused(code="picture_too_many_pixels") from error
    except Exception as error:  # decoders raise whatever their format suggests
        raise PictureRefused(code="picture_broken") from error


def _check(opened: Image.Image) -> None:
    if opened.width * opened.height > MAX_PIXELS or max(opened.size) > MAX_SIDE:
        raise PictureRefused(code="picture_too_many_pixels")
    if getattr(opened, "n_frames", 1) > 1:
        raise PictureRefused(code="picture_moves")


def _upright(opened: Image.Image, *, largest: int) -> Image.Image:
    """Turned as its EXIF says, and no larger than what follows needs: each later step may copy it."""
    ImageOps.exif_transpose(opened, in_place=True)
    factor = opened.width // (largest * 2)
    if factor > 1 and opened.mode in ("L", "RGB", "RGBA", "CMYK"):
        profile = opened.info.get("icc_profile")
        opened = opened.reduce(factor)
        opened.info["icc_profile"] = profile
    return opened


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Phones photograph in wider colour spaces; without the profile, which goes, those colours would look dull."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK"):
        return picture
    mode = "RGBA" if picture.mode == "RGBA" else "RGB"
    try:
        converted = ImageCms.profileToProfile(
            picture, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError):
        return picture  # a profile that makes no sense says nothing about the pixels
    return converted or picture


def _flat(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGB", picture.size, GROUND)
        ground.paste(picture, mask=picture.getchannel("A"))
        return ground
    return picture.convert("RGB")


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    if picture.width <= width:
        return picture
    height = max(1, round(picture.height * width / picture.width))
    return picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)


def _encoded(picture: Image.Image, kind: str) -> bytes:
    clean = picture.copy()
    clean.info = {}  # encoders write along what they find here: EXIF, XMP, profiles
    buffer = io.BytesIO()
    clean.save(buffer, kind.upper(), **OPTIONS[kind])
    return buffer.getvalue()
