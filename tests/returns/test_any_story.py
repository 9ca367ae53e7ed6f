"""Through the actions and the database: whatever is cancelled in part, refunded, made in the
provider's dashboard or fails later, paid − refunded = value kept, to the minor unit, and the goods are where they belong."""

from __future__ import annotations

import random

import pytest

from app.cart.rules import Item, price
from app.core import db
from app.core.ids import new_id
from app.core.money import Money, smallest_step
from app.core.transaction import in_transaction
from app.orders import queries as orders
from app.orders.actions import placing
from app.payments import queries as payment_queries
from app.payments.gateway import ProviderRefund
from app.returns import actions as returns
from app.returns import queries
from app.returns.actions import reports
from app.returns.errors import NothingToRefund, NotRefundable
from app.returns.rules import CANCELLED, Wish, plan
from app.tax.rules import Tax
from tests import shop as shops
from tests.documents import sales
from tests.shop import ADDRESS, CONTACT, add_product, faults

STOCK = 9
KEPT = (
    "variant_id", "quantity", "unit_price_minor", "subtotal_minor", "discount_minor", "tax_basis_points", "tax_added_minor",
    "tax_included_minor", "total_minor",
)  # fmt: skip
SUMS = (
    "subtotal_minor", "discount_minor", "shipping_minor", "shipping_tax_minor", "tax_added_minor", "tax_included_minor",
    "total_minor",
)  # fmt: skip


