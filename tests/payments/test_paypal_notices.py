"""PayPal's webhooks: RSA signatures over raw bytes, certificates only from PayPal's own place, few fetches, ids out."""

import base64
import datetime
import json
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from app.core.errors import Refused
from app.payments.errors import BadSignature
from app.payments.gateway import Notice
from app.payments.providers import paypal_notices
from app.payments.providers.paypal import PayPal

WEBHOOK_ID = "WH0TESTS"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CERTS = "/v1/notifications/certs/"
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


def certificate(key=KEY, *, name="messageverificationcerts.paypal.com", begins=NOW - DAY, ends=NOW + DAY):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begins).not_valid_after(ends)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class CertificateHost:
    """Serves `files` by path, counts who came, and may be made to hang."""

    def __init__(self):
        self.files = {f"{CERTS}CERT-good": certificate()}
        self.asked = []
        self.gate = None
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.path)
                if host.gate is not None:
                    host.gate.wait(10)
                body = host.files.get(self.path)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def host():
    found = CertificateHost()
    yield found
    if found.gate is not None:
        found.gate.set()
    found.close()


def adapter_at(url):
    return PayPal(client_id="id", client_secret="secret", webhook_id=WEBHOOK_ID, api_url=url, shop_name="Murni Batik")


@pytest.fixture
def adapter(host):
    return adapter_at(host.url)


@pytest.fixture
def letter(host):
    """Headers as PayPal would send them for a body; `letter(body, key=…, cert="CERT-…", **changed headers)`."""

    def make(body, *, key=KEY, cert="CERT-good", webhook_id=WEBHOOK_ID, base=None, **changed):
        sent_at = "2026-11-25T10:00:00Z"
        signed = f"transmission-1|{sent_at}|{webhook_id}|{zlib.crc32(body)}".encode()
        headers = {
            "Paypal-Auth-Algo": "SHA256withRSA",
            "Paypal-Cert-Url": f"{base or host.url}{CERTS}{cert}",
            "Paypal-Transmission-Id": "transmission-1",
            "Paypal-Transmission-Sig": base64.b64encode(key.sign(signed, padding.PKCS1v15(), hashes.SHA256())).decode(),
            "Paypal-Transmission-Time": sent_at,
        }
        return headers | {name.replace("_", "-"): value for name, value in changed.items()}

    return make


def event(event_type="PAYMENT.CAPTURE.COMPLETED", resource=None, **changes):
    body = {"id": "WH-1", "event_type": event_type, "resource_type": "capture", "resource": resource or {}}
    return json.dumps(body | changes).encode()


def code_of(adapter, body, headers):
    with pytest.raises(BadSignature) as refusal:
        adapter.read_notice(body, headers)
    assert refusal.value.status == 400
    return refusal.value.code


ORDER = {"supplementary_data": {"related_ids": {"order_id": "ORDER1"}}, "invoice_id": "K7F3-3QX9-1"}


