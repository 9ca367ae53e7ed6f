"""States and events of orders and payments in the back office's words, each with the tone of its pill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.books.rules import ISSUED_HERE
from app.core import clock
from app.core.money import Money
from app.core.skew import DATABASE, Difference
from app.payments.rules import BY_HAND, method_of
from app.returns.rules import STAFF_REASONS
from app.value.rules import is_over
from app.web.formats import format_money


def order_status(word: str) -> tuple[str, str]:
    """(text, tone) of a public status."""
    return {
        "pending": (_("Pending"), "warning"),
        "confirmed": (_("Confirmed"), "success"),
        "processing": (_("Processing"), "info"),
        "shipped": (_("Shipped"), "info"),
        "delivered": (_("Delivered"), "success"),
        "cancelled": (_("Cancelled"), ""),
        "on_hold": (_("On hold"), "warning"),
        "backordered": (_("Back-ordered"), "warning"),
        "partially_shipped": (_("Partly shipped"), "info"),
        "returned": (_("Returned"), ""),
        "refunded": (_("Refunded"), "info"),
    }.get(word, (word, ""))


def payment_state(state: str) -> tuple[str, str]:
    return {
        "open": (_("Not paid"), ""),
        "part": (_("Paid in part"), "warning"),
        "paid": (_("Paid"), "success"),
        "refunding": (_("Refund under way"), "warning"),
        "refunded": (_("Refunded"), "info"),
    }.get(state, (state, ""))


def provider(code: str) -> str:
    if code in ISSUED_HERE:
        return method(code)
    return _("Nobody (by hand)") if code == BY_HAND else code.capitalize()


def clock_off(found: Difference) -> str:
    """By how much the clock of a machine differs from a provider's or the database's."""
    minutes = max(1, round(abs(found.seconds) / 60))
    facts = {
        "machine": found.machine,
        "other": _("the database") if found.source == DATABASE else provider(found.source),
    }
    if found.seconds > 0:
        return ngettext(
            "Clock of %(machine)s: about %(num)s minute ahead of %(other)s",
            "Clock of %(machine)s: about %(num)s minutes ahead of %(other)s",
            minutes,
            **facts,
        )
    return ngettext(
        "Clock of %(machine)s: about %(num)s minute behind %(other)s",
        "Clock of %(machine)s: about %(num)s minutes behind %(other)s",
        minutes,
        **facts,
    )


def method(code: str) -> str:
    """A way to pay in words; one we have never heard of, as the provider calls it."""
    known = method_of(code)
    return _(known.label) if known else code


def attempt_state(state: str) -> tuple[str, str]:
    return {
        "created": (_("Not sent yet"), ""),
        "expected": (_("Expected"), "warning"),
        "open": (_("Open at the provider"), "warning"),
        "failed": (_("Failed"), "danger"),
        "captured": (_("Paid"), "success"),
        "closed": (_("Closed"), ""),
    }.get(state, (state, ""))


def capture_state(state: str) -> tuple[str, str]:
    return {
        "authorized": (_("Authorised, not taken"), "warning"),
        "captured": (_("Captured"), "success"),
        "failed": (_("Failed"), "danger"),
        "refunded": (_("Refunded"), "info"),
    }.get(state, (state, ""))


def refund_state(state: str) -> tuple[str, str]:
    return {
        "waiting": (_("To approve"), "warning"),
        "rejected": (_("Rejected"), ""),
        "requested": (_("Asked for"), "warning"),
        "pending": (_("On its way"), "warning"),
        "succeeded": (_("Sent back"), "success"),
        "failed": (_("Failed"), "danger"),
    }.get(state, (state, ""))


def refund_source(row: Any) -> str:
    """Who asked for a refund; one found at the provider was made in its own dashboard."""
    return (
        _("%(provider)s's dashboard", provider=row.requested_by.capitalize())
        if row.source == "provider"
        else actor(row.requested_by)
    )


def dispute_state(state: str) -> tuple[str, str]:
    return {
        "open": (_("Evidence awaited"), "danger"),
        "under_review": (_("With the bank"), "warning"),
        "won": (_("Won"), "success"),
        "lost": (_("Lost"), "danger"),
        "closed": (_("Closed"), ""),
    }.get(state, (state, ""))


def mail_state(state: str) -> tuple[str, str]:
    return {
        "queued": (_("Waiting"), "warning"),
        "sent": (_("Sent"), "success"),
        "refused": (_("Refused"), "danger"),
    }.get(state, (state, ""))


def refund_reason(reason: str) -> str:
    return {
        "late": _("The payment came after the items were gone"),
        "value_gone": _("The gift card was spent before the payment came"),
        "double": _("The order was paid twice"),
        "mismatch": _("The amount differs from the order's total"),
        "cancelled": _("The order was cancelled before the payment came"),
        "plan_ended": _("The order was cancelled before all its parts were paid"),
        "disputed": _("The bank has taken back an earlier part of this order"),
        "dashboard": _("Made in the provider's dashboard"),
        **{each.code: _(each.label) for each in STAFF_REASONS},
    }.get(reason, reason)


def event(kind: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """(sentence, tone) for one line of an order's timeline."""
    amount = _amount(facts)
    tone = {"paid": "success", "instalment_paid": "success",
            "payment_failed": "danger", "money_sent_back": "warning", "refund_failed": "danger",
            "dispute_open": "danger", "dispute_lost": "danger", "put_on_hold": "warning"}  # fmt: skip
    words = {
        "placed": _("Placed, %(amount)s", amount=amount),
        "payment_started": _("Payment %(n)s will come by hand", n=facts.get("attempt", ""))
        if facts.get("provider") == BY_HAND
        else _("Payment %(n)s started with %(provider)s", n=facts.get("attempt", ""), provider=_name(facts)),
        "payment_failed": _("Payment %(n)s failed", n=facts.get("attempt", "")),
        "paid": _("Paid %(amount)s", amount=amount),
        "instalment_paid": _(
            "Part %(n)s of %(all)s paid, %(amount)s", n=facts.get("part", ""), all=facts.get("parts", ""), amount=amount
        ),
        "held_again": _("Stock locked again"),
        "money_arrived": _("%(amount)s arrived by hand", amount=amount),
        "hold_expired": _("The lock ran out; the items are for sale again"),
        "hold_released": _("The lock was released by hand"),
        "kept_for_bank": _("The lock was kept longer: the bank had not answered yet"),
        "money_sent_back": _("%(amount)s sent back by itself", amount=amount),
        "refund_succeeded": _("Refund of %(amount)s arrived at the provider", amount=amount),
        "refund_failed": _("Refund of %(amount)s failed", amount=amount),
        "refund_requested": _("Refund of %(amount)s asked for", amount=amount),
        "refund_waiting": _("Refund of %(amount)s waits for approval", amount=amount),
        "refund_approved": _("Refund of %(amount)s approved", amount=amount),
        "refund_rejected": _("Refund of %(amount)s rejected", amount=amount),
        "refund_found": _("Refund of %(amount)s found at the provider", amount=amount),
        "refund_asked": _("The customer asked for a refund"),
        "refund_declined": _("The customer's wish for a refund was declined"),
        "put_on_hold": _("Put on hold"),
        "taken_off_hold": _("No longer on hold"),
        "dispute_open": _("The customer's bank disputes %(amount)s", amount=amount),
        "dispute_under_review": _("The bank looks at the evidence about %(amount)s", amount=amount),
        "dispute_won": _("Dispute about %(amount)s won", amount=amount),
        "dispute_lost": _("Dispute about %(amount)s lost: the bank took it", amount=amount),
        "dispute_closed": _("Dispute about %(amount)s closed", amount=amount),
        "expired": _("Closed: nobody paid in time"),
        "cancelled": _("Cancelled"),
    }
    return words.get(kind, kind.replace("_", " ").capitalize()), tone.get(kind, "")


