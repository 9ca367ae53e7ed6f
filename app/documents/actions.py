"""Verbs of documents, in the caller's transaction. Each document is issued once, whoever asks how often.

The order is locked first: two that issue for it at once come one after the other. Number series come last.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from app.audit import actions as audit
from app.core import clock, db, numbers, outbox
from app.core.ids import new_id
from app.documents import printing, queries, rules, sheets, wording
from app.documents.events import DocumentWanted
from app.documents.models import Document
from app.documents.rules import Taxed
from app.documents.sheets import Credited, Heading, Paid, Refunded, Sale
from app.orders import queries as orders
from app.orders.models import Order


def issue_for_order(order_id: uuid.UUID) -> list[Document]:
    """Invoice and receipt of an order that was confirmed, and credit notes for what had gone back of its instalments before.
    Returns what was issued now: nothing the second time."""
    order = orders.lock_order(order_id)
    if order is None or order.confirmed_at is None:
        return []
    issued = _issue_sale(order)
    notes = [issue_credit_note(refund_id, order_id) for refund_id in queries.refunds_before_the_sale(order_id)]
    return [*issued, *(note for note in notes if note is not None)]


def issue_credit_note(refund_id: uuid.UUID, order_id: uuid.UUID) -> Document | None:
    """The credit note for a refund that succeeded. None when there is one, or nothing to credit.

    Money that never paid the order (late, double, another amount) was never invoiced, so nothing is credited. Credit notes
    add up to what has gone back: a refund asked for again, because the first one failed after its note, has that note.
    """
    order = orders.lock_order(order_id)
    refund = queries.refund_facts(refund_id)
    if order is None or refund is None or refund.state != "succeeded" or not refund.is_of_order:
        return None
    if order.confirmed_at is None or queries.credit_note_of(refund_id):
        return None
    _issue_sale(order)  # it may have been refunded before the worker came to its invoice
    issued = queries.documents_of(order_id)
    notes = [each for each in issued if each.kind == "credit_note"]
    amount = min(refund.amount_minor, refund.sent_back_minor - sum(each.total_minor for each in notes))
    if amount <= 0:
        return None
    sale = sheets.sale_of(order)
    credited = credited_by(amount, refund_id=refund_id, sale=sale, notes=notes)
    invoice = next(each for each in issued if each.kind == "invoice")
    return _issue_credit(order, sale, credited, invoice=invoice, refund_id=refund_id)


def ask_to_mail(document: Document, *, actor: str) -> None:
    """Somebody wants the customer to have a document by mail: each time they ask, it is sent."""
    outbox.record(DocumentWanted(document.id, new_id()))
    audit.record(
        "document.mailed", actor=actor, object_kind="order", object_id=document.order_id, number=document.number
    )


def credited_by(amount_minor: int, *, refund_id: uuid.UUID, sale: Sale, notes: Sequence[Document]) -> list[Credited]:
    """What a refund credits: each line and the delivery at its own tax, an amount of nothing in particular (or a refund
    made elsewhere) in proportion; always of what earlier credit notes have left."""
    parts = [Refunded(*row) for row in queries.refunded_parts(refund_id)]
    if sum(each.amount_minor for each in parts) != amount_minor:
        parts = [Refunded("amount", None, 0, amount_minor)]
    left = rules.less(sale.groups, [Taxed(**group) for note in notes for group in note.taxes])
    credited = []
    for part in parts:
        own = sale.taxed(part)
        if own is None:
            shares = rules.share(part.amount_minor, left)
        else:
            shares = rules.share_of(part.amount_minor, left, name=own.name, basis_points=own.basis_points)
        left = rules.less(left, shares)
        credited += [Credited(part, share) for share in shares]
    return credited


def _issue_sale(order: Order) -> list[Document]:
    known = {kind: queries.document_of(order.id, kind) for kind in ("invoice", "receipt")}
    if all(known.values()):
        return []
    sale, paid = sheets.sale_of(order), _paid(order.id)
    issued = []
    invoice = known["invoice"]
    if invoice is None:
        heading = _heading("invoice")
        invoice = _add("invoice", order, heading, sale.groups, sheets.invoice(sale, heading, paid))
        issued.append(invoice)
    if known["receipt"] is None and paid:
        heading = _heading("receipt", invoice=invoice)
        issued.append(
            _add("receipt", order, heading, sale.groups, sheets.receipt(sale, heading, paid), invoice=invoice)
        )
    return issued


def _issue_credit(
    order: Order, sale: Sale, credited: Sequence[Credited], *, invoice: Document, refund_id: uuid.UUID
) -> Document:
    heading = _heading("credit_note", invoice=invoice)
    facts = sheets.credit_note(sale, heading, credited)
    groups = rules.grouped([each.taxed for each in credited])
    return _add("credit_note", order, heading, groups, facts, invoice=invoice, refund_id=refund_id)


def _paid(order_id: uuid.UUID) -> list[Paid]:
    rows = queries.money_of(order_id)
    return [Paid(row.amount_minor, row.method, row.reference, row.paid_at, row.last_four) for row in rows]


def _heading(kind: str, *, invoice: Document | None = None) -> Heading:
    moment = clock.now().replace(microsecond=0)
    series = rules.series_of(kind, moment, wording.shop().timezone)
    number = numbers.take(series, prefix=f"{series}-", digits=rules.DIGITS)
    if invoice is None:
        return Heading(series, number, moment)
    return Heading(series, number, moment, invoice.number, invoice.issued_at)


def _add(
    kind: str,
    order: Order,
    heading: Heading,
    groups: Sequence[Taxed],
    facts: dict[str, Any],
    *,
    invoice: Document | None = None,
    refund_id: uuid.UUID | None = None,
) -> Document:
    """What follows an invoice is made out to whom that was: the order may have forgotten them (`orders.actions.belonging`)."""
    document = Document(
        id=new_id(),
        kind=kind,
        series=heading.series,
        number=heading.number,
        order_id=order.id,
        refund_id=refund_id,
        locale=wording.words_of(order).language,
        currency=order.currency,
        total_minor=sum(each.total_minor for each in groups),
        tax_minor=sum(each.tax_minor for each in groups),
        taxes=[each.facts() for each in groups],
        facts=facts,
        buyer=invoice.buyer if invoice else sheets.buyer(order),
        edition=printing.EDITION,
        issued_at=heading.issued_at,
    )
    db.session.add(document)
    db.session.flush()
    return document
