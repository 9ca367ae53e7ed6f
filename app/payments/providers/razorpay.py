"""Razorpay: orders, the hosted checkout page, captures, refunds and webhooks.

Sources: Razorpay's markdown documentation (orders, payments, capture settings, refund idempotency, webhooks).
Signatures are checked here on raw bytes: the client's own check fails with TypeErrors and accepts an empty secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import Refused
from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
from app.payments.gateway import (
    Bank,
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
from app.payments.providers import razorpay_entities as entities
from app.payments.providers.banks import A_MOMENT, BankList, named_banks
from app.payments.providers.bounded import Budget, Patience
from app.payments.providers.razorpay_client import Clients, ask
from app.payments.providers.razorpay_recurring import SUBSCRIPTION, Subscriptions
from app.payments.providers.razorpay_statement import statement
from app.payments.rules import ONLINE_BANKING

log = logging.getLogger(__name__)

SIGNATURE_HEADER = "x-razorpay-signature"
METHODS: Mapping[str, tuple[str, ...]] = {
    "MYR": ("fpx", "wallet", "card"),
    "INR": ("upi", "card", "netbanking", "wallet"),
}
# The hosted page takes `paylater` of the ways to pay later, and no EMI (Razorpay docs, hosted checkout, options). LazyPay
# names no least amount, so it is that of every order.
PLANS = {"paylater": {"INR": 100}}
PAGE_METHODS = {"paylater": "paylater", "atome": "paylater"}  # the only way that the page offers then
LEAST_AUTOMATIC_MINUTES = 12  # capture settings: smaller values are refused
LEAST_MANUAL_MINUTES = 60
MANUAL_AFTER_MINUTES = 45  # authorised later than the lock, money waits this long for a capture, then goes back
PAGE = 100
RECON_PAGE = 1000
MOST_PAGES = 1000
KIND = re.compile(r"[A-Za-z0-9_.]{1,100}")


def make(settings: Settings) -> Razorpay:
    """Where the shop has an account in Malaysia too (Curlec), ringgit are paid there."""
    keys, methods = settings.razorpay, {**METHODS, "MYR": ()} if settings.curlec.is_configured else METHODS
    return Razorpay(
        key_id=keys.key_id,
        key_secret=keys.key_secret,
        webhook_secrets=keys.webhook_secrets,
        api_url=keys.api_url,
        shop_name=settings.shop.name,
        methods=methods,
    )


class Razorpay(Subscriptions):
    """See `gateway.Provider` and `gateway.recurring.Recurring`. One object serves all threads of a process."""

    def __init__(
        self,
        *,
        key_id: str,
        key_secret: str,
        webhook_secrets: Sequence[str],
        api_url: str,
        shop_name: str,
        patience: Patience | None = None,
        code: str = "razorpay",
        methods: Mapping[str, tuple[str, ...]] = METHODS,
        elsewhere: tuple[str, ...] = ("card",),
    ) -> None:
        """`methods` by currency; in all others `elsewhere`."""
        if not all((key_id, key_secret, *webhook_secrets)) or not webhook_secrets:
            raise ValueError("an empty key or secret would let anybody in")
        self.code = code
        self._key_id = key_id
        self._key_secret = key_secret.encode()
        self._webhook_secrets = [secret.encode() for secret in webhook_secrets]
        self._api_url = api_url
        self._shop_name = shop_name
        self._patience = patience or Patience()
        self._methods, self._elsewhere = methods, elsewhere
        self._clients = Clients(key_id=key_id, key_secret=key_secret, api_url=api_url, code=code)
        self._banks = BankList()

    def methods(self, currency: str) -> tuple[str, ...]:
        return self._methods.get(currency, self._elsewhere)

    def banks(self, currency: str) -> tuple[Bank, ...]:
        """Those of FPX, as `GET /v1/methods` names them to this account."""
        if ONLINE_BANKING not in self.methods(currency):
            return ()
        return self._banks.get(self._ask_for_banks)

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        return SIGNATURE_HEADER in headers

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        budget = self._budget()
        if look_first and (known := self._order_with(request.receipt, budget)):
            return _checked(known, request)
        body = {
            "amount": request.amount.minor,
            "currency": request.amount.currency,
            "receipt": request.receipt,
            "payment": _capture_options(request.lock_minutes),
        }
        return _checked(ask(self._client.order.create, body, budget=budget), request)

    def find_order(self, receipt: str) -> Opened | None:
        known = self._order_with(receipt, self._budget())
        return Opened(entities.text_of(known, "id")) if known else None

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        fields = {
            "key_id": self._key_id,
            "order_id": opened.id,
            "amount": str(request.amount.minor),
            "currency": request.amount.currency,
            "name": self._shop_name,
            "description": request.description,
            "prefill[name]": request.name,
            "prefill[email]": request.email,
            "prefill[contact]": request.phone,
            **_shown_first(request.method),
            "prefill[bank]": request.bank,
            "callback_url": request.return_url,
            "cancel_url": request.cancel_url,
        }
        filled = {name: value for name, value in fields.items() if value}
        return HostedPage(url=f"{self._api_url}/v1/checkout/embedded", method="post", fields=filled)

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        if "razorpay_signature" not in answer:
            return False  # an unsigned failure, or nothing at all: to be shown, never believed
        payment_id, signature = answer.get("razorpay_payment_id", ""), answer.get("razorpay_signature", "")
        signed = f"{provider_order_id}|{payment_id}".encode(errors="replace")
        if (
            not provider_order_id
            or not entities.IDENTIFIER.fullmatch(payment_id)
            or not _is_signed(signed, signature, [self._key_secret])
        ):
            raise BadSignature()
        return True

    def get_payment_status(self, provider_order_id: str) -> Standing:
        """Of an order; or of what a subscription charged first, which has an order only once somebody has tried to pay."""
        if provider_order_id.startswith(SUBSCRIPTION):
            return self.standing_of_subscription(provider_order_id)
        return Standing(self.payments_of_order(provider_order_id, budget=self._budget()))

    def close_payment(self, provider_order_id: str) -> None:
        """There is no such call: an order stays payable for ever, and late money is sent back when it comes."""

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        budget = self._budget()
        currency = {"currency": amount.currency}  # fresh for each call: the client writes into it
        try:
            captured = ask(self._client.payment.capture, provider_payment_id, amount.minor, currency, budget=budget)
        except ProviderRefused:
            captured = ask(self._client.payment.fetch, provider_payment_id, {}, budget=budget)
            if captured.get("captured") is not True:  # somebody else's capture is as good as ours
                raise
        return entities.payment_of(captured)

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        """`key`: 10 or more of A-Z a-z 0-9 _ -, the same for every repetition of this one refund."""
        body = {"amount": amount.minor, "speed": "normal", "notes": {"key": key}}
        headers = {"X-Refund-Idempotency": key}
        refund = ask(self._client.payment.refund, provider_payment_id, body, headers=headers, budget=self._budget())
        return entities.refund_of(refund)

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        listed = self._client.payment.fetch_multiple_refund
        found = ask(listed, provider_payment_id, {"count": PAGE}, budget=self._budget())
        return [
            entities.refund_of(item)
            for item in entities.items_of(found)
            if item.get("payment_id") == provider_payment_id
        ]

    def payments_between(self, since: datetime, until: datetime) -> list[ProviderPayment]:
        return [entities.payment_of(item) for item in self._listed(self._client.payment.all, _window(since, until))]

    def refunds_between(self, since: datetime, until: datetime) -> list[ProviderRefund]:
        return [entities.refund_of(item) for item in self._listed(self._client.refund.all, _window(since, until))]

    def settlements(self, since: datetime, until: datetime) -> list[ProviderTransaction]:
        """The recon rows and the transfers. Its days are those of some time zone that the documentation does not name, so
        a day more is asked for on either side; what was settled at another time is left out."""
        day, rows = (since - timedelta(days=1)).date(), []
        while day <= (until + timedelta(days=1)).date():
            asked = {"year": day.year, "month": day.month, "day": day.day}
            rows += self._listed(self._client.settlement.report, asked, page=RECON_PAGE)
            day += timedelta(days=1)
        payouts = self._listed(self._client.settlement.all, _window(since, until))
        return [row for row in statement(rows, payouts) if since <= row.settled_at < until]

    def _listed(self, call: Callable[..., Any], asked: Mapping[str, int], *, page: int = PAGE) -> list[dict[str, Any]]:
        """All pages of a list. Raises ProviderUnavailable for one that does not end."""
        found: list[dict[str, Any]] = []
        for skip in range(0, page * MOST_PAGES, page):
            items = entities.items_of(ask(call, {**asked, "count": page, "skip": skip}, budget=self._budget()))
            found += items
            if len(items) < page:
                return found
        raise ProviderUnavailable(reason="the list does not end")

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        given = {name.lower(): value for name, value in headers.items()}
        if not _is_signed(body, given.get(SIGNATURE_HEADER, ""), self._webhook_secrets):
            raise BadSignature()
        event = _event(body)
        payload = event.get("payload")
        return Notice(
            event_id=_event_id(given.get("x-razorpay-event-id", ""), body),
            kind=event["event"],
            provider_order_id=_entity_id(payload, "payment", "order_id") or _entity_id(payload, "order", "id"),
            provider_payment_id=_entity_id(payload, "payment", "id")
            or _entity_id(payload, "refund", "payment_id")
            or _entity_id(payload, "dispute", "payment_id"),
            provider_refund_id=_entity_id(payload, "refund", "id"),
            provider_dispute_id=_entity_id(payload, "dispute", "id"),
            provider_subscription_id=_entity_id(payload, "subscription", "id"),
        )

    def get_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        return entities.dispute_of(ask(self._client.dispute.fetch, provider_dispute_id, {}, budget=self._budget()))

    def disputes_since(self, since: datetime) -> list[str]:
        asked = {"from": math.ceil(since.timestamp())}
        return [entities.text_of(item, "id") for item in self._listed(self._client.dispute.all, asked)]

    def origins(self) -> tuple[str, ...]:
        parts = urlsplit(self._api_url)
        return (f"{parts.scheme}://{parts.netloc}",)

    @property
    def _client(self) -> Any:
        return self._clients.mine()

    def _budget(self) -> Budget:
        return Budget(self._patience)

    def _ask_for_banks(self) -> tuple[Bank, ...]:
        """The client's own call for this forgets the version in its path."""
        found = ask(self._client.get, "/v1/methods", {"key_id": self._key_id}, budget=Budget(A_MOMENT))
        return named_banks(found.get(ONLINE_BANKING))

    def _order_with(self, receipt: str, budget: Budget) -> dict[str, Any] | None:
        """The order with this receipt. Of several the one with money, else the one tried, else the first made."""
        found = entities.items_of(ask(self._client.order.all, {"receipt": receipt, "count": PAGE}, budget=budget))
        orders = [order for order in found if order.get("receipt") == receipt]
        return min(orders, key=_precedence, default=None)


