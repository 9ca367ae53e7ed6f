from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.core import db
from app.tax.models import TaxRate

# Fixtures of the first markets. Malaysia: SST is inside the shop's prices. India: IGST on apparel and made-ups, added.
FIXTURES: Sequence[dict[str, Any]] = (
    {"country": "MY", "tax_class": "standard", "name": "SST", "basis_points": 1000, "is_included": True},
    {"country": "MY", "tax_class": "zero", "name": "SST", "basis_points": 0, "is_included": True},
    {"country": "IN", "tax_class": "standard", "name": "IGST", "basis_points": 500, "on_shipping": True},
    {"country": "SG", "tax_class": "standard", "name": "GST", "basis_points": 900, "on_shipping": True},
)


def load_fixtures() -> None:
    """Put the rates in that are not there yet; a rate the merchant changed stays as it is."""
    rates = [{"state": "", "is_included": False, "on_shipping": False} | rate for rate in FIXTURES]
    db.session.execute(insert(TaxRate).values(rates).on_conflict_do_nothing())
