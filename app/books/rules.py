"""The accounts, and which of them each kind of entry moves. Pure arithmetic on minor units: debits +, credits −."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.books.errors import Unbalanced
from app.core.money import Money

BANK = "bank"  # money that a provider paid out
SALES = "sales"  # goods sold, without tax and delivery
SHIPPING_INCOME = "shipping_income"
TAX_PAYABLE = "tax_payable"
CUSTOMER_REFUNDS = "customer_refunds"  # money of paid orders that went back
CUSTOMER_CREDIT = "customer_credit"  # gift cards and store credit that the shop owes
PAYMENT_FEES = "payment_fees"  # what providers keep
SUSPENSE = "suspense"  # money that pays no order (yet): late, double, of a wrong amount
DISPUTES = "disputes"  # money a bank has taken back
WRITE_OFF = "write_off"  # differences that somebody accepted, with a reason
GOODWILL = "goodwill"  # gift cards and credit that the shop gave away
BREAKAGE = "breakage"  # what was left on gift cards when their time was over
ACCOUNTS = (
    BANK, SALES, SHIPPING_INCOME, TAX_PAYABLE, CUSTOMER_REFUNDS, CUSTOMER_CREDIT, PAYMENT_FEES, SUSPENSE, DISPUTES, WRITE_OFF,
    GOODWILL, BREAKAGE,
)  # fmt: skip
ISSUED_HERE = ("gift_card", "store_credit")  # what pays an order without a provider: the shop owed it to the customer
CLEARING = "provider_clearing:"  # followed by a provider's code: captured there and not paid out yet

KINDS = ("capture", "sale", "refund", "refund_reversed", "fee", "dispute", "payout", "credit", "write_off")


@dataclass(frozen=True, slots=True)
class Line:
    """An amount on an account, in the currency's minor units: positive is a debit, negative a credit."""

    account: str
    currency: str
    minor: int


@dataclass(frozen=True, slots=True)
class Sale:
    """How a paid order's total is made up, in minor units of its currency."""

    currency: str
    total: int
    shipping: int
    tax: int  # added and included
    gone: int = 0  # of instalments that went back before the last one came


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting. Its source (table and id), kind and sequence make it happen once."""

    kind: str
    lines: Sequence[Line]
    source_table: str
    source_id: object
    sequence: int = 1
    order_id: uuid.UUID | None = None
    occurred_at: datetime | None = None  # the moment of posting, unless said otherwise


def clearing(provider: str) -> str:
    """The account of what a payment was made with: the provider's, or what the shop owes for gift cards."""
    return CUSTOMER_CREDIT if provider in ISSUED_HERE else CLEARING + provider


def transfer(amount: Money, *, debit: str, credit: str) -> list[Line]:
    """`amount` onto one account, off another. A negative amount goes the other way."""
    return [Line(debit, amount.currency, amount.minor), Line(credit, amount.currency, -amount.minor)]


def capture_entry(
    capture_id: uuid.UUID, *, order_id: uuid.UUID, provider: str, amount: Money, fee_minor: int = 0, at: datetime | None
) -> Entry:
    """The provider has taken a customer's money and keeps a fee of it. Whether it pays an order is another entry."""
    taken = transfer(amount, debit=clearing(provider), credit=SUSPENSE)
    kept = transfer(Money(fee_minor, amount.currency), debit=PAYMENT_FEES, credit=clearing(provider))
    return Entry("capture", [*taken, *kept], "payment_capture", capture_id, order_id=order_id, occurred_at=at)


def sale_entry(order_id: uuid.UUID, sale: Sale) -> Entry:
    """An order is paid: what the customer gave leaves suspense and becomes goods, delivery and tax; what has gone back of it
    by then was a refund."""
    parts = {SHIPPING_INCOME: sale.shipping, TAX_PAYABLE: sale.tax, SALES: sale.total - sale.shipping - sale.tax}
    lines = [
        Line(SUSPENSE, sale.currency, sale.total - sale.gone),
        Line(CUSTOMER_REFUNDS, sale.currency, sale.gone),
        *(Line(account, sale.currency, -minor) for account, minor in parts.items()),
    ]
    return Entry("sale", lines, "orders", order_id, order_id=order_id)


def sold_lines(lines: Iterable[Line]) -> list[Line]:
    """What stood in suspense is of a sale now."""
    return [replace(line, account=CUSTOMER_REFUNDS) if line.account == SUSPENSE else line for line in lines]


def reversed_lines(lines: Iterable[Line]) -> list[Line]:
    return [Line(line.account, line.currency, -line.minor) for line in lines]


def checked(lines: Sequence[Line]) -> list[Line]:
    """One line for each account and currency, without zeros. Raises Unbalanced when a currency does not add up to zero."""
    amounts: dict[tuple[str, str], int] = {}
    sums: dict[str, int] = {}
    for line in lines:
        amounts[line.account, line.currency] = amounts.get((line.account, line.currency), 0) + line.minor
        sums[line.currency] = sums.get(line.currency, 0) + line.minor
    if any(sums.values()):
        raise Unbalanced(f"an entry is off by {sums}")
    return [Line(account, currency, minor) for (account, currency), minor in amounts.items() if minor]
