"""Pictures at Cloudinary. It gets the largest rendition and makes the other sizes and formats when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import cloudinary
import cloudinary.exceptions
import cloudinary.uploader
import cloudinary.utils

from app.core.storage import Rendition, StorageFailed

TIMEOUT_SECONDS = 30


def from_url(media_url: str, *, home: Path) -> Cloud:
    parts = urlsplit(media_url)
    if not (parts.username and parts.password and parts.hostname):
        raise ValueError("MEDIA_URL must look like cloudinary://KEY:SECRET@CLOUD")
    prefix = parse_qs(parts.query).get("upload_prefix", ["https://api.cloudinary.com"])[0]
    name = parts.netloc.rpartition("@")[2]
    return Cloud(name, key=unquote(parts.username), secret=unquote(parts.password), upload_prefix=prefix)


class Cloud:
    def __init__(self, name: str, *, key: str, secret: str, upload_prefix: str) -> None:
        self.name = name
        self._account = {"cloud_name": name, "api_key": key, "api_secret": secret, "upload_prefix": upload_prefix}

    def save(self, public_id: str, renditions: Sequence[Rendition]) -> None:
        largest = max((each for each in renditions if each.kind == "webp"), key=lambda each: each.width)
        self._call(
            cloudinary.uploader.upload,
            io.BytesIO(largest.read()),
            public_id=public_id,
            filename=f"{public_id.rpartition('/')[2]}.webp",
            overwrite=True,
            invalidate=True,
            resource_type="image",
        )

    def url(self, public_id: str, width: int, kind: str) -> str:
        return _prefix(self.name, width, kind) + public_id

    def delete(self, public_id: str) -> None:
        answer = self._call(cloudinary.uploader.destroy, public_id, invalidate=True, resource_type="image")
        if answer.get("result") not in ("ok", "not found"):
            raise StorageFailed(str(answer.get("result")))

    def _call(self, function: Any, *args: Any, **options: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = function(*args, timeout=TIMEOUT_SECONDS, **self._account, **options)
        except cloudinary.exceptions.Error as error:
            raise StorageFailed(type(error).__name__) from error
        return answer


@lru_cache(maxsize=64)
def _prefix(cloud: str, width: int, kind: str) -> str:
    """All of an address but the picture's name: a page holds hundreds of them."""
    address, _options = cloudinary.utils.cloudinary_url(
        "0", cloud_name=cloud, secure=True, width=width, crop="limit", quality="auto", fetch_format=kind, version=1
    )
    return str(address).removesuffix("0")
