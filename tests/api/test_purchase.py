"""PAY-12, PAY-13, PAY-16, CHK-17 to CHK-19: a purchase wholly over JSON, and who may not make one."""

import uuid

import pytest

from app.core import db
from tests.api.test_description import fits, operations
from tests.api.test_stock import headers_of, refused
from tests.flows.providers import razorpay
from tests.flows.shopper import Shopper, money, provider_order_of
from tests.shop import add_product, faults, open_shop, stock_row
from tests.value.cards import counters, issue

INTENT, CONFIRM = "/api/checkout/intent", "/api/checkout/confirm"
INITIATE, VERIFY, PAYMENTS = "/api/v1/payment/initiate", "/api/v1/payment/verify", "/api/v1/payments"
DOORS = (INTENT, CONFIRM, INITIATE, VERIFY)
SIGNED = ("razorpay_payment_id", "razorpay_order_id", "razorpay_signature")


def ask(shopper, path, body=None, *, key=None):
    headers = headers_of(shopper.client) | ({"Idempotency-Key": str(key)} if key else {})
    return shopper.client.post(path, json={} if body is None else body, headers=headers)


@pytest.fixture
def shirt(shopper):
    """In the cart of somebody who said where it should go."""
    variant = add_product(stock_of={"KB": 3})
    shopper.add(variant)
    shopper.to_review()
    return variant


@pytest.fixture
def token(shopper, shirt):
    answer = ask(shopper, INTENT)
    assert answer.status_code == 201, answer.text
    return answer.json["order"]


def provider_orders(bank):
    return sum(len(account["order_ids"]) for account in bank.ledger()["receipts"].values())


def orders():
    found = db.scalar("SELECT count(*) FROM orders")
    db.release()
    return found


def test_a_purchase_over_json_each_step_twice(shopper, bank, shirt, client, drain):
    """CHK-17, CHK-18, PAY-12, PAY-13, PAY-16: one order, one provider order, one payment, and answers as described."""
    keys = [uuid.uuid4(), uuid.uuid4()]
    intents = [ask(shopper, INTENT, {"accept_total": 19700}, key=keys[0]) for _ in range(2)]
    assert [(each.status_code, each.json["total_minor"], each.json["status"]) for each in intents] == [
        (201, 19700, "pending")
    ] * 2
    token = intents[0].json["order"]
    assert {intents[1].json["order"], ask(shopper, INTENT).json["order"]} == {token}  # by its key, and by its cart
    assert intents[0].json["expires_at"] is not None
    assert {each["code"] for each in intents[0].json["payment_methods"]} >= {"fpx", "card"}
    assert stock_row(shirt) == (3, 1)

    starts = [ask(shopper, INITIATE, {"order": token, "method": "card"}, key=keys[1]) for _ in range(2)]
    assert starts[0].json == starts[1].json
    started = starts[0].json
    assert (started["provider"], started["amount_minor"], started["currency"]) == ("razorpay", 19700, "MYR")
    assert started["provider_order_id"] == provider_order_of(token)
    assert shopper.client.get(started["url"]).status_code == 200
    assert provider_orders(bank) == 1

    signed = bank.pay(started["provider_order_id"])
    claim = {"order": token, **{name: signed[name] for name in SIGNED}}
    for _ in range(2):
        verified = ask(shopper, VERIFY, claim)
        assert (verified.status_code, verified.json["status"], verified.json["is_paid"]) == (200, "confirmed", True)
    drain()  # the cart is empty now
    confirmed = [ask(shopper, CONFIRM, {"order": token}) for _ in range(2)]
    assert [each.json for each in confirmed] == [verified.json] * 2
    assert refused(ask(shopper, INTENT), 409, "cart_empty")
    assert (orders(), money(bank), stock_row(shirt), faults()) == (1, (19700, 0), (2, 0), {})

    shown = shopper.client.get(f"{PAYMENTS}/{token}")
    assert [(each["state"], each["method"]) for each in shown.json["attempts"]] == [("captured", "card")]
    assert (shown.json["state"], shown.json["refunds"]) == ("paid", [])
    described = operations(client)
    for path, status, answer in ((INTENT, 201, intents[0]), (CONFIRM, 200, confirmed[0]), (INITIATE, 201, starts[0]),
                                 (VERIFY, 200, verified), (f"{PAYMENTS}/{{order}}", 200, shown)):  # fmt: skip
        method = "get" if path.startswith(PAYMENTS) else "post"
        schema = described[(path, method)]["responses"][str(status)]["content"]["application/json"]["schema"]
        assert fits(schema, answer.json), (path, answer.json)


