from datetime import UTC, datetime, timedelta

import pytest

from app.core import db
from app.core.transaction import transaction
from app.reconciliation import flows
from app.reconciliation.flows import Window
from tests.flows.conftest import shop, shopper  # noqa: F401 (fixtures)
from tests.flows.shopper import provider_order_of
from tests.shop import add_product


class Books:
    """Orders that were paid, and what the comparison says of them."""

    def __init__(self, shopper, bank):  # noqa: F811
        self.shopper, self.bank = shopper, bank

    def sell(self):
        """(token, the provider's payment id) of an order that was paid."""
        token = self.shopper.order(add_product())
        self.shopper.pay(token)
        return token, self.payment_of(token)

    def payment_of(self, token):
        return self.value(
            "SELECT c.provider_payment_id FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id"
            " WHERE o.token = :token",
            token=token,
        )

    def provider_order(self, token):
        return provider_order_of(token)

    def settle(self):
        return self.bank.control("POST", "/settlements")["settlements"]

    def falsify(self, entity_id, change, value=0):
        self.bank.control("POST", "/settlements/falsify", {"id": entity_id, "change": change, "value": value})

    def refund_at_the_bank(self, payment_id, amount):
        """Somebody uses the provider's dashboard."""
        answer = self.bank.session.post(
            f"{self.bank.url}/v1/payments/{payment_id}/refund", json={"amount": amount}, auth=KEYS, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def change(self, sql, **values):
        """Something happens to our rows that no code of ours does."""
        with transaction():
            db.rows(sql + " RETURNING 1", **values)
        db.forget()

    def value(self, sql, **values):
        found = db.scalar(sql, **values)
        db.release()
        return found

    def reconcile(self, days=8):
        """As in a night when all is older than the grace."""
        until = datetime.now(UTC) + timedelta(minutes=30)
        opened = flows.reconcile(trigger="command", window=Window(until, until - timedelta(days=days)))
        failed = self.value(
            "SELECT string_agg(provider || ': ' || error, ', ') FROM reconciliation_run WHERE state <> 'done'"
        )
        assert failed is None
        return opened

    def open(self):
        """[(kind, subject)] of what is open."""
        found = [
            tuple(row) for row in db.rows("SELECT kind, subject FROM difference WHERE state = 'open' ORDER BY 1, 2")
        ]
        db.release()
        return found


KEYS = ("rzp_test_payments00000", "payments_key_secret")


@pytest.fixture
def books(shopper, bank):  # noqa: F811
    return Books(shopper, bank)
