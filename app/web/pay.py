"""Sending a shopper to the provider: short transaction, network, short transaction. Shared by the shop and the API."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from flask import current_app, url_for

from app.core import db
from app.core.settings import Settings
from app.core.transaction import in_transaction, transaction
from app.orders.actions import paying
from app.orders.models import Order
from app.payments import actions as payments
from app.payments import gateway
from app.payments.errors import AlreadyInitiating, ProviderRefused, ProviderUnavailable
from app.payments.gateway import HostedPage, Opened, PaymentRequest
from app.payments.models import Payment, PaymentAttempt
from app.payments.rules import ONCE_ONLY


@dataclass(frozen=True, slots=True)
class HandOver:
    """The provider's page for an attempt, and the origins the browser will be sent to."""

    page: HostedPage
    origins: tuple[str, ...]
    provider: str


def send_to_pay(
    order: Order,
    *,
    method: str,
    bank: str = "",
    key: uuid.UUID | None = None,
    rest: bool = False,
    part: int | None = None,
) -> uuid.UUID:
    """Freeze the lock, commit the attempt, then make sure the provider has its order. Returns the attempt's id.
    Of an order with instalments it is the next one, or all the `rest`, if the next one is the `part` that was shown.

    The provider is the first that takes the method and answers; an attempt that is open elsewhere is closed there.
    Raises NotPayable, Covered, NotNext, LockLost, TooManyAttempts, KeyReused, AlreadyInitiating, or ProviderUnavailable (the attempt
    is kept and the click can be repeated).
    """
    code = gateway.offer_of(method, order.currency).provider
    start = partial(paying.start_payment, order.id, provider=code, method=method, terms=_terms(method), bank=bank)
    started = in_transaction(partial(start, key=key, rest=rest, part=part))
    if started.attempt.provider_order_id is not None:
        return started.attempt.id
    if not started.is_mine:
        raise AlreadyInitiating()
    attempt_id, asked_at = started.attempt.id, started.attempt.created_at if started.is_new else db.now()
    request = replace(payment_request(order, started.attempt), asked_at=asked_at)
    db.release()
    try:
        opened = gateway.provider(code).initiate_payment(request, look_first=not started.is_new)
    except (ProviderUnavailable, ProviderRefused) as failure:
        if not failure.may_still_act:
            with transaction():
                payments.give_up_initiation(attempt_id)
        raise
    with transaction():
        payments.remember_provider_order(attempt_id, opened)
    return attempt_id


def _terms(method: str) -> paying.Terms:
    settings: Settings = current_app.config["SETTINGS"]
    return paying.Terms(
        hold_minutes=settings.lock_minutes,
        lives_minutes=settings.unpaid_order_minutes,
        waits_minutes=settings.manual.minutes_of(method),
    )


def offers_for(currency: str, payment: Payment | None) -> Sequence[gateway.Offer]:
    """The ways to pay what is due; of an order in instalments without those that come once only."""
    found = gateway.offers(currency, due=payment.due if payment else None)
    return [each for each in found if payment is None or payment.parts == 1 or each.method.code not in ONCE_ONLY]


def hand_over(order: Order, attempt: PaymentAttempt) -> HandOver:
    provider = gateway.provider(attempt.provider)
    opened = Opened(attempt.provider_order_id or "", attempt.page_url)
    page = provider.hosted_page(payment_request(order, attempt), opened)
    return HandOver(page, provider.origins(), attempt.provider)


def payment_request(order: Order, attempt: PaymentAttempt) -> PaymentRequest:
    settings: Settings = current_app.config["SETTINGS"]
    return PaymentRequest(
        receipt=attempt.receipt,
        amount=attempt.amount,
        description=f"{settings.shop.name} {order.reference}",
        return_url=settings.base_url + url_for("pay_return.receive", token=attempt.return_token),
        cancel_url=settings.base_url + url_for("pay.show", token=order.token, left=1),
        webhook_url=settings.base_url + url_for("inbound_payments.take_notice"),
        lock_minutes=settings.lock_minutes,
        name=str(order.address.get("name", "")),
        email=order.email,
        phone=order.phone,
        method=attempt.method,
        bank=attempt.bank,
        locale=order.locale,
        address={name: str(value) for name, value in order.address.items()},
    )


def chosen_bank(code: str, *, method: str, currency: str) -> str:
    """The bank chosen beforehand; one that is not in the list is nobody's, and the provider's page asks."""
    return code if code and code in {bank.code for bank in gateway.banks(method, currency)} else ""


def new_key() -> uuid.UUID:
    """A one-time key for a form that must act once."""
    return uuid.uuid4()
