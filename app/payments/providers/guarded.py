"""A provider behind its circuit breaker (PAY-35): after five calls in a row without an answer it is left alone for a
while, and shoppers are offered somebody else first. Each process learns for itself, so Redis may be gone.

Calls that only read, or that carry an idempotency key, are tried again where the failure came quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TypeVar, cast

import tenacity
from circuitbreaker import CircuitBreaker

from app.core.money import Money
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import (
    Bank,
    Banked,
    Bookkeeper,
    Disputable,
    HostedPage,
    Notice,
    Opened,
    PaymentRequest,
    Provider,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
    ProviderTransaction,
    Standing,
)
from app.payments.gateway.recurring import ProviderSubscription, Recurring, SubscriptionRequest

FAILURES = 5  # in a row, until a provider is left alone
REST_SECONDS = 20  # until one call may try whether it is back
TRIES = 3
HURRY_SECONDS = 2.0  # after this long nothing is tried again: a shopper waits for the answer

Answer = TypeVar("Answer")
_insisting: ContextVar[bool] = ContextVar("insisting", default=False)


@contextmanager
def insisting() -> Iterator[None]:
    """Ask even a provider whose circuit is open: a person wants to know now."""
    token = _insisting.set(True)
    try:
        yield
    finally:
        _insisting.reset(token)


class Guarded:
    """See `gateway.Provider`. What needs no network passes through."""

    def __init__(self, inner: Provider) -> None:
        self._inner = inner
        self.code = inner.code
        self._circuit = CircuitBreaker(
            failure_threshold=FAILURES,
            recovery_timeout=REST_SECONDS,
            expected_exception=ProviderUnavailable,
            name=inner.code,
        )

    @property
    def is_down(self) -> bool:
        """Whether the next call would be refused without asking."""
        return bool(self._circuit.opened)

    def methods(self, currency: str) -> tuple[str, ...]:
        return self._inner.methods(currency)

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        return self._inner.recognises(headers, body)

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        return self._inner.hosted_page(request, opened)

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        return self._inner.verify_payment(provider_order_id, answer)

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        return self._inner.read_notice(body, headers)

    def origins(self) -> tuple[str, ...]:
        return self._inner.origins()

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        """Never tried again here: whether it was acted on has to be looked up first."""
        return self._once(lambda: self._inner.initiate_payment(request, look_first=look_first))

    def find_order(self, receipt: str) -> Opened | None:
        return self._again(lambda: self._inner.find_order(receipt))

    def get_payment_status(self, provider_order_id: str) -> Standing:
        return self._again(lambda: self._inner.get_payment_status(provider_order_id))

    def close_payment(self, provider_order_id: str) -> None:
        return self._again(lambda: self._inner.close_payment(provider_order_id))

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        return self._once(lambda: self._inner.capture_payment(provider_payment_id, amount, key=key))

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        return self._again(lambda: self._inner.process_refund(provider_payment_id, amount, key=key))

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        return self._again(lambda: self._inner.find_refunds(provider_payment_id))

    def get_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        inner = self._inner
        if not isinstance(inner, Disputable):
            raise ProviderRefused(reason=f"{self.code} cannot be asked about disputes")
        return self._again(lambda: inner.get_dispute(provider_dispute_id))

    def tells(self, what: str) -> bool:
        """Whether the provider keeps books of that kind (`gateway.Bookkeeper`)."""
        return hasattr(self._inner, what)

    def payments_between(self, since: datetime, until: datetime) -> list[ProviderPayment]:
        return self._again(lambda: self._books.payments_between(since, until))

    def refunds_between(self, since: datetime, until: datetime) -> list[ProviderRefund]:
        return self._again(lambda: self._books.refunds_between(since, until))

    def settlements(self, since: datetime, until: datetime) -> list[ProviderTransaction]:
        return self._again(lambda: self._books.settlements(since, until))

    def disputes_since(self, since: datetime) -> list[str]:
        return self._again(lambda: self._books.disputes_since(since))

    def open_plan(self, request: SubscriptionRequest) -> str:
        return self._once(lambda: self._recurring.open_plan(request))

    def open_subscription(self, request: SubscriptionRequest, *, plan_id: str, look_first: bool) -> Opened:
        """Never tried again here, as `initiate_payment`."""
        return self._once(lambda: self._recurring.open_subscription(request, plan_id=plan_id, look_first=look_first))

    def get_subscription(self, subscription_id: str) -> ProviderSubscription:
        return self._again(lambda: self._recurring.get_subscription(subscription_id))

    def pause_subscription(self, subscription_id: str) -> None:
        return self._once(lambda: self._recurring.pause_subscription(subscription_id))

    def resume_subscription(self, subscription_id: str) -> None:
        return self._once(lambda: self._recurring.resume_subscription(subscription_id))

    def cancel_subscription(self, subscription_id: str) -> None:
        return self._once(lambda: self._recurring.cancel_subscription(subscription_id))

    @property
    def _recurring(self) -> Recurring:
        return cast(Recurring, self._inner)

    @property
    def _books(self) -> Bookkeeper:
        return cast(Bookkeeper, self._inner)

    def banks(self, currency: str) -> tuple[Bank, ...]:
        """Past the circuit: a list that is remembered says nothing about the provider, and would close it with each page."""
        return self._inner.banks(currency) if isinstance(self._inner, Banked) else ()

    def _again(self, call: Callable[[], Answer]) -> Answer:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(HURRY_SECONDS),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=0.5),
            retry=tenacity.retry_if_exception(_is_worth_another_try),
            reraise=True,
        )
        return retrying(lambda: self._once(call))

    def _once(self, call: Callable[[], Answer]) -> Answer:
        if self.is_down and not _insisting.get():
            raise ProviderUnavailable(reason="circuit_open")
        answer: Answer = self._circuit.call(call)
        return answer


def _is_worth_another_try(error: BaseException) -> bool:
    return isinstance(error, ProviderUnavailable) and error.facts.get("reason") != "circuit_open"
