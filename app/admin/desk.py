"""What every page of the back office has: the rail with what waits for somebody, and words about what was just done."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request
from flask_babel import gettext as _

from app.admin import gate
from app.core import outbox
from app.payments import queries as payments
from app.privacy import queries as privacy
from app.reconciliation import queries as reconciliation
from app.returns import queries as returns
from app.stock import queries as stock
from app.web import languages
from app.web.respond import no_store
from app.web.site import settings
from app.web.staff import can, current_staff


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the rail; `count` is what waits there."""

    url: str
    name: str
    icon: str
    current: bool
    count: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What needs a person, across the domains."""

    expired_locks: int
    payments: int
    dead_deliveries: int
    refunds: int
    differences: int
    silent: str  # providers whose webhooks have stopped
    requests: int  # about personal data
    late_requests: int


def desk(name: str, import_name: str) -> Blueprint:
    """A blueprint of the back office: below `/admin`, never cached, with the rail. The gate is `app/admin/gate.py`."""
    blueprint = no_store(Blueprint(f"admin_{name}", import_name, url_prefix=gate.PREFIX))
    blueprint.context_processor(_around)
    return blueprint


def waiting() -> Waiting:
    alerts, (requests, late) = reconciliation.alerts(), privacy.waiting_count()
    return Waiting(
        expired_locks=stock.lock_counts()["expired"],
        payments=payments.attention_count(),
        dead_deliveries=outbox.count_dead(),
        refunds=returns.waiting_count(),
        differences=alerts.differences,
        silent=alerts.silent or "",
        requests=requests,
        late_requests=late,
    )


def done(url: str, what: str) -> Response:
    """After a POST: back to a page, which says in words what was done (see `_words`)."""
    return redirect(f"{url}{'&' if '?' in url else '?'}done={what}", 303)  # type: ignore[return-value]


def _around() -> dict[str, object]:
    """For the layout. Asked once per rendered template set, so fragments that extend nothing pay nothing."""
    rail = _Rail()
    return {
        "admin_nav": rail,
        "silent_webhooks": rail.silent,
        "staff": current_staff(),
        "said": _words(request.args.get("done", "")),
        "foreign_zone": _foreign_zone(),
    }


def _foreign_zone() -> str:
    """The shop's time zone, where it is not the reader's own: for whatever keeps to it all the same."""
    zone = settings().shop.timezone
    return zone.key if languages.zone() != zone else ""


class _Rail:
    """The rail, counted only when a layout really draws it: a polled fragment does not."""

    def __init__(self) -> None:
        self._counts: Waiting | None = None

    def counts(self) -> Waiting:
        self._counts = self._counts or waiting()
        return self._counts

    def silent(self) -> str:
        """Providers that tell nothing any more, for the banner on every page of whoever looks after payments."""
        if not can("payments.view"):
            return ""
        return ", ".join(name.strip().capitalize() for name in self.counts().silent.split(",") if name.strip())

    def __iter__(self):  # type: ignore[no-untyped-def]
        counts = self.counts()
        sell = [
            ("", "/admin/", _("Overview"), "eye", 0),
            ("orders.view", "/admin/orders", _("Orders"), "orders", 0),
            ("catalogue.view", "/admin/products", _("Products"), "cloth", 0),
            ("subscriptions.view", "/admin/subscriptions", _("Subscriptions"), "refresh", 0),
            ("gift_cards.view", "/admin/gift-cards", _("Gift cards"), "card", 0),
            ("customers.view", "/admin/newsletter", _("Newsletter"), "mail", 0),
        ]
        care = [
            ("stock.view", "/admin/stock-locks", _("Stock locks"), "lock", counts.expired_locks),
            ("payments.view", "/admin/payments", _("Payments"), "card", counts.payments),
            ("refunds.view", "/admin/refunds", _("Refunds"), "refresh", counts.refunds),
            ("books.view", "/admin/books", _("Books"), "bank", counts.differences),
            ("system.view", "/admin/deliveries", _("Deliveries"), "mail", counts.dead_deliveries),
            ("privacy.view", "/admin/privacy", _("Personal data"), "user", counts.requests),
        ]
        house = [
            ("staff.view", "/admin/staff", _("Staff"), "shield", 0),
            ("api_keys.view", "/admin/api-keys", _("API keys"), "key", 0),
            ("activity.view", "/admin/activity", _("Activity"), "clock", 0),
            ("", "/admin/profile", _("Your account"), "user", 0),
        ]
        for title, lines in ((_("Sell"), sell), (_("Needs you"), care), (_("Shop"), house)):
            shown = [line[1:] for line in lines if not line[0] or can(line[0])]
            if shown:
                items = [Item(url, name, icon, _is_here(url), count) for url, name, icon, count in shown]
                yield {"title": title, "items": items}


def _is_here(url: str) -> bool:
    return request.path == url or (url != "/admin/" and request.path.startswith(url + "/"))


def _words(what: str) -> tuple[str, str] | None:
    """(tone, sentence) for what a POST has done; None for anything else that stands in the address."""
    return {
        "asked": ("success", _("The provider was asked, and the order is settled by its answer.")),
        "released": ("success", _("The lock is released. The items are for sale again.")),
        "nothing-held": ("info", _("This order held nothing any more.")),
        "cleaned": ("success", _("The clean-up has run.")),
        "refund-again": ("success", _("The refund is on its way to the provider again.")),
        "retried": ("success", _("It will be delivered again within seconds.")),
        "issued": ("success", _("Invoice and receipt are issued.")),
        "issued-before": ("info", _("Nothing was issued: the documents are there, or the order is not paid.")),
        "document-sent": ("success", _("The document is on its way to the customer.")),
        "not-dead": ("info", _("This delivery was not given up any more.")),
        "staff-invited": ("success", _("The invitation is on its way by mail.")),
        "invitation-revoked": ("success", _("The invitation is taken back. Its link is dead.")),
        "invitation-over": ("info", _("This invitation was accepted or taken back meanwhile.")),
        "role-given": ("success", _("They have the new role from their next click on.")),
        "let-go": ("success", _("The account is closed, and signed out everywhere.")),
        "taken-back": ("success", _("The account is open again.")),
        "colleague-signed-out": ("success", _("They are signed out everywhere.")),
        "totp-reset": ("success", _("Their next sign-in shows a new QR code after the password.")),
        "password-ended": ("success", _("Their password is dead. A mail tells them how to choose another.")),
        "staff-so-already": ("info", _("It was so already. Nothing was changed.")),
        "last-owner": ("warning", _("Somebody has to own the shop: make somebody else an owner first.")),
        "yourself": ("warning", _("Somebody else has to do this for you.")),
        "role-saved": ("success", _("The role is saved, and counts from the next click on.")),
        "role-removed": ("success", _("The role is removed.")),
        "role-in-use": ("warning", _("Somebody has this role, or is invited with it. Nothing was changed.")),
        "password-changed": ("success", _("Your password is changed, and you are signed out everywhere else.")),
        "password-reset": ("success", _("Your new password counts now. Sign in with it and your second factor.")),
        "codes-renewed": ("success", _("Your old backup codes are dead. These are the new ones.")),
        "passkey-added": ("success", _("Your passkey is added. From now on you can sign in with it alone.")),
        "passkey-renamed": ("success", _("Saved.")),
        "passkey-removed": ("success", _("The passkey is removed. Delete it on your device too.")),
        "last-factor": (
            "warning",
            _("Set up an authenticator or another passkey first: the password alone is not enough."),
        ),
        "device-forgotten": ("success", _("That browser is not trusted any more.")),
        "signed-out-others": ("success", _("You are signed out everywhere else.")),
        "signed-out-one": ("success", _("That session is over.")),
        "preferences-saved": ("success", _("Saved. The back office looks so wherever you sign in.")),
        "phone-confirmed": ("success", _("Your number is confirmed.")),
        "phone-removed": ("success", _("Your number is removed.")),
        "codes-saved": ("success", _("Good. Keep them where your phone is not.")),
        "key-revoked": ("success", _("The key is revoked: none of its secrets opens anything any more.")),
        "key-over": ("info", _("This key is revoked already.")),
        "key-rotated-before": ("info", _("Somebody rotated this key meanwhile. The newest secret stands first below.")),
        "secret-ended": ("success", _("The old secret does not work any more.")),
        "no-answer": ("danger", _("The provider does not answer. Nothing was changed; please try again in a minute.")),
        "under-way": (
            "warning",
            _("The bank is still working on a payment for this order. Its lock stays until it answers."),
        ),
        "settled": ("info", _("This order is no longer waiting for payment, so there is nothing to release.")),
        "refund-sent": ("success", _("The refund is on its way to the provider.")),
        "refund-made": ("success", _("The refund is made: the value can be spent again.")),
        "refund-waits": ("info", _("The refund waits for somebody else to approve it.")),
        "refund-approved": ("success", _("Approved. The refund is on its way to the provider.")),
        "refund-rejected": ("info", _("Rejected. Nothing was sent back.")),
        "refund-decided": ("info", _("Somebody has decided about this meanwhile.")),
        "less-is-left": (
            "warning",
            _("Less than this is left to refund now: something went back meanwhile. Nothing was sent."),
        ),
        "not-yours": ("warning", _("You asked for this refund yourself; somebody else has to decide about it.")),
        "dispute-open": (
            "warning",
            _("The bank has not decided a dispute about this payment, so nothing is refunded yet."),
        ),
        "refund-too-small": (
            "warning",
            _("The payment provider sends nothing so small back. Give it as store credit instead."),
        ),
        "declined": ("success", _("Declined. The customer is told why.")),
        "looked": ("success", _("The provider was asked about refunds and disputes of this order.")),
        "difference-repaired": ("success", _("Done. The next comparison looks whether it is really gone.")),
        "difference-accepted": ("success", _("Noted, with your reason.")),
        "difference-closed": ("info", _("This difference was dealt with already.")),
        "no-repair": ("warning", _("That cannot be done here: the provider's answer does not fit any more.")),
        "reconciling": ("success", _("The comparison begins within seconds. Look again in a minute.")),
        "money-arrived": ("success", _("Noted. What becomes of the order stands below.")),
        "said-before": ("info", _("Somebody has said so already. Nothing was changed.")),
        "given-up": ("success", _("The order is cancelled, and its items are for sale again.")),
        "plan-ended-here": (
            "success",
            _("The order is cancelled, its items are for sale again, and what was paid is on its way back."),
        ),
        "not-by-hand": ("warning", _("The customer pays another way now. Nothing was changed.")),
        "sent-by-hand": ("success", _("Noted: the money was sent back. The customer is told.")),
        "not-sent": ("warning", _("Noted: the refund failed. You can send it again.")),
        "plan-added": ("success", _("It is offered on the product's page within seconds.")),
        "plan-ended": ("success", _("It is offered no more. Who has subscribed keeps it.")),
        "subscription-paused": ("success", _("Paused. The provider and the customer are told.")),
        "subscription-resumed": ("success", _("Resumed. The provider and the customer are told.")),
        "subscription-cancelled": ("success", _("Cancelled. The provider and the customer are told.")),
        "subscription-changed": ("info", _("The subscription has changed meanwhile. Nothing was done.")),
        "issued-value-before": (
            "info",
            _("This form was sent before. Its codes were shown then, and cannot be shown again."),
        ),
        "value-disabled": ("success", _("Disabled: nobody can pay with it.")),
        "value-active": ("success", _("It can be used again.")),
        "value-code-sent": ("success", _("A new code is on its way. Nobody can use the old one any more.")),
        "value-adjusted": ("success", _("Changed. The reason stands in its ledger.")),
        "news-ended": ("success", _("This address gets no more news. An older list of yours may still have it.")),
        "news-ended-before": ("info", _("This address had left the news already.")),
        "request-opened": ("success", _("The request is written down, with the day it has to be answered by.")),
        "request-known": ("info", _("Such a request of this address is open already. Here it is.")),
        "request-answered": ("success", _("Answered. Tell the person, if they have no account to read it in.")),
        "request-closed": ("info", _("Somebody has answered this request meanwhile.")),
        "guest-erased": ("success", _("Forgotten. What the books have to keep stands in docs/privacy.md.")),
        "erase-waits": (
            "warning",
            _("An order, its delivery, a refund or a subscription of theirs is not over yet. Nothing was deleted."),
        ),
        "account-closes": ("success", _("The account is deleted after its time of grace. Its owner is told by mail.")),
        "tailoring-saved": ("success", _("Saved. The shop asks so from now on.")),
        "refund-covered": ("info", _("This refund has been asked for again already.")),
    }.get(what)
