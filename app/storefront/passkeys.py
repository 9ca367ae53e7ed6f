"""Signing in by passkey. One answer for whatever is not believed."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.transaction import in_transaction
from app.customers import flows
from app.customers.errors import TooManyTries
from app.passkeys import actions as passkeys
from app.storefront.customer_forms import LoginForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES, login_page, next_page, too_many, welcome
from app.web import customers
from app.web.limits import limit
from app.web.passkeys import bound_to, given, party
from app.web.respond import no_store

bp = no_store(Blueprint("passkeys", __name__))


@bp.post("/login/passkey/options")
@limit("60/minute", per_address="600/minute")
def ask() -> ResponseReturnValue:
    """Whosever passkey it is. The page asks by itself, so that the browser offers them with the names it knows."""
    where, browser = party(), bound_to()
    return jsonify(in_transaction(lambda: passkeys.ask_to_use("customer_sign_in", party=where, bound_to=browser)))


@bp.post("/login/passkey")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def log_in() -> ResponseReturnValue:
    form, answer = LoginForm(), given()
    try:
        is_kept = bool(form.keep.data)
        new = flows.sign_in_with_key(answer, device=customers.device(), is_kept=is_kept) if answer else None
    except TooManyTries as refusal:
        return login_page(form, error=too_many(refusal), status=429)
    if new is None:
        words = _("This passkey was not accepted. Please try once more, or sign in another way.")
        return login_page(form, error=words, status=422)
    return welcome(new, to=next_page())
