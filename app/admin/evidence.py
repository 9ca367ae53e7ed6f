"""What the shop knows of an order, bundled for a bank that disputes its payment (N23): as a page, and as JSON."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, jsonify
from flask.typing import ResponseReturnValue

from app.admin import words
from app.admin.desk import desk
from app.core.errors import NotFound
from app.core.money import Money
from app.documents import queries as documents
from app.notifications import queries as mails
from app.orders import queries
from app.orders.models import Order
from app.payments import queries as payments
from app.payments.models import Payment
from app.web.formats import format_money
from app.web.respond import respond
from app.web.rights import needs

bp = desk("evidence", __name__)


@bp.get("/orders/<uuid:order_id>/evidence")
@needs("orders.view")
def show(order_id: uuid.UUID) -> ResponseReturnValue:
    order, payment = _found(order_id)
    return respond(
        "admin/evidence/page.html",
        order=order,
        name=order.number or order.reference,
        evidence=evidence(order, payment),
        disputes=payments.disputes_of(payment.id),
        words=words,
    )


@bp.get("/orders/<uuid:order_id>/evidence.json")
@needs("orders.view")
def download(order_id: uuid.UUID) -> Response:
    order, payment = _found(order_id)
    answer = jsonify(evidence(order, payment))
    answer.headers["Content-Disposition"] = f'attachment; filename="evidence-{order.number or order.reference}.json"'
    return answer


def _found(order_id: uuid.UUID) -> tuple[Order, Payment]:
    order, payment = queries.order(order_id), payments.payment_of_order(order_id)
    if order is None or payment is None:
        raise NotFound()
    return order, payment


def evidence(order: Order, payment: Payment) -> dict[str, Any]:
    """Everything in plain words and ISO moments. The address the order came from is a fingerprint: equal for equal ones."""
    return {
        "order": _order(order),
        "customer": _customer(order),
        "placed_from": order.client_index.hex(),
        "lines": [_line(line, order.currency) for line in order.lines],
        "payments": [_capture(each) for each in payments.captures_of(payment.id)],
        "refunds": [_refund(each) for each in payments.refunds_of(payment.id)],
        "disputes": [_dispute(each) for each in payments.disputes_of(payment.id)],
        "timeline": [
            {"at": each.created_at.isoformat(), "what": each.kind, "by": each.actor.partition(":")[0], **each.facts}
            for each in queries.timeline(order.id)
        ],
        "mails": [
            {
                "what": mail.template,
                "to": mail.recipient,
                "state": mail.state,
                "at": (mail.sent_at or mail.created_at).isoformat(),
            }
            for mail in mails.mails_of_order(order.id)
        ],
        "tracking": [],
    }


def _customer(order: Order) -> dict[str, Any]:
    """Of an order that has forgotten them: as its invoice says."""
    if order.forgotten_at is None:
        return {"email": order.email, "phone": order.phone, "address": dict(order.address)}
    invoice = documents.document_of(order.id, "invoice")
    return {"invoice": invoice.number, "lines": invoice.buyer["lines"]} if invoice else {}


def _order(order: Order) -> dict[str, Any]:
    return {
        "number": order.number,
        "reference": order.reference,
        "placed_at": order.created_at.isoformat(),
        "paid_at": order.confirmed_at.isoformat() if order.confirmed_at else None,
        "total": _money(order.total),
        "delivery": order.snapshot.get("shipping_name") or order.shipping_method,
        "language": order.locale,
    }


def _line(line: Any, currency: str) -> dict[str, Any]:
    return {
        "name": line.name,
        "options": line.options,
        "sku": line.sku,
        "quantity": line.quantity,
        "total": _money(Money(line.total_minor, currency)),
    }


def _capture(capture: Any) -> dict[str, Any]:
    return {
        "provider": capture.provider,
        "id": capture.provider_payment_id,
        "method": capture.method,
        "amount": _money(Money(capture.amount_minor, capture.currency)),
        "at": capture.captured_at.isoformat() if capture.captured_at else None,
    }


def _refund(refund: Any) -> dict[str, Any]:
    return {
        "id": refund.provider_refund_id,
        "state": refund.state,
        "amount": _money(refund.amount),
        "reason": refund.reason,
        "at": refund.created_at.isoformat(),
    }


def _dispute(dispute: Any) -> dict[str, Any]:
    return {
        "id": dispute.provider_dispute_id,
        "state": dispute.state,
        "amount": _money(dispute.amount),
        "reason": dispute.reason,
        "respond_by": dispute.respond_by.isoformat() if dispute.respond_by else None,
    }


def _money(amount: Money) -> dict[str, Any]:
    return {"minor": amount.minor, "currency": amount.currency, "text": format_money(amount)}
