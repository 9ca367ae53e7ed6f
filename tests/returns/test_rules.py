"""REF-02, P15: any sequence of refunds ends at exactly what was captured, never a unit over or under."""

import random
import uuid
from dataclasses import replace
from itertools import product

import pytest

from app.core.money import smallest_step
from app.payments.models import Payment
from app.payments.rules import PAYMENT_MOVES, least_refund
from app.returns.rules import (
    Account,
    Line,
    Part,
    Plan,
    Wish,
    can_approve,
    divide,
    needs_approval,
    payment_state,
    plan,
    share,
)

CURRENCIES = ("MYR", "INR", "JPY", "KWD")


def line(quantity, total, gone=0, gone_minor=0):
    return Line(uuid.uuid4(), quantity, total, gone, gone_minor)


def random_account(dice, currency):
    step = smallest_step(currency)
    lines = [line(dice.randint(1, 7), dice.randint(0, 40_000) * step) for _ in range(dice.randint(1, 5))]
    shipping = dice.choice((0, dice.randint(1, 2_000) * step))
    return Account(currency, lines, shipping, sum(each.total_minor for each in lines) + shipping)


def random_wish(dice, account):
    step = smallest_step(account.currency)
    quantities = {each.id: dice.randint(0, each.left) for each in account.lines}
    amount = dice.choice((0, 0, dice.randint(1, 30_000) * step))
    return Wish(quantities, dice.random() < 0.3, amount, everything=dice.random() < 0.05)


def after(account, made, *, sign=1):
    """The account once a refund was made (or, with sign -1, failed)."""
    parts = {part.line_id: part for part in made.parts if part.kind == "goods"}
    lines = [
        replace(
            each,
            gone=each.gone + sign * parts[each.id].quantity,
            gone_minor=each.gone_minor + sign * parts[each.id].amount_minor,
        )
        if each.id in parts
        else each
        for each in account.lines
    ]
    shipping = account.shipping_minor - sign * sum(part.amount_minor for part in made.parts if part.kind == "shipping")
    return Account(account.currency, lines, shipping, account.rest_minor - sign * made.amount_minor)


class Story:
    """An order's money: refunds of every kind, failures that reopen them, refunds in the dashboard, disputes that are lost."""

    def __init__(self, dice, currency):
        self.dice, self.currency = dice, currency
        self.account = random_account(dice, currency)
        self.paid = self.account.rest_minor
        self.refunds, self.taken = [], 0  # plans that went out; what went without lines, elsewhere

    def refund(self):
        wanted = plan(self.account, random_wish(self.dice, self.account))
        assert all(part.amount_minor >= 0 for part in wanted.parts)
        assert wanted.amount_minor <= self.account.rest_minor
        self.account = after(self.account, wanted)
        self.refunds.append(wanted)

    def fail(self):
        if self.refunds:
            failed = self.refunds.pop(self.dice.randrange(len(self.refunds)))
            self.account = after(self.account, failed, sign=-1)

    def take_elsewhere(self):
        """In the provider's dashboard: some step of what is left, or all of it."""
        step = smallest_step(self.currency)
        self.take(self.dice.randint(0, self.account.rest_minor // step) * step)

    def lose_a_dispute(self):
        if self.dice.random() < 0.3:
            self.take(self.account.rest_minor)

    def take(self, minor):
        self.taken += minor
        self.account = replace(self.account, rest_minor=self.account.rest_minor - minor)

    def check(self):
        """paid − refunded = value kept: what is left of lines and delivery, less what went back without either."""
        refunded = sum(each.amount_minor for each in self.refunds) + self.taken
        without = self.taken + sum(
            part.amount_minor for each in self.refunds for part in each.parts if part.kind == "amount"
        )
        kept = sum(each.left_minor for each in self.account.lines) + self.account.shipping_minor - without
        assert self.paid - refunded == kept == self.account.rest_minor >= 0
        assert all(0 <= each.gone <= each.quantity and each.gone_minor >= 0 for each in self.account.lines)


@pytest.mark.parametrize("currency", CURRENCIES)
def test_p15_paid_less_refunded_is_what_was_kept_whatever_happens(currency):
    """10,000 orders over currencies of zero, two and three decimals; each ends at exactly what was captured."""
    dice = random.Random(f"refunds {currency}")
    for _ in range(10_000 // len(CURRENCIES)):
        story = Story(dice, currency)
        for step in dice.choices(
            ("refund", "fail", "take_elsewhere", "lose_a_dispute"), (10, 4, 2, 1), k=dice.randint(0, 8)
        ):
            getattr(story, step)()
            story.check()
        last = plan(story.account, Wish(everything=True))
        assert last.amount_minor == story.account.rest_minor
        assert last.amount_minor % smallest_step(currency) == 0
        assert after(story.account, last).rest_minor == 0


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_line_refunded_unit_by_unit_ends_at_its_total(currency):
    dice = random.Random(f"units {currency}")
    for _ in range(500):
        sold = line(dice.randint(1, 9), dice.randint(1, 99_999) * smallest_step(currency))
        each, parts = sold, []
        while each.left:
            parts.append(share(each, 1, currency))
            each = replace(each, gone=each.gone + 1, gone_minor=each.gone_minor + parts[-1])
        assert sum(parts) == sold.total_minor
        assert max(parts) - min(parts) <= sold.quantity * smallest_step(currency)
        assert all(part % smallest_step(currency) == 0 for part in parts)


def test_units_are_worth_what_they_cost():
    three = line(3, 10_000)
    assert [share(three, n, "MYR") for n in (1, 2, 3)] == [3333, 6667, 10_000]
    assert share(line(3, 100), 1, "JPY") == 33
    assert share(line(3, 10_000), 1, "KWD") == 3330


def test_what_was_refunded_as_an_amount_is_taken_off_the_lines():
    account = Account("MYR", [line(1, 6_000), line(1, 4_000)], 0, 7_000)
    wanted = plan(account, Wish({each.id: 1 for each in account.lines}))
    assert ([part.amount_minor for part in wanted.parts], wanted.cut_minor) == ([4_200, 2_800], 3_000)


@pytest.mark.parametrize(
    "wish",
    [{"quantities": {uuid.uuid4(): 1}}, {"amount_minor": -1}, "too many", "negative"],
)
def test_a_wish_that_cannot_be_is_refused(wish):
    sold = line(2, 100, gone=1, gone_minor=50)
    wish = {"too many": {"quantities": {sold.id: 2}}, "negative": {"quantities": {sold.id: -1}}}.get(str(wish), wish)
    with pytest.raises(ValueError, match="no"):
        plan(Account("MYR", [sold], 0, 50), Wish(**wish))


def test_amounts_that_no_provider_takes_are_refused():
    account = Account("KWD", [line(1, 10_000)], 0, 10_000)
    with pytest.raises(ValueError, match="no amount"):
        plan(account, Wish(amount_minor=1_001))
    assert plan(account, Wish(amount_minor=1_010)).amount_minor == 1_010


@pytest.mark.parametrize(
    ("amount", "above", "needed"), [(1, None, False), (500, 500, False), (501, 500, True), (1, 0, True)]
)
def test_who_needs_approval(amount, above, needed):
    assert needs_approval(amount, above=above) is needed


def test_nobody_approves_what_they_asked_for():
    assert can_approve(requested_by="staff:1", by="staff:2")
    assert not can_approve(requested_by="staff:1", by="staff:1")
    assert not can_approve(requested_by="staff:1", by="customer")


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"paid": True, "before": "paid", "leaving": 0, "returned": 0}, "paid"),
        ({"paid": True, "before": "paid", "leaving": 99, "returned": 99}, "paid"),
        ({"paid": True, "before": "paid", "leaving": 100, "returned": 40}, "refunding"),
        ({"paid": True, "before": "paid", "leaving": 100, "returned": 100}, "refunded"),
        ({"paid": True, "before": "refunded", "leaving": 40, "returned": 40}, "paid"),
        ({"paid": False, "before": "open", "leaving": 0, "returned": 0}, "open"),
        ({"paid": False, "before": "refunding", "leaving": 100, "returned": 100}, "refunded"),
        ({"paid": False, "before": "refunded", "leaving": 0, "returned": 0}, "refunding"),
    ],
)
def test_the_payment_says_where_the_money_is(facts, state):
    assert payment_state(captured=100, **facts) == state


