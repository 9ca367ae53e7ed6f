"""Any story of captures, refunds and failures, in currencies of zero to three decimals: the books balance and say the same."""

from __future__ import annotations

import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.books import queries as books
from app.core import db
from app.core.ids import new_id, new_token
from app.core.money import Money
from app.core.transaction import transaction
from app.payments import actions as payments
from app.payments import queries
from app.payments.actions import postings
from app.payments.gateway import ProviderPayment, ProviderRefund
from app.payments.models import PaymentAttempt
from app.payments.queries import checks

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["capture", "fail", "fee", "refund", "refund_fails", "refund_fails_late", "tell_again"]),
        st.integers(1, 50_000),
    ),
    min_size=1,
    max_size=12,
)


def order_with_attempt(currency: str) -> uuid.UUID:
    """A payment and attempt, without the order they are of: the books know it only as an id."""
    payment, attempt = new_id(), new_id()
    db.session.execute(text("SET LOCAL session_replication_role = replica"))
    db.rows(
        "INSERT INTO payment (id, order_id, amount_minor, currency) VALUES (:id, uuidv7(), 100, :currency) RETURNING id",
        id=payment,
        currency=currency,
    )
    db.rows(
        "INSERT INTO payment_attempt (id, payment_id, position, provider, method, receipt, return_token, amount_minor, currency)"
        " VALUES (:id, :payment, 1, 'razorpay', 'card', :receipt, :receipt, 100, :currency) RETURNING id",
        id=attempt,
        payment=payment,
        receipt=new_token(),
        currency=currency,
    )
    db.session.execute(text("SET LOCAL session_replication_role = origin"))
    return attempt


class Story:
    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.number = 0
        with transaction():
            self.attempt_id = order_with_attempt(currency)
        self.reports: dict[str, ProviderPayment] = {}
        self.fees: dict[str, int] = {}

    def step(self, what: str, minor: int) -> None:
        self.number += 1
        with transaction():
            getattr(self, what)(minor)

    def tell(self, report: ProviderPayment) -> None:
        self.reports[report.id] = report
        attempt = db.session.get_one(PaymentAttempt, self.attempt_id)
        for capture in payments.note_payments(attempt, [report]):
            postings.post_taken(capture)

    def capture(self, minor: int) -> None:
        name = f"pay_{self.attempt_id.hex}{self.number}"
        self.tell(ProviderPayment(name, "captured", Money(minor, self.currency), fee_minor=minor // 40))

    def fail(self, minor: int) -> None:
        name = f"pay_{self.attempt_id.hex}{self.number}"
        self.tell(ProviderPayment(name, "failed", Money(minor, self.currency)))

    def tell_again(self, _minor: int) -> None:
        for report in list(self.reports.values()):
            self.tell(report)

    def fee(self, minor: int) -> None:
        for capture in queries.captures_of(self.payment_id()):
            if capture.captured_at is not None:
                postings.note_fee(capture, minor % 100)

    def refund(self, minor: int, states: tuple[str, ...] = ("succeeded",)) -> None:
        taken = [each for each in queries.captures_of(self.payment_id()) if each.captured_at is not None]
        for capture in taken[:1]:
            refund = payments.request_refund(capture, Money(minor, self.currency), reason="test", is_automatic=False)
            assert refund is not None
            for state in states:
                report = ProviderRefund(f"rfnd_{refund.id.hex}", state, refund.amount, capture.provider_payment_id)
                for _ in range(2):
                    payments.note_refund(refund, queries.order_of_payment(self.payment_id()), report)

    def refund_fails(self, minor: int) -> None:
        self.refund(minor, ("pending", "failed"))

    def refund_fails_late(self, minor: int) -> None:
        self.refund(minor, ("succeeded", "failed"))

    def payment_id(self) -> uuid.UUID:
        return db.session.get_one(PaymentAttempt, self.attempt_id).payment_id


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories=st.lists(st.tuples(st.sampled_from(["MYR", "JPY", "KWD"]), STEPS), min_size=1, max_size=3))
def test_the_trial_balance_is_zero_and_equals_the_payments(as_owner: None, stories: list) -> None:
    for currency, steps in stories:
        story = Story(currency)
        for what, minor in steps:
            story.step(what, minor)
    sums: dict[str, int] = {}
    clearing: dict[str, int] = {}
    for balance in books.balances():
        sums[balance.currency] = sums.get(balance.currency, 0) + balance.minor
        if balance.account == "provider_clearing:razorpay":
            clearing[balance.currency] = balance.minor
    assert not any(sums.values())
    held = db.rows(
        "SELECT currency, sum(minor)::bigint FROM (SELECT currency, amount_minor - fee_minor AS minor FROM payment_capture"
        " WHERE captured_at IS NOT NULL UNION ALL SELECT currency, -amount_minor FROM refund WHERE state = 'succeeded') m GROUP BY 1"
    )
    assert {row[0]: row[1] for row in held if row[1]} == {name: minor for name, minor in clearing.items() if minor}
    assert checks.unposted() == {"ledger_missing": 0}
    assert books.faults() == {"ledger_unbalanced": 0}
    db.release()
