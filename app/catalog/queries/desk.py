"""Products as staff look for them: whatever their state, read anew."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from app.catalog.models import Words
from app.catalog.rules import Tailoring
from app.core import db


@dataclass(frozen=True, slots=True)
class DeskProduct:
    id: uuid.UUID
    slug: str
    name: Words
    unit: str
    is_available: bool
    is_withdrawn: bool
    tailoring: Tailoring | None


_FIELDS = (
    "SELECT p.id, p.slug, p.name, p.unit, p.is_available, p.withdrawn_at IS NOT NULL AS is_withdrawn,"
    " p.tailored_as, p.tailoring_days, p.is_tailored_only FROM product p"
)


def products(words: str, *, before: uuid.UUID | None = None, limit: int) -> list[DeskProduct]:
    """Newest first, by key. `words`: a part of the name in any language, or of a variant's SKU; empty: all."""
    found = db.rows(
        f"{_FIELDS} WHERE (CAST(:before AS uuid) IS NULL OR p.id < :before) AND (:is_all"  # noqa: S608 - our own words  # nosec B608
        " OR EXISTS (SELECT FROM jsonb_each_text(p.name) AS named WHERE named.value ILIKE :part)"
        " OR EXISTS (SELECT FROM variant v WHERE v.product_id = p.id AND v.sku ILIKE :part))"
        " ORDER BY p.id DESC LIMIT :limit",
        before=before,
        is_all=not words,
        part=f"%{_literally(words)}%",
        limit=limit,
    )
    return [_product(row) for row in found]


def product(product_id: uuid.UUID) -> DeskProduct | None:
    found = db.rows(f"{_FIELDS} WHERE p.id = :id", id=product_id)
    return _product(found[0]) if found else None


def _literally(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _product(row: Any) -> DeskProduct:
    is_tailored = row.tailored_as is not None
    tailoring = Tailoring(row.tailored_as, row.tailoring_days, row.is_tailored_only) if is_tailored else None
    return DeskProduct(row.id, row.slug, row.name, row.unit, row.is_available, row.is_withdrawn, tailoring)
