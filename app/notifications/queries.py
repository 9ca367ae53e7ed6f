"""What mails tell, read once as plain values: rendering and sending happen with no connection held."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core import db
from app.core.money import Money
from app.documents import queries as documents
from app.notifications.models import MailMessage
from app.orders import queries as orders
from app.orders.models import Order, OrderLine
from app.payments import queries as payments
from app.payments.rules import Plan
from app.shipping import addresses
from app.value import queries as value
from app.value.events import ValueIssued


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
    value: tuple[MailPart, ...] = ()
    pickup_hours: str = ""  # it is not sent: the address is where it is fetched


@dataclass(frozen=True, slots=True)
class MailPayment:
    amount: Money
    method: str
    reference: str  # the provider's id, for the shopper's bank
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class MailPromise:
    """`receipt` is the reference to give with the transfer, `until` how long the items are held for it; None while the order is
    on a plan."""

    receipt: str
    until: datetime | None
    amount: Money


@dataclass(frozen=True, slots=True)
class MailAttempt:
    amount: Money


@dataclass(frozen=True, slots=True)
class MailPart:
    """What a gift card or store credit pays of an order."""

    kind: str
    last_four: str
    amount: Money


@dataclass(frozen=True, slots=True)
class MailValue:
    """`topic` is the code's own, so that a new code of the same account is mailed too."""

    topic: str
    kind: str
    amount: Money
    code: str
    until: datetime | None
    email: str
    locale: str


@dataclass(frozen=True, slots=True)
class MailRefund:
    order_id: uuid.UUID
    amount: Money
    reason: str
    state: str
    reference: str  # the provider's id, for the shopper's bank
    value_kind: str = ""  # it went back to a gift card, or became store credit, and can be spent at once
    last_four: str = ""
    is_disabled: bool = False  # that card: nobody can pay with it now


@dataclass(frozen=True, slots=True)
class MailDispute:
    amount: Money
    respond_by: datetime | None


def mail_order(order_id: uuid.UUID) -> MailOrder | None:
    order = orders.order(order_id)
    return _order(order) if order else None


def mail_payment(order_id: uuid.UUID) -> MailPayment | None:
    """The money the order was paid with: all of it, named after what came from outside."""
    parts = documents.money_of(order_id)
    if not parts:
        return None
    first = parts[0]
    amount = Money(sum(part.amount_minor for part in parts), first.currency)
    return MailPayment(amount, first.method, first.reference, first.paid_at)


def mail_capture(capture_id: uuid.UUID) -> MailPayment:
    """One payment of an order."""
    row = db.rows(
        "SELECT amount_minor, currency, method, provider_payment_id, coalesce(captured_at, created_at) AS paid_at"
        " FROM payment_capture WHERE id = :id",
        id=capture_id,
    )[0]
    return MailPayment(Money(row.amount_minor, row.currency), row.method, row.provider_payment_id, row.paid_at)


def mail_plan(order_id: uuid.UUID) -> Plan | None:
    """The instalments of an order; None for one that is paid at once."""
    payment = payments.payment_of_order(order_id)
    return payment.plan if payment else None


def open_instalment(instalment_id: uuid.UUID) -> int | None:
    """The place of an instalment in its plan, while it is not paid."""
    return db.scalar("SELECT position FROM instalment WHERE id = :id AND state = 'open'", id=instalment_id)


def mail_promise(attempt_id: uuid.UUID) -> MailPromise | None:
    """A bank transfer that is still awaited."""
    found = db.rows(
        "SELECT a.receipt, a.amount_minor, a.currency,"
        " CASE WHEN p.parts = 1 OR p.received_minor = 0 THEN o.expires_at END AS expires_at FROM payment_attempt a"
        " JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE a.id = :id AND a.method = 'bank_transfer' AND a.state IN ('created', 'open')",
        id=attempt_id,
    )
    if not found:
        return None
    row = found[0]
    return MailPromise(row.receipt, row.expires_at, Money(row.amount_minor, row.currency))


def attempt_left_failed(attempt_id: uuid.UUID) -> MailAttempt | None:
    """A try that is the last one of its order, came to nothing, and of which no other mail tells: the one about the refund, where
    money came in another amount; the one about the subscription, where the provider tries again by itself."""
    found = db.rows(
        "SELECT a.amount_minor, a.currency FROM payment_attempt a WHERE a.id = :id AND a.state IN ('failed', 'closed')"
        " AND a.error_code IS DISTINCT FROM 'amount_mismatch' AND a.method <> 'subscription' AND NOT EXISTS"
        " (SELECT FROM payment_attempt n WHERE n.payment_id = a.payment_id AND n.position > a.position)",
        id=attempt_id,
    )
    return MailAttempt(Money(found[0].amount_minor, found[0].currency)) if found else None


def mail_value(account_id: uuid.UUID) -> MailValue | None:
    """A gift card or store credit whose code has not been mailed yet."""
    account = value.account(account_id)
    if account is None or account.email is None or account.mail_code is None:
        return None
    topic = f"{ValueIssued.name}:{account.id}:{account.code_index.hex()[:16]}"
    return MailValue(
        topic, account.kind, account.balance, account.mail_code, account.expires_at, account.email, account.locale
    )


def was_sent(topic: str) -> bool:
    """Whether a server has taken the mail about this."""
    sent = select(MailMessage.id).where(MailMessage.topic == topic, MailMessage.state == "sent")
    return db.session.scalars(sent).first() is not None


def mail_refund(refund_id: uuid.UUID) -> MailRefund | None:
    found = db.rows(
        "SELECT p.order_id, r.amount_minor, r.currency, r.reason, r.state, r.provider_refund_id, coalesce(a.kind, '') AS kind,"
        " coalesce(a.last_four, '') AS last_four, coalesce(a.state = 'disabled', false) AS is_disabled"
        " FROM refund r JOIN payment p ON p.id = r.payment_id"
        " LEFT JOIN value_account a ON a.id = r.to_account_id WHERE r.id = :id",
        id=refund_id,
    )
    if not found:
        return None
    row = found[0]
    amount = Money(row.amount_minor, row.currency)
    reference = f"••••{row.last_four}" if row.kind else row.provider_refund_id or "–"
    return MailRefund(row.order_id, amount, row.reason, row.state, reference, row.kind, row.last_four, row.is_disabled)


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
        address=tuple(addresses.lines(order.address)),
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
        pickup_hours=(order.snapshot.get("pickup") or {}).get("hours", ""),
        value=tuple(MailPart(each.kind, each.last_four, each.amount) for each in value.paying(order.id)),
    )


def _line(line: OrderLine, currency: str) -> MailLine:
    step_mm = line.step_mm if line.unit == "metre" else None
    return MailLine(line.name, line.options, line.quantity, step_mm, Money(line.subtotal_minor, currency))