def test_confirm_believes_the_provider_alone(shopper, bank, token):
    """A paid order is found by asking, without any claim; an unpaid one stays pending whatever is said."""
    started = ask(shopper, INITIATE, {"order": token}).json
    for body in ({"order": token}, {"order": token, "status": "paid", "is_paid": True}):
        assert ask(shopper, CONFIRM, body).json["status"] == "pending"
    bank.pay(started["provider_order_id"])
    answer = ask(shopper, CONFIRM, {"order": db.scalar("SELECT id::text FROM orders")})
    assert (answer.json["order"], answer.json["status"]) == (token, "confirmed")
    assert answer.json["number"]


def test_a_key_names_one_attempt_even_after_it_failed(shopper, bank, token):
    key = uuid.uuid4()
    first = ask(shopper, INITIATE, {"order": token, "method": "card"}, key=key).json
    bank.pay(first["provider_order_id"], "failed")
    ask(shopper, CONFIRM, {"order": token})
    again = ask(shopper, INITIATE, {"order": token, "method": "card"}, key=key)
    assert (again.json["attempt"], again.json["state"]) == (first["attempt"], "failed")
    assert refused(ask(shopper, INITIATE, {"order": token, "method": "fpx"}, key=key), 422, "key_reused")
    assert provider_orders(bank) == 1
    another = ask(shopper, INITIATE, {"order": token, "method": "fpx"}, key=uuid.uuid4())
    assert (another.status_code, another.json["state"]) == (201, "open")
    assert another.json["attempt"] != first["attempt"]
    assert provider_orders(bank) == 2


def test_p9_a_claim_must_be_signed_for_this_order(shopper, shop, bank, token):
    """P9: another order's good signature, a made-up one, or none at all."""
    started = ask(shopper, INITIATE, {"order": token}).json
    other = Shopper(shop.test_client(), bank)
    cheap = other.order(add_product("Cheap", price=100))
    other.press_pay(cheap)
    foreign = bank.pay(provider_order_of(cheap))
    claim = {"order": token, **{name: foreign[name] for name in SIGNED}}
    assert refused(ask(shopper, VERIFY, claim), 400, "bad_signature")
    forged = claim | {"razorpay_order_id": started["provider_order_id"], "razorpay_signature": "0" * 64}
    assert refused(ask(shopper, VERIFY, forged), 400, "bad_signature")
    assert refused(ask(shopper, VERIFY, {"order": token}), 422, "nothing_claimed")
    assert db.scalar("SELECT state FROM orders WHERE token = :token", token=token) == "pending"


def test_chk19_without_session_token_or_cart(shop, shopper, bank):
    stranger = shop.test_client()
    for door in DOORS:
        assert refused(stranger.post(door, json={}), 401, "no_session")  # before anything is said of tokens
    assert refused(stranger.get(f"{PAYMENTS}/{'x' * 22}"), 401, "no_session")
    shopper.add(add_product())
    for door in DOORS:
        assert refused(shopper.client.post(door, json={}), 400, "csrf")
    answer = ask(shopper, INTENT)
    assert refused(answer, 409, "no_checkout")
    assert answer.json["step"] == "contact"
    assert (orders(), provider_orders(bank)) == (0, 0)


def test_x7_another_sessions_order_is_nobodys(shop, shopper, bank, token, merchant):
    """X7: by token, by id, whatever else was posted; nothing is started, nothing shown. Staff may read it."""
    other = Shopper(shop.test_client(), bank)
    other.add(add_product("Other"))
    order_id = db.scalar("SELECT id::text FROM orders")
    db.release()
    for named in (token, order_id, str(uuid.uuid4()), "", None, 7, ["x"], "a\x00b", "' OR 1=1 --"):
        for door in (CONFIRM, INITIATE, VERIFY):
            answer = ask(other, door, {"order": named, "method": ["?"], "razorpay_signature": "x"})
            assert refused(answer, 404), (door, named)
    for named in (token, order_id):
        assert refused(other.client.get(f"{PAYMENTS}/{named}"), 404)
        assert merchant.client.get(f"{PAYMENTS}/{named}").json["order"] == token
    assert db.scalar("SELECT count(*) FROM payment_attempt") == 0


def test_bad_bodies_are_refused_and_change_nothing(shopper, token):
    headers = {**headers_of(shopper.client), "Content-Type": "application/json"}
    deep = (b"[" * 100_000, b'{"a":' * 100_000)
    for body in (b"[]", b"null", b"7", b'"x"', b"{", b"\xff", *deep):
        for door in DOORS:
            answer = shopper.client.post(door, data=body, headers=headers)
            assert answer.status_code in (400, 422), (door, body[:10], answer.status)
            assert refused(answer, answer.status_code)
    assert (orders(), db.scalar("SELECT count(*) FROM payment_attempt")) == (1, 0)


