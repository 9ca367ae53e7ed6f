"""Orders as documents see them: real ones that were paid, and plain ones for what needs no database."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from app.cart.rules import Item, price
from app.core import db
from app.core.ids import new_id
from app.core.money import Money
from app.core.settings import Shop
from app.core.transaction import transaction
from app.documents import rules, sheets, wording
from app.documents.printing import EDITION, Sheet
from app.documents.sheets import Credited, Heading, Paid, Refunded
from app.orders import actions as orders
from app.orders.actions import paying, placing
from app.payments import actions as payments
from app.payments.gateway import Opened, ProviderPayment, ProviderRefund, Standing
from app.payments.models import PaymentCapture, Refund
from app.tax.rules import Tax
from tests.shop import ADDRESS, CONTACT

AT = datetime(2026, 11, 25, 3, 12, tzinfo=UTC)
SST = Tax("SST", 1000, True)
IGST = Tax("IGST", 500, False, True)
SELLER = Shop(
    address=("18 Jalan Sultanah Zainab", "15050 Kota Bharu"), state="Kelantan",
    registration_number="202601000000 (0000000-D)", tax_number="D10-0000-00000000",
)  # fmt: skip
INDIAN_SELLER = Shop(
    name="Nila", legal_name="Nila Textiles Pvt. Ltd.", address=("4 MG Road", "560001 Bengaluru"), state="Karnataka",
    country="IN", tax_number="29ABCDE1234F1Z5", currency="INR",
)  # fmt: skip


def sale(
    *goods: tuple[str, int, int],
    currency: str = "MYR",
    tax: Tax = SST,
    shipping: int = 800,
    locale: str = "en",
    country: str = "MY",
    **address: str,
) -> Any:
    """An order, not stored, of (name, quantity, unit price), priced by the shop's own function."""
    goods = goods or (("Kemeja Teluk", 2, 18900),)
    items = [Item(new_id(), quantity, unit) for _, quantity, unit in goods]
    delivery_tax = tax if tax.on_shipping else Tax()
    priced = price(
        items, currency=currency, taxes={"standard": tax}, shipping_minor=shipping, shipping_tax=delivery_tax
    )
    lines = [_line(name, each) for (name, _, _), each in zip(goods, priced.lines, strict=True)]
    amounts = ("subtotal_minor", "discount_minor", "shipping_minor", "shipping_tax_minor", "tax_added_minor")
    return SimpleNamespace(
        id=new_id(), number="MB-10482", reference="K7F3-3QX9", currency=currency, locale=locale, country=country,
        lines=lines, snapshot=priced.snapshot() | {"shipping_name": "Standard"}, email=CONTACT["email"],
        address=ADDRESS | {"country": country} | address, confirmed_at=AT, created_at=AT,
        tax_included_minor=priced.tax_included_minor, total_minor=priced.total_minor,
        **{name: getattr(priced, name) for name in amounts},
    )  # fmt: skip


def _line(name: str, priced: Any) -> Any:
    kept = ("quantity", "unit_price_minor", "subtotal_minor", "discount_minor", "tax_basis_points", "tax_added_minor")
    return SimpleNamespace(
        id=new_id(), name=name, options="M, Teluk", sku="KT-1", unit="piece", step_mm=None, hs_code="6205", total_minor=priced.total_minor,
        tax_included_minor=priced.tax_included_minor, **{each: getattr(priced, each) for each in kept},
    )  # fmt: skip


def sheet(order: Any, kind: str = "invoice", *, credited: int = 0) -> Sheet:
    """What is printed for such an order."""
    sold, paid = sheets.sale_of(order), [Paid(order.total_minor, "fpx", "pay_N8f2Qe6x1", AT)]
    prefix = rules.PREFIXES[kind]
    heading = Heading(f"{prefix}-2026", f"{prefix}-2026-00001", AT, "INV-2026-00001", AT)
    if kind == "credit_note":
        part = Refunded("amount", None, 0, credited)
        facts = sheets.credit_note(sold, heading, [Credited(part, each) for each in rules.share(credited, sold.groups)])
    else:
        facts = getattr(sheets, kind)(sold, heading, paid)
    return Sheet(EDITION, wording.words_of(order).language, heading.number, AT, facts, sheets.buyer(order))


def place(
    variant_id: uuid.UUID, quantity: int = 1, *, unit: int = 18900, shipping: int = 800, locale: str = "en"
) -> uuid.UUID:
    """A stored order that nobody has paid yet."""
    priced = price([Item(variant_id, quantity, unit)], currency="MYR", taxes={"standard": SST}, shipping_minor=shipping)
    line = priced.lines[0]
    facts = {"product_id": new_id(), "sku": "KT-1", "name": "Kemeja Teluk", "unit": "piece", "hs_code": "6205"}
    kept = (
        "variant_id", "quantity", "unit_price_minor", "subtotal_minor", "discount_minor", "tax_basis_points",
        "tax_added_minor", "tax_included_minor", "total_minor",
    )  # fmt: skip
    amounts = (
        "subtotal_minor", "discount_minor", "shipping_minor", "shipping_tax_minor", "tax_added_minor",
        "tax_included_minor", "total_minor",
    )  # fmt: skip
    new = placing.NewOrder(
        place_key=new_id(), fingerprint=str(new_id()), currency="MYR", amounts={each: getattr(priced, each) for each in amounts},
        snapshot=priced.snapshot() | {"shipping_name": "Standard"}, lines=[facts | {each: getattr(line, each) for each in kept}],
        locale=locale, visitor="v", client_index=b"", cart_id=new_id(), email=CONTACT["email"], phone="", address=ADDRESS,
        shipping_method="standard", payment_method="fpx", lock_minutes=15, lives_minutes=120,
    )  # fmt: skip
    with transaction():
        return placing.open(new).id


def pay(order_id: uuid.UUID, *, times: int = 1) -> None:
    """The provider reports that it has the money, `times` over."""
    with transaction():
        attempt = paying.start_payment(order_id, provider="razorpay", method="fpx", terms=paying.Terms(15, 120)).attempt
        attempt_id, amount = attempt.id, attempt.amount
    with transaction():
        payments.remember_provider_order(attempt_id, Opened(f"order_{attempt_id.hex}"))
    reports = tuple(ProviderPayment(f"pay_{attempt_id.hex}_{n}", "captured", amount, "fpx") for n in range(times))
    with transaction():
        orders.settle(order_id, {attempt_id: Standing(reports, is_payable=False)})


def ask_refund(order_id: uuid.UUID, minor: int) -> uuid.UUID:
    """Part of the money that paid an order is to go back."""
    with transaction():
        capture_id = db.scalar(
            "SELECT c.id FROM payment_capture c JOIN payment p ON p.id = c.payment_id WHERE p.order_id = :id AND c.is_applied",
            id=order_id,
        )
        capture = db.session.get(PaymentCapture, capture_id)
        return payments.request_refund(capture, Money(minor, "MYR"), reason="cancelled", is_automatic=False).id


def end_refund(refund_id: uuid.UUID, order_id: uuid.UUID, state: str = "succeeded") -> None:
    """The provider's last word on a refund."""
    with transaction():
        refund = db.session.get(Refund, refund_id)
        report = ProviderRefund(f"rfnd_{refund_id.hex}", state, refund.amount, "pay")
        payments.note_refund(refund, order_id, report)


def refund(order_id: uuid.UUID, minor: int) -> uuid.UUID:
    refund_id = ask_refund(order_id, minor)
    end_refund(refund_id, order_id)
    return refund_id
