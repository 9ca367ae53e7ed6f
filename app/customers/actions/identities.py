"""Verbs of signing in by way of a provider, in the caller's transaction: begin, come back, prove the account, connect.

Who somebody is at a provider is (issuer, subject), never the e-mail address. An account that is there already is entered, and
connected, by nobody who has not proven to own it: by its password, by its mailbox, or signed in to it.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func

from app.core import crypto, db, outbox
from app.core.ids import new_id, new_token
from app.customers import actions as customers
from app.customers import queries, rules
from app.customers.actions import Device, NewSession
from app.customers.errors import IdentityTaken, LinkOver, SignInOver
from app.customers.events import CustomerRegistered, SignInWayChanged
from app.customers.models import Customer, CustomerIdentity, CustomerOidcFlow, CustomerRequest


@dataclass(frozen=True, slots=True)
class Begun:
    """What goes to the provider with the browser; only the `verifier` stays here."""

    state: str
    nonce: str
    verifier: str


def begin(provider: str, *, visitor: str, next_path: str = "", customer_id: uuid.UUID | None = None) -> Begun:
    begun = Begun(*(secrets.token_urlsafe(32) for _ in range(3)))
    db.session.add(
        CustomerOidcFlow(
            id=new_id(),
            provider=provider,
            state_hash=queries.token_hash(begun.state),
            visitor=visitor,
            customer_id=customer_id,
            nonce=begun.nonce,
            verifier=begun.verifier,
            next_path=next_path,
            expires_at=_in_minutes(rules.FLOW_MINUTES),
        )
    )
    return begun


@dataclass(frozen=True, slots=True)
class Spent:
    id: uuid.UUID
    nonce: str
    verifier: str
    next_path: str
    customer_id: uuid.UUID | None


def spend(state: str, *, provider: str, visitor: str | None) -> Spent:
    """Come back from the provider, once, in the browser that left for it. Raises SignInOver."""
    flow = queries.lock_flow(CustomerOidcFlow.state_hash == queries.token_hash(state))
    if flow is None or flow.provider != provider or flow.visitor != visitor or flow.verifier is None:
        raise SignInOver()
    spent = Spent(flow.id, flow.nonce, flow.verifier, flow.next_path, flow.customer_id)
    flow.verifier, flow.used_at = None, func.clock_timestamp()
    return spent


def enter(flow_id: uuid.UUID, somebody: dict[str, Any], *, device: Device, locale: str) -> NewSession | None:
    """Sign in who is known, or make an account for somebody new whose address the provider vouches for. Else None, and what
    the provider said is kept until they prove which account is theirs. Raises SignInOver."""
    flow = queries.lock_flow(CustomerOidcFlow.id == flow_id)
    if flow is None:
        raise SignInOver()
    person = _known(somebody)
    if person is None and somebody["is_email_verified"] and somebody["email"]:
        queries.lock_tries(somebody["email"])
        if queries.lock_customer_by_email(somebody["email"]) is None:
            person = _made(somebody["email"], somebody, locale=locale)
            return _entered(person, flow, device=device, is_new=True)
    if person is not None:
        return _entered(person, flow, device=device)
    flow.somebody, flow.expires_at = somebody, _in_minutes(rules.PROOF_MINUTES)
    flow.email_index = crypto.blind_index(somebody["email"]) if somebody["email"] else None
    return None


def _known(somebody: dict[str, Any]) -> Customer | None:
    """The locked customer who is this somebody. Raises SignInOver for an account that is closed, or lets go of them just now."""
    key = rules.identity_key(somebody["issuer"], somebody["subject"])
    queries.lock_tries(key)  # first sign-ins at the same moment make one account
    identity = queries.identity(key)
    if identity is None:
        return None
    person = queries.lock_customer(identity.customer_id)
    if person is None or queries.identity(key) is None:
        raise SignInOver()
    return person


def _made(email: str, somebody: dict[str, Any], *, locale: str) -> Customer:
    """An account without a password. Its address must be proven, and free, and locked (`lock_tries`)."""
    person = Customer(
        id=new_id(),
        email=email,
        email_index=crypto.blind_index(email),
        name=somebody["name"] or email.partition("@")[0],
        visitor=new_token(),
        locale=locale,
    )
    db.session.add(person)
    db.session.flush()
    _join(person, somebody)
    outbox.record(CustomerRegistered(person.id))
    return person


def _entered(person: Customer, flow: CustomerOidcFlow, *, device: Device, is_new: bool = False) -> NewSession:
    """Nothing that the provider said is kept in the flow any more."""
    flow.somebody = flow.email_index = None
    customers.note(person.email, "provider", was_right=True)
    path = "/account/?said=made" if is_new and not flow.next_path else flow.next_path
    return customers.start_session(person, device=device, is_kept=False, next_path=path, is_expected=is_new)


def connect(customer_id: uuid.UUID, somebody: dict[str, Any]) -> None:
    """Let this somebody enter an account whose owner is signed in, or just gave its password. Raises SignInOver, IdentityTaken."""
    known = _known(somebody)
    person = known or queries.lock_customer(customer_id)
    if person is None:
        raise SignInOver()
    if person.id != customer_id:
        raise IdentityTaken()
    if known is None:
        _connect(person, somebody)


def connect_pending(flow_id: uuid.UUID, customer_id: uuid.UUID) -> None:
    """The same for what a flow still keeps, which is over then."""
    flow = queries.lock_flow(CustomerOidcFlow.id == flow_id)
    if flow is None or flow.somebody is None:
        raise SignInOver()
    connect(customer_id, flow.somebody)
    flow.somebody = flow.email_index = None


def connect_by_link(token: str, *, visitor: str | None, device: Device) -> NewSession:
    """The mailbox proves the account, or is where a new one begins. Only in the browser that came back from the provider: else
    whoever types another's address would wait for them to let a stranger in.

    Raises LinkOver (also in another browser), SignInOver or IdentityTaken.
    """
    wish = queries.open_request(token, kind="connect")
    flow = queries.lock_flow(CustomerOidcFlow.id == wish.flow_id) if wish else None
    if wish is None or flow is None or flow.somebody is None or visitor is None or wish.visitor != visitor:
        raise LinkOver()
    known = _known(flow.somebody)
    queries.lock_tries(wish.email)
    person = queries.lock_customer_by_email(wish.email)
    customers.spend(token, kind="connect")
    if (known is not None and known != person) or (person is not None and not person.is_active):
        raise IdentityTaken()
    if person is None:
        return _entered(_made(wish.email, flow.somebody, locale=wish.locale), flow, device=device, is_new=True)
    if known is None:
        _connect(person, flow.somebody)
    return _entered(person, flow, device=device)


def ask_for_proof(flow: CustomerOidcFlow, email: str, *, locale: str) -> CustomerRequest:
    """A mail with a link to the address that somebody says is theirs."""
    return customers.ask("connect", email, locale=locale, visitor=flow.visitor, flow_id=flow.id)


def _connect(person: Customer, somebody: dict[str, Any]) -> None:
    """The owner is told by mail. Raises IdentityTaken where the account has somebody else of that provider."""
    if any(each.provider == somebody["provider"] for each in queries.identities(person.id)):
        raise IdentityTaken()
    _join(person, somebody)
    outbox.record(SignInWayChanged(person.id, new_id(), somebody["provider"], True))


def _join(person: Customer, somebody: dict[str, Any]) -> None:
    db.session.add(
        CustomerIdentity(
            id=new_id(),
            customer_id=person.id,
            provider=somebody["provider"],
            identity_index=crypto.blind_index(rules.identity_key(somebody["issuer"], somebody["subject"])),
            email=somebody["email"],
        )
    )
    db.session.flush()


def disconnect(customer_id: uuid.UUID, provider: str) -> None:
    """The mailed link stays a way in, so this never locks anybody out. Nothing happens where it was not connected."""
    if queries.lock_customer(customer_id) is None:
        return
    gone = delete(CustomerIdentity).where(
        CustomerIdentity.customer_id == customer_id, CustomerIdentity.provider == provider
    )
    if db.session.scalar(gone.returning(CustomerIdentity.id)) is not None:
        outbox.record(SignInWayChanged(customer_id, new_id(), provider, False))


def _in_minutes(minutes: int) -> Any:
    return func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, minutes)
