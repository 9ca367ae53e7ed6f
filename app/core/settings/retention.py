"""How long personal data stay (DAT-05), in days. Each sweep of the schedule obeys these; why so long: docs/privacy.md."""

from __future__ import annotations

from dataclasses import dataclass, fields

from app.core.settings.reader import Reader


@dataclass(frozen=True)
class Retention:
    cart_days: int = 30  # since it was last touched
    checkout_days: int = 1  # what was typed at checkout, after its session has run out
    wishlist_days: int = 365  # of guests
    unpaid_order_days: int = 90  # whom an order was for that never came about
    paid_order_days: int = 2557  # the same of a paid order: seven years, as long as its books must be kept
    delivery_days: int = 14  # after it was paid its goods may be on their way: nobody is forgotten before
    measure_days: int = 30  # what somebody measures, of an order that never came about: late money may still confirm it
    guest_measure_days: int = 365  # the same of an order whose customer has no account to remove it with
    link_days: int = 7  # what was asked for by a mailed link
    unconfirmed_days: int = 3  # an address that asked for the news, and whose letter nobody followed
    left_days: int = 30  # one that left them: so that whoever sends them can take it out of an older list
    provider_days: int = 1  # a sign-in at a provider
    login_days: int = 30  # sign-ins tried, sessions and trusted browsers that are over, alerts
    audit_address_days: int = 180  # the network address of an entry of the audit; the entry stays
    mail_days: int = 365  # the record of a mail; its text is kept nowhere
    report_days: int = 90  # what browsers reported
    closed_account_days: int = 14  # from “delete my account” until it is done
    request_days: int = 1095  # a request about personal data, after it was answered: the proof that it was


@dataclass(frozen=True)
class Privacy:
    answer_days: int = 21  # until a request about personal data is answered: Malaysia's PDPA; the GDPR gives a month
    remind_days: int = 5  # before that day staff are told by mail


# Where less would break the shop, or more would be no retention at all. Books: seven years in Malaysia, eight in India.
_LEAST = {
    "cart_days": 1,
    "mail_days": 30,
    "paid_order_days": 2557,
    "unpaid_order_days": 31,
    "measure_days": 30,
}
_MOST = {"paid_order_days": 3653, "closed_account_days": 30}


def read_retention(get: Reader) -> Retention:
    return Retention(
        **{
            each.name: get.number(
                f"RETENTION_{each.name.upper()}",
                getattr(Retention, each.name),
                low=_LEAST.get(each.name, 1),
                high=_MOST.get(each.name, 3653),
            )
            for each in fields(Retention)
        }
    )


def read_privacy(get: Reader) -> Privacy:
    return Privacy(
        answer_days=get.number("PRIVACY_ANSWER_DAYS", Privacy.answer_days, low=1, high=30),
        remind_days=get.number("PRIVACY_REMIND_DAYS", Privacy.remind_days, low=2, high=30),
    )
