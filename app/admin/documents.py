"""Documents in the back office: look at one, send it to the customer, issue those of an order that has none."""

from __future__ import annotations

import uuid

from flask import Response
from flask.typing import ResponseReturnValue

from app.admin.desk import desk, done
from app.audit import actions as audit
from app.core.errors import NotFound
from app.core.transaction import in_transaction, transaction
from app.documents import actions, queries
from app.documents.models import Document
from app.orders import queries as orders
from app.web.limits import FORMS, limit
from app.web.papers import paper
from app.web.rights import needs
from app.web.staff import actor

bp = desk("documents", __name__)


@bp.get("/documents/<uuid:document_id>")
@needs("orders.view")
def download(document_id: uuid.UUID) -> Response:
    document = queries.document(document_id)
    if document is None:
        raise NotFound()
    return paper(document)


@bp.post("/documents/<uuid:document_id>/mail")
@needs("orders.change")
@limit(FORMS)
def send(document_id: uuid.UUID) -> ResponseReturnValue:
    with transaction():
        document = queries.document(document_id)
        if document is None:
            raise NotFound()
        actions.ask_to_mail(document, actor=actor())
    return done(f"/admin/orders/{document.order_id}", "document-sent")


@bp.post("/orders/<uuid:order_id>/documents")
@needs("orders.change")
@limit(FORMS)
def issue(order_id: uuid.UUID) -> ResponseReturnValue:
    """For an order that was paid before the shop issued documents."""
    if orders.order(order_id) is None:
        raise NotFound()

    def work() -> list[Document]:
        issued = actions.issue_for_order(order_id)
        numbers = [each.number for each in issued]
        if issued:
            audit.record("document.issued", actor=actor(), object_kind="order", object_id=order_id, numbers=numbers)
        return issued

    issued = in_transaction(work)
    return done(f"/admin/orders/{order_id}", "issued" if issued else "issued-before")