def test_bad_members_are_refused_in_words(shopper, bank, shirt):
    for total in (True, 1.5, "19700", -1, 10**20):
        assert refused(ask(shopper, INTENT, {"accept_total": total}), 422, "bad_amount")
    assert refused(ask(shopper, INTENT, {"accept_total": 1}), 409, "total_changed")
    for method in ("", None, 7, ["card"], "bitcoin"):
        assert refused(ask(shopper, INTENT, {"payment_method": method}), 422, "unknown_method")
    assert refused(ask(shopper, INTENT, key="abc"), 422, "key_missing")
    assert orders() == 0
    token = ask(shopper, INTENT).json["order"]
    assert refused(ask(shopper, INITIATE, {"order": token, "method": {}}), 422, "unknown_method")
    assert refused(ask(shopper, INITIATE, {"order": token}, key="abc"), 422, "key_missing")
    shopper.post(f"/checkout/pay/{token}/cancel")
    assert refused(ask(shopper, INITIATE, {"order": token}), 409, "not_payable")
    assert provider_orders(bank) == 0


def test_what_is_gone_is_named_and_can_be_counted(shopper, bank, shop):
    shirt = add_product(stock_of={"KB": 1})
    shopper.add(shirt)
    shopper.to_review()
    Shopper(shop.test_client(), bank).order(shirt)
    answer = ask(shopper, INTENT)
    assert refused(answer, 409, "lines_gone")
    assert answer.json["possible"] == {str(shirt): 0}
    assert (orders(), stock_row(shirt)) == (1, (1, 1))


def test_an_absent_provider_is_503_and_the_order_stays(shopper, bank, token):
    bank.fault("act_then_drop", method="POST", path="/v1/orders", count=1)
    answer = ask(shopper, INITIATE, {"order": token})
    assert refused(answer, 503, "provider_unavailable")
    assert answer.headers["Retry-After"]
    assert ask(shopper, INITIATE, {"order": token}).status_code == 201  # it is looked up, not made again
    assert provider_orders(bank) == 1


def test_an_order_that_cards_cover_needs_no_provider(make_app, bank):
    """In a shop that offers no other way to pay; where they do not cover it, nothing is ordered."""
    shopper = Shopper(make_app(RAZORPAY_KEY_ID="", RAZORPAY_KEY_SECRET="").test_client(), bank)
    open_shop()
    shopper.add(add_product())
    shopper.to_review()
    refused(ask(shopper, INTENT), 422, "no_method")
    assert orders() == 0
    card = issue(50000)
    assert shopper.post("/checkout/value", code=card.code).status_code == 303
    answer = ask(shopper, INTENT)
    assert (answer.status_code, answer.json["due_minor"]) == (201, 0), answer.text
    refused(ask(shopper, INITIATE, {"order": answer.json["order"]}), 409, "covered")
    paid = ask(shopper, CONFIRM, {"order": answer.json["order"]})
    assert (paid.status_code, paid.json["is_paid"], counters(card.account)) == (200, True, (50000 - 19700, 0))
    assert faults() == {}


def test_an_order_in_parts_over_json(bank, make_app, drain):
    """PAY-28: total, what has come and the balance, with every part; the next one is paid, or the rest."""
    open_shop()
    shopper = Shopper(make_app(**razorpay(bank), INSTALMENTS="3").test_client(), bank)
    shopper.add(add_product(stock_of={"KB": 3}))
    shopper.to_review()
    for wrong in (0, 4, "3", 2.0, True, None):
        assert refused(ask(shopper, INTENT, {"instalments": wrong}), 422, "no_plan"), wrong
    assert orders() == 0
    intent = ask(shopper, INTENT, {"instalments": 3}).json
    token = intent["order"]
    assert (intent["due_minor"], intent["instalments"]) == (19700, 3)
    assert "cod" not in {each["code"] for each in intent["payment_methods"]}
    for expected in (6568, 6566):
        started = ask(shopper, INITIATE, {"order": token}).json
        assert started["amount_minor"] == expected
        paid = bank.pay(started["provider_order_id"], "captured")
        claim = {name: paid[name] for name in SIGNED}
        answer = ask(shopper, VERIFY, {"order": token, **claim}).json
        assert (answer["status"], answer["is_paid"], answer["number"]) == ("pending", False, None)
    payment = shopper.client.get(f"{PAYMENTS}/{token}").json
    assert (payment["amount_minor"], payment["received_minor"], payment["balance_minor"]) == (19700, 13134, 6566)
    assert [(each["position"], each["amount_minor"], each["state"]) for each in payment["instalments"]] == [
        (1, 6568, "paid"),
        (2, 6566, "paid"),
        (3, 6566, "open"),
    ]
    assert len(payment["attempts"]) == 2
    started = ask(shopper, INITIATE, {"order": token, "rest": True}).json
    assert started["amount_minor"] == 6566
    bank.pay(started["provider_order_id"], "captured")
    assert ask(shopper, CONFIRM, {"order": token}).json["is_paid"] is True
    payment = shopper.client.get(f"{PAYMENTS}/{token}").json
    assert (payment["received_minor"], payment["balance_minor"], payment["status"]) == (19700, 0, "confirmed")
    drain()
    assert faults() == {}
