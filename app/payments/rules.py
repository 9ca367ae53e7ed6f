"""States of payment, attempt, provider payment and refund, and when to ask the provider again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.money import Money, smallest_charge, smallest_step

PAYMENT_MOVES: Mapping[str, frozenset[str]] = {
    "open": frozenset({"paid", "refunding"}),
    "paid": frozenset({"refunding", "refunded"}),
    "refunding": frozenset({"refunded", "paid", "open"}),
    "refunded": frozenset({"refunding", "paid"}),  # a refund that had succeeded failed after all
}
ATTEMPT_MOVES: Mapping[str, frozenset[str]] = {
    "created": frozenset({"open", "failed", "captured", "closed"}),  # our row exists, the provider has not answered yet
    "open": frozenset({"failed", "captured", "closed"}),  # the shopper can pay there
    "failed": frozenset({"captured", "closed"}),  # a failure is never final: late authorisation
    "captured": frozenset(),
    "closed": frozenset({"captured"}),  # nobody asks any more (four days), but money still counts
}
CAPTURE_STATES = frozenset({"authorized", "captured", "failed", "refunded"})
REFUND_MOVES: Mapping[str, frozenset[str]] = {
    "waiting": frozenset({"requested", "rejected"}),  # for a second member of staff; nothing leaves before
    "rejected": frozenset(),
    "requested": frozenset({"pending", "succeeded", "failed"}),
    "pending": frozenset({"succeeded", "failed"}),
    "succeeded": frozenset({"failed"}),  # providers do take a success back
    "failed": frozenset({"requested", "pending", "succeeded"}),  # asked for again; or refused, and done after all
}
NOT_REFUNDED = ("failed", "rejected")  # every other refund takes its amount off what may still go back
REFUND_SOURCES = ("shop", "provider")  # asked for here, or made in the provider's own dashboard
DISPUTE_MOVES: Mapping[str, frozenset[str]] = {
    "open": frozenset({"under_review", "won", "lost", "closed"}),
    "under_review": frozenset({"open", "won", "lost", "closed"}),
    "won": frozenset({"open", "under_review", "lost"}),  # the customer's bank may appeal
    "lost": frozenset({"open", "under_review", "won"}),
    "closed": frozenset({"open", "under_review"}),
}
UNDECIDED = ("open", "under_review")  # disputes that keep the order on hold
INSTALMENT_STATES = ("open", "paid", "closed")  # closed: the order was over before it was paid
MAX_ATTEMPTS = 8  # per order, and per instalment of it (PAY-26)
REMIND_HOURS = 72  # before an instalment is due; at most half of the time between two
OVERDUE_DAYS = 1  # after the day an instalment is due, a reminder says that it has not come
ONLINE_BANKING = "fpx"  # the way to pay whose banks can be chosen of beforehand
RECURRING = "subscription"  # the way to pay of orders that a provider charges by itself (PAY-30)
BY_HAND = "manual"  # the provider that nobody stands behind (N8): staff say when the money has come
FINAL = frozenset({"captured", "closed"})

# Seconds until the provider is asked again about an attempt that is not final: 15 s after opening it, then ever slower.
ASK_AFTER_SECONDS = (15, 30, 60, 60, 120, 300, 600, 1800, 3600)
GIVE_UP_AFTER_DAYS = 4

# Hours after a capture (or after its last refund) at which the provider is asked which refunds it knows: some are made in
# its own dashboard, and some fail weeks after they had succeeded.
REFUNDS_ASK_AFTER_HOURS = (1, 6, 24, 72, 168, 336, 720, 1440, 2160)
DISPUTE_ASK_HOURS = 6
DISPUTE_LIST_DAYS = 30  # so far back providers are asked which disputes there are: longer than any outage of ours


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """In how many instalments an order is paid, how many days apart, and how many days one may be late before staff see it."""

    parts: int
    days: int
    grace_days: int


@dataclass(frozen=True, slots=True)
class PlanPart:
    """One instalment of a plan. `state`: open, paid or closed."""

    position: int
    amount: Money
    state: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """How an order is paid in instalments, and how far that is."""

    parts: Sequence[PlanPart]  # at least two, the first due first

    @property
    def paid(self) -> int:
        """How many are paid."""
        return sum(part.state == "paid" for part in self.parts)

    @property
    def has_begun(self) -> bool:
        return self.paid > 0

    @property
    def next(self) -> PlanPart | None:
        return next((part for part in self.parts if part.state == "open"), None)

    @property
    def received(self) -> Money:
        return self._sum(is_paid=True)

    @property
    def balance(self) -> Money:
        return self._sum(is_paid=False)

    def _sum(self, *, is_paid: bool) -> Money:
        amounts = [part.amount.minor for part in self.parts if (part.state == "paid") == is_paid]
        return Money(sum(amounts), self.parts[0].amount.currency)


@dataclass(frozen=True, slots=True)
class Portion:
    """What an attempt is to pay: the instalments `first` to `last`. An order that is paid in one go counts as one."""

    first: int
    last: int
    amount: Money


def least_refund(provider: str, currency: str) -> int:
    """The least that a provider sends back, in minor units. Razorpay and Curlec refuse less than 1.00 (their docs, errors of
    refunds); the others send whatever the currency can express."""
    return smallest_charge(currency) if provider in ("razorpay", "curlec") else smallest_step(currency)


def split_due(due: Money, parts: int) -> list[Money]:
    """Equal instalments in amounts that providers take; what does not divide is in the first. They add up to `due` exactly.

    Raises ValueError when one of them would be less than providers take.
    """
    step = smallest_step(due.currency)
    each = due.minor // step // parts * step
    amounts = [due.minor - each * (parts - 1), *[each] * (parts - 1)]
    if parts < 1 or min(amounts) < smallest_charge(due.currency):
        raise ValueError("too little for so many instalments")
    return [Money(minor, due.currency) for minor in amounts]


def plans_for(due: Money, *, most: int, least_minor: int) -> dict[int, list[Money]]:
    """The instalments that are offered for what is to pay, by how many they are. None below `least_minor`, or where one of
    them would be too small."""
    if due.minor < least_minor:
        return {}
    least_part = smallest_charge(due.currency) + smallest_step(due.currency)
    fitting = [parts for parts in range(2, most + 1) if due.minor // parts >= least_part]
    return {parts: split_due(due, parts) for parts in fitting}


def is_reversal(kind: str) -> bool:
    """Whether a notice of this kind, in the provider's words, is about money on its way back."""
    return any(word in kind.lower() for word in ("refund", "dispute"))


