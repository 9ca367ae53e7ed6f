import hashlib
import hmac
import re

import pytest
import razorpay

MINUTE, DAY = 60, 24 * 3600
ERRORS = [f"error_{name}" for name in ("code", "description", "source", "step", "reason")]
FIELDS = set(
    """id entity amount currency status order_id invoice_id international method amount_refunded refund_status captured
    description card_id bank wallet vpa email contact notes fee tax acquirer_data created_at""".split()  # noqa: SIM905
) | set(ERRORS)


def options(automatic=15, manual=15, mode="automatic"):
    periods = {"automatic_expiry_period": automatic, "manual_expiry_period": manual, "refund_speed": "normal"}
    return {"payment": {"capture": mode, "capture_options": periods}}


def test_a_captured_payment_has_the_documented_shape(sandbox):
    order = sandbox.order(5000)
    paid = sandbox.pay(order, email="a@example.com", contact="+60123456789")
    payment = sandbox.payment(paid["razorpay_payment_id"])
    assert set(payment) == FIELDS
    assert re.fullmatch(r"pay_[A-Za-z0-9]{14}", payment["id"])
    assert payment["order_id"] == order["id"]
    assert (payment["amount"], payment["currency"], payment["status"]) == (5000, "MYR", "captured")
    assert (payment["captured"], payment["amount_refunded"], payment["refund_status"]) == (True, 0, None)
    assert (payment["method"], payment["bank"], payment["card_id"]) == ("fpx", "MB2U", None)
    assert (payment["email"], payment["contact"], payment["notes"]) == ("a@example.com", "+60123456789", [])
    assert (payment["fee"], payment["tax"], payment["error_code"]) == (100, 0, None)
    paid_order = sandbox.client.order.fetch(order["id"], timeout=5)
    assert (paid_order["status"], paid_order["amount_paid"], paid_order["amount_due"]) == ("paid", 5000, 0)
    assert paid_order["attempts"] == 1


def test_a_card_payment_carries_its_card(sandbox):
    payment = sandbox.pay(sandbox.order(), method="card")["payment"]
    assert set(payment) == FIELDS | {"card"}
    assert payment["card"]["id"] == payment["card_id"]
    assert payment["card"]["last4"] == "1007"


@pytest.mark.parametrize(
    ("method", "detail"),
    [("fpx", "bank"), ("netbanking", "bank"), ("wallet", "wallet"), ("upi", "vpa"), ("card", "card_id")],
)
def test_each_method_fills_its_own_field_only(sandbox, method, detail):
    payment = sandbox.pay(sandbox.order(), method=method)["payment"]
    filled = [name for name in ("bank", "wallet", "vpa", "card_id") if payment[name]]
    assert filled == [detail]


def test_the_signature_is_the_one_the_official_client_verifies(sandbox):
    order = sandbox.order()
    paid = sandbox.pay(order)
    message = f"{order['id']}|{paid['razorpay_payment_id']}".encode()
    assert paid["razorpay_signature"] == hmac.new(b"suite_key_secret", message, hashlib.sha256).hexdigest()
    sandbox.client.utility.verify_payment_signature(paid["callback"])
    with pytest.raises(razorpay.errors.SignatureVerificationError):
        sandbox.client.utility.verify_payment_signature(
            {**paid["callback"], "razorpay_order_id": "order_other000000000"}
        )


def test_a_failed_payment_leaves_the_order_open_for_the_next(sandbox):
    order = sandbox.order()
    failed = sandbox.pay(order, "failed", reason="insufficient_fund")
    payment = failed["payment"]
    assert (payment["status"], payment["captured"], payment["fee"]) == ("failed", False, None)
    assert (payment["error_code"], payment["error_reason"]) == ("BAD_REQUEST_ERROR", "insufficient_fund")
    assert failed["razorpay_signature"] is None
    assert failed["callback"]["error[reason]"] == "insufficient_fund"
    assert payment["id"] in failed["callback"]["error[metadata]"]
    assert sandbox.client.order.fetch(order["id"], timeout=5)["status"] == "attempted"
    sandbox.pay(order)
    payments = sandbox.client.order.payments(order["id"], timeout=5)
    assert [payment["status"] for payment in payments["items"]] == ["captured", "failed"]
    assert sandbox.client.order.fetch(order["id"], timeout=5)["attempts"] == 2


def test_a_paid_order_takes_no_second_payment(sandbox):
    order = sandbox.order()
    sandbox.pay(order)
    answer = sandbox.api("POST", "/_sandbox/pay", json={"order_id": order["id"], "outcome": "captured"})
    assert answer.status_code == 400
    assert "order is already paid" in answer.json()["error"]["description"]
    assert sandbox.ledger()["captured"] == 5000


def test_an_authorised_order_takes_no_second_payment(sandbox):
    order = sandbox.order()
    sandbox.pay(order, "authorized")
    answer = sandbox.api("POST", "/_sandbox/pay", json={"order_id": order["id"], "outcome": "success"})
    assert answer.status_code == 400
    assert "already authorised" in answer.json()["error"]["description"]


