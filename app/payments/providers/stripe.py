"""Stripe: a hosted Checkout Session per attempt, refunds, webhooks.

Sources: Stripe's documentation (Checkout Sessions, limited inventory, idempotent requests, refunds, webhooks) and its client.

A session lives at least half an hour, longer than a stock lock. So it is ended by us (`close_payment`) before stock is
freed; that it was paid meanwhile is no error then, and is told by its standing. The PaymentIntent's id stands for the
payment: a session has one, however often somebody tries.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.gateway import (
    HostedPage,
    Notice,
    Opened,
    PaymentRequest,
    ProviderDispute,
    ProviderPayment,
    ProviderRefund,
    ProviderTransaction,
    Standing,
)
from app.payments.gateway.recurring import SubscriptionRequest
from app.payments.providers import stripe_entities as entities
from app.payments.providers import stripe_notices as notices
from app.payments.providers import stripe_statement as statement
from app.payments.providers.bounded import Budget, Patience
from app.payments.providers.stripe_client import Client, Clients, Object
from app.payments.providers.stripe_recurring import INVOICE, SESSION, Subscriptions

log = logging.getLogger(__name__)

LIVE_API = "https://api.stripe.com"
LIVE_PAGE = "https://checkout.stripe.com"
METHODS = {"MYR": ("fpx", "card")}
# Stripe docs, payments/klarna and payments/afterpay-clearpay: currencies, of accounts in the countries that are named there.
PLANS = {"klarna": {"USD": 100, "EUR": 100, "GBP": 100}, "afterpay_clearpay": {"USD": 100, "GBP": 100}}
LOCALES = frozenset({"en", "ms"})
LEAST_MINUTES, MOST_MINUTES = 31, 23 * 60  # Stripe takes 30 minutes to 24 hours, by its own clock
EXPIRY_STEP = 600  # seconds; see `_expires_at`
LONGEST_TEXT = 250
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", re.ASCII)  # a stranger one would have the whole session refused
PAGE, MOST_PAGES = 100, 3  # sessions looked through for a receipt: some minutes of a busy shop
MOST_LISTED = 200  # pages of a list for the books
BALANCE = "latest_charge.balance_transaction"
CHARGE = [f"payment_intent.{BALANCE}"]


def make(settings: Settings) -> Stripe:
    keys = settings.stripe
    return Stripe(secret_key=keys.secret_key, webhook_secrets=keys.webhook_secrets, api_url=keys.api_url)


class Stripe(Subscriptions):
    """See `gateway.Provider` and `gateway.recurring.Recurring`. One object serves all threads of a process."""

    code = "stripe"

    def __init__(
        self, *, secret_key: str, webhook_secrets: Sequence[str], api_url: str, patience: Patience | None = None
    ) -> None:
        if not all((secret_key, *webhook_secrets)) or not webhook_secrets:
            raise ValueError("an empty key or secret would let anybody in")
        self._webhook_secrets = [secret.encode() for secret in webhook_secrets]
        self._is_live = "_live_" in secret_key
        self._page_origin = LIVE_PAGE if api_url == LIVE_API else _origin_of(api_url)
        self._patience = patience or Patience()
        self._clients = Clients(secret_key=secret_key, api_url=api_url)

    def methods(self, currency: str) -> tuple[str, ...]:
        """Cards everywhere. Which others Stripe's page shows is decided in its dashboard, by currency and country."""
        return METHODS.get(currency, ("card",))

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        return notices.SIGNATURE_HEADER in headers

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        budget = self._budget()
        if look_first and (known := self._session_with(request.receipt, budget)) and known.get("status") != "expired":
            return self._checked(known, request)
        body = _session_of(request)
        key = f"{request.receipt}-{body['expires_at']}"
        return self._checked(self._client.create_session(body, key=key, budget=budget), request)

    def find_order(self, receipt: str) -> Opened | None:
        known = self._session_with(receipt, self._budget())
        return Opened(entities.identifier_of(known), self._page_of(known)) if known else None

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        """A form by GET puts its fields in place of the address's query and leaves the fragment, which Stripe's page needs."""
        if not opened.page_url:
            raise ProviderUnavailable(reason="the session has no page")
        parts = urlsplit(opened.page_url)
        return HostedPage(url=urlunsplit(parts._replace(query="")), method="get", fields=dict(parse_qsl(parts.query)))

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        """Stripe signs no return. Only a paid session leads to the return address (leaving it leads elsewhere), and
        Stripe is asked in any case."""
        return True

    def get_payment_status(self, provider_order_id: str) -> Standing:
        budget = self._budget()
        if provider_order_id.startswith(INVOICE):
            return self.standing_of_invoice(provider_order_id, budget)
        session = self._client.get_session(provider_order_id, expand=CHARGE, budget=budget)
        if session.get("mode") == "subscription":
            return self.standing_of_first(session, budget)
        return entities.standing(session)

    def close_payment(self, provider_order_id: str) -> None:
        if not provider_order_id.startswith(SESSION):  # an invoice is left out by pausing its subscription
            return
        try:
            self._client.expire_session(provider_order_id, budget=self._budget())
        except ProviderRefused as refusal:  # complete or expired already
            log.info("a session was not open any more", extra={"status": refusal.facts.get("status")})

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        """Stripe captures by itself, so there is nothing to do but to look."""
        intent = self._client.get_intent(provider_payment_id, expand=[BALANCE], budget=self._budget())
        payment = entities.payment_of(intent)
        if payment is None or payment.state not in ("captured", "refunded"):
            raise ProviderRefused("The payment is not captured.", status=400, reason=str(intent.get("status")))
        return payment

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        """Stripe forgets a key after a day and would refund again, so our key is looked for among the refunds first."""
        budget = self._budget()
        for known in self._refunds_of(provider_payment_id, budget):
            if known.key == key and known.amount != amount:
                raise ProviderRefused("Another amount was refunded under this key.", status=409, reason="key_in_use")
            if known.key == key:
                return known
        body = {"payment_intent": provider_payment_id, "amount": amount.minor, "metadata": {"key": key}}
        return entities.refund_of(self._client.create_refund(body, key=key, budget=budget))

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        return self._refunds_of(provider_payment_id, self._budget())

    def payments_between(self, since: datetime, until: datetime) -> list[ProviderPayment]:
        """An intent does not name its session, which is our order there: sessions live a day at the most, and name it."""
        sessions = self._listed(self._client.list_sessions, _made(since - timedelta(days=1), until))
        order_of = {each.get("payment_intent"): entities.identifier_of(each) for each in sessions}
        asked = _made(since, until) | {"expand": [f"data.{BALANCE}"]}
        listed = [(each, entities.payment_of(each)) for each in self._listed(self._client.list_intents, asked)]
        return [
            replace(found, order_id=order_of.get(found.id, ""), created_at=entities.moment_of(intent, "created"))
            for intent, found in listed
            if found is not None
        ]

    def refunds_between(self, since: datetime, until: datetime) -> list[ProviderRefund]:
        """Without those of payments that no intent was for: they cannot be ours."""
        listed = self._listed(self._client.list_refunds, _made(since, until))
        return [entities.refund_of(each) for each in listed if each.get("payment_intent")]

    def settlements(self, since: datetime, until: datetime) -> list[ProviderTransaction]:
        """With payouts by hand of some days before: one is listed at once, and at the bank or back much later."""
        found: list[ProviderTransaction] = []
        earlier = since - timedelta(days=statement.BY_HAND_DAYS)
        for payout in self._listed(self._client.list_payouts, _made(earlier, until)):
            if not statement.is_itemised(payout):
                found += statement.by_hand(payout)
            elif statement.is_paid_out(payout) and statement.moment_of(payout) >= since:
                asked = {"payout": entities.identifier_of(payout), "expand": ["data.source"]}
                found += statement.statement(payout, self._listed(self._client.list_balance, asked))
        return found

    def _listed(self, call: Callable[..., Object], filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All pages of a list. Raises ProviderUnavailable for one that does not end."""
        asked, found = {**filters, "limit": PAGE}, []
        for _ in range(MOST_LISTED):
            listed = call(asked, budget=self._budget())
            page = entities.items_of(listed)
            found += page
            if not page or listed.get("has_more") is not True:
                return found
            asked = {**asked, "starting_after": entities.identifier_of(page[-1])}
        raise ProviderUnavailable(reason="the list does not end")

    def get_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        return entities.dispute_of(self._client.get_dispute(provider_dispute_id, budget=self._budget()))

    def disputes_since(self, since: datetime) -> list[str]:
        asked = {"created": {"gte": math.ceil(since.timestamp())}}
        return [entities.identifier_of(each) for each in self._listed(self._client.list_disputes, asked)]

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Two events for one change have two ids and cost a second question, nothing else."""
        given = {name.lower(): value for name, value in headers.items()}
        notices.check(body, given.get(notices.SIGNATURE_HEADER, ""), secrets=self._webhook_secrets)
        return notices.notice_of(body, is_live=self._is_live)

    def origins(self) -> tuple[str, ...]:
        return (self._page_origin,)

    @property
    def _client(self) -> Client:
        return self._clients.mine()

    def _budget(self) -> Budget:
        return Budget(self._patience)

    def _open_session(self, request: SubscriptionRequest, *, look_first: bool) -> Opened:
        budget = self._budget()
        if look_first and (known := self._session_with(request.receipt, budget)) and known.get("status") != "expired":
            return self._checked(known, request)
        body = _subscription_of(request)
        key = f"{request.receipt}-{body['expires_at']}"
        return self._checked(self._client.create_session(body, key=key, budget=budget), request)

    def _refunds_of(self, intent_id: str, budget: Budget) -> list[ProviderRefund]:
        filters = {"payment_intent": intent_id, "limit": PAGE}
        found = entities.items_of(self._client.list_refunds(filters, budget=budget))
        return [entities.refund_of(each) for each in found if each.get("payment_intent") == intent_id]

    def _session_with(self, receipt: str, budget: Budget) -> dict[str, Any] | None:
        """The session with this receipt, among the latest ones: there is no search for it. Of several the one with money,
        else one that is open, else the first made."""
        found: list[dict[str, Any]] = []
        filters: dict[str, Any] = {"limit": PAGE}
        for _ in range(MOST_PAGES):
            listed = self._client.list_sessions(filters, budget=budget)
            page = entities.items_of(listed)
            found += [each for each in page if each.get("client_reference_id") == receipt]
            if found or not page or listed.get("has_more") is not True:
                break
            filters = {"limit": PAGE, "starting_after": entities.identifier_of(page[-1])}
        return min(reversed(found), key=_precedence, default=None)  # lists come newest first

    def _checked(self, session: Mapping[str, Any], request: PaymentRequest | SubscriptionRequest) -> Opened:
        """The session. One over another amount must not be paid; what it really is, a later look-up tells."""
        if entities.money_of(session, "amount_total") != request.amount:
            raise ProviderUnavailable(reason="the session differs from the request")
        return Opened(entities.identifier_of(session), self._page_of(session))

    def _page_of(self, session: Mapping[str, Any]) -> str:
        """Stripe's page for a session, empty when it is over; never an address that is not Stripe's."""
        url = session.get("url")
        if url is None and session.get("status") != "open":
            return ""
        if not isinstance(url, str) or _origin_of(url) != self._page_origin:
            raise ProviderUnavailable(reason="no page in the answer")
        return url


def _made(since: datetime, until: datetime) -> dict[str, Any]:
    """The filter of lists by when things were made, in whole seconds; the second one is not included."""
    return {"created": {"gte": math.ceil(since.timestamp()), "lt": math.ceil(until.timestamp())}}


def _session_of(request: PaymentRequest) -> dict[str, Any]:
    name = request.description[:LONGEST_TEXT]
    price = {
        "currency": request.amount.currency.lower(),
        "unit_amount": request.amount.minor,
        "product_data": {"name": name},
    }
    words = {"receipt": request.receipt}
    body: dict[str, Any] = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": request.receipt,
        "metadata": words,
        "payment_intent_data": {"description": name, "metadata": words},  # a session's metadata is not copied there
        "success_url": request.return_url,
        "cancel_url": request.cancel_url,
        "locale": request.locale if request.locale in LOCALES else "auto",
        "expires_at": _expires_at(request.asked_at, request.lock_minutes),
        "adaptive_pricing": {"enabled": False},  # else the customer may pay another amount in another currency
    }
    if request.method in PLANS:
        body["payment_method_types"] = [request.method]
        body["payment_intent_data"] |= _shipping(request)
    return body | ({"customer_email": request.email} if EMAIL.fullmatch(request.email) else {})


