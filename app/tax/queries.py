from __future__ import annotations

from sqlalchemy import select

from app.core import db
from app.core.memory import for_a_moment
from app.tax.models import TaxRate
from app.tax.rules import Tax


@for_a_moment(10)
def taxes_for(*, country: str, state: str) -> dict[str, Tax]:
    """The tax of each tax class for a delivery there; a class without a row is untaxed."""
    statement = (
        select(TaxRate).where(TaxRate.country == country, TaxRate.state.in_(("", state))).order_by(TaxRate.state)
    )
    return {
        rate.tax_class: Tax(rate.name, rate.basis_points, rate.is_included, rate.on_shipping)
        for rate in db.session.scalars(statement)
    }