def test_capture_takes_the_authorised_amount_once(sandbox):
    order = sandbox.order(5000, **options(mode="manual"))
    payment_id = sandbox.pay(order, "success")["razorpay_payment_id"]
    assert sandbox.payment(payment_id)["status"] == "authorized"
    for amount, currency, words in ((4999, "MYR", "equal to the amount"), (5000, "INR", "equal to the amount")):
        with pytest.raises(razorpay.errors.BadRequestError, match=words):
            sandbox.client.payment.capture(payment_id, amount, {"currency": currency}, timeout=5)
    captured = sandbox.client.payment.capture(payment_id, 5000, {"currency": "MYR"}, timeout=5)
    assert (captured["status"], captured["captured"]) == ("captured", True)
    with pytest.raises(razorpay.errors.BadRequestError, match="already been captured"):
        sandbox.client.payment.capture(payment_id, 5000, {"currency": "MYR"}, timeout=5)
    assert sandbox.ledger()["captures"] == 1
    assert sandbox.client.order.fetch(order["id"], timeout=5)["status"] == "paid"


@pytest.mark.parametrize("outcome", ["failed", "late"])
def test_only_authorised_payments_can_be_captured(sandbox, outcome):
    payment_id = sandbox.pay(sandbox.order(), outcome)["razorpay_payment_id"]
    with pytest.raises(razorpay.errors.BadRequestError, match="authorized and not yet captured"):
        sandbox.client.payment.capture(payment_id, 5000, {"currency": "MYR"}, timeout=5)
    assert sandbox.ledger()["captured"] == 0


@pytest.mark.parametrize("body", [{}, {"amount": 5000}, {"amount": {"amount": 5000}, "currency": "MYR"}])
def test_capture_checks_its_fields(sandbox, body):
    payment_id = sandbox.pay(sandbox.order(), "authorized")["razorpay_payment_id"]
    assert sandbox.api("POST", f"/v1/payments/{payment_id}/capture", json=body).status_code == 400


def test_payments_are_listed_newest_first(sandbox):
    ids = [sandbox.pay(sandbox.order())["razorpay_payment_id"] for _ in range(3)]
    listed = sandbox.client.payment.all({"count": 2}, timeout=5)["items"]
    assert [payment["id"] for payment in listed] == [ids[2], ids[1]]


def test_late_authorisation_in_time_is_captured(sandbox):
    order = sandbox.order(**options(automatic=30, manual=30))
    late = sandbox.pay(order, "late", late_seconds=20 * MINUTE)
    assert (late["status"], late["callback"], late["razorpay_signature"]) == ("created", {}, None)
    sandbox.advance(9 * MINUTE)
    assert sandbox.payment(late["razorpay_payment_id"])["status"] == "created"
    sandbox.advance(2 * MINUTE)
    failed = sandbox.payment(late["razorpay_payment_id"])
    assert (failed["status"], failed["error_reason"]) == ("failed", "payment_timed_out")
    sandbox.advance(10 * MINUTE)
    captured = sandbox.payment(late["razorpay_payment_id"])
    assert (captured["status"], captured["error_code"], captured["error_reason"]) == ("captured", None, None)
    assert sandbox.ledger()["captured"] == 5000


def test_late_authorisation_after_the_expiry_is_given_back(sandbox):
    order = sandbox.order(**options(automatic=15, manual=60))
    payment_id = sandbox.pay(order, "late", late_seconds=20 * MINUTE)["razorpay_payment_id"]
    sandbox.advance(21 * MINUTE)
    assert sandbox.payment(payment_id)["status"] == "authorized"
    sandbox.advance(40 * MINUTE)
    given_back = sandbox.payment(payment_id)
    assert (given_back["status"], given_back["amount_refunded"], given_back["refund_status"]) == (
        "refunded",
        5000,
        "full",
    )
    assert given_back["captured"] is False
    account = sandbox.ledger()
    assert (account["captured"], account["refunded"], account["released"]) == (0, 0, 5000)
    refunds = sandbox.client.payment.fetch_multiple_refund(payment_id, timeout=5)["items"]
    assert [(refund["amount"], refund["status"]) for refund in refunds] == [(5000, "processed")]


def test_a_long_jump_of_the_clock_runs_everything_at_its_own_time(sandbox):
    in_time = sandbox.order(receipt="in time", **options(automatic=15, manual=15))
    too_late = sandbox.order(receipt="too late", **options(automatic=15, manual=15))
    sandbox.pay(in_time, "late", late_seconds=14 * MINUTE)
    sandbox.pay(too_late, "late", late_seconds=16 * MINUTE)
    assert sandbox.advance(3 * DAY)["timers_run"] == 5  # two time-outs, two answers of the bank, one release
    assert (sandbox.ledger("in time")["captured"], sandbox.ledger("in time")["released"]) == (5000, 0)
    assert (sandbox.ledger("too late")["captured"], sandbox.ledger("too late")["released"]) == (0, 5000)


