"""Codes, and what each card pays of a total: exact in every currency, never more than a card has."""

import random
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from app.core.money import smallest_charge, smallest_step
from app.value.rules import CODE_LENGTH, Usable, cover, extended, grouped, is_over, new_code, normal_code

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def card(free, *, expires_at=None):
    return Usable(uuid.uuid4(), "gift_card", "AAAA", free, expires_at)


def test_codes_are_random_and_typed_in_any_way():
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == CODE_LENGTH and not set(code) & set("01IO") for code in codes)
    code = codes.pop()
    assert grouped(code).count("-") == 3
    assert {normal_code(text) for text in (code, grouped(code), grouped(code).lower(), f" {code[:8]} {code[8:]} ")} == {
        code
    }


@pytest.mark.parametrize(
    "text", ["", "ABCD", "ABCD-EFGH-JKLM-NPQ0", "ABCD-EFGH-JKLM-NPQRS", "ÄBCD-EFGH-JKLM-NPQR", "?" * 16]
)
def test_what_cannot_be_a_code_is_none(text):
    assert normal_code(text) is None


@pytest.mark.parametrize("currency", ["MYR", "INR", "JPY", "KWD"])
def test_shares_never_exceed_the_total_or_a_card_and_leave_what_providers_take(currency):
    dice, step = random.Random(currency), smallest_step(currency)
    for _ in range(500):
        total = dice.randint(1, 9_999) * step
        cards = [card(dice.choice([0, 1, 7, dice.randint(0, 99_999)])) for _ in range(dice.randint(0, 5))]
        free = {each.account_id: each.free_minor for each in cards}
        shares = cover(total, cards, step=step)
        paid = sum(share.amount_minor for share in shares)
        assert all(0 < share.amount_minor <= free[share.account_id] for share in shares)
        assert total - paid >= 0
        assert (total - paid) % step == 0
        assert paid > min(total, sum(free.values())) - step


def test_what_ends_soonest_pays_first():
    late, never, soon = card(50, expires_at=NOW + timedelta(9)), card(50), card(50, expires_at=NOW + timedelta(1))
    shares = cover(120, [never, late, soon])
    assert [(share.account_id, share.amount_minor) for share in shares] == [
        (soon.account_id, 50), (late.account_id, 50), (never.account_id, 20),
    ]  # fmt: skip


def test_the_end_of_a_card_moves_only_forward():
    assert (is_over(None, NOW), is_over(NOW, NOW), is_over(NOW + timedelta(seconds=1), NOW)) == (False, True, False)
    assert extended(None, NOW) is None
    assert extended(NOW - timedelta(365), NOW) == NOW + timedelta(90)
    assert extended(NOW + timedelta(365), NOW) == NOW + timedelta(365)


@pytest.mark.parametrize(
    ("total", "free", "paid"),
    [(5040, 5000, 4940), (5100, 5000, 5000), (5000, 5000, 5000), (5001, 5000, 4901), (90, 50, 0)],
)
def test_what_is_left_to_pay_is_nothing_or_enough_for_a_provider(total, free, paid):
    shares = cover(total, [card(free)], least=smallest_charge("MYR"))
    assert sum(share.amount_minor for share in shares) == paid


def test_the_smallest_charge_is_one_whole_unit_or_a_hundred_where_there_are_no_decimals():
    assert [smallest_charge(currency) for currency in ("MYR", "JPY", "KWD")] == [100, 100, 1000]
