"""A document as an answer: its PDF under its number, set with no connection held."""

from __future__ import annotations

from flask import Response

from app.core import db
from app.documents import printing
from app.documents.models import Document


def paper(document: Document) -> Response:
    """Kept by no cache. Raises PrintingTooSlow."""
    sheet, name = printing.sheet_of(document), document.file_name
    db.release()
    response = Response(printing.pdf(sheet), mimetype="application/pdf")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "no-store"
    return response
