"""Roles, rights and acts of staff in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts import rules
from app.accounts.models import StaffSession
from app.core.catalogues import LANGUAGES


def role(name: str, own: str | None = None) -> str:
    """What a role is called; `own` is the name of one of the shop's own."""
    known = {
        "owner": _("Owner"),
        "manager": _("Manager"),
        "support": _("Customer support"),
        "fulfilment": _("Fulfilment"),
        "catalogue": _("Catalogue"),
        "finance": _("Finance"),
        "agent": _("Sales agent"),
    }
    return own or known.get(name, name)


def role_hint(name: str) -> str:
    return {
        "owner": _("Everything, and who works here"),
        "manager": _("Everything but who works here"),
        "support": _("Orders, refunds to ask for, subscriptions, customers"),
        "fulfilment": _("Sees orders and goods, looks after the stock"),
        "catalogue": _("Products and offers; sees stock and subscriptions"),
        "finance": _("Payments, refunds with approval, gift cards, books"),
        "agent": _("Sees orders, customers and products"),
    }.get(name, "")


def area(name: str) -> str:
    return {
        "orders": _("Orders"),
        "payments": _("Payments"),
        "refunds": _("Refunds"),
        "gift_cards": _("Gift cards"),
        "subscriptions": _("Subscriptions"),
        "stock": _("Stock"),
        "catalogue": _("Catalogue"),
        "customers": _("Customers"),
        "books": _("Books"),
        "system": _("Deliveries and health"),
        "staff": _("Staff"),
        "api_keys": _("API keys"),
        "activity": _("Activity"),
        "privacy": _("Personal data"),
    }[name]


def verb(name: str) -> str:
    return {"view": _("See"), "change": _("Change"), "approve": _("Approve")}[name]


def right(name: str) -> str:
    """`Refunds: Change`."""
    of, _dot, what = name.partition(".")
    return f"{area(of)}: {verb(what)}"


def key_state(state: str) -> tuple[str, str]:
    """(text, tone) of an API key."""
    return {
        "active": (_("Active"), "success"),
        "expired": (_("Expired"), "warning"),
        "revoked": (_("Revoked"), ""),
        "resting": (_("Rests: who answers for it has left"), "warning"),
    }[state]


