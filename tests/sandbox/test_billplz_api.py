"""The sandbox's Billplz, as its documentation describes the real one."""

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

DEADLINE = 10
KEY, SIGNATURE_KEY, COLLECTION = "billplz-sandbox-api-key", "S-billplz-sandbox", "sandboxc"
FIELDS = {
    "collection_id": COLLECTION,
    "email": "aina@example.com",
    "name": "Aina Rahman",
    "amount": "26800",
    "callback_url": "http://shop.example/webhook",
    "redirect_url": "http://shop.example/back",
    "description": "Order K7F3",
    "reference_1_label": "Receipt",
    "reference_1": "K7F3-1",
}


def api(sandbox, method, path, **options):
    return requests.request(
        method, f"{sandbox.url}/billplz/api/v3{path}", **({"auth": (KEY, ""), "timeout": DEADLINE} | options)
    )


@pytest.fixture
def bill(sandbox):
    answer = api(sandbox, "POST", "/bills", data=FIELDS)
    assert answer.status_code == 200, answer.text
    return answer.json()


def source_signature(fields, key=SIGNATURE_KEY):
    source = "|".join(sorted((name + value for name, value in fields.items()), key=str.lower))
    return hmac.new(key.encode(), source.encode(), hashlib.sha256).hexdigest()


def test_a_bill_carries_every_field_of_the_documentation(bill):
    names = "id collection_id paid state amount paid_amount due_at email mobile name url reference_1_label reference_1"
    names += " reference_2_label reference_2 redirect_url callback_url description paid_at"
    assert set(bill) == set(names.split())
    assert (bill["state"], bill["paid"], bill["amount"], bill["paid_amount"]) == ("due", False, 26800, 0)


@pytest.mark.parametrize("auth", [None, ("wrong", ""), ("", KEY)])
def test_without_the_key_nothing_is_told(sandbox, bill, auth):
    answer = api(sandbox, "GET", f"/bills/{bill['id']}", auth=auth)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "Unauthorized")


@pytest.mark.parametrize(
    "changed",
    [{"amount": "99"}, {"amount": "-1"}, {"amount": "abc"}, {"collection_id": "other"}, {"name": "x" * 256},
     {"description": "x" * 201}, {"reference_1": "x" * 121}, {"callback_url": ""}, {"email": ""}, {"odd": "1"}],
)  # fmt: skip
def test_a_bill_that_makes_no_sense_is_refused(sandbox, changed):
    answer = api(sandbox, "POST", "/bills", data={**FIELDS, **changed})
    assert answer.status_code == 422
    assert isinstance(answer.json()["error"]["message"], list)


def test_only_a_due_bill_can_be_deleted(sandbox, bill):
    sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"]})
    assert api(sandbox, "DELETE", f"/bills/{bill['id']}").status_code == 422
    other = api(sandbox, "POST", "/bills", data=FIELDS).json()
    assert api(sandbox, "DELETE", f"/bills/{other['id']}").json() == {}
    assert api(sandbox, "GET", f"/bills/{other['id']}").json()["state"] == "deleted"


def test_a_deleted_bill_reappears_when_it_is_paid_after_all(sandbox, bill):
    api(sandbox, "DELETE", f"/bills/{bill['id']}")
    refused = requests.post(f"{sandbox.url}/_sandbox/billplz/pay", json={"bill_id": bill["id"]}, timeout=DEADLINE)
    assert refused.status_code == 422
    sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"], "force": True})
    assert api(sandbox, "GET", f"/bills/{bill['id']}").json()["state"] == "paid"


def test_tries_are_listed_the_latest_first(sandbox, bill):
    for outcome in ("failed", "completed"):
        sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"], "outcome": outcome})
    found = api(sandbox, "GET", f"/bills/{bill['id']}/transactions").json()
    assert [each["status"] for each in found["transactions"]] == ["completed", "failed"]
    assert sandbox.ledger("K7F3-1")["captured"] == 26800


def test_the_page_sends_the_browser_back_signed(sandbox, bill):
    answer = requests.post(bill["url"], data={"action": "succeed"}, allow_redirects=False, timeout=DEADLINE)
    query = dict(parse_qsl(urlsplit(answer.headers["Location"]).query, keep_blank_values=True))
    fields = {name.replace("[", "").replace("]", ""): value for name, value in query.items()}
    given = fields.pop("billplzx_signature")
    assert (fields["billplzid"], fields["billplzpaid"]) == (bill["id"], "true")
    assert given == source_signature(fields)


@pytest.mark.parametrize(
    ("switch", "key"),
    [(None, SIGNATURE_KEY), ("old_secret", f"old-{SIGNATURE_KEY}"), ("wrong_secret", f"not-{SIGNATURE_KEY}")],
)
def test_callbacks_are_forms_signed_inside(sandbox, shop, bill, switch, key):
    if switch:
        sandbox.control("POST", "/webhooks", {"event": "bill.*", switch: True})
    sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"]})
    [letter] = shop.wait_for(1)
    assert letter["headers"]["Content-Type"] == "application/x-www-form-urlencoded"
    fields = dict(parse_qsl(letter["body"].decode(), keep_blank_values=True))
    given = fields.pop("x_signature")
    assert (fields["id"], fields["state"], fields["paid_amount"]) == (bill["id"], "paid", "26800")
    assert given == source_signature(fields, key)


def test_a_callback_that_is_refused_comes_again_as_it_was(sandbox, shop, bill):
    shop.answers = [500]
    sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"], "outcome": "failed"})
    first, again = shop.wait_for(2)
    assert first["body"] == again["body"]
    assert json.dumps(sandbox.deliveries(event="bill.due"))  # the log shows it


def test_bills_survive_a_kill(start_sandbox):
    sandbox = start_sandbox()
    bill = api(sandbox, "POST", "/bills", data=FIELDS).json()
    sandbox.control("POST", "/billplz/pay", {"bill_id": bill["id"]})
    sandbox.kill()
    sandbox.restart()
    assert api(sandbox, "GET", f"/bills/{bill['id']}").json()["state"] == "paid"
