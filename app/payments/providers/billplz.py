"""Billplz: bills that are paid on Billplz' page by FPX, signed callbacks. Ringgit only.

Source: Billplz' API documentation (v3 bills and transactions, X Signature, payment completion).

A bill is paid at once, so the bill's id stands for its payment. Two tries that were pending side by side may both be completed:
each but the first is a payment of its own, by its own id, and nothing tells of it but the list of tries. Billplz offers no
refunds: its Payment Orders (v5) are transfers to a bank account, which we do not know of a customer. So staff send the money
and say that they did.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from app.core.errors import Refused
from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import BadSignature, ProviderRefused, ProviderUnavailable
from app.payments.gateway import (
    HostedPage,
    Notice,
    Opened,
    PaymentRequest,
    ProviderPayment,
    ProviderRefund,
    Standing,
)
from app.payments.providers.billplz_client import Client
from app.payments.providers.bounded import Budget, Patience

log = logging.getLogger(__name__)

CURRENCY = "MYR"
METHODS = ("fpx",)  # what every account has; cards and wallets, where activated, stand on Billplz' page too
FORM = "application/x-www-form-urlencoded"
SIGNATURE = "x_signature"
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
LONGEST = {"name": 255, "description": 200}
MOST_FIELDS = 100
STATES = frozenset({"due", "paid", "deleted"})
TRY_STATES = {"pending": "created", "failed": "failed"}  # a completed one is the bill's own state


def make(settings: Settings) -> Billplz:
    keys = settings.billplz
    return Billplz(
        api_key=keys.api_key,
        collection_id=keys.collection_id,
        signature_keys=keys.signature_keys,
        api_url=keys.api_url,
    )


class Billplz:
    """See `gateway.Provider`. One object serves all threads of a process."""

    code = "billplz"
    may_be_paid_again = True  # see above; its callback may be lost

    def __init__(
        self,
        *,
        api_key: str,
        collection_id: str,
        signature_keys: Sequence[str],
        api_url: str,
        patience: Patience | None = None,
    ) -> None:
        if not all((api_key, collection_id, *signature_keys)) or not signature_keys:
            raise ValueError("an empty key would let anybody in")
        self._collection_id = collection_id
        self._signature_keys = [key.encode() for key in signature_keys]
        self._scheme, self._host = urlsplit(api_url)[:2]
        self._patience = patience or Patience()
        self._client = Client(api_key=api_key, api_url=api_url)

    def methods(self, currency: str) -> tuple[str, ...]:
        return METHODS if currency == CURRENCY else ()

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Billplz has no header of its own: the signature is one of the fields."""
        return headers.get("content-type", "").startswith(FORM) and f"{SIGNATURE}=".encode() in body

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        """Bills cannot be looked up by our receipt. One whose answer was lost was shown to nobody: another takes its place."""
        fields = {
            "collection_id": self._collection_id,
            "email": request.email,
            "name": request.name[: LONGEST["name"]],
            "amount": str(request.amount.minor),
            "description": request.description[: LONGEST["description"]],
            "callback_url": request.webhook_url,
            "redirect_url": request.return_url,
            "reference_1_label": "Receipt",
            "reference_1": request.receipt,
            "deliver": "false",  # we write our own mails
        }
        bill = self._client.create_bill(fields, budget=self._budget())
        if (_amount(bill, "amount"), request.amount.currency) != (request.amount, CURRENCY):
            raise ProviderUnavailable(reason="the bill differs from the request")
        return Opened(_bill_id(bill), self._page_of(bill))

    def find_order(self, receipt: str) -> Opened | None:
        """There is no search, and none is needed: nobody was sent to a bill whose address we never heard."""
        return None

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        return HostedPage(url=opened.page_url, method="get")

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        """The way back carries `billplz[id]`, `billplz[paid]` …; signed as a whole."""
        claim = {name: value for name, value in answer.items() if name.startswith("billplz[")}
        if not claim:
            return False
        given = claim.pop(f"billplz[{SIGNATURE}]", "")
        pairs = [(name.replace("[", "").replace("]", ""), value) for name, value in claim.items()]
        is_ours = bool(provider_order_id) and claim.get("billplz[id]") == provider_order_id
        if not is_ours or not self._is_signed(pairs, given):
            raise BadSignature()
        return claim.get("billplz[paid]") == "true"

    def get_payment_status(self, provider_order_id: str) -> Standing:
        budget = self._budget()
        bill = self._client.get_bill(provider_order_id, budget=budget)
        state = _state(bill)
        if state == "paid":
            return Standing(
                (_payment(bill), *_again(bill, self._tries_at(provider_order_id, budget))), is_payable=False
            )
        if state == "deleted":
            return Standing(is_payable=False)
        return Standing(tuple(_reports(self._tries_at(provider_order_id, budget), _amount(bill, "amount"))))

    def close_payment(self, provider_order_id: str) -> None:
        """A bill that somebody is paying right now is left alone: deleting it would not stop the bank.

        One that was paid meanwhile, or is gone already, cannot be deleted: its state tells.
        """
        budget = self._budget()
        if any(each.get("status") == "pending" for each in self._tries_at(provider_order_id, budget)):
            return
        try:
            self._client.delete_bill(provider_order_id, budget=budget)
        except ProviderRefused as refusal:
            log.info("bill not deleted", extra={"status": refusal.facts.get("status")})

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        raise ProviderRefused(reason="bills are paid at once, never authorised")

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        """Taken down as under way; it is staff who send it."""
        return ProviderRefund(key, "pending", amount, provider_payment_id, key, is_by_hand=True)

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        return []

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        pairs = _fields(body)
        given = next((value for name, value in pairs if name == SIGNATURE), "")
        signed = [(name, value) for name, value in pairs if name != SIGNATURE]
        if not self._is_signed(signed, given):
            raise BadSignature()
        bill = dict(signed)
        if not IDENTIFIER.fullmatch(bill.get("id", "")) or bill.get("state") not in STATES:
            raise Refused(code="malformed_notice")
        return Notice(
            event_id="sha256-" + hashlib.sha256(_source(signed)).hexdigest(),  # repetitions are the same to the letter
            kind=f"bill.{bill['state']}",
            provider_order_id=bill["id"],  # no payment: it may be another one than we know of
        )

    def origins(self) -> tuple[str, ...]:
        return (f"{self._scheme}://{self._host}",)

    def _budget(self) -> Budget:
        return Budget(self._patience)

    def _tries_at(self, bill_id: str, budget: Budget) -> list[dict[str, Any]]:
        found = self._client.get_transactions(bill_id, budget=budget).get("transactions")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def _page_of(self, bill: Mapping[str, Any]) -> str:
        """Never an address that is not Billplz'."""
        parts = urlsplit(str(bill.get("url")))
        if parts.netloc != self._host:
            raise ProviderUnavailable(reason="no page in the answer")
        return urlunsplit(parts._replace(scheme=self._scheme))

    def _is_signed(self, pairs: Iterable[tuple[str, str]], signature: str) -> bool:
        """Under any of the keys; every one is tried."""
        message, given = _source(pairs), signature.encode("utf-8", "replace")
        expected = [hmac.new(key, message, hashlib.sha256).hexdigest().encode() for key in self._signature_keys]
        return any([hmac.compare_digest(each, given) for each in expected])  # noqa: C419 (a list: no early end to time)


