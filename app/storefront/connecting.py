"""By which providers a customer may enter their account: connect one, let go of one."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core.transaction import in_transaction
from app.customers import flows, gateway, queries
from app.customers.actions import identities
from app.customers.errors import TooManyTries, WrongPassword
from app.customers.rules import LONGEST_PASSWORD
from app.storefront.account import security_page, wrong_words
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES
from app.storefront.social import leave_for
from app.web import customers
from app.web.limits import limit
from app.web.respond import no_store

bp = no_store(Blueprint("connecting", __name__, url_prefix="/account/security/with"))
bp.before_request(customers.demand)


@bp.post("/<provider>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def connect(provider: str) -> ResponseReturnValue:
    """With the password: a session alone must not make itself a way in that outlasts it."""
    gateway.provider(provider)
    return _refused() or leave_for(provider, customer_id=customers.somebody().customer_id)


@bp.post("/<provider>/remove")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def remove(provider: str) -> ResponseReturnValue:
    """Also of a provider that is switched off. Without a password there is nothing to ask for, and nothing to lose: a mailed
    link always opens the account."""
    person = customers.somebody()
    if provider not in {each.provider for each in queries.identities(person.customer_id)}:
        gateway.provider(provider)
    if queries.password_hash_of(person.customer_id) and (refusal := _refused()):
        return refusal
    in_transaction(lambda: identities.disconnect(person.customer_id, provider))
    return redirect(url_for("account.security", said="disconnected"), 303)


def _refused() -> ResponseReturnValue | None:
    """The page again, unless the password is theirs."""
    person, password = customers.somebody(), request.form.get("current", "")
    try:
        if not 0 < len(password) <= LONGEST_PASSWORD:
            raise WrongPassword()
        flows.check_password(person.customer_id, password, session_id=person.session_id)
    except (WrongPassword, TooManyTries) as refusal:
        return security_page(ways_error=wrong_words(refusal), status=refusal.status)
    return None