@pytest.mark.parametrize(
    ("event_type", "resource", "expected"),
    [
        ("CHECKOUT.ORDER.APPROVED", {"id": "ORDER1"}, ("checkout.order.approved", "ORDER1", "", "")),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": "ORDER1"}, ("checkout.payment-approval.reversed", "ORDER1", "", "")),
        ("PAYMENT.CAPTURE.COMPLETED", {"id": "C1", **ORDER}, ("payment.capture.completed", "ORDER1", "", "K7F3-3QX9-1")),
        ("PAYMENT.CAPTURE.REFUNDED", {"id": "R1", "invoice_id": "K7F3-3QX9-1"}, ("refund.refunded", "", "R1", "K7F3-3QX9-1")),
        ("PAYMENT.CAPTURE.REVERSED", {"id": "R1", **ORDER}, ("refund.reversed", "ORDER1", "R1", "K7F3-3QX9-1")),
        ("PAYMENT.REFUND.FAILED", {"id": "R1", "custom_id": "K7F3-3QX9-1:refund-1"}, ("refund.failed", "", "R1", "K7F3-3QX9-1")),
        ("CUSTOMER.DISPUTE.CREATED", {"disputed_transactions": [{"invoice_number": "K7F3-3QX9-1"}]},
         ("payment.dispute.created", "", "", "K7F3-3QX9-1")),
        ("CUSTOMER.DISPUTE.UPDATED", {}, ("payment.dispute.under_review", "", "", "")),
        ("CUSTOMER.DISPUTE.RESOLVED", {"dispute_outcome": {"outcome_code": "RESOLVED_BUYER_FAVOUR"}},
         ("payment.dispute.lost", "", "", "")),
        ("CUSTOMER.DISPUTE.RESOLVED", {"dispute_outcome": {"outcome_code": "RESOLVED_SELLER_FAVOUR"}},
         ("payment.dispute.won", "", "", "")),
        ("CUSTOMER.DISPUTE.RESOLVED", {"dispute_outcome": 5}, ("payment.dispute.closed", "", "", "")),
        ("SOMETHING.NEW", {"id": {"$ne": 1}, "invoice_id": "a b"}, ("something.new", "", "", "")),
    ],
)  # fmt: skip
def test_a_notice_holds_the_ids_it_is_about(adapter, letter, event_type, resource, expected):
    kind, order_id, refund_id, receipt = expected
    body = event(event_type, resource)
    assert adapter.read_notice(body, letter(body)) == Notice("WH-1", kind, order_id, order_id, refund_id, receipt)


@pytest.mark.parametrize(
    "changed",
    [
        {"Paypal_Transmission_Sig": ""},
        {"Paypal_Transmission_Sig": "é☃"},
        {"Paypal_Transmission_Sig": "A" * 344},
        {"Paypal_Transmission_Sig": "A" * 100_000},
        {"Paypal_Transmission_Sig": "\ud800"},
        {"Paypal_Transmission_Id": "another"},
        {"Paypal_Transmission_Id": ""},
        {"Paypal_Transmission_Time": "2026-11-25T10:00:01Z"},
        {"Paypal_Transmission_Time": "é"},
        {"Paypal_Auth_Algo": "SHA1withRSA"},
        {"Paypal_Auth_Algo": ""},
    ],
)
def test_p19_a_bad_signature_is_refused(adapter, letter, changed):
    body = event()
    code_of(adapter, body, letter(body, **changed))
    assert adapter.read_notice(body, letter(body)).event_id == "WH-1"


def test_p19_a_changed_body_another_key_and_another_webhook_are_refused(adapter, letter):
    body = event()
    assert code_of(adapter, body + b" ", letter(body)) == "bad_signature"
    assert code_of(adapter, body, letter(body, key=OTHER_KEY)) == "bad_signature"
    assert code_of(adapter, body, letter(body, webhook_id="WHSOMEBODYELSE")) == "bad_signature"
    assert code_of(adapter, body, {}) == "bad_signature"


