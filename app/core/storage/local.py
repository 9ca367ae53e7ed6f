"""Pictures as files below SHOP_HOME, served by the shop itself under /media/."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.core.storage import KINDS, Rendition, StorageFailed, checked, file_name

PREFIX = "/media/"


def from_url(media_url: str, *, home: Path) -> Local:
    return Local(home / unquote(urlsplit(media_url).path))


class Local:
    def __init__(self, root: Path) -> None:
        self.root = root

    def save(self, public_id: str, renditions: Sequence[Rendition]) -> None:
        """Each file appears whole or not at all; one from a file on the same disk takes no room."""
        try:
            for each in renditions:
                target = self.path(public_id, each.width, each.kind)
                target.parent.mkdir(parents=True, exist_ok=True)
                draft = target.with_name(f".{uuid.uuid4().hex}")
                _put(each.source, draft)
                draft.replace(target)
        except OSError as error:
            raise StorageFailed(f"{self.root}: {error.strerror}") from error

    def url(self, public_id: str, width: int, kind: str) -> str:
        return f"{PREFIX}{public_id}-{width}.{kind}"

    def delete(self, public_id: str) -> None:
        try:
            for file in [*self.root.glob(f"{checked(public_id)}-*.*")]:
                file.unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(f"{self.root}: {error.strerror}") from error

    def path(self, public_id: str, width: int, kind: str) -> Path:
        """Where a rendition lies. Raises ValueError for a name that could lead elsewhere."""
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of picture")
        return self.root / file_name(checked(public_id), width, kind)


def _put(source: bytes | Path, draft: Path) -> None:
    if isinstance(source, bytes):
        draft.write_bytes(source)
        return
    with contextlib.suppress(OSError):
        os.link(source.resolve(), draft)
        return
    draft.write_bytes(source.read_bytes())
