"""Orders for programs of the staff: the invoice (ORD-23)."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _

from app.core.errors import NotFound
from app.documents import queries
from app.web import staff
from app.web.describe import PDF, describe
from app.web.gates import guards
from app.web.limits import limit_api
from app.web.papers import paper
from app.web.respond import no_store
from app.web.rights import needs

bp = limit_api(no_store(Blueprint("api_orders", __name__)))
guards("/api/v2/orders")(staff.refuse_strangers)  # before 404: a stranger learns of no order


@bp.get("/api/v2/orders/<order_id>/invoice")
@needs("orders.view")
@describe(
    "The invoice of an order as PDF; `order_id` is its id or its number",
    answers={200: PDF},
    refusals=(401, 403, 404, 503),
    for_staff=True,
)
def show_invoice(order_id: str) -> Response:
    document = queries.invoice_of(order_id)
    if document is None:
        raise NotFound(_("There is no such order, or it has no invoice yet."))
    return paper(document)
