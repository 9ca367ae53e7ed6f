"""What is known of a customer, for the taking, and leaving for good with time to think it over."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import clock
from app.core.transaction import in_transaction
from app.customers import flows
from app.customers import queries as known
from app.customers.errors import TooManyTries, WrongPassword
from app.customers.queries import SignedIn
from app.customers.rules import LONGEST_PASSWORD
from app.privacy import copying, queries, rules
from app.privacy.actions import requests
from app.recurring import queries as recurring
from app.recurring.rules import OVER
from app.storefront.account import wrong_words
from app.web import customers, privacy_words
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond
from app.web.site import settings

bp = no_store(Blueprint("own_data", __name__, url_prefix="/account/data"))
bp.before_request(customers.demand)
ASKED = ("correction", "objection")


@bp.get("")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("/export")
@limit("10/minute")
def export() -> ResponseReturnValue:
    """JSON and CSV in one zip, made while they wait: it is at most what one person does in a shop. A session alone is not
    enough to carry somebody's whole life away."""
    person = customers.somebody()
    refusal = _refusal(person)
    if refusal is not None:
        return _page(export_error=wrong_words(refusal), status=refusal.status)
    packed = rules.packed(copying.of_customer(person.customer_id))
    in_transaction(lambda: requests.note_copy_taken(person.customer_id, person.email))
    name = f"my-data-{clock.now():%Y-%m-%d}.zip"
    return Response(
        packed, mimetype="application/zip", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@bp.post("/close")
@limit("10/minute")
def close() -> ResponseReturnValue:
    person = customers.somebody()
    refusal = _refusal(person)
    if refusal is not None:
        return _page(close_error=wrong_words(refusal), status=refusal.status)
    in_transaction(
        lambda: requests.close_account(
            person.customer_id,
            session_id=person.session_id,
            grace_days=settings().retention.closed_account_days,
            answer_days=settings().privacy.answer_days,
        )
    )
    return redirect(url_for("own_data.show"), 303)


@bp.post("/keep")
@limit(FORMS)
def keep() -> ResponseReturnValue:
    person = customers.somebody()
    in_transaction(lambda: requests.keep_account(person.customer_id))
    return redirect(url_for("own_data.show", said="kept"), 303)


@bp.post("/requests")
@limit("10/minute")
def ask() -> ResponseReturnValue:
    """What the account has no button for: something is wrong that they cannot change, or they object to a use of it."""
    person, kind = customers.somebody(), request.form.get("kind", "")
    note = tidy(request.form.get("note"))
    if kind not in ASKED or not note or len(note) > rules.LONGEST_NOTE or has_control_characters(note):
        words = _("Tell us what it is about, in one line of at most %(n)s characters", n=rules.LONGEST_NOTE)
        return _page(ask_error=words, kind=kind, note=note, status=422)
    days = settings().privacy.answer_days
    in_transaction(
        lambda: requests.open_request(
            kind,
            person.email,
            customer_id=person.customer_id,
            proof="account",
            note=note,
            by=requests.CUSTOMER,
            days=days,
        )
    )
    return redirect(url_for("own_data.show", said="asked", _anchor="requests"), 303)


def _refusal(person: SignedIn) -> WrongPassword | TooManyTries | None:
    password = request.form.get("current", "")
    try:
        if not 0 < len(password) <= LONGEST_PASSWORD:
            raise WrongPassword()
        flows.check_password(person.customer_id, password, session_id=person.session_id)
    except (WrongPassword, TooManyTries) as refusal:
        return refusal
    return None


def _page(*, status: int = 200, **typed: str | None) -> ResponseReturnValue:
    """`typed` is what a form had in it, and the words for what was wrong."""
    person = customers.somebody()
    return respond(
        "storefront/account/data.html",
        status=status,
        here="data",
        person=person,
        waits=queries.waits_for(person.customer_id, delivery_days=settings().retention.delivery_days),
        subscriptions=[each for each in recurring.of_customer(person.customer_id) if each.state not in OVER],
        has_password=known.password_hash_of(person.customer_id) is not None,
        consents=known.consents_of(person.customer_id, person.email),
        requests=queries.requests_of(known.mailbox(person.email, of=person.customer_id), person.customer_id),
        words=privacy_words,
        keep=settings().retention,
        answer_days=settings().privacy.answer_days,
        said=_said() if status == 200 else None,
        **typed,
    )


def _said() -> str | None:
    return {
        "kept": _("Your account stays."),
        "asked": _("We have your request and answer it within the time shown."),
    }.get(request.args.get("said", ""))
