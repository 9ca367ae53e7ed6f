"""What an order keeps of each line of the cart it is made from."""

from __future__ import annotations

from functools import partial
from typing import Any

from app.checkout.queries import Quote
from app.core import catalogues


def order_line(quote: Quote, index: int, *, locale: str) -> dict[str, Any]:
    """The columns of an `order_line`. `locale` is the language of the order."""
    line, priced = quote.lines[index], quote.priced.lines[index]
    facts = line.facts
    columns = {
        "variant_id": facts.variant_id,
        "product_id": facts.product_id,
        "sku": facts.sku,
        "name": facts.name,
        "options": facts.options,
        "picture": facts.picture,
        "unit": facts.unit,
        "step_mm": facts.step_mm,
        "quantity": priced.quantity,
        "unit_price_minor": priced.unit_price_minor,
        "subtotal_minor": priced.subtotal_minor,
        "discount_minor": priced.discount_minor,
        "tax_basis_points": priced.tax_basis_points,
        "tax_added_minor": priced.tax_added_minor,
        "tax_included_minor": priced.tax_included_minor,
        "total_minor": priced.total_minor,
        "hs_code": facts.hs_code,
    }
    if line.fitting is None or facts.tailored_as is None:
        return columns
    _ = partial(catalogues.translate, locale)
    return columns | {  # that it is made to measure everybody may read, in mails and on invoices; the measures nobody
        "options": ", ".join(part for part in (facts.options, _("made to measure")) if part),
        "fitting": line.fitting.only_for(facts.tailored_as).record(),
        "fitting_key": line.entry.fitting_key,
    }
