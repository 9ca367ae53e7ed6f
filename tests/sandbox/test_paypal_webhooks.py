"""PayPal's webhooks as they leave the sandbox: signed with RSA, with every switch of the other providers."""

import base64
import json
import zlib

import pytest
import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from tests.sandbox.test_paypal_api import Merchant

WEBHOOK_ID = "WHSANDBOX00000001"


@pytest.fixture
def merchant(sandbox):
    return Merchant(sandbox)


def event_of(delivery):
    return json.loads(delivery["body"])


def check(delivery):
    """Raises InvalidSignature unless the certificate that the headers name signed the body; returns its address."""
    headers = delivery["headers"]
    address = headers["PAYPAL-CERT-URL"]
    pem = requests.get(address, timeout=10)
    assert pem.status_code == 200
    key = x509.load_pem_x509_certificate(pem.content).public_key()
    parts = [headers["PAYPAL-TRANSMISSION-ID"], headers["PAYPAL-TRANSMISSION-TIME"], WEBHOOK_ID]
    signed = "|".join([*parts, str(zlib.crc32(delivery["body"]))]).encode()
    key.verify(base64.b64decode(headers["PAYPAL-TRANSMISSION-SIG"]), signed, PKCS1v15(), SHA256())
    assert headers["PAYPAL-AUTH-ALGO"] == "SHA256withRSA"
    return address


def test_a_payment_and_its_refund_are_announced(sandbox, shop, merchant):
    merchant.refund(merchant.captured(), "20.00")
    deliveries = shop.wait_for(4)
    events = [event_of(each) for each in deliveries]
    assert [event["event_type"] for event in events] == [
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.ORDER.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
        "PAYMENT.CAPTURE.REFUNDED",
    ]
    assert [event["resource_type"] for event in events] == ["checkout-order", "checkout-order", "capture", "refund"]
    assert events[2]["resource"]["supplementary_data"]["related_ids"]["order_id"] == events[0]["resource"]["id"]
    assert "supplementary_data" not in events[3]["resource"]
    assert events[3]["resource"]["invoice_id"] == "R-1"
    assert len({event["id"] for event in events}) == 4
    addresses = {check(each) for each in deliveries}
    assert len(addresses) == 1
    assert addresses.pop().startswith(f"{merchant.url}/v1/notifications/certs/CERT-")


@pytest.mark.parametrize(
    ("capture", "names"),
    [
        ("PENDING", ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.PENDING"]),
        ("DECLINED", ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.DECLINED"]),
    ],
)
def test_a_capture_that_is_not_completed_is_announced_as_what_it_is(sandbox, shop, merchant, capture, names):
    merchant.captured(capture=capture)
    assert [event_of(each)["event_type"] for each in shop.wait_for(2)] == names


def test_disputes_are_announced(sandbox, shop, merchant):
    dispute = sandbox.control("POST", "/paypal/disputes", {"capture_id": merchant.captured()})
    sandbox.control("POST", f"/paypal/disputes/{dispute['dispute_id']}", {"outcome": "RESOLVED_SELLER_FAVOUR"})
    names = [event_of(each)["event_type"] for each in shop.wait_for(5)]
    assert names[3:] == ["CUSTOMER.DISPUTE.CREATED", "CUSTOMER.DISPUTE.RESOLVED"]


def test_the_wrong_secret_signs_with_a_key_nobody_knows(sandbox, shop, merchant):
    sandbox.control("POST", "/webhooks", {"event": "CHECKOUT.*", "wrong_secret": True, "count": 1})
    merchant.approved()
    [delivery] = shop.wait_for(1)
    with pytest.raises(InvalidSignature):
        check(delivery)


def test_the_old_secret_is_another_certificate(sandbox, shop, merchant):
    sandbox.control("POST", "/webhooks", {"event": "CHECKOUT.ORDER.APPROVED", "old_secret": True})
    merchant.captured()
    old, *new = [check(each) for each in shop.wait_for(3)]
    assert old not in new


def test_switches_and_retries_work_as_for_the_others(sandbox, shop, merchant):
    sandbox.control("POST", "/webhooks", {"event": "CHECKOUT.ORDER.APPROVED", "duplicate": 2})
    sandbox.control("POST", "/webhooks", {"event": "PAYMENT.CAPTURE.COMPLETED", "drop": True})
    shop.answers += [500]
    merchant.captured()
    deliveries = shop.wait_for(5)
    names = [event_of(each)["event_type"] for each in deliveries]
    assert sorted(names) == 4 * ["CHECKOUT.ORDER.APPROVED"] + ["CHECKOUT.ORDER.COMPLETED"]
    assert len({event_of(each)["id"] for each in deliveries}) == 2
    assert [each["state"] for each in sandbox.deliveries(event="PAYMENT.CAPTURE.COMPLETED")] == ["dropped"]
    for each in deliveries:
        check(each)


def test_certificates_stay_the_same_over_a_restart(start_sandbox, receiver):
    sandbox = start_sandbox("--webhook-url", receiver.url)
    Merchant(sandbox).approved()
    [first] = receiver.wait_for(1)
    sandbox.kill()
    sandbox.restart()
    Merchant(sandbox).approved(receipt="R-2")
    second = receiver.wait_for(2)[1]
    assert check(first) == check(second)
