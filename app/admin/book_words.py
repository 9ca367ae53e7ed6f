"""The books in the back office's words."""

from __future__ import annotations

from flask_babel import gettext as _

from app.books.rules import CLEARING
from app.core.money import Money
from app.reconciliation.rules import KINDS, SHOP
from app.web.formats import format_money

COUNTED = frozenset({"settled_twice"})  # what differs is a number of rows, not money


def difference(kind: str) -> str:
    return _(KINDS[kind].label) if kind in KINDS else kind


def cause(kind: str) -> str:
    return _(KINDS[kind].cause) if kind in KINDS else ""


def difference_state(state: str) -> tuple[str, str]:
    return {
        "open": (_("Open"), "warning"),
        "repaired": (_("Put right"), "success"),
        "accepted": (_("Accepted"), "info"),
        "gone": (_("Gone"), ""),
    }.get(state, (state, ""))


def run_state(state: str) -> tuple[str, str]:
    return {
        "running": (_("Running"), "info"),
        "done": (_("Done"), "success"),
        "failed": (_("Broken off"), "danger"),
    }.get(state, (state, ""))


def run_of(provider: str) -> str:
    return _("Our own rows") if provider == SHOP else provider.capitalize()


def amount(minor: int, currency: str, kind: str = "") -> str:
    """Money, a plain number where rows are counted, or minor units of a currency that we cannot do."""
    if kind in COUNTED:
        return str(minor)
    try:
        return format_money(Money(minor, currency))
    except ValueError:
        return f"{minor} {currency}"


def account(name: str) -> str:
    if name.startswith(CLEARING):
        return _("With %(provider)s, not paid out", provider=name.removeprefix(CLEARING).capitalize())
    return {
        "bank": _("Bank"),
        "sales": _("Goods sold"),
        "shipping_income": _("Delivery charged"),
        "tax_payable": _("Tax to pay"),
        "customer_refunds": _("Refunded to customers"),
        "customer_credit": _("Gift cards and store credit"),
        "payment_fees": _("Payment fees"),
        "suspense": _("Money of no order yet"),
        "disputes": _("Taken back by banks"),
        "write_off": _("Written off"),
        "goodwill": _("Given away as gift cards"),
        "breakage": _("Left on gift cards that ended"),
    }.get(name, name)


def entry_kind(kind: str) -> str:
    return {
        "capture": _("Payment taken"),
        "sale": _("Sale"),
        "refund": _("Refund"),
        "refund_reversed": _("Refund failed"),
        "fee": _("Fee"),
        "dispute": _("Dispute"),
        "payout": _("Payout"),
        "credit": _("Credit"),
        "write_off": _("Written off"),
    }.get(kind, kind)


def row_kind(kind: str) -> str:
    return {
        "charge": _("Payment"),
        "refund": _("Refund"),
        "fee": _("Fee"),
        "adjustment": _("Correction"),
        "dispute": _("Dispute"),
        "payout": _("Payout"),
    }.get(kind, kind)


def repair(how: str) -> str:
    return {
        "settle": _("Ask the provider and settle"),
        "join_refund": _("Note this refund"),
        "ask_refund": _("Note the provider's word"),
        "fail_refund": _("Mark the refund as failed"),
        "send_back": _("Send the money back"),
        "post": _("Post it now"),
        "post_fee": _("Post the fee"),
        "write_off": _("Write off"),
        "accept": _("Accept as it is"),
    }.get(how, how)


def repair_hint(how: str) -> str:
    return {
        "settle": _("The provider is asked, and the order is settled by its answer: paid, or sent back."),
        "join_refund": _("The refund becomes one of this order, with the amount the provider says."),
        "ask_refund": _("The refund gets the state that the provider reports now."),
        "fail_refund": _("Then it stands under Payments, where it can be asked for again."),
        "send_back": _("What is left of this payment is refunded, once."),
        "post": _("The books get the entry they lack, once."),
        "post_fee": _("The books get the fee, and what was posted before is corrected."),
        "write_off": _("Writing off moves the difference out of the provider's account, with your reason."),
        "accept": _("Accepting changes nothing but the list. It comes back when the amounts change."),
    }.get(how, "")