def test_every_state_that_the_sums_lead_to_can_be_reached():
    for before, leaving, returned in product(("paid", "refunding", "refunded"), (0, 50, 100), (0, 50, 100)):
        state = payment_state(paid=True, before=before, captured=100, leaving=leaving, returned=min(leaving, returned))
        assert state == before or Payment(state=before).can_move_to(state)
    assert PAYMENT_MOVES["open"] == frozenset({"paid", "refunding"})


@pytest.mark.parametrize("currency", CURRENCIES)
def test_a_refund_over_several_captures_is_exact_and_uses_the_first_up(currency):
    dice = random.Random(f"divide {currency}")
    for _ in range(300):
        account = random_account(dice, currency)
        whole = plan(account, Wish(everything=True))
        rests = [dice.randint(0, account.rest_minor) for _ in range(2)]
        rests.append(max(0, whole.amount_minor - sum(rests)))
        pieces = divide(whole, rests)
        assert sum(piece.amount_minor for piece in pieces) == whole.amount_minor
        assert all(piece.amount_minor <= rest for piece, rest in zip(pieces, rests, strict=True))
        for index, piece in enumerate(pieces[:-1]):  # the next is touched when this one is used up
            assert piece.amount_minor == rests[index] or not any(each.amount_minor for each in pieces[index + 1 :])
        if whole.amount_minor:
            counted = {}
            for part in (part for piece in pieces for part in piece.parts):
                key = (part.kind, part.line_id)
                quantity, minor = counted.get(key, (0, 0))
                counted[key] = (quantity + part.quantity, minor + part.amount_minor)
            assert counted == {(part.kind, part.line_id): (part.quantity, part.amount_minor) for part in whole.parts}
    with pytest.raises(ValueError, match="more than is left"):
        divide(whole, [0] * 3) if whole.amount_minor else divide(Plan(currency, [Part("amount", 1)]), [0])


@pytest.mark.parametrize(
    ("provider", "currency", "least"),
    [
        ("razorpay", "INR", 100),
        ("curlec", "MYR", 100),
        ("razorpay", "KWD", 1000),
        ("stripe", "MYR", 1),
        ("paypal", "KWD", 10),
    ],
)
def test_the_least_that_a_provider_sends(provider, currency, least):
    assert least_refund(provider, currency) == least


@pytest.mark.parametrize(
    ("amount", "rests", "pieces"),
    [
        (1000, [40, 5000], [0, 1000]),  # too small to send by itself, and the card can bear all
        (5040, [40, 5000], [40, 5000]),  # the card cannot
        (40, [5000, 5000], [40, 0]),  # small, but not by the division
        (1000, [100, 5000], [100, 900]),
    ],
)
def test_a_piece_too_small_for_a_provider_goes_to_the_card_with_the_rest(amount, rests, pieces):
    found = divide(Plan("MYR", [Part("amount", amount)]), rests, outside=1, least=100)
    assert [piece.amount_minor for piece in found] == pieces
