"""A customer's own passkeys: add, rename, remove. They are listed on the page of sign-in and security."""

from __future__ import annotations

import uuid

from flask import Blueprint, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.transaction import in_transaction
from app.customers import flows
from app.customers.actions import keys
from app.customers.errors import TooManyTries, WrongPassword
from app.passkeys import actions as passkeys
from app.passkeys import queries
from app.passkeys.errors import TooManyPasskeys
from app.passkeys.models import Owner
from app.storefront.account import security_page, wrong_words
from app.storefront.customer_forms import PasskeyForm, PasskeyNameForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES
from app.web import customers
from app.web.errors import problem
from app.web.limits import FORMS, limit
from app.web.passkeys import bound_to, given, party, too_many
from app.web.respond import no_store

bp = no_store(Blueprint("account_passkeys", __name__, url_prefix="/account/security/passkeys"))
bp.before_request(customers.demand)
bp.register_error_handler(TooManyPasskeys, too_many)


@bp.post("/options")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def ask() -> ResponseReturnValue:
    """With the password: a session that somebody else left open must not become a key of theirs."""
    person, where, browser = customers.somebody(), party(), bound_to(customers.session_token())
    try:
        flows.check_password(
            person.customer_id, request.form.get("passkey-current", "")[:200], session_id=person.session_id
        )
    except (WrongPassword, TooManyTries) as refusal:
        return problem(refusal.status, refusal.code, wrong_words(refusal))
    mine = Owner(customer_id=person.customer_id)
    return jsonify(
        in_transaction(
            lambda: passkeys.ask_to_add(
                mine, "customer_add", party=where, bound_to=browser, email=person.email, name=person.name
            )
        )
    )


@bp.post("")
@limit(FORMS)
def add() -> ResponseReturnValue:
    form, person = PasskeyForm(prefix="passkey"), customers.somebody()
    if not form.validate():
        return security_page(passkey=form, status=422)
    answer, name = given(customers.session_token()), form.name.data or ""
    if answer is None or not in_transaction(
        lambda: keys.add(person.customer_id, answer, name=name, session_id=person.session_id)
    ):
        form.name.errors = [_("No passkey was added. Please try again.")]
        return security_page(passkey=form, status=422)
    return redirect(url_for("account.security", said="passkey"), 303)


@bp.post("/<uuid:passkey_id>/name")
@limit(FORMS)
def rename(passkey_id: uuid.UUID) -> ResponseReturnValue:
    form, mine = PasskeyNameForm(), Owner(customer_id=customers.somebody().customer_id)
    queries.demand(mine, passkey_id)
    if not form.validate():
        renamed = (passkey_id, form.name.data or "", str(form.name.errors[0]))
        return security_page(renamed=renamed, status=422)
    in_transaction(lambda: passkeys.rename(mine, passkey_id, form.name.data or ""))
    return redirect(url_for("account.security", said="saved"), 303)


@bp.post("/<uuid:passkey_id>/remove")
@limit(FORMS)
def remove(passkey_id: uuid.UUID) -> ResponseReturnValue:
    customer_id = customers.somebody().customer_id
    in_transaction(lambda: keys.remove(customer_id, passkey_id))
    return redirect(url_for("account.security", said="passkey-removed"), 303)
