"""Lists as files for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Response


def csv_answer(name: str, lines: Iterable[Sequence[str]]) -> Response:
    """To be saved as `name`; the first line names the columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    for line in lines:
        writer.writerow([_harmless(cell) for cell in line])
    answer = Response(text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _harmless(cell: str) -> str:
    """A spreadsheet takes what begins so for a formula (X14)."""
    return f"'{cell}" if cell.lstrip()[:1] in ("=", "+", "-", "@") or cell[:1] in ("\t", "\r") else cell
