"""What mails tell, read once as plain values: rendering and sending happen with no connection held."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core import db
from app.core.money import Money
from app.notifications.models import MailMessage
from app.orders import queries as orders
from app.orders.models import Order, OrderLine


@dataclass(frozen=True, slots=True)
class MailLine:
    name: str
    options: str
    quantity: int
    step_mm: int | None
    subtotal: Money


@dataclass(frozen=True, slots=True)
class MailOrder:
    """`label` is what the order is called: its number once it is confirmed, its reference before."""

    id: uuid.UUID
    label: str
    token: str
    state: str
    cancel_reason: str
    locale: str
    email: str
    name: str
    address: tuple[str, ...]  # as on a parcel, without the country
    country: str
    lines: tuple[MailLine, ...]
    subtotal: Money
    discount: Money
    shipping: Money
    shipping_name: str
    delivery_days: tuple[int, int] | None
    tax_added: Money
    tax_included: Money
    tax_names: tuple[str, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class MailPayment:
    amount: Money
    method: str
    reference: str  # the provider's id, for the shopper's bank
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class MailPromise:
    """`receipt` is the reference to give with the transfer, `until` how long the items are held for it."""

    receipt: str
    until: datetime


@dataclass(frozen=True, slots=True)
class MailRefund:
    order_id: uuid.UUID
    amount: Money
    reason: str
    state: str
    reference: str  # the provider's id, for the shopper's bank


@dataclass(frozen=True, slots=True)
class MailDispute:
    amount: Money
    respond_by: datetime | None


def mail_order(order_id: uuid.UUID) -> MailOrder | None:
    order = orders.order(order_id)
    return _order(order) if order else None


def mail_payment(order_id: uuid.UUID) -> MailPayment | None:
    """The money the order was paid with."""
    found = db.rows(
        "SELECT c.amount_minor, c.currency, c.method, c.provider_payment_id,"
        " coalesce(c.captured_at, c.created_at) AS paid_at"
        " FROM payment p JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied WHERE p.order_id = :id",
        id=order_id,
    )
    if not found:
        return None
    row = found[0]
    return MailPayment(Money(row.amount_minor, row.currency), row.method, row.provider_payment_id, row.paid_at)


def mail_promise(attempt_id: uuid.UUID) -> MailPromise | None:
    """A bank transfer that is still awaited."""
    found = db.rows(
        "SELECT a.receipt, o.expires_at FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " JOIN orders o ON o.id = p.order_id WHERE a.id = :id AND a.method = 'bank_transfer' AND a.state IN ('created', 'open')",
        id=attempt_id,
    )
    return MailPromise(found[0].receipt, found[0].expires_at) if found else None


def was_left_failed(attempt_id: uuid.UUID) -> bool:
    """Whether a try is the last one of its order, came to nothing, and no other mail tells so: the one about the refund, where
    money came in another amount; the one about the subscription, where the provider tries again by itself."""
    return bool(
        db.scalar(
            "SELECT a.state IN ('failed', 'closed') AND a.error_code IS DISTINCT FROM 'amount_mismatch'"
            " AND a.method <> 'subscription' AND NOT EXISTS"
            " (SELECT FROM payment_attempt n WHERE n.payment_id = a.payment_id AND n.position > a.position)"
            " FROM payment_attempt a WHERE a.id = :id",
            id=attempt_id,
        )
    )


def mail_refund(refund_id: uuid.UUID) -> MailRefund | None:
    found = db.rows(
        "SELECT p.order_id, r.amount_minor, r.currency, r.reason, r.state, r.provider_refund_id FROM refund r"
        " JOIN payment p ON p.id = r.payment_id WHERE r.id = :id",
        id=refund_id,
    )
    if not found:
        return None
    row = found[0]
    amount = Money(row.amount_minor, row.currency)
    return MailRefund(row.order_id, amount, row.reason, row.state, row.provider_refund_id or "–")


def mail_dispute(dispute_id: uuid.UUID) -> MailDispute | None:
    found = db.rows("SELECT amount_minor, currency, respond_by FROM payment_dispute WHERE id = :id", id=dispute_id)
    return MailDispute(Money(found[0].amount_minor, found[0].currency), found[0].respond_by) if found else None


def mails_of_order(order_id: uuid.UUID) -> list[MailMessage]:
    """The record of what was written about an order, the first first."""
    statement = select(MailMessage).where(MailMessage.order_id == order_id).order_by(MailMessage.created_at)
    return list(db.session.scalars(statement))


def _order(order: Order) -> MailOrder:
    def money(minor: int) -> Money:
        return Money(minor, order.currency)

    days = order.snapshot.get("delivery_days")
    return MailOrder(
        id=order.id,
        label=order.number or order.reference,
        token=order.token,
        state=order.state,
        cancel_reason=order.cancel_reason or "",
        locale=order.locale,
        email=order.email,
        name=str(order.address.get("name") or ""),
        address=_address_lines(order),
        country=order.country,
        lines=tuple(_line(line, order.currency) for line in order.lines),
        subtotal=money(order.subtotal_minor),
        discount=money(order.discount_minor),
        shipping=money(order.shipping_minor),
        shipping_name=str(order.snapshot.get("shipping_name") or ""),
        delivery_days=(int(days[0]), int(days[1])) if days else None,
        tax_added=money(order.tax_added_minor),
        tax_included=money(order.tax_included_minor),
        tax_names=tuple(order.snapshot.get("taxes") or ()),
        total=order.total,
    )


def _line(line: OrderLine, currency: str) -> MailLine:
    step_mm = line.step_mm if line.unit == "metre" else None
    return MailLine(line.name, line.options, line.quantity, step_mm, Money(line.subtotal_minor, currency))


def _address_lines(order: Order) -> tuple[str, ...]:
    part = order.address.get
    town = " ".join(str(part(name) or "") for name in ("postcode", "city")).strip()
    lines = (part("name"), part("line1"), part("line2"), town, part("state"))
    return tuple(str(line) for line in lines if line)
