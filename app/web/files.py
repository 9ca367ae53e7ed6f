"""Static files and local pictures, served before Flask wakes up (OPS-47): named by content, so kept by every cache.

    /static/dist/…   what `flask assets build` wrote, with its .gz and .br twins; read once at start-up
    /media/…         pictures in the local storage; found when first asked for, because more come while we run

Behind a CDN or nginx the same addresses work unchanged.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from flask import Flask
from whitenoise import WhiteNoise

from app.core import storage
from app.core.settings import Settings
from app.core.storage.local import PREFIX, Local

STATIC = Path(__file__).parents[2] / "static" / "dist"
PICTURES = (".avif", ".webp", ".jpg", ".png")
MOST_REMEMBERED = 20_000
# Beside what every answer carries: nothing in a file runs, whatever somebody uploaded, and no other site shows it.
OF_FILES = (("Content-Security-Policy", "default-src 'none'; sandbox"), ("Cross-Origin-Resource-Policy", "same-origin"))
PIECE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def init_app(app: Flask, settings: Settings) -> None:
    app.wsgi_app = Files(app.wsgi_app, settings, headers=[*app.extensions["headers"], *OF_FILES])  # type: ignore[method-assign]


class Files(WhiteNoise):
    """WhiteNoise, with a second folder whose files may still come and go."""

    def __init__(
        self,
        application: Callable[..., Iterable[bytes]],
        settings: Settings,
        *,
        headers: Sequence[tuple[str, str]],
    ) -> None:
        self.files: dict[str, Any]
        self.always = headers
        service = storage.make(settings.media_url, home=settings.home)
        self.media = service.root if isinstance(service, Local) else None
        super().__init__(application, allow_all_origins=False, immutable_file_test=lambda _path, _url: True)
        self.add_headers_function = self._add_headers
        if STATIC.is_dir():
            self.add_files(STATIC, "/static/dist/")

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(("/static/", PREFIX)):
            return self.application(environ, start_response)
        file = self.files.get(path) or self._find_picture(path)
        if file is None:
            return self.application(environ, start_response)
        try:
            return self.serve(file, environ, start_response)
        except FileNotFoundError:  # taken away since we found it
            del self.files[path]
            return self.application(environ, start_response)

    def _find_picture(self, path: str) -> Any:
        """A picture nobody has asked this process for. Names are ours, so anything odd in one is nobody's business."""
        name = path.removeprefix(PREFIX)
        if self.media is None or name == path or not name.endswith(PICTURES) or not _is_plain(name):
            return None
        if not os.path.isfile(self.media / name):
            return None
        if len(self.files) > MOST_REMEMBERED:
            self.files = {url: file for url, file in self.files.items() if not url.startswith(PREFIX)}
        self.add_file_to_dictionary(path, str(self.media / name))
        return self.files.get(path)

    def _add_headers(self, headers: Headers, _path: str, _url: str) -> None:
        for name, value in self.always:
            headers[name] = value


def _is_plain(name: str) -> bool:
    """Only letters, digits, `-`, `_`, `.` and `/` between pieces that do not start with a dot."""
    pieces = name.split("/")
    return all(PIECE.fullmatch(piece) for piece in pieces)
