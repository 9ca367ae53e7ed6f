"""Bank transfer and cash on delivery (N8): nobody to ask, so nothing here talks to anybody.

The shop's own receipt stands for the provider's order. Whether money has come, staff say (`orders.actions.by_hand`);
a refund waits until they have sent it and say so.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.core.money import Money
from app.core.settings import Settings
from app.payments.errors import BadSignature, ProviderRefused
from app.payments.gateway import (
    HostedPage,
    Notice,
    Opened,
    PaymentRequest,
    ProviderPayment,
    ProviderRefund,
    Standing,
)
from app.payments.rules import BY_HAND


def make(settings: Settings) -> Manual:
    return Manual(methods=settings.manual.methods, currency=settings.shop.currency)


class Manual:
    """See `gateway.Provider`."""

    code = BY_HAND

    def __init__(self, *, methods: tuple[str, ...], currency: str) -> None:
        self._methods, self._currency = methods, currency

    def methods(self, currency: str) -> tuple[str, ...]:
        """In the shop's own currency only: its bank account and its couriers take no other."""
        return self._methods if currency == self._currency else ()

    def recognises(self, headers: Mapping[str, str], body: bytes) -> bool:
        return False

    def initiate_payment(self, request: PaymentRequest, *, look_first: bool) -> Opened:
        return Opened(request.receipt)

    def find_order(self, receipt: str) -> Opened | None:
        return Opened(receipt)

    def hosted_page(self, request: PaymentRequest, opened: Opened) -> HostedPage:
        """Nobody is sent anywhere: what to do stands on the shop's own page."""
        return HostedPage(url=request.cancel_url, method="get")

    def verify_payment(self, provider_order_id: str, answer: Mapping[str, str]) -> bool:
        return False

    def get_payment_status(self, provider_order_id: str) -> Standing:
        """No news, ever: staff settle the order when the money has come."""
        return Standing()

    def close_payment(self, provider_order_id: str) -> None:
        """Nobody can be kept from transferring money. What comes too late goes back."""

    def capture_payment(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderPayment:
        raise ProviderRefused(reason="nothing is authorised by hand")

    def process_refund(self, provider_payment_id: str, amount: Money, *, key: str) -> ProviderRefund:
        """Taken down as under way; it is staff who send it."""
        return ProviderRefund(key, "pending", amount, provider_payment_id, key, is_by_hand=True)

    def find_refunds(self, provider_payment_id: str) -> list[ProviderRefund]:
        return []

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        raise BadSignature()

    def origins(self) -> tuple[str, ...]:
        return ()