def _source(pairs: Iterable[tuple[str, str]]) -> bytes:
    """What an X Signature signs: names and values run together, sorted whatever their case, with bars between."""
    elements = sorted((name + value for name, value in pairs), key=lambda element: (element.lower(), element))
    return "|".join(elements).encode("utf-8", "replace")


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:  # of which bad UTF-8 is one
        raise BadSignature() from error


def _payment(bill: Mapping[str, Any]) -> ProviderPayment:
    return ProviderPayment(id=_bill_id(bill), state="captured", amount=_amount(bill, "paid_amount"), method="fpx")


def _again(bill: Mapping[str, Any], tries: Sequence[Mapping[str, Any]]) -> Iterable[ProviderPayment]:
    """What a bill was paid with once more, after its first completed try."""
    completed = [
        each for each in tries if each.get("status") == "completed" and IDENTIFIER.fullmatch(str(each.get("id")))
    ]
    for each in sorted(completed, key=lambda each: str(each.get("completed_at")))[1:]:
        yield ProviderPayment(id=str(each["id"]), state="captured", amount=_amount(bill, "amount"), method="fpx")


def _reports(tries: Sequence[Mapping[str, Any]], amount: Money) -> Iterable[ProviderPayment]:
    """Tries at a bill that is still due, the latest first. While one is pending the others do not matter."""
    pending = [each for each in tries if each.get("status") == "pending"]
    for each in pending or tries:
        state, try_id = TRY_STATES.get(str(each.get("status"))), str(each.get("id"))
        if state and IDENTIFIER.fullmatch(try_id):
            yield ProviderPayment(id=try_id, state=state, amount=amount, error_code=state if state == "failed" else "")


def _state(bill: Mapping[str, Any]) -> str:
    state = bill.get("state")
    if state not in STATES:
        raise ProviderUnavailable(reason="no state in the answer")
    return "paid" if bill.get("paid") is True else str(state)


def _amount(bill: Mapping[str, Any], name: str) -> Money:
    value = bill.get(name)
    if type(value) is not int:
        raise ProviderUnavailable(reason=f"no {name} in the answer")
    return Money(value, CURRENCY)


def _bill_id(bill: Mapping[str, Any]) -> str:
    value = bill.get("id")
    if not isinstance(value, str) or not IDENTIFIER.fullmatch(value):
        raise ProviderUnavailable(reason="no id in the answer")
    return value
