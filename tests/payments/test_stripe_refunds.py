"""Refunds by Stripe: the amount is always said, one key is one refund, whatever happens to the answer."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import Patience


@pytest.fixture
def key():
    return f"refund-{uuid.uuid4()}"


@pytest.fixture
def intent(paid):
    return paid()


def refunded_at_the_bank(bank):
    return bank.control("GET", "/ledger?totals=1")["totals"]["MYR"]["refunded"]


def test_just_the_amount_asked_for_goes_back(bank, stripe, intent, key):
    refund = stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    assert (refund.state, refund.amount) == ("succeeded", Money(6800, "MYR"))
    assert (refund.payment_id, refund.key) == (intent, key)
    assert refunded_at_the_bank(bank) == 6800


@pytest.mark.parametrize(
    "fault", [("act_then_drop", {}), ("status", {"status": 502, "act": True}), ("truncated_body", {})]
)
def test_p13_a_lost_answer_is_asked_for_again_with_the_same_key(bank, stripe, intent, key, fault):
    kind, options = fault
    bank.fault(kind, method="POST", path="/stripe/v1/refunds", count=1, **options)
    with pytest.raises(ProviderUnavailable):
        stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    again = stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    assert stripe.find_refunds(intent) == [again]
    assert refunded_at_the_bank(bank) == 6800


def test_a_key_that_stripe_has_forgotten_refunds_nothing_twice(bank, stripe, intent, key):
    """Pruned after a day, the same key would act again."""
    first = stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    bank.control("POST", "/clock", {"advance_seconds": 25 * 3600})
    assert stripe.process_refund(intent, Money(6800, "MYR"), key=key) == first
    assert refunded_at_the_bank(bank) == 6800


def test_p13_many_at_once_with_one_key_are_one_refund(bank, stripe, intent, key):
    def ask(_number):
        try:
            return stripe.process_refund(intent, Money(100, "MYR"), key=key).id
        except ProviderUnavailable as busy:
            return busy.facts["status"]

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(ask, range(24)))
    assert len(answers - {409}) == 1
    assert refunded_at_the_bank(bank) == 100


@pytest.mark.parametrize("acts", [True, False])
def test_a_500_that_stripe_keeps_under_the_key_is_looked_through(bank, stripe, intent, key, acts):
    """The same key gives the same 500 for a day; what became of the refund is in the list."""
    bank.control("POST", "/stripe/breakdowns", {"act": acts})
    with pytest.raises(ProviderUnavailable):
        stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    if acts:
        assert stripe.process_refund(intent, Money(6800, "MYR"), key=key).state == "succeeded"
    else:
        with pytest.raises(ProviderUnavailable):
            stripe.process_refund(intent, Money(6800, "MYR"), key=key)
    assert refunded_at_the_bank(bank) == (6800 if acts else 0)
    bank.control("POST", "/clock", {"advance_seconds": 25 * 3600})
    assert stripe.process_refund(intent, Money(6800, "MYR"), key=key).state == "succeeded"
    assert refunded_at_the_bank(bank) == 6800


def test_p14_two_equal_refunds_that_are_both_meant_both_happen(bank, stripe, intent):
    for _ in range(2):
        stripe.process_refund(intent, Money(5000, "MYR"), key=f"refund-{uuid.uuid4()}")
    assert refunded_at_the_bank(bank) == 10000


def test_more_than_was_captured_never_goes_back(bank, stripe, intent, key):
    with pytest.raises(ProviderRefused) as refusal:
        stripe.process_refund(intent, Money(26801, "MYR"), key=key)
    assert refusal.value.facts["status"] == 400
    assert "greater than unrefunded amount" in str(refusal.value)
    assert refunded_at_the_bank(bank) == 0


def test_what_is_refunded_already_is_refused_with_its_reason(bank, stripe, intent, key):
    stripe.process_refund(intent, Money(26800, "MYR"), key=key)
    with pytest.raises(ProviderRefused) as refusal:
        stripe.process_refund(intent, Money(1, "MYR"), key=f"refund-{uuid.uuid4()}")
    assert refusal.value.facts["reason"] == "charge_already_refunded"
    assert refunded_at_the_bank(bank) == 26800


def test_one_key_for_two_different_refunds_is_refused_for_good(bank, stripe, intent, key):
    stripe.process_refund(intent, Money(100, "MYR"), key=key)
    with pytest.raises(ProviderRefused) as refusal:
        stripe.process_refund(intent, Money(200, "MYR"), key=key)
    assert refusal.value.facts["status"] == 409
    assert refunded_at_the_bank(bank) == 100


def test_a_refund_still_under_way_is_asked_for_later(bank, stripe, make_stripe, intent, key):
    hasty = make_stripe(patience=Patience(connect=0.3, read=0.3, total=0.5))
    bank.fault("hang", method="POST", path="/stripe/v1/refunds", seconds=2, count=1, act=True)
    with pytest.raises(ProviderUnavailable):
        hasty.process_refund(intent, Money(100, "MYR"), key=key)
    answer = requests.post(  # the sandbox acts before it hangs, so only the key itself shows that it is still at work
        f"{bank.url}/stripe/v1/refunds",
        data={"payment_intent": intent, "amount": 100, "metadata[key]": key},
        headers={"Authorization": "Bearer sk_test_payments00000", "Idempotency-Key": key},
        timeout=5,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert stripe.process_refund(intent, Money(100, "MYR"), key=key).state == "succeeded"
    assert refunded_at_the_bank(bank) == 100


def test_every_state_of_a_refund_is_told(bank, stripe, intent):
    def state_of(status):
        bank.control("POST", "/stripe/refunds", {"status": status, "count": 1})
        return stripe.process_refund(intent, Money(100, "MYR"), key=f"refund-{uuid.uuid4()}").state

    states = {status: state_of(status) for status in ("pending", "requires_action", "succeeded", "failed")}
    assert states == {"pending": "pending", "requires_action": "pending", "succeeded": "succeeded", "failed": "failed"}


@pytest.mark.parametrize("ending", ["failed", "canceled"])
def test_p16_a_refund_may_be_pending_and_then_not_arrive(bank, stripe, intent, key, ending):
    bank.control("POST", "/stripe/refunds", {"status": "pending", "count": 1})
    refund = stripe.process_refund(intent, Money(100, "MYR"), key=key)
    bank.control("POST", f"/stripe/refunds/{refund.id}", {"status": ending})
    assert [(each.state, each.key) for each in stripe.find_refunds(intent)] == [("failed", key)]
    assert refunded_at_the_bank(bank) == 0


def test_p16_a_succeeded_refund_may_fail_after_all(bank, stripe, intent, key):
    refund = stripe.process_refund(intent, Money(26800, "MYR"), key=key)
    assert refund.state == "succeeded"
    bank.control("POST", f"/stripe/refunds/{refund.id}", {"status": "failed"})
    assert [each.state for each in stripe.find_refunds(intent)] == ["failed"]
    again = stripe.process_refund(intent, Money(26800, "MYR"), key=f"refund-{uuid.uuid4()}")
    assert again.state == "succeeded"
    assert refunded_at_the_bank(bank) == 26800


def test_a_refund_made_in_the_dashboard_is_nobodys(bank, stripe, intent):
    bank.control("POST", "/stripe/dashboard/refunds", {"payment_intent": intent, "amount": 100})
    assert [(each.amount, each.key) for each in stripe.find_refunds(intent)] == [(Money(100, "MYR"), "")]


def test_a_disputed_charge_is_not_refunded(bank, stripe, paid, key):
    intent = paid()
    charge = bank.control("GET", "/ledger/K7F3-3QX9-1")["payments"][0]["id"]
    bank.control("POST", "/stripe/disputes", {"charge": charge})
    with pytest.raises(ProviderRefused) as refusal:
        stripe.process_refund(intent, Money(100, "MYR"), key=key)
    assert refusal.value.facts["reason"] == "charge_disputed"
    assert refunded_at_the_bank(bank) == 0
