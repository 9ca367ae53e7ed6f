"""The bank: the payment sandbox as a process of its own, and the adapter that talks to it over HTTP."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from app.core.money import Money
from app.payments.gateway import PaymentRequest
from app.payments.providers import curlec
from app.payments.providers.billplz import Billplz
from app.payments.providers.bounded import Patience
from app.payments.providers.paypal import PayPal
from app.payments.providers.razorpay import Razorpay
from app.payments.providers.stripe import Stripe

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"key_id": "rzp_test_payments00000", "key_secret": "payments_key_secret"}
PAYPAL = {"client_id": "paypal_client_of_tests", "client_secret": "paypal_secret_of_tests", "webhook_id": "WH0TESTS"}
STRIPE = {"secret_key": "sk_test_payments00000", "webhook_secrets": ("whsec_of_this_month", "whsec_of_last_month")}
CURLEC = {"key_id": "rzp_test_curlec0000000", "key_secret": "curlec_key_secret_of_tests"}
CURLEC_SECRETS = ("curlec_webhook_secret_of_tests", "curlec_webhook_secret_of_last_month")
BILLPLZ = {"api_key": "billplz-key-of-tests", "collection_id": "testcoll"}
BILLPLZ_KEYS = ("S-billplz-of-tests", "S-billplz-of-last-month")
WEBHOOK_SECRETS = ("payments_webhook_secret", "payments_webhook_secret_of_last_month")


class Bank:
    """What a test does at the provider's side: pay, fail, break the line, look into its ledger."""

    def __init__(self, data):
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAZORPAY_", "SANDBOX_", "PAYPAL_", "STRIPE_", "CURLEC_", "BILLPLZ_"))
        }
        environ |= {
            "RAZORPAY_KEY_ID": KEYS["key_id"],
            "RAZORPAY_KEY_SECRET": KEYS["key_secret"],
            "RAZORPAY_WEBHOOK_SECRET": ",".join(WEBHOOK_SECRETS),
            "STRIPE_SECRET_KEY": STRIPE["secret_key"],
            "STRIPE_WEBHOOK_SECRET": ",".join(STRIPE["webhook_secrets"]),
            "CURLEC_KEY_ID": CURLEC["key_id"],
            "CURLEC_KEY_SECRET": CURLEC["key_secret"],
            "CURLEC_WEBHOOK_SECRET": ",".join(CURLEC_SECRETS),
            "BILLPLZ_SIGNATURE_KEY": ",".join(BILLPLZ_KEYS),
            **{f"BILLPLZ_{name.upper()}": value for name, value in BILLPLZ.items()},
            **{f"PAYPAL_{name.upper()}": value for name, value in PAYPAL.items()},
        }
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(data)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        self.session = requests.Session()

    def end(self):
        self.session.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def control(self, method, path, body=None):
        answer = self.session.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, order_id, outcome="captured", **fields):
        return self.control("POST", "/pay", {"order_id": order_id, "outcome": outcome, **fields})

    def fault(self, kind, *, method="*", path="/v1/**", **options):
        self.control("POST", "/faults", {"fault": kind, "method": method, "path": path, **options})

    def ledger(self):
        return self.control("GET", "/ledger")


@pytest.fixture(scope="session")
def running_bank(tmp_path_factory):
    bank = Bank(tmp_path_factory.mktemp("bank"))
    yield bank
    bank.end()


@pytest.fixture
def bank(running_bank):
    running_bank.control("POST", "/reset")
    return running_bank


@pytest.fixture
def make_adapter(bank):
    def make(**changes):
        options = {**KEYS, "webhook_secrets": WEBHOOK_SECRETS, "api_url": bank.url, "shop_name": "Murni Batik"}
        return Razorpay(**(options | changes))

    return make


@pytest.fixture
def adapter(make_adapter):
    return make_adapter()


@pytest.fixture
def hasty(make_adapter):
    """The same adapter with little patience, for a bank that hangs."""
    return make_adapter(patience=Patience(connect=0.3, read=0.3, total=0.5))


@pytest.fixture
def make_stripe(bank):
    def make(**changes):
        return Stripe(**({**STRIPE, "api_url": f"{bank.url}/stripe"} | changes))

    return make


@pytest.fixture
def stripe(make_stripe):
    return make_stripe()


@pytest.fixture
def paid(bank, stripe, request_of):
    """`paid(minor=…)`: the id of the PaymentIntent of a session that was paid."""

    def make(receipt="K7F3-3QX9-1", **changes):
        session_id = stripe.initiate_payment(request_of(receipt, **changes), look_first=False).id
        return bank.control("POST", "/stripe/pay", {"session_id": session_id})["payment_intent"]["id"]

    return make


@pytest.fixture
def make_curlec(make_adapter):
    """The second account at the same bank."""

    def make(**changes):
        options = {**CURLEC, "webhook_secrets": CURLEC_SECRETS, "code": "curlec"}
        return make_adapter(**(options | {"methods": curlec.METHODS, "elsewhere": ()} | changes))

    return make


@pytest.fixture
def make_billplz(bank):
    def make(**changes):
        return Billplz(**({**BILLPLZ, "signature_keys": BILLPLZ_KEYS, "api_url": f"{bank.url}/billplz"} | changes))

    return make


@pytest.fixture
def billplz(make_billplz):
    return make_billplz()


@pytest.fixture
def make_paypal(bank):
    def make(**changes):
        return PayPal(**({**PAYPAL, "api_url": f"{bank.url}/paypal", "shop_name": "Murni Batik"} | changes))

    return make


@pytest.fixture
def paypal(make_paypal):
    return make_paypal()


@pytest.fixture
def approved(bank, paypal, request_of):
    """`approved(minor=…, capture=…)`: the id of a PayPal order that its payer has approved."""

    def make(receipt="K7F3-3QX9-1", *, capture="COMPLETED", **changes):
        order_id = paypal.initiate_payment(request_of(receipt, **changes), look_first=False).id
        bank.control("POST", "/paypal/approve", {"order_id": order_id, "capture": capture})
        return order_id

    return make


@pytest.fixture
def request_of():
    def make(receipt="K7F3-3QX9-1", minor=26800, currency="MYR", **changes):
        values = {
            "receipt": receipt,
            "amount": Money(minor, currency),
            "description": "Order K7F3-3QX9",
            "webhook_url": "http://shop.example/api/payments/webhook",
            "email": "aina@example.com",
            "name": "Aina Rahman",
            "return_url": "http://shop.example/pay/return/token",
            "cancel_url": "http://shop.example/checkout/pay/token",
            "lock_minutes": 15,
        }
        return PaymentRequest(**(values | changes))

    return make