@pytest.mark.parametrize(
    "base",
    ["https://evil.example", "http://127.0.0.1:9", "https://api.paypal.com", "https://api.paypal.com.evil.example"],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(host, adapter, letter, base):
    body = event()
    assert code_of(adapter, body, letter(body, base=base)) == "foreign_certificate"
    assert host.asked == []


@pytest.mark.parametrize(
    "cert",
    [
        "../../CERT-x",
        "CERT-a?x=1",
        "CERT-a#b",
        "CERT-a/b",
        "cert-a",
        "CERT-",
        "CERT-" + "a" * 200,
        "CERT-a\n",
        "CERT-é",
    ],
)
def test_an_address_that_is_not_quite_a_certificates_is_not_fetched(host, adapter, letter, cert):
    body = event()
    assert code_of(adapter, body, letter(body, cert=cert)) == "foreign_certificate"
    assert host.asked == []


@pytest.mark.parametrize(
    ("api", "trusted", "foreign"),
    [
        ("https://api-m.paypal.com", "https://api.paypal.com", "https://api.sandbox.paypal.com"),
        ("https://api-m.sandbox.paypal.com", "https://api.sandbox.paypal.com", "https://api.paypal.com"),
        ("http://127.0.0.1:9/paypal", "http://127.0.0.1:9/paypal", "https://api.paypal.com"),
    ],
)
def test_live_and_test_certificates_are_never_mixed(api, trusted, foreign):
    certificates = paypal_notices.Certificates(api_url=api)
    address = certificates._address
    assert address.fullmatch(f"{trusted}{CERTS}CERT-360caa42-fca2a594-ab66f33d")
    assert not address.fullmatch(f"{foreign}{CERTS}CERT-360caa42-fca2a594-ab66f33d")


@pytest.mark.parametrize(
    ("pem", "code"),
    [
        (certificate(ends=NOW - datetime.timedelta(hours=1)), "certificate_expired"),
        (certificate(begins=NOW + datetime.timedelta(hours=1)), "certificate_expired"),
        (certificate(name="paypal.com.evil.example"), "certificate_unavailable"),
        (b"no certificate", "certificate_unavailable"),
        (b"", "certificate_unavailable"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "weak_certificate"),
        (certificate(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "weak_certificate"),
        (None, "certificate_unavailable"),
    ],
)
def test_a_stale_or_strange_certificate_proves_nothing(host, adapter, letter, pem, code):
    host.files = {} if pem is None else {f"{CERTS}CERT-good": pem}
    body = event()
    assert code_of(adapter, body, letter(body)) == code


def test_a_certificate_is_fetched_once(host, adapter, letter):
    body = event()
    for _ in range(3):
        adapter.read_notice(body, letter(body))
    assert host.asked == [f"{CERTS}CERT-good"]


def test_strangers_cannot_make_us_fetch_often_nor_shut_known_ones_out(host, adapter, letter):
    body = event()
    adapter.read_notice(body, letter(body))
    for number in range(50):
        assert code_of(adapter, body, letter(body, cert=f"CERT-{number}")) == "certificate_unavailable"
    assert host.asked == [f"{CERTS}CERT-good"]
    adapter.read_notice(body, letter(body))


def test_after_a_moment_another_one_is_fetched(host, adapter, letter):
    body = event()
    assert code_of(adapter, body, letter(body, cert="CERT-unknown")) == "certificate_unavailable"
    assert code_of(adapter, body, letter(body)) == "certificate_unavailable"
    adapter._signatures._certificates._next_fetch = 0.0  # as five seconds later
    assert adapter.read_notice(body, letter(body)).event_id == "WH-1"
    assert host.asked == [f"{CERTS}CERT-unknown", f"{CERTS}CERT-good"]


def test_while_the_host_hangs_one_webhook_waits_half_a_second_and_no_other(host, adapter, letter):
    host.gate = threading.Event()
    body, waits = event(), []
    for _ in range(20):
        started = time.monotonic()
        assert code_of(adapter, body, letter(body)) == "certificate_unavailable"
        waits.append(time.monotonic() - started)
    assert [wait >= paypal_notices.WAIT_SECONDS for wait in waits] == [True] + 19 * [False]
    assert len(host.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"7", b'"text"', b"{}", b"{", b"\xff\xfe{}", b'{"event_type": null}', event(""), event("a b"),
        event("X" * 101), event("A\x00"), event(id=""), event(id=5), event(id="é"), b"[" * 100_000, b'{"event_type":' * 50_000,
    ],
)  # fmt: skip
def test_p19_a_signed_body_that_says_nothing_is_refused(adapter, letter, body):
    with pytest.raises(Refused) as refusal:
        adapter.read_notice(body, letter(body))
    assert refusal.value.code == "malformed_notice"


@pytest.mark.parametrize("resource", [None, [], "x", 5, {"supplementary_data": []}, {"disputed_transactions": [5]}])
def test_p27_odd_resources_are_read(adapter, letter, resource):
    body = event("SOMETHING.NEW", resource=resource, new_field={"deep": [1]})
    assert adapter.read_notice(body, letter(body)) == Notice("WH-1", "something.new")


def test_it_is_told_by_its_signature_header(adapter):
    assert adapter.recognises({"paypal-transmission-sig": "x"}, b"")
    assert not adapter.recognises({"x-razorpay-signature": "x"}, b"")