def _shown_first(method: str) -> dict[str, str]:
    """The page begins with the way that was chosen; of one to pay later it is the only one."""
    return {"method": PAGE_METHODS[method]} if method in PAGE_METHODS else {"prefill[method]": method}


def _window(since: datetime, until: datetime) -> dict[str, int]:
    """`from` and `to` are whole seconds, both included."""
    return {"from": math.ceil(since.timestamp()), "to": math.ceil(until.timestamp()) - 1}


def _capture_options(lock_minutes: int) -> dict[str, Any]:
    """Captured while the stock is held; authorised later, the money goes back by itself."""
    automatic = max(LEAST_AUTOMATIC_MINUTES, lock_minutes)
    options = {
        "automatic_expiry_period": automatic,
        "manual_expiry_period": max(LEAST_MANUAL_MINUTES, automatic + MANUAL_AFTER_MINUTES),
        "refund_speed": "normal",
    }
    return {"capture": "automatic", "capture_options": options}


def _checked(order: Mapping[str, Any], request: PaymentRequest) -> Opened:
    """The order. One over another amount must not be paid; what it really is, a later look-up tells."""
    if entities.money_of(order) != request.amount:
        raise ProviderUnavailable(reason="the order differs from the request")
    return Opened(entities.text_of(order, "id"))


