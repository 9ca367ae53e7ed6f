"""The image storage (ImageService): one interface, three places a picture can live. `MEDIA_URL` chooses:

    file:media                                       files below SHOP_HOME, served by the shop under /media/
    s3://KEY:SECRET@ENDPOINT/BUCKET                  S3 and what speaks like it (MinIO, Spaces, R2 …). Options:
                                                     ?region=…  ?public=https://cdn.example (where browsers read)  ?tls=0
    cloudinary://KEY:SECRET@CLOUD                    Cloudinary, which makes the sizes itself

Characters such as `/` in a key or secret are percent-encoded. No call belongs inside a transaction: all but `url` may be
network. They raise StorageFailed when the place does not take, give or drop a picture.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from app.core.errors import Unavailable
from app.core.ids import new_id
from app.core.settings import Settings

WIDTHS = (240, 360, 480, 720, 1000)
KINDS = ("avif", "webp")
BACKENDS = {"file": "local", "s3": "s3", "cloudinary": "cloud"}
FOREVER = "public, max-age=31536000, immutable"  # a public id never gets other contents

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}(/[a-z0-9][a-z0-9_-]{0,99}){0,3}")
_service: ImageService | None = None


class StorageFailed(Unavailable):
    code = "storage_failed"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of a picture in one format. `source` is its bytes or the file that has them."""

    width: int
    kind: str
    source: bytes | Path

    def read(self) -> bytes:
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """`width` and `height` of the largest rendition, in pixels."""

    public_id: str
    width: int
    height: int
    image_url: str


class ImageService(Protocol):
    def save(self, public_id: str, renditions: Sequence[Rendition]) -> None: ...

    def url(self, public_id: str, width: int, kind: str) -> str: ...

    def delete(self, public_id: str) -> None: ...


def configure(settings: Settings) -> None:
    """Choose the place by MEDIA_URL. Opens no connection. Raises ValueError for an address that cannot be one."""
    global _service
    _service = make(settings.media_url, home=settings.home)


def make(media_url: str, *, home: Path) -> ImageService:
    backend = BACKENDS.get(urlsplit(media_url).scheme)
    if backend is None:
        raise ValueError(
            f"MEDIA_URL={media_url.split('://', maxsplit=1)[0]}… must start with file:, s3:// or cloudinary://"
        )
    service: ImageService = import_module(f"app.core.storage.{backend}").from_url(media_url, home=home)
    return service


def service() -> ImageService:
    if _service is None:
        raise RuntimeError("the image storage is not configured yet")
    return _service


def store(upload: bytes) -> StoredPicture:
    """Keep an uploaded picture: decoded and encoded anew in all sizes, so that nothing but its pixels is left.

    Raises PictureRefused (see `pictures`) or StorageFailed; then nothing of it is kept.
    """
    from app.core.storage import pictures  # Pillow is needed where pictures come in, not in every process  # noqa: PLC0415

    picture = pictures.renditions(upload, widths=WIDTHS, kinds=KINDS)
    public_id = f"p/{new_id().hex}"
    try:
        service().save(public_id, picture.renditions)
    except StorageFailed:
        delete(public_id)
        raise
    return StoredPicture(public_id, picture.width, picture.height, url(public_id, WIDTHS[-1], "webp"))


def adopt(public_id: str, renditions: Sequence[Rendition]) -> None:
    """Keep a picture that exists in all sizes already, under a name of the caller's. Raises StorageFailed."""
    service().save(checked(public_id), renditions)


def url(public_id: str, width: int, kind: str) -> str:
    """Where a browser finds the picture in one of WIDTHS and KINDS."""
    return service().url(public_id, width, kind)


def delete(public_id: str) -> None:
    """Drop all renditions; one that is gone already is no error. Raises StorageFailed."""
    service().delete(checked(public_id))


def checked(public_id: str) -> str:
    """The name, if it can be one: it becomes part of paths and addresses. Raises ValueError."""
    if not _NAME.fullmatch(public_id):
        raise ValueError(f"{public_id!r} is no name of a picture")
    return public_id


def file_name(public_id: str, width: int, kind: str) -> str:
    return f"{public_id}-{width}.{kind}"


def origin_of(media_url: str) -> str:
    """The origin browsers load pictures from, for the content policy; empty when it is the shop's own."""
    parts = urlsplit(media_url)
    if parts.scheme == "cloudinary":
        return "https://res.cloudinary.com"
    if parts.scheme == "s3":
        options = parse_qs(parts.query)
        public = urlsplit(options["public"][0]) if "public" in options else None
        if public is not None:
            return f"{public.scheme}://{public.netloc}"
        return f"{'http' if options.get('tls') == ['0'] else 'https'}://{parts.netloc.rpartition('@')[2]}"
    return ""
