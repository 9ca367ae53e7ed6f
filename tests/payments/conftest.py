"""The adapters that talk to the bank over HTTP."""

import pytest

from app.core.money import Money
from app.payments.gateway import PaymentRequest
from app.payments.providers import curlec
from app.payments.providers.billplz import Billplz
from app.payments.providers.bounded import Patience
from app.payments.providers.paypal import PayPal
from app.payments.providers.razorpay import Razorpay
from app.payments.providers.stripe import Stripe
from tests.bank import BILLPLZ, BILLPLZ_KEYS, CURLEC, CURLEC_SECRETS, KEYS, PAYPAL, STRIPE, WEBHOOK_SECRETS


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