def ask_again_after(asked: int) -> int:
    """Seconds to wait when the provider has been asked `asked` times already."""
    return ASK_AFTER_SECONDS[min(asked, len(ASK_AFTER_SECONDS) - 1)]


@dataclass(frozen=True, slots=True)
class Method:
    """A way to pay, as checkout shows it. `label` and `hint` are message ids, translated where they are shown."""

    code: str
    label: str
    hint: str


def N_(text: str) -> str:  # noqa: N802 (the name by which message ids are gathered)
    return text


CARD = Method("card", N_("Card"), N_("Visa, Mastercard, American Express"))
PAYPAL = Method("paypal", N_("PayPal"), N_("With your PayPal account"))
BANK_TRANSFER = Method(
    "bank_transfer", N_("Bank transfer"), N_("Transfer the amount yourself; we ship when it has arrived")
)
CASH_ON_DELIVERY = Method("cod", N_("Cash on delivery"), N_("Pay when it is handed over to you"))
BY_ITSELF = Method(RECURRING, N_("Subscription"), N_("Charged by itself, each time"))
GIFT_CARD = Method("gift_card", N_("Gift card"), N_("With the code on it"))
STORE_CREDIT = Method("store_credit", N_("Store credit"), N_("With the code in our mail"))
# The shop is paid at once and in full; what the customer owes is between the customer and who gives the credit (PAY-29).
PLANS = (
    Method("atome", N_("Pay later with Atome"), N_("In three parts. Atome decides whether it gives you credit")),
    Method("paylater", N_("Pay later"), N_("With a lender such as LazyPay, who decides whether you get credit")),
    Method("klarna", N_("Pay later with Klarna"), N_("Later or in parts. Klarna decides whether it gives you credit")),
    Method(
        "afterpay_clearpay",
        N_("Pay later with Afterpay"),
        N_("Clearpay in Britain. It decides whether it gives you credit"),
    ),
    Method("paypal_paylater", N_("Pay later with PayPal"), N_("In parts. PayPal decides whether it gives you credit")),
)
PLAN_CODES = frozenset(each.code for each in PLANS)
ONCE_ONLY = PLAN_CODES | {CASH_ON_DELIVERY.code}  # nothing is paid in instalments with them
EVERYWHERE = (PAYPAL, BANK_TRANSFER, CASH_ON_DELIVERY)
METHODS_BY_CURRENCY: Mapping[str, tuple[Method, ...]] = {
    "MYR": (
        Method("fpx", N_("Online banking (FPX)"), N_("Maybank2u, CIMB Clicks and all other Malaysian banks")),
        Method("wallet", N_("E-wallet"), N_("Touch 'n Go, GrabPay, Boost, ShopeePay")),
        Method("duitnow", N_("DuitNow QR"), N_("Scan with your banking app")),
        CARD,
    ),
    "INR": (
        Method("upi", N_("UPI"), N_("Google Pay, PhonePe, Paytm and every other UPI app")),
        CARD,
        Method("netbanking", N_("Net banking"), N_("All major Indian banks")),
        Method("wallet", N_("Wallet"), N_("Amazon Pay, Mobikwik and others")),
    ),
}


def method_of(code: str) -> Method | None:
    """A way to pay by its code, in whatever currency."""
    known = (
        *EVERYWHERE,
        *PLANS,
        BY_ITSELF,
        GIFT_CARD,
        STORE_CREDIT,
        *(each for of_one in METHODS_BY_CURRENCY.values() for each in of_one),
    )
    return next((each for each in known if each.code == code), None)


def methods(currency: str) -> tuple[Method, ...]:
    """All ways to pay that are known in a currency, local ones first. Which of them are offered, `gateway.offers` tells."""
    return (*METHODS_BY_CURRENCY.get(currency, (CARD,)), *EVERYWHERE, *PLANS)