def overlap(hours: int) -> str:
    if hours == 0:
        return _("Not at all: it stops now")
    if hours % 24 == 0:
        return ngettext("%(num)s day more", "%(num)s days more", hours // 24)
    return ngettext("%(num)s hour more", "%(num)s hours more", hours)


def role_choices(own: Iterable[Any], *, mine: frozenset[str]) -> list[tuple[str, str]]:
    """(value, text) of every role that somebody with these rights may give."""
    kinds = [(name, f"{role(name)} – {role_hint(name)}") for name, held in rules.ROLES.items() if held <= mine]
    return kinds + [
        (str(each.id), each.name) for each in own if rules.rights_of(rules.CUSTOM, each.rights) <= mine
    ]  # fmt: skip


def browser(agent: str) -> str:
    return rules.browser(agent) or _("Unknown browser")


def session(each: StaffSession) -> str:
    """In what somebody is signed in: a browser, or a program as it calls itself."""
    return _("Program %(name)s", name=each.agent[:40]).strip() if each.is_program else browser(each.agent)


def password_fault(fault: str) -> str:
    if fault == "name":
        return _("Choose a password without your name in it")
    if fault == "long":
        return _("Use at most %(n)s characters", n=rules.LONGEST_PASSWORD)
    if fault == "common":
        return _("This password is easy to guess. Choose a longer one, or several words that do not belong together")
    return password_rule()


def password_rule() -> str:
    return _("At least %(n)s characters, with a capital letter, a number and a symbol", n=rules.SHORTEST_PASSWORD)


def languages() -> list[tuple[str, str]]:
    """(value, text) of what somebody can read the back office in."""
    return [("", _("As this browser asks")), *LANGUAGES.items()]


def themes() -> list[tuple[str, str]]:
    names = {"device": _("As the device"), "light": _("Light"), "dark": _("Dark")}
    return [("", _("As this browser was told")), *((each, names[each]) for each in rules.THEMES)]


def densities() -> list[tuple[str, str]]:
    names = {"cosy": _("Cosy"), "compact": _("Compact: more on a page")}
    return [(each, names[each]) for each in rules.DENSITIES]


def timezones() -> list[tuple[str, list[tuple[str, str]]]]:
    """(continent or ocean, (value, text) of its places)."""
    names = {
        "Africa": _("Africa"),
        "America": _("America"),
        "Antarctica": _("Antarctica"),
        "Asia": _("Asia"),
        "Atlantic": _("Atlantic Ocean"),
        "Australia": _("Australia"),
        "Europe": _("Europe"),
        "Indian": _("Indian Ocean"),
        "Pacific": _("Pacific Ocean"),
    }
    return [
        (names[each], [(zone, zone.removeprefix(f"{each}/").replace("_", " ")) for zone in zones])
        for each, zones in rules.timezones().items()
    ]


def preference_fault(field: str) -> str:
    return {
        "language": _("The shop does not speak this language. Choose one of the list"),
        "timezone": _("There is no such time zone. Choose one of the list"),
        "theme": _("There is no such theme. Choose one of the list"),
        "density": _("There is no such density. Choose one of the list"),
    }[field]


def tried(kind: str, was_right: bool) -> tuple[str, str]:
    """(text, tone) of a password or a code that was tried."""
    if kind in ("password", "trusted", "own"):
        return (_("Password right"), "info") if was_right else (_("Password wrong"), "warning")
    if kind == "passkey":
        return (_("Passkey right"), "success") if was_right else (_("Passkey refused"), "danger")
    if kind == "again" and was_right:
        return _("Code right: confirmed"), "success"
    return (_("Code right: signed in"), "success") if was_right else (_("Code wrong"), "danger")


def act(action: str) -> str:
    """What was done, in words; an act nobody has given words yet by its name."""
    return _acts().get(action, action)


def _acts() -> Mapping[str, str]:
    return {
        "staff.created": _("Account opened by command"),
        "staff.invited": _("Invited somebody"),
        "staff.invited_again": _("Sent an invitation again"),
        "staff.invitation_revoked": _("Took an invitation back"),
        "staff.joined": _("Accepted an invitation"),
        "staff.role_given": _("Gave another role"),
        "staff.let_go": _("Closed an account"),
        "staff.taken_back": _("Opened an account again"),
        "staff.signed_out": _("Signed a colleague out everywhere"),
        "staff.totp_reset": _("Reset an authenticator"),
        "staff.role_added": _("Made a role"),
        "staff.role_changed": _("Changed a role"),
        "staff.role_removed": _("Removed a role"),
        "staff.password_changed": _("Changed their password"),
        "staff.password_reset": _("Chose another password by a link, having forgotten it"),
        "staff.password_ended": _("Ended a colleague's password"),
        "staff.preferences_changed": _("Changed how the back office looks to them"),
        "staff.codes_changed": _("Made new backup codes"),
        "staff.totp_changed": _("Set up another authenticator"),
        "staff.totp_removed": _("Turned their authenticator off, and kept their passkeys"),
        "staff.token_reused": _("A program's token was used twice, its session has ended"),
        "staff.phone_changed": _("Confirmed a phone for codes by SMS"),
        "staff.phone_removed": _("Removed the phone for codes by SMS"),
        "staff.backup_codes_saved": _("Saved their backup codes"),
        "staff.authenticator_added": _("Set up an authenticator"),
        "staff.passkey_added": _("Added a passkey"),
        "staff.passkey_renamed": _("Renamed a passkey"),
        "staff.passkey_removed": _("Removed a passkey"),
        "staff.device_trusted": _("Trusted a browser"),
        "staff.device_forgotten": _("Stopped trusting a browser"),
        "privacy.request_opened": _("Wrote down a request about personal data"),
        "privacy.request_answered": _("Answered a request about personal data"),
        "privacy.copy_taken": _("Took a copy of somebody's data"),
        "privacy.account_closed": _("Closed a customer's account, as asked"),
        "privacy.guest_erased": _("Erased a guest's data, as asked"),
        "newsletter.removed": _("Took an address off the newsletter"),
        "newsletter.exported": _("Took the list of the newsletter"),
        "staff.left": _("Signed out"),
        "staff.signed_out_others": _("Signed out everywhere else"),
        "staff.signed_out_one": _("Signed out in one place"),
        "api_key.created": _("Made an API key"),
        "api_key.rotated": _("Rotated an API key"),
        "api_key.secret_ended": _("Ended an old secret of an API key"),
        "api_key.revoked": _("Revoked an API key"),
        "order.provider_asked": _("Asked the provider about an order"),
        "order.money_arrived": _("Noted money that arrived"),
        "order.given_up": _("Gave up waiting for money"),
        "stock.hold_released": _("Released a lock"),
        "stock.cleaned_up": _("Ran the clean-up"),
        "document.issued": _("Issued documents"),
        "document.mailed": _("Sent a document by mail"),
        "delivery.retried": _("Tried a delivery again"),
        "refund.requested": _("Refunded"),
        "refund.waiting": _("Asked for a refund"),
        "refund.approved": _("Approved a refund"),
        "refund.rejected": _("Rejected a refund"),
        "refund.declined": _("Declined a customer's wish"),
        "refund.asked_again": _("Sent a refund again"),
        "value.issued": _("Issued a gift card or credit"),
        "value.adjusted": _("Changed a gift card by hand"),
        "value.disabled": _("Disabled a gift card"),
        "value.active": _("Enabled a gift card"),
        "value.code_renewed": _("Sent a new code"),
        "books.reconciliation_requested": _("Asked for a comparison"),
        "difference.accept": _("Accepted a difference"),
        "difference.write_off": _("Wrote a difference off"),
        "subscription.paused": _("Paused a subscription"),
        "subscription.resumed": _("Resumed a subscription"),
        "subscription.cancelled": _("Cancelled a subscription"),
        "subscription.plan_offered": _("Offered a subscription"),
        "subscription.plan_ended": _("Ended an offer"),
        "catalogue.tailoring_set": _("Changed how a product is made to measure"),
    }


def act_area(name: str) -> str:
    return {
        "staff": _("Staff"),
        "api_key": _("API keys"),
        "order": _("Orders"),
        "stock": _("Stock"),
        "document": _("Documents"),
        "delivery": _("Deliveries"),
        "refund": _("Refunds"),
        "value": _("Gift cards"),
        "books": _("Books"),
        "difference": _("Differences"),
        "subscription": _("Subscriptions"),
        "catalogue": _("Catalogue"),
        "privacy": _("Personal data"),
        "newsletter": _("Newsletter"),
        "form": _("Other forms"),
    }.get(name, name)


def changes(entry: Any) -> list[tuple[str, str, str]]:
    """(name, before, after) of whatever an act changed, and (name, "", value) of what else it tells."""
    before, after = entry.before or {}, entry.after or {}
    names = [*before, *(name for name in after if name not in before)]
    changed = [(name, _told(before.get(name)), _told(after.get(name))) for name in names]
    return changed + [(name, "", _told(value)) for name, value in sorted(entry.facts.items())]


def _told(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


def masked_address(address: str | None) -> str:
    """Its network, which is enough to tell places apart."""
    return rules.network(address) or "–"


def alert(kind: str) -> tuple[str, str]:
    """(text, tone) of what looks suspicious."""
    return {
        "many_accounts": (_("Many accounts tried from one address"), "danger"),
        "many_customers": (_("Many customers' accounts tried from one address"), "danger"),
        "new_place": (_("Signed in from a new place or browser"), "info"),
        "copied_passkey": (_("A passkey may have been copied"), "danger"),
        "pace": (_("Signed in from two networks within minutes"), "warning"),
        "stolen_token": (_("A program's token was used twice, its session has ended"), "danger"),
    }[kind]
