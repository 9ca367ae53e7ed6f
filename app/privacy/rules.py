"""What people may ask about their data, and how a copy of it is written down: JSON for programs, CSV for people. Pure."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")

KINDS = ("access", "correction", "deletion", "objection")
PROOFS = ("account", "mail", "order", "document", "other")  # how it is known that a request is its sender's
REQUEST_MOVES: Mapping[str, frozenset[str]] = {
    "open": frozenset({"done", "refused", "withdrawn"}),
    "done": frozenset(),
    "refused": frozenset(),
    "withdrawn": frozenset(),
}
LONGEST_NOTE = 500

Rows = Sequence[Mapping[str, Any]]


def packed(tables: Mapping[str, Rows]) -> bytes:
    """A zip of `data.json` with all of it, and of one CSV for each table that has rows."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(tables, ensure_ascii=False, indent=1, default=str))
        for name, rows in tables.items():
            if rows:
                archive.writestr(f"{name}.csv", "\ufeff" + as_csv(rows))
    return file.getvalue()


def as_csv(rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(names)
    writer.writerows([harmless(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula (X14): numbers stay numbers."""
    if not isinstance(value, str):
        return "" if value is None else value
    return f"'{value}" if value.lstrip(" \"'").startswith(DANGEROUS) or value.startswith(DANGEROUS) else value
