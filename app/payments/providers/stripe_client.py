"""Stripe's official client, made safe to call. One client per thread and process.

The session below it is ours: it bounds each operation in time, keeps status, code and request id of a refusal, and
raises ProviderRefused or ProviderUnavailable before the client sees an answer. The client is told never to retry: a
repetition belongs to whoever holds the idempotency key, and its own keys are new with each call.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import stripe

from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.bounded import UNDECIDED, Budget, Patience, Session, environment_proxies, json_object

log = logging.getLogger(__name__)

stripe.enable_telemetry = False  # no word to anybody about how long our calls took, or on what machine
Object = dict[str, Any]


class Clients:
    """One client per thread and process: its connection stays open between calls and is shared with nobody."""

    def __init__(self, *, secret_key: str, api_url: str) -> None:
        self._secret_key = secret_key
        self._api_url = api_url
        self._proxies = environment_proxies(api_url)
        self._here = threading.local()

    def mine(self) -> Client:
        if getattr(self._here, "process", None) != os.getpid():
            self._here.process = os.getpid()
            self._here.client = Client(self._secret_key, api_url=self._api_url, proxies=self._proxies)
        client: Client = self._here.client
        return client


class Client:
    """The calls we make, each answered with Stripe's JSON. Raises ProviderRefused or ProviderUnavailable."""

    def __init__(self, secret_key: str, *, api_url: str, proxies: Mapping[str, str]) -> None:
        self._session = _Session(proxies=proxies)
        self._sdk = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(session=self._session),
        ).v1

    def create_session(self, body: Object, *, key: str, budget: Budget) -> Object:
        return self._ask(self._sdk.checkout.sessions.create, body, {"idempotency_key": key}, budget=budget)

    def list_sessions(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.checkout.sessions.list, filters, budget=budget)

    def get_session(self, session_id: str, *, expand: list[str], budget: Budget) -> Object:
        return self._ask(self._sdk.checkout.sessions.retrieve, session_id, {"expand": expand}, budget=budget)

    def expire_session(self, session_id: str, *, budget: Budget) -> Object:
        return self._ask(self._sdk.checkout.sessions.expire, session_id, budget=budget)

    def get_intent(self, intent_id: str, *, expand: list[str], budget: Budget) -> Object:
        return self._ask(self._sdk.payment_intents.retrieve, intent_id, {"expand": expand}, budget=budget)

    def create_refund(self, body: Object, *, key: str, budget: Budget) -> Object:
        return self._ask(self._sdk.refunds.create, body, {"idempotency_key": key}, budget=budget)

    def list_refunds(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.refunds.list, filters, budget=budget)

    def list_intents(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.payment_intents.list, filters, budget=budget)

    def list_payouts(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.payouts.list, filters, budget=budget)

    def list_balance(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.balance_transactions.list, filters, budget=budget)

    def get_dispute(self, dispute_id: str, *, budget: Budget) -> Object:
        return self._ask(self._sdk.disputes.retrieve, dispute_id, budget=budget)

    def list_disputes(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.disputes.list, filters, budget=budget)

    def get_subscription(self, subscription_id: str, *, budget: Budget) -> Object:
        return self._ask(self._sdk.subscriptions.retrieve, subscription_id, budget=budget)

    def update_subscription(self, subscription_id: str, body: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.subscriptions.update, subscription_id, body, budget=budget)

    def cancel_subscription(self, subscription_id: str, *, budget: Budget) -> Object:
        return self._ask(self._sdk.subscriptions.cancel, subscription_id, budget=budget)

    def list_invoices(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.invoices.list, filters, budget=budget)

    def list_invoice_payments(self, filters: Object, *, budget: Budget) -> Object:
        return self._ask(self._sdk.invoice_payments.list, filters, budget=budget)

    def _ask(self, call: Callable[..., Any], *arguments: Any, budget: Budget) -> Object:
        self._session.budget = budget
        try:
            call(*arguments)
        except stripe.APIConnectionError as error:
            if isinstance(error.__cause__, (ProviderUnavailable, ProviderRefused)):
                raise error.__cause__ from None
            raise ProviderUnavailable(reason="no usable answer") from error
        return self._session.content


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the client looks at of a successful answer."""

    status_code: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _Session(Session):
    """`content` is the body of the last successful answer; `budget` is what the operation under way has left."""

    def __init__(self, *, proxies: Mapping[str, str]) -> None:
        super().__init__(self._weigh, proxies=proxies, code="stripe")
        self.budget = Budget(Patience())
        self.content: Object = {}

    def request(self, method: Any, url: Any, *arguments: Any, **options: Any) -> Any:
        return super().request(method, url, *arguments, **options | {"timeout": self.budget.timeout()})

    def _weigh(self, status: int, body: bytes) -> _Answer:
        content = json_object(body)
        if content is None or not 200 <= status < 300:
            raise _failure(status, content or {})
        self.content = content
        return _Answer(status, body)


def _failure(status: int, content: Mapping[str, Any]) -> ProviderRefused | ProviderUnavailable:
    """Stripe understood and said no, in its own words; or nothing is decided: 409 is the same request under way, and
    another request under the same key says nothing about what became of the first."""
    error = content.get("error")
    error = error if isinstance(error, dict) else {}
    kind, code = str(error.get("type") or "")[:100], str(error.get("decline_code") or error.get("code") or "")[:100]
    description = str(error.get("message") or "")[:200]
    is_refusal = 400 <= status < 500 and status not in UNDECIDED | {409} and code != "rate_limit"
    if is_refusal and kind in ("invalid_request_error", "card_error"):
        log.info("refused by Stripe", extra={"status": status, "reason": code or kind})
        return ProviderRefused(description, status=status, reason=code or kind)
    log.warning("the provider gave no usable answer", extra={"status": status, "reason": code or kind})
    return ProviderUnavailable(status=status, reason=code or kind or "no usable answer")
