"""The kinds of difference with their causes and repairs, and how one payment is compared. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LISTING_DAYS = 8  # how far back providers are asked each time: late authorisations take up to five days
LONGEST_LISTING_DAYS = 60  # further back, an open difference is left for a person
LOCAL_DAYS = 60  # how far back rows of our own are compared with each other
STATEMENT_DAYS = 40  # the first time, that much of a provider's statement is read; later from where it ended
STATEMENT_PIECE_DAYS = 10
STATEMENT_OVERLAP_DAYS = 1  # rows that were dated back: reading a day twice changes nothing
SETTLED_WITHIN_DAYS = 7  # providers pay out after two to four working days
GRACE_MINUTES = 15  # what is younger may still be on its way to us
SUCCESS_TARGET = 0.95  # PAY-33
SHOP = "shop"  # the run that compares our own rows with each other
WITHOUT_ITEMS = "stripe"  # whose payouts made by hand name no payments; at all others payments are on the statement
WITHOUT_WEBHOOKS = frozenset({"manual"})

RUN_STATES = ("running", "done", "failed")
STATES = ("open", "repaired", "accepted", "gone")
ROW_KINDS = ("charge", "refund", "fee", "adjustment", "dispute", "payout")
POSTED_ROWS = ("fee", "dispute", "payout")  # rows of a statement that no payment of ours tells of


def N_(text: str) -> str:  # noqa: N802 (the name by which message ids are gathered)
    return text


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of difference. `label` and `cause` are message ids; `repairs` the safe ones, the best first.

    `by_listing`: found in what a provider lists for a time; the others are found in our own tables.
    """

    label: str
    cause: str
    repairs: tuple[str, ...]
    by_listing: bool = False


KINDS: Mapping[str, Kind] = {
    "missed_payment": Kind(
        N_("Paid there, not noted here"),
        N_("The webhook and the answers to our questions were lost. Asking the provider settles the order."),
        ("settle", "accept"), by_listing=True,
    ),
    "foreign_payment": Kind(
        N_("Payment of no order"),
        N_("Somebody paid into the same account outside this shop, or by a payment link made by hand."),
        ("accept",), by_listing=True,
    ),
    "unknown_there": Kind(
        N_("Noted here, unknown there"),
        N_("The provider does not know this payment: the keys may be those of another account, or the row was made by hand."),
        ("write_off", "accept"), by_listing=True,
    ),
    "amount_differs": Kind(
        N_("Other amount there"), N_("The provider took another amount than the one noted here."),
        ("write_off", "accept"), by_listing=True,
    ),
    "currency_differs": Kind(
        N_("Other currency there"), N_("The provider took another currency than the one noted here."), ("accept",), by_listing=True,
    ),
    "refund_unknown_here": Kind(
        N_("Refunded there, not noted here"), N_("Somebody refunded in the provider's dashboard."),
        ("join_refund", "accept"), by_listing=True,
    ),
    "refund_unknown_there": Kind(
        N_("Refund noted here, unknown there"),
        N_("The provider does not know this refund, so the customer has not got it. Marked as failed, it can be asked for again."),
        ("fail_refund", "accept"), by_listing=True,
    ),
    "refund_amount_differs": Kind(
        N_("Refund of another amount there"), N_("The provider refunded another amount than the one noted here."),
        ("write_off", "accept"), by_listing=True,
    ),
    "refund_state_differs": Kind(
        N_("Refund in another state there"), N_("The provider's last word on this refund was lost."),
        ("ask_refund", "accept"), by_listing=True,
    ),
    "paid_without_capture": Kind(
        N_("Paid order without money"), N_("The order counts as paid, and no captured payment belongs to it."), ("settle", "accept"),
    ),
    "captured_twice": Kind(
        N_("Paid twice"), N_("A second payment of a paid order was taken and is not on its way back."), ("send_back", "accept"),
    ),
    "money_unused": Kind(
        N_("Money for no order"), N_("Money was taken for an order that is not paid with it, and it is not on its way back."),
        ("settle", "send_back", "accept"),
    ),
    "over_refunded": Kind(
        N_("More refunded than taken"), N_("The refunds of this payment add up to more than was taken."), ("accept",),
    ),
    "not_settled": Kind(
        N_("Not paid out"), N_("The provider took the money and it stands on no statement yet."), ("write_off", "accept"),
    ),
    "paid_out_by_hand": Kind(
        N_("Paid out by hand"),
        N_("The provider has paid out by hand since. Such payouts do not name the payments in them: compare the sums in its "
           "dashboard, or let it pay out automatically."),
        ("accept",),
    ),
    "settled_amount_differs": Kind(
        N_("Other amount on the statement"), N_("The statement shows another amount than was taken or refunded."),
        ("write_off", "accept"),
    ),
    "settled_unknown": Kind(
        N_("Unknown on the statement"), N_("The statement shows a payment or refund that the shop does not know."), ("accept",),
    ),
    "settled_twice": Kind(
        N_("Twice on the statement"), N_("The statement shows the same payment more than once."), ("accept",),
    ),
    "fee_differs": Kind(
        N_("Other fee on the statement"), N_("The provider kept another fee than it told us with the payment."),
        ("post_fee", "accept"),
    ),
    "row_differs": Kind(
        N_("Statement row does not add up"), N_("Amount less fee is not what the statement row says was credited."), ("accept",),
    ),
    "payout_differs": Kind(
        N_("Payout differs from its rows"), N_("What was transferred to the bank is not the sum of the statement's rows."),
        ("write_off", "accept"),
    ),
    "adjustment": Kind(
        N_("Correction by the provider"), N_("The provider corrected its statement by itself; its dashboard says why."),
        ("write_off", "accept"),
    ),
    "capture_unposted": Kind(
        N_("Payment missing in the books"), N_("The money is noted with the order and was never posted."), ("post", "accept"),
    ),
    "refund_unposted": Kind(
        N_("Refund missing in the books"), N_("The refund is noted with the order and was never posted."), ("post", "accept"),
    ),
    "fee_unposted": Kind(
        N_("Fee missing in the books"), N_("The fee is noted with the payment, and the books say another one."), ("post_fee", "accept"),
    ),
}  # fmt: skip
BY_LISTING = tuple(code for code, kind in KINDS.items() if kind.by_listing)
LOCAL = tuple(code for code, kind in KINDS.items() if not kind.by_listing)


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference as a run finds it. `subject` names it among those of its kind and provider, the same in every run.

    Amounts are minor units: what the shop says is `expected`, what the other side says is `found`.
    """

    kind: str
    provider: str
    subject: str
    happened_at: datetime
    currency: str
    expected: int = 0
    found: int = 0
    found_currency: str = ""
    order_id: uuid.UUID | None = None
    attempt_id: uuid.UUID | None = None
    capture_id: uuid.UUID | None = None
    refund_id: uuid.UUID | None = None


def pieces(since: datetime, until: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
    """The time from `since` to `until` in pieces of so many days, so that no answer is endless."""
    while since < until:
        end = min(since + timedelta(days=days), until)
        yield since, end
        since = end


def success_rate(captured: int, failed: int) -> float | None:
    """The share of ended tries that were paid (PAY-33); None when nobody tried."""
    return captured / (captured + failed) if captured + failed else None
