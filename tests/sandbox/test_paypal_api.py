"""PayPal's API in the sandbox, as a merchant's program and a person at the approval page meet it."""

import re

import pytest
import requests

KEYS = ("paypal_sandbox_client", "paypal_sandbox_secret")
PAGE = {"return_url": "http://shop.example/back?order=1", "cancel_url": "http://shop.example/cancel"}


class Merchant:
    """Speaks to `/paypal` with a token of its own."""

    def __init__(self, sandbox):
        self.sandbox, self.url = sandbox, f"{sandbox.url}/paypal"
        self.renew()

    def renew(self):
        asked = {"grant_type": "client_credentials"}
        answer = requests.post(f"{self.url}/v1/oauth2/token", auth=KEYS, data=asked, timeout=10)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    def ask(self, method, path, body=None, *, key=None):
        headers = {"Authorization": f"Bearer {self.token}", "Prefer": "return=representation"}
        headers |= {"PayPal-Request-Id": key} if key else {}
        return requests.request(method, self.url + path, json=body, headers=headers, timeout=10)

    def order(self, value="50.00", currency="MYR", *, key=None, receipt="R-1", status=201):
        answer = self.ask("POST", "/v2/checkout/orders", order_body(value, currency, receipt), key=key)
        assert answer.status_code == status, answer.text
        return answer.json()

    def approved(self, capture="COMPLETED", **order):
        made = self.order(**order)
        self.sandbox.control("POST", "/paypal/approve", {"order_id": made["id"], "capture": capture})
        return made["id"]

    def capture(self, order_id, *, key=None):
        return self.ask("POST", f"/v2/checkout/orders/{order_id}/capture", {}, key=key)

    def captured(self, **order):
        """The id of a capture."""
        answer = self.capture(self.approved(**order))
        return answer.json()["purchase_units"][0]["payments"]["captures"][0]["id"]

    def refund(self, capture_id, value=None, *, key=None, currency="MYR"):
        body = {} if value is None else {"amount": {"currency_code": currency, "value": value}}
        return self.ask("POST", f"/v2/payments/captures/{capture_id}/refund", body, key=key)


def order_body(value="50.00", currency="MYR", receipt="R-1"):
    unit = {"amount": {"currency_code": currency, "value": value}, "invoice_id": receipt, "custom_id": receipt}
    source = {"paypal": {"experience_context": PAGE}}
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}


def issue_of(answer):
    content = answer.json()
    assert set(content) == {"name", "message", "debug_id", "details", "links"}
    return answer.status_code, content["details"][0]["issue"]


@pytest.fixture
def merchant(sandbox):
    return Merchant(sandbox)


