"""REF-03, REF-04, X3: refunds by programs go through the same action, approval and keys as the form."""

import uuid

import pytest

from app.core import db
from app.core.transaction import transaction
from tests.api.test_stock import headers_of, refused
from tests.flows.shopper import money
from tests.returns.counter import buy, order_of, provider_payment, states
from tests.shop import add_product, faults


@pytest.fixture
def token(shopper):
    return buy(shopper, (add_product(), 1))


def post(member, path, body, *, key=None, **headers):
    keyed = {"Idempotency-Key": str(key or uuid.uuid4()), **headers_of(member.client), **headers}
    return member.client.post(path, json=body, headers=keyed)


def path_of(token):
    return f"/api/v1/admin/orders/{order_of(token)}/refund"


def test_ref03_an_amount_goes_back_once_per_key(merchant, token, bank, drain):
    key = uuid.uuid4()
    answers = [post(merchant, path_of(token), {"amount": 1250, "reason": "damaged"}, key=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.json["id"] for answer in answers}) == 1
    assert (answers[0].json["state"], answers[0].json["amount"], answers[0].json["currency"]) == (
        "requested",
        1250,
        "MYR",
    )
    drain()
    assert (states(), money(bank)[1]) == ([("succeeded", 1250)], 1250)
    assert refused(post(merchant, path_of(token), {"amount": 99, "reason": "x"}, key=key), 422, "key_reused")
    assert faults() == {}


def test_ref04_a_payment_is_named_by_either_id(merchant, token, bank, drain):
    ours = str(db.scalar("SELECT id FROM payment"))
    for name in (ours, provider_payment()):
        assert (
            post(
                merchant, "/api/payments/refund", {"payment": name, "amount": 100, "reason": "They were kind"}
            ).status_code
            == 201
        )
    drain()
    assert states() == [("succeeded", 100)] * 2
    assert {row[0] for row in db.rows("SELECT note FROM refund")} == {"They were kind"}
    for name in ("pay_unknown", "", None, 7, str(uuid.uuid4())):
        assert refused(post(merchant, "/api/payments/refund", {"payment": name, "amount": 100, "reason": ""}), 404)


@pytest.mark.parametrize("amount", [0, -1, 1.5, "100", None, True, 10**15])
def test_what_is_no_amount_is_refused(merchant, token, amount):
    assert refused(post(merchant, path_of(token), {"amount": amount, "reason": ""}), 422, "bad_amount")
    assert states() == []


def test_ref02_never_more_than_is_left(merchant, token, bank):
    answer = post(merchant, path_of(token), {"amount": 19701, "reason": ""})
    assert refused(answer, 409, "amount_changed")
    assert answer.json["amount_minor"] == 19700
    assert (states(), money(bank)[1]) == ([], 0)


def test_keys_objects_and_reasons_are_asked_for(merchant, token):
    path, body = path_of(token), {"amount": 100, "reason": ""}
    for key in ("", "abc"):
        answer = merchant.client.post(path, json=body, headers={**headers_of(merchant.client), "Idempotency-Key": key})
        assert refused(answer, 422, "key_missing")
    assert refused(post(merchant, path, []), 422, "no_object")
    assert refused(post(merchant, path, {"amount": 100, "reason": "a\x00b"}), 422, "bad_reason")
    assert refused(post(merchant, f"/api/v1/admin/orders/{uuid.uuid4()}/refund", body), 404)
    assert states() == []


def test_strangers_old_sign_ins_and_missing_tokens(shop, merchant, token):
    stranger = shop.test_client()
    for path in (path_of(token), "/api/payments/refund", "/api/v1/admin/nothing"):
        assert refused(stranger.post(path, json={}), 401)
    assert refused(merchant.client.post(path_of(token), json={"amount": 1, "reason": ""}), 400, "csrf")
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '15 minutes' RETURNING id")
    assert refused(post(merchant, path_of(token), {"amount": 100, "reason": ""}), 403, "sign_in_again")
    assert states() == []