def _shipping(request: PaymentRequest) -> dict[str, Any]:
    """Where it goes: those who give credit want to know, and Afterpay gives none without."""
    names = {
        "line1": "line1",
        "line2": "line2",
        "city": "city",
        "state": "state",
        "postal_code": "postcode",
        "country": "country",
    }
    address = {theirs: given for theirs, ours in names.items() if (given := request.address.get(ours))}
    return {"shipping": {"name": request.name, "address": address}} if request.name and "line1" in address else {}


def _subscription_of(request: SubscriptionRequest) -> dict[str, Any]:
    name, words = request.description[:LONGEST_TEXT], {"receipt": request.receipt}
    price = {
        "currency": request.amount.currency.lower(),
        "unit_amount": request.amount.minor,
        "recurring": {"interval": request.period, "interval_count": request.every},
        "product_data": {"name": name},
    }
    body = {
        "mode": "subscription",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": request.receipt,
        "metadata": words,
        "subscription_data": {"description": name, "metadata": words},
        "success_url": request.return_url,
        "cancel_url": request.cancel_url,
        "locale": request.locale if request.locale in LOCALES else "auto",
        "expires_at": _expires_at(request.asked_at, request.open_minutes // 2),
        "adaptive_pricing": {"enabled": False},
    }
    return body | ({"customer_email": request.email} if EMAIL.fullmatch(request.email) else {})


def _expires_at(now: datetime, lock_minutes: int) -> int:
    """Twice the stock lock from `now`, as far as Stripe allows; on a ten-minute grid, so that a repetition soon after has
    the same parameters and gets the same answer under the same idempotency key."""
    minutes = min(max(LEAST_MINUTES, 2 * lock_minutes), MOST_MINUTES)
    return -(-(int(now.timestamp()) + minutes * 60) // EXPIRY_STEP) * EXPIRY_STEP


def _precedence(session: Mapping[str, Any]) -> int:
    states = ("complete", "open", "expired")
    status = session.get("status")
    return states.index(status) if status in states else len(states)


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
