"""What customers are written about their account. Like every mail: no transaction open, at least once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from app.catalog import queries as catalog
from app.core.transaction import in_transaction
from app.customers import actions as customer_actions
from app.customers import gateway
from app.customers import queries as customers
from app.customers.actions import newsletter
from app.customers.events import (
    AccountClosing,
    CustomerRegistered,
    EmailChanged,
    LinkWanted,
    NewPlaceSeen,
    NewsWanted,
    PasskeyChanged,
    PasswordChanged,
    SignInBlocked,
    SignInWayChanged,
    TokenStolen,
    WishBack,
)
from app.customers.models import Customer, CustomerRequest
from app.customers.queries import links, watching
from app.customers.rules import LINK_MINUTES, NEWS_LINK_HOURS, device_of, first_name, masked
from app.notifications import flows, letters
from app.notifications.flows import Mail
from app.stock import queries as stock

LINK_LETTERS = {
    "register": "customer_confirm",
    "sign_in": "customer_sign_in",
    "reset": "customer_reset",
    "new_email": "customer_new_email",
    "connect": "customer_connect",
}


def send_link(event: LinkWanted) -> None:
    """Here, and nowhere a stranger could see it, it is found out whether the address has an account: the mail goes to that
    one's own, never to one that was only taken for it. Once it has left, the shop knows its link no more."""

    def plan() -> Mail | None:
        wish = customer_actions.claim_letter(event.request_id)
        owner = customers.customer_by_email(wish.email) if wish else None
        template = _link_letter(wish, owner) if wish else None
        if wish is None or template is None:
            return None
        customer_actions.note_letter(wish)
        values = {"token": wish.token, "minutes": LINK_MINUTES[wish.kind], **_asking(wish, owner)}
        topic = f"{event.name}:{event.request_id}"
        to = owner.email if owner else wish.email
        return Mail(topic, template, to, letters.language_of(wish.locale), None, values)

    flows.send_once(plan)
    in_transaction(lambda: customer_actions.forget_token(event.request_id))


def _asking(wish: CustomerRequest, owner: Customer | None) -> dict[str, Any]:
    """Whose account wants the address, or which provider it is to be connected with."""
    if wish.flow_id is not None:
        flow = customers.flow_of(wish.flow_id)
        label = gateway.label_of(flow.provider) if flow else ""
        return {"label": label, "is_known": owner is not None}
    person = customers.customer(wish.customer_id) if wish.customer_id else None
    return {"name": first_name(person.name), "old": masked(person.email)} if person else {}


def _link_letter(wish: CustomerRequest, owner: Customer | None) -> str | None:
    """Which mail answers; None for the link to an account that there is not."""
    if wish.kind in ("register", "new_email"):
        return "customer_known" if owner is not None else LINK_LETTERS[wish.kind]
    if wish.kind == "connect":
        return LINK_LETTERS[wish.kind]
    return LINK_LETTERS[wish.kind] if owner is not None else None


def send_news_letter(event: NewsWanted) -> None:
    """Asks whether the news are really wanted there. Nothing for an address that has them already, or had a letter just now."""

    def plan() -> Mail | None:
        row = newsletter.claim_letter(event.subscriber_id, event.letter_id)
        if row is None:
            return None
        owner = customers.customer_by_email(row.email)
        values = {"path": f"/newsletter/{links.confirmation_token(row)}", "hours": NEWS_LINK_HOURS}
        unsubscribe = f"/unsubscribe/{links.unsubscribe_token(row.id, links.NEWSLETTER)}"
        topic, to = f"{event.name}:{event.letter_id}", owner.email if owner else row.email
        return Mail(
            topic, "newsletter_confirm", to, letters.language_of(row.locale), None, values, unsubscribe=unsubscribe
        )

    flows.send_once(plan)


def welcome_customer(event: CustomerRegistered) -> None:
    flows.send_once(lambda: _to_customer(f"{event.name}:{event.customer_id}", "customer_welcome", event.customer_id))