class Story:
    """One paid order and what becomes of it."""

    def __init__(self, dice: random.Random, currency: str) -> None:
        self.dice, self.currency, self.step = dice, currency, smallest_step(currency)
        self.variants = [add_product(stock_of={"KB": STOCK}) for _ in range(dice.randint(1, 3))]
        self.order_id = in_transaction(lambda: placing.open(self.new_order()).id)
        sales.pay(self.order_id)
        self.paid = self.order().total_minor
        self.unnamed: list[ProviderRefund] = []  # made in the provider's dashboard

    def new_order(self) -> placing.NewOrder:
        items = [
            Item(each, self.dice.randint(1, STOCK), self.dice.randint(1, 9999) * self.step) for each in self.variants
        ]
        taxes = {"standard": Tax("SST", 1000, self.dice.random() < 0.5)}
        shipping = self.dice.choice((0, 1, 777)) * self.step
        priced = price(items, currency=self.currency, taxes=taxes, shipping_minor=shipping)
        facts = {"product_id": new_id(), "sku": "KT-1", "name": "Kemeja Teluk", "unit": "piece", "hs_code": "6205"}
        return placing.NewOrder(
            place_key=new_id(), fingerprint=str(new_id()), currency=self.currency,
            amounts={each: getattr(priced, each) for each in SUMS}, snapshot=priced.snapshot() | {"shipping_name": "Standard"},
            lines=[facts | {each: getattr(line, each) for each in KEPT} for line in priced.lines], locale="en", visitor="v",
            client_index=b"", cart_id=new_id(), email=CONTACT["email"], phone="", address=ADDRESS, shipping_method="standard",
            payment_method="fpx", lock_minutes=15, lives_minutes=120,
        )  # fmt: skip

    def order(self):
        return orders.order(self.order_id)

    def cancel_a_part(self) -> None:
        account = queries.refundable(self.order()).account
        self.ask(Wish({each.id: self.dice.randint(0, each.left) for each in account.lines}), reason=CANCELLED.code)

    def refund(self) -> None:
        account = queries.refundable(self.order()).account
        quantities = {each.id: self.dice.randint(0, each.left) for each in account.lines}
        amount = self.dice.choice((0, 0, self.dice.randint(1, 3000))) * self.step
        wish = Wish(quantities, self.dice.random() < 0.3, amount, everything=self.dice.random() < 0.05)
        self.ask(wish, restock=self.dice.random() < 0.3)

    def ask(self, wish: Wish, **how: object) -> None:
        shown = plan(queries.refundable(self.order()).account, wish)
        db.forget()
        wanted = returns.RefundOrder(
            **(
                {"wish": wish, "reason": "other", "by": "staff:1", "key": new_id(), "accept_minor": shown.amount_minor}
                | how
            )
        )
        try:
            for _ in range(2):  # a double click is one refund
                in_transaction(lambda: returns.refund_lines(self.order_id, wanted))
        except (NothingToRefund, NotRefundable):
            assert shown.amount_minor == 0

    def arrive(self) -> None:
        self.end("succeeded", {"requested", "pending"})

    def fail(self) -> None:
        self.end("failed", {"requested", "pending", "succeeded"})
        self.look()

    def end(self, state: str, of: set[str]) -> None:
        """The provider's next word on one of the refunds."""
        found = [each for each in self.refunds() if each.state in of and each.source == "shop"]
        if found:
            refund = self.dice.choice(found)
            sales.end_refund(refund.id, self.order_id, state)
            in_transaction(lambda: returns.note_refund_settled(self.order_id, refund.id, state=state))

    def use_the_dashboard(self) -> None:
        """Only while nothing of ours is under way: what is without our key may be ours."""
        [capture] = queries.refundable(self.order()).captures
        rest = payment_queries.refundable_minor(capture)
        ours = self.refunds()
        db.forget()
        if rest < self.step or any(each.state in ("requested", "pending") for each in ours):
            return
        minor = self.dice.randint(1, rest // self.step) * self.step
        amount = Money(minor, self.currency)
        made = ProviderRefund(f"dash_{new_id().hex}", "succeeded", amount, capture.provider_payment_id)
        self.unnamed.append(made)
        self.look()

    def look(self) -> None:
        """The provider is asked which refunds it knows, as after each of its notices."""
        [capture] = queries.refundable(self.order()).captures
        known = [
            ProviderRefund(each.provider_refund_id, each.state, each.amount, "pay", key=each.provider_key)
            for each in self.refunds()
            if each.provider_refund_id and not each.provider_refund_id.startswith("dash_")
        ]
        db.forget()
        in_transaction(lambda: reports.note_refunds(self.order_id, capture.id, [*known, *self.unnamed]))

    def refunds(self):
        payment = payment_queries.payment_of_order(self.order_id)
        return payment_queries.refunds_of(payment.id)

    def check(self) -> None:
        db.forget()
        account = queries.refundable(self.order()).account
        gone = sum(each.amount_minor for each in self.refunds() if each.state not in ("failed", "rejected"))
        assert self.paid - gone == account.rest_minor >= 0
        assert all(0 <= each.gone <= each.quantity and 0 <= each.restocked <= each.quantity for each in account.lines)
        kept = sum(each.left_minor for each in account.lines) + account.shipping_minor - self.without_lines()
        assert kept == account.rest_minor
        for line in self.order().lines:
            on_hand, locked = shops.stock_row(line.variant_id)
            assert (on_hand, locked) == (STOCK - line.quantity + self.came_back(line.id), 0)
        db.forget()

    def without_lines(self) -> int:
        """What went back, and was not for a line or the delivery."""
        return db.scalar(
            "SELECT coalesce(sum(r.amount_minor - coalesce((SELECT sum(l.amount_minor) FROM refund_line l"
            "  WHERE l.refund_id = r.id AND l.kind <> 'amount'), 0)), 0)::bigint FROM refund r JOIN payment p ON p.id = r.payment_id"
            " WHERE p.order_id = :id AND r.state NOT IN ('failed', 'rejected')",
            id=self.order_id,
        )

    def came_back(self, line_id) -> int:
        return db.scalar(
            "SELECT coalesce(sum(restocked), 0)::int FROM refund_line WHERE order_line_id = :id", id=line_id
        )


STEPS = ("cancel_a_part", "refund", "arrive", "fail", "use_the_dashboard")


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("currency", ["MYR", "JPY", "KWD"])
def test_any_sequence_of_partial_cancels_and_refunds_keeps_paid_less_refunded(currency: str) -> None:
    shops.open_shop()
    dice = random.Random(f"any story {currency}")
    for _ in range(8):
        story = Story(dice, currency)
        story.check()
        for step in dice.choices(STEPS, (4, 3, 5, 2, 1), k=dice.randint(3, 8)):
            getattr(story, step)()
            story.check()
    assert faults() == {}


@pytest.mark.usefixtures("database")
def test_what_is_cancelled_is_on_sale_again_whatever_the_form_says() -> None:
    shops.open_shop()
    story = Story(random.Random(3), "MYR")
    [line, *_] = story.order().lines
    before = shops.stock_row(line.variant_id)[0]
    story.ask(Wish({line.id: 1}), reason=CANCELLED.code, restock=False)
    assert shops.stock_row(line.variant_id)[0] == before + 1
    story.ask(Wish({line.id: 1}), reason="damaged", restock=False)
    assert shops.stock_row(line.variant_id)[0] == before + 1
    story.check()
