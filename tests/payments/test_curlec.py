"""Curlec: a second account at the same bank, its methods, its banks."""

import hashlib
import hmac
import json

import pytest

from app.core import settings
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
from app.payments.gateway import Bank
from app.payments.providers import banks, razorpay
from app.payments.providers import curlec as adapters
from app.payments.providers.guarded import Guarded
from tests.bank import CURLEC_SECRETS, WEBHOOK_SECRETS

KEYS = {
    "RAZORPAY_KEY_ID": "rzp_test_1",
    "RAZORPAY_KEY_SECRET": "secret",
    "RAZORPAY_WEBHOOK_SECRET": "one",
    "CURLEC_KEY_ID": "rzp_test_2",
    "CURLEC_KEY_SECRET": "secret",
    "CURLEC_WEBHOOK_SECRET": "two",
}


def loaded(**environ):
    return settings.load({"APP_ENV": "test", "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x", **environ})


def test_ringgit_are_left_to_curlec_where_both_take_part():
    both, one = loaded(**KEYS), loaded(**{name: value for name, value in KEYS.items() if name.startswith("RAZORPAY")})
    assert razorpay.make(both).methods("MYR") == ()
    assert razorpay.make(both).methods("INR") == razorpay.make(one).methods("INR")
    assert "fpx" in razorpay.make(one).methods("MYR")
    curlec = adapters.make(both)
    assert (curlec.code, curlec.methods("MYR")) == ("curlec", ("fpx", "wallet", "duitnow", "card"))
    assert (curlec.methods("INR"), curlec.methods("USD")) == ((), ())


def test_what_one_account_made_the_other_does_not_see(bank, adapter, make_curlec, request_of):
    curlec = make_curlec()
    order_id = curlec.initiate_payment(request_of(), look_first=False).id
    payment_id = bank.pay(order_id)["razorpay_payment_id"]
    assert curlec.get_payment_status(order_id).payments[0].id == payment_id
    assert curlec.find_order("K7F3-3QX9-1").id == order_id
    assert adapter.find_order("K7F3-3QX9-1") is None
    with pytest.raises(ProviderRefused):
        adapter.get_payment_status(order_id)
    with pytest.raises(ProviderRefused):
        adapter.find_refunds(payment_id)


def test_p9_a_return_is_signed_by_its_own_account(bank, adapter, make_curlec, request_of):
    curlec = make_curlec()
    order_id = curlec.initiate_payment(request_of(), look_first=False).id
    callback = bank.pay(order_id)["callback"]
    assert curlec.verify_payment(order_id, callback) is True
    with pytest.raises(BadSignature):
        adapter.verify_payment(order_id, callback)


def test_p19_a_webhook_counts_under_its_own_secrets_only(adapter, make_curlec):
    body = json.dumps({"event": "payment.captured"}).encode()
    for secrets, mine, others in (
        (CURLEC_SECRETS, make_curlec(), adapter),
        (WEBHOOK_SECRETS, adapter, make_curlec()),
    ):
        for secret in secrets:
            headers = {"x-razorpay-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
            assert mine.read_notice(body, headers).kind == "payment.captured"
            with pytest.raises(BadSignature):
                others.read_notice(body, headers)


def test_the_banks_are_those_of_fpx_by_name(make_curlec):
    found = make_curlec().banks("MYR")
    assert Bank("MB2U", "Maybank2U") in found
    assert [bank.name for bank in found] == sorted((bank.name for bank in found), key=str.casefold)
    assert make_curlec().banks("INR") == ()


def test_the_banks_are_asked_for_once_in_a_while(bank, make_curlec):
    curlec = make_curlec()
    known = curlec.banks("MYR")
    bank.fault("status", status=500, path="/v1/methods")
    assert known
    assert curlec.banks("MYR") == known


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 429}, {"kind": "status", "status": 502}, {"kind": "hang", "seconds": 3}, {"kind": "drop"}]
)  # fmt: skip
def test_p18_without_an_answer_there_is_no_list_and_nobody_waits_twice(bank, make_curlec, fault):
    curlec = make_curlec()
    bank.fault(path="/v1/methods", count=1, **fault)
    with pytest.raises(ProviderUnavailable):
        curlec.banks("MYR")
    assert curlec.banks("MYR") == ()  # not asked again within the minute


def test_a_list_that_makes_no_sense_is_left_out():
    assert banks.named_banks(None) == banks.named_banks([]) == banks.named_banks("x") == ()
    odd = {"OK_1": "Good", "": "None", "bad code": "Bad", "X": "", "Y": 5, 7: "Seven", "É": "Accent"}
    assert banks.named_banks(odd) == (Bank("OK_1", "Good"),)


def test_behind_its_circuit_the_banks_are_found_too(make_curlec, adapter, make_billplz):
    assert Bank("MB2U", "Maybank2U") in Guarded(make_curlec()).banks("MYR")
    assert Guarded(make_billplz()).banks("MYR") == ()