def tell_password_changed(event: PasswordChanged) -> None:
    topic = f"{event.name}:{event.change_id}"
    flows.send_once(lambda: _to_customer(topic, "customer_password_changed", event.customer_id))


def tell_passkey_changed(event: PasskeyChanged) -> None:
    topic = f"{event.name}:{event.change_id}"

    def plan() -> Mail | None:
        mail = _to_customer(topic, "customer_passkey_changed", event.customer_id)
        return replace(mail, values={**mail.values, "what": event.what}) if mail else None

    flows.send_once(plan)


def tell_account_closes(event: AccountClosing) -> None:
    """Not when the owner has changed their mind meanwhile."""

    def plan() -> Mail | None:
        person = customers.customer(event.customer_id)
        if person is None or person.closes_at is None:
            return None
        mail = _to_customer(f"{event.name}:{event.change_id}", "customer_closing", event.customer_id)
        return replace(mail, values={**mail.values, "at": person.closes_at}) if mail else None

    flows.send_once(plan)


def tell_email_changed(event: EmailChanged) -> None:
    """To the address that was the account's: should it not have been its owner, they can still write to us."""

    def plan() -> Mail | None:
        former, person = customers.former_email(event.request_id), customers.customer(event.customer_id)
        if former is None or person is None:
            return None
        topic = f"{event.name}:{event.request_id}"
        return Mail(topic, "customer_email_changed", former.email, letters.language_of(person.locale), None)

    flows.send_once(plan)


def tell_sign_in_way(event: SignInWayChanged) -> None:
    topic = f"{event.name}:{event.change_id}"

    def plan() -> Mail | None:
        mail = _to_customer(topic, "customer_sign_in_way", event.customer_id)
        values = {"label": gateway.label_of(event.provider), "is_connected": event.is_connected}
        return replace(mail, values={**mail.values, **values}) if mail else None

    flows.send_once(plan)


def warn_of_blocked_sign_in(event: SignInBlocked) -> None:
    topic = f"{event.name}:{event.attempt_id}"
    flows.send_once(lambda: _to_customer(topic, "customer_sign_in_blocked", event.customer_id))


def tell_new_place(event: NewPlaceSeen) -> None:
    """When, and with what, as roughly as its owner knows it again."""
    topic = f"{event.name}:{event.session_id}"

    def plan() -> Mail | None:
        session = watching.session(event.session_id)
        mail = _to_customer(topic, "customer_new_place", event.customer_id)
        if session is None or mail is None:
            return None
        browser, system = device_of(session.user_agent)
        return replace(mail, values={**mail.values, "at": session.created_at, "browser": browser, "system": system})

    flows.send_once(plan)


def warn_of_stolen_token(event: TokenStolen) -> None:
    topic = f"{event.name}:{event.session_id}"
    flows.send_once(lambda: _to_customer(topic, "customer_token_stolen", event.customer_id))


def tell_wish_is_back(event: WishBack) -> None:
    """Not when it is gone again, or when they said meanwhile that they do not want to know."""

    def plan() -> Mail | None:
        person = customers.customer(event.customer_id)
        if person is None or not customers.wants(person.id, channel="email", kind="alerts"):
            return None
        locale = letters.language_of(person.locale)
        cards = catalog.cards(
            [event.product_id], locale=locale, currency=person.currency or letters.site().shop.currency
        )
        if not cards or stock.availability_by_product([event.product_id]).get(event.product_id, stock.NONE).total <= 0:
            return None
        values = {"product": cards[0].name, "path": f"/p/{cards[0].slug}"}
        unsubscribe = f"/unsubscribe/{links.unsubscribe_token(person.id, 'alerts')}"
        return Mail(
            f"{event.name}:{event.notice_id}", "wish_back", person.email, locale, None, values, unsubscribe=unsubscribe
        )

    flows.send_once(plan)


def _to_customer(topic: str, template: str, customer_id: uuid.UUID) -> Mail | None:
    person = customers.customer(customer_id)
    if person is None:
        return None
    values = {"name": person.name.split(" ")[0][:40]}
    return Mail(topic, template, person.email, letters.language_of(person.locale), None, values)
