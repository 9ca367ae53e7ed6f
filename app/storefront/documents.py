"""Invoice, receipt and credit notes of an order, for everybody who holds its token."""

from __future__ import annotations

from flask import Blueprint, Response

from app.core.errors import NotFound
from app.documents import queries
from app.orders import queries as orders
from app.web.limits import limit
from app.web.papers import paper
from app.web.respond import no_store

bp = no_store(Blueprint("documents", __name__))


@bp.get("/order/<token>/documents/<name>.pdf")
@limit("60/minute")
def download(token: str, name: str) -> Response:
    """`invoice` and `receipt` by that name, credit notes by their number."""
    order = orders.order_by_token(token)
    if order is None:
        raise NotFound()
    for document in queries.documents_of(order.id):
        if name == (document.number if document.kind == "credit_note" else document.kind):
            return paper(document)
    raise NotFound()