def test_an_authorised_payment_is_given_back_after_the_manual_expiry(sandbox):
    payment_id = sandbox.pay(sandbox.order(**options(manual=60)), "authorized")["razorpay_payment_id"]
    sandbox.advance(59 * MINUTE)
    assert sandbox.payment(payment_id)["status"] == "authorized"
    sandbox.advance(2 * MINUTE)
    assert sandbox.payment(payment_id)["status"] == "refunded"
    with pytest.raises(razorpay.errors.BadRequestError):
        sandbox.client.payment.capture(payment_id, 5000, {"currency": "MYR"}, timeout=5)


def test_without_options_it_is_captured_at_once_or_given_back_after_three_days(sandbox):
    assert sandbox.pay(sandbox.order(), "success")["status"] == "captured"
    payment_id = sandbox.pay(sandbox.order(), "authorized")["razorpay_payment_id"]
    sandbox.advance(3 * DAY - 5)
    assert sandbox.payment(payment_id)["status"] == "authorized"
    sandbox.advance(10)
    assert sandbox.payment(payment_id)["status"] == "refunded"


def test_the_second_of_two_payments_is_given_back_by_the_provider(sandbox):
    paid = sandbox.pay(sandbox.order(), "twice")
    assert (paid["status"], paid["second"]["status"]) == ("captured", "refunded")
    account = sandbox.ledger()
    assert (account["captured"], account["released"], account["captures"]) == (5000, 5000, 1)


def test_a_late_payment_of_a_paid_order_is_given_back_at_once(sandbox):
    order = sandbox.order()
    late = sandbox.pay(order, "late", late_seconds=5 * MINUTE)
    sandbox.pay(order, "success")
    sandbox.advance(6 * MINUTE)
    assert sandbox.payment(late["razorpay_payment_id"])["status"] == "refunded"
    assert sandbox.ledger()["captured"] == 5000


def test_capturing_gives_back_a_rival_authorisation(sandbox):
    order = sandbox.order(**options(mode="manual", manual=120))
    late = sandbox.pay(order, "late", late_seconds=MINUTE)["razorpay_payment_id"]
    first = sandbox.pay(order, "success")["razorpay_payment_id"]
    sandbox.advance(2 * MINUTE)
    assert sandbox.payment(late)["status"] == "authorized"
    sandbox.client.payment.capture(first, 5000, {"currency": "MYR"}, timeout=5)
    assert sandbox.payment(late)["status"] == "refunded"


def test_force_takes_money_twice_for_one_order(sandbox):
    order = sandbox.order()
    sandbox.pay(order)
    assert sandbox.pay(order, force=True)["status"] == "captured"
    account = sandbox.ledger()
    assert (account["captured"], account["captures"], account["net"]) == (10000, 2, 10000)
    assert sandbox.pay(sandbox.order(receipt="R-2"), "twice", force=True)["second"]["status"] == "captured"
    assert sandbox.ledger("R-2")["captured"] == 10000


def test_a_payment_may_be_of_another_amount_or_currency(sandbox):
    less = sandbox.order(receipt="less")
    sandbox.pay(less, amount=4000)
    fetched = sandbox.client.order.fetch(less["id"], timeout=5)
    assert (fetched["status"], fetched["amount_paid"], fetched["amount_due"]) == ("attempted", 4000, 1000)
    assert sandbox.ledger("less")["captured"] == 4000
    other = sandbox.pay(sandbox.order(receipt="other"), currency="INR")
    assert other["payment"]["currency"] == "INR"


def test_a_failed_payment_can_still_be_authorised_by_the_bank(sandbox):
    payment_id = sandbox.pay(sandbox.order(), "failed")["razorpay_payment_id"]
    after = sandbox.control("POST", f"/payments/{payment_id}/authorize")
    assert after["status"] == "captured"
    sandbox.client.utility.verify_payment_signature(after["callback"])
    assert sandbox.api("POST", f"/_sandbox/payments/{payment_id}/authorize", json={}).status_code == 400


def test_expiry_may_count_from_the_order(start_sandbox):
    sandbox = start_sandbox("--expiry-from", "order")
    order = sandbox.order(**options(automatic=15, manual=60))
    sandbox.advance(20 * MINUTE)
    payment = sandbox.pay(order, "success")
    assert payment["status"] == "authorized"
    sandbox.advance(41 * MINUTE)
    assert sandbox.payment(payment["razorpay_payment_id"])["status"] == "refunded"


def test_the_clock_only_goes_forward(sandbox):
    before = sandbox.control("GET", "/clock")
    after = sandbox.advance(90)
    assert 90 <= after["now"] - before["now"] < 100
    assert after["offset_seconds"] == 90
    for nonsense in (-1, "5", None, True):
        assert sandbox.api("POST", "/_sandbox/clock", json={"advance_seconds": nonsense}).status_code == 400


@pytest.mark.parametrize(
    "change",
    [{"outcome": "maybe"}, {"method": "gold"}, {"amount": 0}, {"currency": "XXX"}, {"reason": "x"}, {"extra": 1}],
)
def test_the_control_api_says_what_it_does_not_understand(sandbox, change):
    answer = sandbox.api("POST", "/_sandbox/pay", json={"order_id": sandbox.order()["id"], **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["description"]
    assert sandbox.client.payment.all(timeout=5)["count"] == 0