def event_detail(kind: str, facts: Mapping[str, Any]) -> str:
    """What stands small below the sentence."""
    if kind in ("money_sent_back", "cancelled", "expired", "refund_requested", "refund_waiting", "refund_asked"):
        return _cause(str(facts.get("reason") or ""))
    return str(facts.get("code") or facts.get("reference") or facts.get("method") or "")


def actor(who: str) -> str:
    """Who did it: the customer, somebody of the staff, or the shop itself."""
    if who.startswith("staff:"):
        return _("Staff")
    return {"customer": _("Customer"), "system": _("Shop"), "schedule": _("Schedule"), "command": _("Command")}.get(
        who, who
    )


def value_state(account: Any) -> tuple[str, str]:
    """Of a gift card or store credit: disabled, over, used up, or good."""
    if account.state == "disabled":
        return _("Disabled"), "danger"
    if is_over(account.expires_at, clock.now()):
        return _("Over"), "warning"
    return (_("Good"), "success") if account.balance_minor else (_("Used up"), "")


def value_entry(kind: str) -> str:
    """A movement of a gift card."""
    return {
        "issue": _("Issued"),
        "hold": _("Kept for an order"),
        "release": _("Free again"),
        "spend": _("Spent"),
        "refund": _("Refunded to it"),
        "expire": _("Ended"),
        "adjust": _("Changed by hand"),
    }.get(kind, kind)