def test_only_the_right_keys_get_a_token_and_only_a_token_gets_in(sandbox, merchant):
    for keys in [("x", KEYS[1]), (KEYS[0], "x"), None]:
        answer = requests.post(
            f"{merchant.url}/v1/oauth2/token", auth=keys, data={"grant_type": "client_credentials"}, timeout=10
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    for header in ["", "Bearer x", f"Basic {merchant.token}"]:
        answer = requests.get(f"{merchant.url}/v2/checkout/orders/X", headers={"Authorization": header}, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_a_token_ends_and_can_be_taken_back(sandbox, merchant):
    sandbox.advance(32401)
    assert merchant.ask("GET", "/v2/checkout/orders/X").status_code == 401
    merchant.renew()
    assert issue_of(merchant.ask("GET", "/v2/checkout/orders/X")) == (404, "INVALID_RESOURCE_ID")
    sandbox.control("POST", "/paypal/tokens", {"revoke": True})
    assert merchant.ask("GET", "/v2/checkout/orders/X").status_code == 401


def test_one_request_id_is_one_order(sandbox, merchant):
    first = merchant.order(key="a")
    assert merchant.order(key="a", status=200) == first
    assert merchant.order(key="b", receipt="R-2")["id"] != first["id"]
    answer = merchant.ask("POST", "/v2/checkout/orders", order_body("50.01"), key="a")
    assert issue_of(answer) == (422, "DUPLICATE_REQUEST_ID")
    assert len(sandbox.ledger()["order_ids"]) == 1


def test_a_request_id_is_forgotten_in_time(sandbox, merchant):
    first = merchant.order(key="a")
    sandbox.advance(6 * 3600 + 1)
    assert merchant.order(key="a")["id"] != first["id"]
    capture_id = merchant.captured()
    merchant.refund(capture_id, "20.00", key="r")
    sandbox.advance(45 * 86400 + 1)
    merchant.renew()
    assert merchant.refund(capture_id, "20.00", key="r").status_code == 201
    assert sandbox.ledger()["refunded"] == 4000


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("50.001", "MYR", (422, "DECIMAL_PRECISION")),
        ("80.00", "JPY", (422, "DECIMALS_NOT_SUPPORTED")),
        ("0.00", "MYR", (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ("-1.00", "MYR", (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ("1,00", "MYR", (400, "INVALID_PARAMETER_SYNTAX")),
        ("1.00", "INR", (422, "CURRENCY_NOT_SUPPORTED")),
        ("1.00", "XXX", (422, "CURRENCY_NOT_SUPPORTED")),
        (100, "MYR", (400, "MISSING_REQUIRED_PARAMETER")),
    ],
)
def test_amounts_are_as_strict_as_paypals(sandbox, merchant, value, currency, expected):
    assert issue_of(merchant.ask("POST", "/v2/checkout/orders", order_body(value, currency))) == expected
    assert sandbox.control("GET", "/ledger")["receipts"] == {}


@pytest.mark.parametrize(
    "changed", [{"intent": "AUTHORIZE"}, {"purchase_units": []}, {"purchase_units": [{}, {}]}, {"payment_source": {}}]
)
def test_an_order_that_is_not_well_formed_is_refused(merchant, changed):
    assert merchant.ask("POST", "/v2/checkout/orders", order_body() | changed).status_code == 400
    answer = requests.post(
        f"{merchant.url}/v2/checkout/orders",
        data="{",
        headers={"Authorization": f"Bearer {merchant.token}"},
        timeout=10,
    )
    assert issue_of(answer) == (400, "MALFORMED_REQUEST_JSON")


def test_a_person_approves_or_leaves_on_the_page(sandbox, merchant):
    order = merchant.order()
    [page] = [link["href"] for link in order["links"] if link["rel"] == "payer-action"]
    assert page == f"{merchant.url}/checkoutnow?token={order['id']}"
    shown = requests.get(page, timeout=10)
    assert "RM 50.00" in shown.text
    assert re.search(r"style-src 'nonce-", shown.headers["Content-Security-Policy"])
    press = {"allow_redirects": False, "timeout": 10}
    left = requests.post(page, data={"token": order["id"], "action": "cancel"}, **press)
    assert (left.status_code, left.headers["Location"]) == (303, f"http://shop.example/cancel?token={order['id']}")
    approved = requests.post(page, data={"token": order["id"], "action": "approve"}, **press)
    assert re.fullmatch(
        rf"http://shop\.example/back\?order=1&token={order['id']}&PayerID=[A-Z0-9]{{13}}", approved.headers["Location"]
    )
    assert merchant.ask("GET", f"/v2/checkout/orders/{order['id']}").json()["status"] == "APPROVED"
    merchant.capture(order["id"])
    assert "already paid" in requests.get(page, timeout=10).text


def test_only_what_was_approved_is_captured_and_only_once(sandbox, merchant):
    order_id = merchant.order()["id"]
    assert issue_of(merchant.capture(order_id)) == (422, "ORDER_NOT_APPROVED")
    sandbox.control("POST", "/paypal/approve", {"order_id": order_id})
    answers = [merchant.capture(order_id, key="c") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert issue_of(merchant.capture(order_id, key="d")) == (422, "ORDER_ALREADY_CAPTURED")
    account = sandbox.ledger()
    assert (account["captured"], account["captures"], account["payments"][0]["method"]) == (5000, 1, "paypal")
    [capture] = answers[0].json()["purchase_units"][0]["payments"]["captures"]
    assert merchant.ask("GET", f"/v2/payments/captures/{capture['id']}").json() == capture
    assert capture["seller_receivable_breakdown"]["paypal_fee"] == {"currency_code": "MYR", "value": "1.95"}


def test_one_invoice_is_paid_once(sandbox, merchant):
    merchant.captured()
    assert issue_of(merchant.capture(merchant.approved())) == (422, "DUPLICATE_INVOICE_ID")
    assert sandbox.ledger()["captured"] == 5000


def test_a_decline_leaves_the_order_approved(sandbox, merchant):
    order_id = merchant.approved("INSTRUMENT_DECLINED")
    for _ in range(2):
        assert issue_of(merchant.capture(order_id, key="c")) == (422, "INSTRUMENT_DECLINED")
    assert merchant.ask("GET", f"/v2/checkout/orders/{order_id}").json()["status"] == "APPROVED"
    sandbox.control("POST", "/paypal/approve", {"order_id": order_id})
    assert merchant.capture(order_id, key="c").status_code == 201


def test_an_order_is_gone_after_three_hours_unless_it_was_captured(sandbox, merchant):
    kept, lost = merchant.approved(), merchant.approved(receipt="R-2")
    merchant.capture(kept)
    sandbox.advance(3 * 3600 + 1)
    assert merchant.ask("GET", f"/v2/checkout/orders/{kept}").status_code == 200
    assert issue_of(merchant.ask("GET", f"/v2/checkout/orders/{lost}")) == (404, "INVALID_RESOURCE_ID")


def test_a_custom_id_can_be_replaced_until_the_capture(merchant):
    order_id = merchant.approved()
    path = "/purchase_units/@reference_id=='default'/custom_id"
    patch = [{"op": "replace", "path": path, "value": "R-1:words"}]
    assert merchant.ask("PATCH", f"/v2/checkout/orders/{order_id}", patch).status_code == 204
    order = merchant.ask("GET", f"/v2/checkout/orders/{order_id}").json()
    assert (order["purchase_units"][0]["custom_id"], order["purchase_units"][0]["invoice_id"]) == ("R-1:words", "R-1")
    wrong = [{"op": "replace", "path": "/intent", "value": "AUTHORIZE"}]
    assert merchant.ask("PATCH", f"/v2/checkout/orders/{order_id}", wrong).status_code == 400
    merchant.capture(order_id)
    assert merchant.ask("PATCH", f"/v2/checkout/orders/{order_id}", patch).status_code == 422


def test_refunds_never_pass_what_was_captured(sandbox, merchant):
    capture_id = merchant.captured()
    assert merchant.refund(capture_id, "20.00", key="r").status_code == 201
    assert merchant.refund(capture_id, "20.00", key="r").status_code == 200
    assert issue_of(merchant.refund(capture_id, "20.01", key="r")) == (422, "DUPLICATE_REQUEST_ID")
    assert issue_of(merchant.refund(capture_id, "30.01")) == (422, "REFUND_AMOUNT_EXCEEDED")
    assert issue_of(merchant.refund(capture_id, "1.00", currency="USD")) == (422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
    assert merchant.refund(capture_id).json()["amount"]["value"] == "30.00"
    assert issue_of(merchant.refund(capture_id, "0.01")) == (422, "CAPTURE_FULLY_REFUNDED")
    account = sandbox.ledger()
    assert (account["captured"], account["refunded"], len(account["refunds"])) == (5000, 5000, 2)


def test_a_refund_that_fails_counts_no_longer(sandbox, merchant):
    capture_id = merchant.captured()
    sandbox.control("POST", "/paypal/refunds", {"status": "PENDING", "count": 1})
    pending = merchant.refund(capture_id, "20.00").json()
    assert (pending["status"], sandbox.ledger()["refunded"]) == ("PENDING", 2000)
    sandbox.control("POST", f"/paypal/refunds/{pending['id']}", {"status": "FAILED"})
    assert merchant.ask("GET", f"/v2/payments/refunds/{pending['id']}").json()["status"] == "FAILED"
    assert sandbox.ledger()["refunded"] == 0
    done = merchant.refund(capture_id, "50.00").json()
    assert done["status"] == "COMPLETED"
    sandbox.control("POST", f"/paypal/refunds/{done['id']}", {"status": "FAILED"})
    assert sandbox.ledger()["refunded"] == 0


def test_a_refund_is_too_late_after_180_days(sandbox, merchant):
    capture_id = merchant.captured()
    sandbox.advance(181 * 86400)
    merchant.renew()
    assert issue_of(merchant.refund(capture_id, "1.00")) == (422, "REFUND_TIME_LIMIT_EXCEEDED")


def test_the_books_of_all_providers_are_one(sandbox, merchant):
    merchant.captured(receipt="R-1")
    sandbox.pay(sandbox.order(receipt="R-1"))
    account = sandbox.ledger()
    assert (account["captured"], account["captures"], len(account["order_ids"])) == (10000, 2, 2)
    assert sandbox.control("GET", "/ledger?totals=1")["totals"]["MYR"]["captured"] == 10000
    assert len(sandbox.client.order.all({"count": 10}, timeout=10)["items"]) == 1


def test_a_dispute_is_opened_and_decided(sandbox, merchant):
    dispute = sandbox.control("POST", "/paypal/disputes", {"capture_id": merchant.captured()})
    [transaction] = dispute["disputed_transactions"]
    assert (transaction["invoice_number"], dispute["status"]) == ("R-1", "OPEN")
    path = f"/paypal/disputes/{dispute['dispute_id']}"
    sandbox.control("POST", path, {"outcome": "RESOLVED_BUYER_FAVOUR"})
    shown = merchant.ask("GET", f"/v1/customer/disputes/{dispute['dispute_id']}").json()
    assert (shown["status"], shown["dispute_outcome"]) == ("RESOLVED", {"outcome_code": "RESOLVED_BUYER_FAVOUR"})
    again = requests.post(f"{sandbox.url}/_sandbox{path}", json={"outcome": "RESOLVED_BUYER_FAVOUR"}, timeout=10)
    assert again.status_code == 422


@pytest.mark.parametrize("delta", [1, -100])
def test_wrong_amounts_reach_paypals_answers_too(sandbox, merchant, delta):
    order_id = merchant.order()["id"]
    sandbox.control("POST", "/faults", {"path": "/paypal/**", "fault": "wrong_amount", "delta": delta, "count": 1})
    seen = merchant.ask("GET", f"/v2/checkout/orders/{order_id}").json()
    assert seen["purchase_units"][0]["amount"]["value"] == {1: "50.01", -100: "49.00"}[delta]


def test_money_and_certificates_survive_a_kill(start_sandbox):
    sandbox = start_sandbox()
    merchant = Merchant(sandbox)
    capture_id = merchant.captured()
    before = sandbox.ledger()
    sandbox.kill()
    sandbox.restart()
    assert merchant.ask("GET", f"/v2/payments/captures/{capture_id}").status_code == 401  # tokens do not
    merchant.renew()
    assert merchant.refund(capture_id, "50.00").status_code == 201
    assert sandbox.ledger()["captured"] == before["captured"] == 5000
