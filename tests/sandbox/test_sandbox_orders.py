import re

import pytest
import razorpay
import requests

GOOD = {"amount": 5000, "currency": "MYR"}


def refusal(answer):
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def test_created_order_has_exactly_the_documented_fields(sandbox):
    order = sandbox.order(12345, receipt="R-77", notes={"cart": "9"})
    created_at = order.pop("created_at")
    assert re.fullmatch(r"order_[A-Za-z0-9]{14}", order.pop("id"))
    assert isinstance(created_at, int)
    assert order == {
        "entity": "order",
        "amount": 12345,
        "amount_paid": 0,
        "amount_due": 12345,
        "currency": "MYR",
        "receipt": "R-77",
        "offer_id": None,
        "status": "created",
        "attempts": 0,
        "notes": {"cart": "9"},
    }


def test_empty_notes_come_back_as_an_empty_list(sandbox):
    assert sandbox.order()["notes"] == []


def test_an_order_is_fetched_by_id_and_found_by_receipt(sandbox):
    first, second = sandbox.order(receipt="A"), sandbox.order(receipt="A")
    sandbox.order(receipt="B")
    assert sandbox.client.order.fetch(first["id"], timeout=5) == first
    found = sandbox.client.order.all({"receipt": "A"}, timeout=5)
    assert found == {"entity": "collection", "count": 2, "items": [second, first]}


def test_ids_sort_by_the_time_they_were_made(sandbox):
    ids = [sandbox.order()["id"] for _ in range(5)]
    assert ids == sorted(ids)
    assert "order_T0000000000000" < ids[0] < "order_z0000000000000"


def test_lists_are_paged(sandbox):
    orders = [sandbox.order() for _ in range(12)]
    assert sandbox.client.order.all(timeout=5)["count"] == 10
    page = sandbox.client.order.all({"count": 3, "skip": 10}, timeout=5)["items"]
    assert [order["id"] for order in page] == [orders[1]["id"], orders[0]["id"]]
    assert sandbox.client.order.all({"to": orders[0]["created_at"] - 10}, timeout=5)["count"] == 0


@pytest.mark.parametrize("query", ["count=0", "count=101", "skip=-1", "count=x", "status=paid"])
def test_bad_list_parameters_are_refused(sandbox, query):
    assert refusal(sandbox.api("GET", f"/v1/orders?{query}"))["code"] == "BAD_REQUEST_ERROR"


@pytest.mark.parametrize(
    "auth", [None, ("rzp_test_suite0000000", "wrong"), ("wrong", "suite_key_secret"), ("ключ", "é")]
)
def test_wrong_keys_get_401(sandbox, auth):
    keys = None if auth is None else tuple(part.encode() for part in auth)
    answer = requests.post(f"{sandbox.url}/v1/orders", json=GOOD, auth=keys, timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {
            "code": "BAD_REQUEST_ERROR",
            "description": "Authentication failed",
            "source": "NA",
            "step": "NA",
            "reason": "NA",
            "metadata": {},
        }
    }
    assert sandbox.api("GET", "/v1/orders").json()["count"] == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": None}, "amount"),
        ({"amount": 99}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": -5000}, "amount"),
        ({"amount": 50.5}, "amount"),
        ({"amount": "5000"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**13}, "amount"),
        ({"currency": None}, "currency"),
        ({"currency": "myr"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": ["MYR"]}, "currency"),
        ({"amount": 99991, "currency": "KWD"}, "amount"),
        ({"receipt": "r" * 41}, "receipt"),
        ({"receipt": 7}, "receipt"),
        ({"notes": {str(n): "x" for n in range(16)}}, "notes"),
        ({"notes": {"a": "x" * 257}}, "notes"),
        ({"notes": "text"}, "notes"),
        ({"notes": {"a": {"b": "c"}}}, "notes"),
        ({"partial_payment": True}, "partial_payment"),
        ({"payment": "automatic"}, "payment"),
        ({"payment": {"capture": "sometimes"}}, "capture"),
        ({"payment": {"capture": "automatic", "capture_options": {}}}, "automatic_expiry_period"),
        (
            {"payment": {"capture": "automatic", "capture_options": {"automatic_expiry_period": 11}}},
            "automatic_expiry_period",
        ),
        (
            {"payment": {"capture": "manual", "capture_options": {"manual_expiry_period": 7201}}},
            "manual_expiry_period",
        ),
        (
            {
                "payment": {
                    "capture": "automatic",
                    "capture_options": {"automatic_expiry_period": 30, "manual_expiry_period": 20},
                }
            },
            "manual_expiry_period",
        ),
        ({"payment": {"capture": "manual", "capture_options": {"refund_speed": "warp"}}}, "refund_speed"),
    ],
)
def test_bad_orders_are_refused_by_field(sandbox, change, field):
    error = refusal(sandbox.api("POST", "/v1/orders", json={**GOOD, **change}))
    assert error["code"] == "BAD_REQUEST_ERROR"
    assert error["field"] == field
    assert error["reason"] == "input_validation_failed"
    assert sandbox.api("GET", "/v1/orders").json()["count"] == 0


def test_the_minimum_is_one_unit_of_the_currency(sandbox):
    error = refusal(sandbox.api("POST", "/v1/orders", json={"amount": 99, "currency": "INR"}))
    assert error["description"] == "The amount must be at least INR 1.00"
    assert sandbox.order(100, "INR")["amount"] == 100
    assert sandbox.order(1, "JPY")["amount"] == 1
    assert sandbox.order(99990, "KWD")["amount"] == 99990


def test_unknown_fields_are_refused_by_name(sandbox):
    error = refusal(sandbox.api("POST", "/v1/orders", json={**GOOD, "colour": "red", "size": 1}))
    assert error["description"] == "colour, size is/are not required and should not be sent"


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff\xfe", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(sandbox, body):
    answer = sandbox.api("POST", "/v1/orders", data=body, headers={"Content-Type": "application/json"})
    assert refusal(answer)["code"] == "BAD_REQUEST_ERROR"


def test_unknown_ids_and_urls_are_told_apart(sandbox):
    assert refusal(sandbox.api("GET", "/v1/orders/nonsense"))["description"] == "nonsense is not a valid id"
    assert (
        refusal(sandbox.api("GET", "/v1/orders/order_00000000000000"))["description"]
        == "The id provided does not exist"
    )
    assert refusal(sandbox.api("GET", "/v1/nothing"))["description"] == "The requested URL was not found on the server."
    with pytest.raises(razorpay.errors.BadRequestError, match="does not exist"):
        sandbox.client.order.fetch("order_00000000000000", timeout=5)


def test_methods_need_the_key_id_only(sandbox):
    answer = requests.get(f"{sandbox.url}/v1/methods", params={"key_id": "rzp_test_suite0000000"}, timeout=5)
    assert answer.json()["entity"] == "methods"
    assert answer.json()["fpx"]["MB2U"] == "Maybank2U"
    assert requests.get(f"{sandbox.url}/v1/methods", params={"key_id": "other"}, timeout=5).status_code == 401
