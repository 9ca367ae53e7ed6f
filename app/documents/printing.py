"""Sets a document: what was stored of it → the bytes of its PDF, the same bytes each time and in each process.

A pure function of the document. What it depends on is pinned: the template's edition (a folder that is never edited once
documents were issued with it), the engine with its own fonts (`typst`), and the Noto fonts for every other script
(`manimgx-fonts`, `manimgx-fonts-cjk`). No font of the machine, no package, no network, no clock. The words come to the template
as data, never as markup.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from app.documents.errors import PrintingTooSlow
from app.documents.models import Document

TEMPLATES = Path(__file__).parents[2] / "templates" / "documents"
EDITION = 1  # of the documents that are issued now
FONTS = ("manimgx_fonts", "manimgx_fonts_cjk")
TIMEOUT_SECONDS = 10.0  # a usual document takes some 15 milliseconds, one of a hundred lines 100


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document as plain values: nothing of the database is needed to set it."""

    edition: int
    language: str
    number: str
    issued_at: datetime
    facts: dict[str, Any]
    buyer: dict[str, Any]


def sheet_of(document: Document) -> Sheet:
    return Sheet(document.edition, document.locale, document.number, document.issued_at, document.facts, document.buyer)


def pdf(sheet: Sheet) -> bytes:
    """The PDF. Raises PrintingTooSlow when it takes longer than anybody waits: the engine cannot be told to stop."""
    done: list[bytes] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            done.append(_set(sheet))
        except BaseException as error:  # raised again where it was asked for
            failures.append(error)

    thread = threading.Thread(target=work, name="printing", daemon=True)
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if failures:
        raise failures[0]
    if not done:
        raise PrintingTooSlow
    return done[0]


def _set(sheet: Sheet) -> bytes:
    folder = TEMPLATES / str(sheet.edition)
    said = {**sheet.facts, "buyer": sheet.buyer, "number": sheet.number, "language": sheet.language}
    compiler = _engine().Compiler(
        str(folder / "document.typ"),
        root=str(folder),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"said": json.dumps(said, ensure_ascii=False, sort_keys=True)},
    )
    printed = compiler.compile(format="pdf", timestamp=int(sheet.issued_at.timestamp()))
    if not isinstance(printed, bytes):  # only formats of one file a page answer with a list
        raise TypeError(f"a PDF was expected, not {type(printed).__name__}")
    return printed


def _engine() -> ModuleType:
    """Loaded when the first document is set: it takes seven megabytes, and most processes never print."""
    return import_module("typst")


@lru_cache(maxsize=1)
def _fonts() -> Any:
    """Looked for once per process; each is read when a document first needs it."""
    folders = [str(Path(spec.origin).parent) for name in FONTS if (spec := find_spec(name)) and spec.origin]
    return _engine().Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)
