"""PayPal: orders that the shopper approves on PayPal's page and that we capture afterwards, refunds, webhooks.

Sources: PayPal's developer documentation (Orders v2, Payments v2, idempotency, currency codes, webhooks) and its server SDK.

The order is created with the intent CAPTURE, but PayPal takes the money only when we say so. So an approved order is
reported as `authorized`, `orders.settle` asks for the capture while it holds the stock, and an approval that comes too
late is never captured. One order has one capture: the PayPal order's id stands for the payment throughout.

PayPal's `custom_id` carries our words: the receipt, and after a colon what else must not be forgotten there: the key of a
refund, or that a capture was declined (an order can stay APPROVED after that, and would be charged again and again).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
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
from app.payments.providers import paypal_entities as entities
from app.payments.providers import paypal_statement as statement
from app.payments.providers.bounded import Budget, Patience
from app.payments.providers.paypal_client import Client, Clients
from app.payments.providers.paypal_notices import SIGNATURE_HEADER, Signatures, notice_of

# PayPal docs, api/reference/currency-codes. MYR is for accounts of Malaysia only, which is whom this shop is for.
# INR is not in the list: PayPal makes no payments within India.
LISTED = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF ILS JPY MXN MYR NOK NZD PHP PLN SEK SGD THB TWD USD"
CURRENCIES = frozenset(LISTED.split())
# PayPal docs, pay-later/overview: least amounts of what it offers in most countries of a currency; the account has to be there.
PLANS = {"paypal_paylater": {"USD": 3000, "EUR": 3000, "GBP": 3000}}
SELECTED = {"paypal_paylater": "PAYPAL_PAY_LATER"}
PAGES = {
    "https://api-m.paypal.com": "https://www.paypal.com",
    "https://api-m.sandbox.paypal.com": "https://www.sandbox.paypal.com",
}
NOT_APPROVED = frozenset({"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"})  # says nothing of the payer's money
CUSTOM_ID = "/purchase_units/@reference_id=='default'/custom_id"
LONGEST_TEXT = 127
PAGE = 500
DISPUTES_PAGE, MOST_DISPUTE_PAGES = 50, 50  # as far as PayPal counts
MOST_PAGES = 21  # more than PayPal lists of one time: it refuses above 10,000 rows
REVIEW = timedelta(days=7)  # a payment stands where it began, however long PayPal looked at it
SECONDS = "%Y-%m-%dT%H:%M:%SZ"
TOO_MANY = "RESULTSET_TOO_LARGE"


def make(settings: Settings) -> PayPal:
    keys = settings.paypal
    return PayPal(
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        webhook_id=keys.webhook_id,
        api_url=keys.api_url,
        shop_name=settings.shop.name,
    )


class PayPal:
    """See `gateway.Provider`. One object serves all threads of a process."""

    code = "paypal"

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        webhook_id: str,
        api_url: str,
        shop_name: str,
        patience: Patience | None = None,
    ) -> None:
        if not all((client_id, client_secret, webhook_id)):
            raise ValueError("an empty key or webhook id would let anybody in")
        self._shop_name = shop_name
        self._page_origin = PAGES.get(api_url) or entities.origin_of(api_url)
        self._patience = patience or Patience()
        self._clients = Clients(client_id=client_id, client_secret=client_secret, api_url=api_url)
        self._signatures = Signatures(webhook_id=webhook_id, api_url=api_url)

    def methods(self, currency: str) -> tuple[str, ...]:
        return ("paypal",) if currency in CURRENCIES else ()

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        return SIGNATURE_HEADER in headers

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        """Asking again under the same PayPal-Request-Id is PayPal's own look-up: it answers with the order it has.

        It keeps the id for six hours; an order it forgot by then was never shown to anybody.
        """
        order = self._client.create_order(self._order_of(request), key=request.receipt, budget=self._budget())
        if entities.money_of(entities.unit_of(order).get("amount")) != request.amount:
            raise ProviderUnavailable(reason="the order differs from the request")
        return Opened(entities.identifier_of(order), self._page_of(order))

    def find_order(self, receipt: str) -> Opened | None:
        """There is no search by receipt, and none is needed: nobody was sent to an order whose id we never heard."""
        return None

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        parts = urlsplit(opened.page_url)
        url = urlunsplit(parts._replace(query="", fragment=""))
        return HostedPage(url=url, method="get", fields=dict(parse_qsl(parts.query)))

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        """The return is not signed: it has to name our order, and PayPal is asked in any case."""
        token = answer.get("token")
        if token is None:
            return False
        if not provider_order_id or token != provider_order_id:
            raise BadSignature()
        return True

    def get_payment_status(self, provider_order_id: str) -> Standing:
        """An order that PayPal no longer shows (404: not approved or captured in its hours) has no payment."""
        try:
            order = self._client.get_order(provider_order_id, budget=self._budget())
        except ProviderRefused as refusal:
            if refusal.facts.get("status") != 404:
                raise
            return Standing()
        return entities.standing(order)

    def close_payment(self, provider_order_id: str) -> None:
        """There is no such call, and none is needed: what is approved after its time is not captured."""

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        """PayPal captures an approved order as a whole; that its amount is `amount`, the caller has seen in its standing."""
        budget = self._budget()
        try:
            order = self._client.capture_order(provider_payment_id, key=key, budget=budget)
        except ProviderRefused as refusal:
            order = self._client.get_order(provider_payment_id, budget=budget)
            if not entities.captures_of(order):  # somebody else's capture is as good as ours
                self._note_declined(order, refusal, budget)
                raise
        return entities.one_payment(order)

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        """PayPal keeps a request id for 45 days; our key in `custom_id` finds the refund after that too."""
        budget = self._budget()
        order = self._client.get_order(provider_payment_id, budget=budget)
        for known in entities.refunds_of(order):
            if known.key == key:
                return known
        body = {
            "amount": entities.amount_of(amount),
            "custom_id": f"{entities.receipt_of(entities.unit_of(order))}:{key}",
        }
        refund = self._client.refund_capture(entities.refundable_capture(order), body, key=key, budget=budget)
        return entities.refund_of(refund, provider_payment_id)

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        return entities.refunds_of(self._client.get_order(provider_payment_id, budget=self._budget()))

    def get_dispute(self, provider_dispute_id: str) -> ProviderDispute:
        """A dispute names the capture; to us the payment is the order that was captured."""
        budget = self._budget()
        dispute = self._client.get_dispute(provider_dispute_id, budget=budget)
        capture_id = entities.disputed_capture(dispute)
        order_id = entities.order_of_capture(self._client.get_capture(capture_id, budget=budget))
        return entities.dispute_of(dispute, order_id)

    def disputes_since(self, since: datetime) -> list[str]:
        asked = {
            "create_time_after": f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}",
            "page_size": str(DISPUTES_PAGE),
        }
        found: list[str] = []
        for number in range(1, MOST_DISPUTE_PAGES + 1):
            page = self._client.list_disputes({**asked, "page": str(number)}, budget=self._budget())
            items = entities.as_dicts(page.get("items"))
            found += [entities.identifier_of({"id": each.get("dispute_id")}) for each in items]
            if len(items) < DISPUTES_PAGE:
                return found
        raise ProviderUnavailable(reason="the list does not end")

    def payments_between(self, since: datetime, until: datetime) -> list[ProviderPayment]:
        listed = map(statement.payment_of, self._transactions(since, until))
        return [each for each in listed if each is not None]

    def refunds_between(self, since: datetime, until: datetime) -> list[ProviderRefund]:
        listed = map(statement.refund_of, self._transactions(since, until))
        return [each for each in listed if each is not None]

    def settlements(self, since: datetime, until: datetime) -> list[ProviderTransaction]:
        """Also what began some days before: it may have come out of PayPal's review since."""
        return [row for item in self._transactions(since - REVIEW, until) for row in statement.rows_of(item)]

    def _transactions(self, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """What began in that time, a day at a time, in smaller pieces where that is too much for one answer."""
        while since < until:
            end = min(since + timedelta(days=1), until)
            yield from self._piece(since, end)
            since = end

    def _piece(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """PayPal is asked for whole seconds, and includes both ends; each row is in one piece only."""
        try:
            listed = self._pages(since, until)
        except ProviderRefused as refusal:
            middle = since + (until - since) / 2
            if refusal.facts.get("reason") != TOO_MANY or until - since < timedelta(seconds=2):
                raise
            return [*self._piece(since, middle), *self._piece(middle, until)]
        return [each for each in listed if since <= statement.moment_of_item(each) < until]

    def _pages(self, since: datetime, until: datetime) -> list[dict[str, Any]]:
        asked = {
            "start_date": since.astimezone(UTC).strftime(SECONDS),
            "end_date": (until + timedelta(seconds=1)).astimezone(UTC).strftime(SECONDS),
            "fields": "transaction_info",
            "page_size": PAGE,
        }
        found: list[dict[str, Any]] = []
        for number in range(1, MOST_PAGES + 1):
            page = self._client.search_transactions({**asked, "page": number}, budget=self._budget())
            found += statement.items_of(page)
            total = page.get("total_pages")
            if type(total) is not int:
                raise ProviderUnavailable(reason="no total_pages in the answer")
            if number >= total:
                return found
        raise ProviderUnavailable(reason="the list does not end")

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        self._signatures.check(body, {name.lower(): value for name, value in headers.items()})
        return notice_of(body)

    def origins(self) -> tuple[str, ...]:
        return (self._page_origin,)

    @property
    def _client(self) -> Client:
        return self._clients.mine()

    def _budget(self) -> Budget:
        return Budget(self._patience)

    def _order_of(self, request: PaymentRequest) -> dict[str, Any]:
        unit = {
            "amount": entities.amount_of(request.amount),
            "description": request.description[:LONGEST_TEXT],
            "invoice_id": request.receipt,
            "custom_id": request.receipt,
        }
        context = {
            "brand_name": self._shop_name[:LONGEST_TEXT],
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",  # the address is ours; a second one, chosen there, would go unread
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",  # no eChecks: they take days
            "return_url": request.return_url,
            "cancel_url": request.cancel_url,
        }
        if request.method in SELECTED:
            context["payment_method_selected"] = SELECTED[request.method]
        source = {"paypal": {"experience_context": context}}
        return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": source}

    def _page_of(self, order: Mapping[str, Any]) -> str:
        """PayPal's page for an order; never an address that is not PayPal's."""
        for link in entities.as_dicts(order.get("links")):
            url = str(link.get("href"))
            if link.get("rel") in ("payer-action", "approve") and entities.origin_of(url) == self._page_origin:
                return url
        raise ProviderUnavailable(reason="no page in the answer")

    def _note_declined(self, order: Mapping[str, Any], refusal: ProviderRefused, budget: Budget) -> None:
        """Write on the order itself that this approval is used up: the next standing says that it failed, and why."""
        reason = str(refusal.facts.get("reason"))
        if order.get("status") != "APPROVED" or reason in NOT_APPROVED:
            return
        value = f"{entities.receipt_of(entities.unit_of(order))}:{entities.DECLINED}{reason}"[:LONGEST_TEXT]
        patch = {"op": "replace", "path": CUSTOM_ID, "value": value}
        self._client.patch_order(entities.identifier_of(order), [patch], budget=budget)