def trouble(kind: str) -> tuple[str, str]:
    """Why a payment needs somebody."""
    return {
        "refund_failed": (_("Refund failed"), "danger"),
        "no_answer": (_("No answer for an hour"), "warning"),
        "authorized": (_("Authorised, not taken"), "warning"),
        "refund_by_hand": (_("Send this refund yourself"), "warning"),
        "instalment_late": (_("Instalment overdue"), "warning"),
    }.get(kind, (kind, ""))


def trouble_detail(row: Any) -> str:
    """The refund's reason and error, or the provider."""
    if row.kind in ("refund_failed", "refund_by_hand"):
        return " · ".join(part for part in (refund_reason(row.reason), row.error) if part)
    return " · ".join(part for part in (str(row.reason).capitalize(), row.error) if part)


def mail_name(template: str) -> str:
    return {
        "order_confirmed": _("Order confirmed"),
        "payment_received": _("Payment received"),
        "payment_failed": _("Payment failed"),
        "how_to_pay": _("How to pay by bank transfer"),
        "instalment_paid": _("Instalment received"),
        "instalment_coming": _("Instalment due soon"),
        "instalment_overdue": _("Instalment overdue"),
        "order_expired": _("Order expired"),
        "order_cancelled": _("Order cancelled"),
        "refund_on_its_way": _("Refund on its way"),
        "refund_done": _("Refund made"),
        "refund_asked": _("Refund asked for"),
        "refund_declined": _("Refund declined"),
        "refund_wanted": _("A customer asks for a refund (to you)"),
        "refund_failed": _("A refund failed (to you)"),
        "dispute_opened": _("A payment is disputed (to you)"),
        "something_sold": _("Something sold (to you)"),
        "document_sent": _("A document"),
        "value_issued": _("Code of a gift card"),
    }.get(template, template)


def document_kind(kind: str) -> str:
    return {"invoice": _("Invoice"), "receipt": _("Receipt"), "credit_note": _("Credit note")}[kind]


def _cause(reason: str) -> str:
    return {
        "replaced": _("The customer placed a newer order"),
        "unpaid": "",
        "no_money": _("The money did not come"),
        "skipped": _("This delivery of a subscription was left out"),
        "subscription_over": _("The subscription is over"),
        "sold_out_before_payment": _("Sold out before the payment came"),
        "value_gone_before_payment": _("The gift card was spent before the payment came"),
    }.get(reason, refund_reason(reason))


def _amount(facts: Mapping[str, Any]) -> str:
    minor, currency = facts.get("amount_minor", facts.get("total_minor")), facts.get("currency")
    return format_money(Money(int(minor), str(currency))) if minor is not None and currency else ""


def _name(facts: Mapping[str, Any]) -> str:
    return provider(str(facts.get("provider") or ""))