def _precedence(order: Mapping[str, Any]) -> tuple[int, int, int, str]:
    return (
        -entities.number_of(order, "amount_paid"),
        -entities.number_of(order, "attempts"),
        entities.number_of(order, "created_at"),
        str(order.get("id")),
    )


def _is_signed(message: bytes, signature: str, secrets: Iterable[bytes]) -> bool:
    """Whether `signature` is the hex HMAC-SHA256 of the raw bytes under any of the secrets; every one is tried."""
    given = signature.encode("utf-8", "replace")
    expected = [hmac.new(secret, message, hashlib.sha256).hexdigest().encode() for secret in secrets]
    return any([hmac.compare_digest(each, given) for each in expected])  # noqa: C419 (a list: no early end to time)


def _event(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(code="malformed_notice") from error
    if not isinstance(event, dict) or not isinstance(event.get("event"), str) or not KIND.fullmatch(event["event"]):
        raise Refused(code="malformed_notice")
    return event


def _event_id(given: str, body: bytes) -> str:
    """Razorpay's id of the event, the same on every repetition; without a usable one, the fingerprint of the body."""
    return given if entities.IDENTIFIER.fullmatch(given) else "sha256-" + hashlib.sha256(body).hexdigest()


def _entity_id(payload: Any, kind: str, name: str) -> str:
    for key in (kind, "entity"):
        payload = payload.get(key) if isinstance(payload, dict) else None
    value = payload.get(name) if isinstance(payload, dict) else None
    return value if isinstance(value, str) and entities.IDENTIFIER.fullmatch(value) else ""
