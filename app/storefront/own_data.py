"""What is known of a customer, for the taking, and leaving for good with time to think it over."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import clock
from app.core.transaction import in_transaction
from app.customers import flows
from app.customers import queries as customer_queries
from app.customers.actions import closing
from app.customers.errors import TooManyTries, WrongPassword
from app.customers.queries import SignedIn
from app.customers.rules import GRACE_DAYS, LONGEST_PASSWORD
from app.privacy import queries, rules
from app.recurring import queries as recurring
from app.recurring.rules import OVER
from app.storefront.account import wrong_words
from app.web import customers
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("own_data", __name__, url_prefix="/account/data"))
bp.before_request(customers.demand)


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
    packed = rules.packed(queries.everything(person.customer_id))
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
    in_transaction(lambda: closing.close(person.customer_id, session_id=person.session_id))
    return redirect(url_for("own_data.show"), 303)


@bp.post("/keep")
@limit(FORMS)
def keep() -> ResponseReturnValue:
    person = customers.somebody()
    in_transaction(lambda: closing.keep(person.customer_id))
    return redirect(url_for("own_data.show", said="kept"), 303)


def _refusal(person: SignedIn) -> WrongPassword | TooManyTries | None:
    password = request.form.get("current", "")
    try:
        if not 0 < len(password) <= LONGEST_PASSWORD:
            raise WrongPassword()
        flows.check_password(person.customer_id, password, session_id=person.session_id)
    except (WrongPassword, TooManyTries) as refusal:
        return refusal
    return None


def _page(*, export_error: str | None = None, close_error: str | None = None, status: int = 200) -> ResponseReturnValue:
    person = customers.somebody()
    return respond(
        "storefront/account/data.html",
        status=status,
        here="data",
        person=person,
        waits=queries.waits_for(person.customer_id),
        subscriptions=[each for each in recurring.of_customer(person.customer_id) if each.state not in OVER],
        days=GRACE_DAYS,
        has_password=customer_queries.password_hash_of(person.customer_id) is not None,
        export_error=export_error,
        close_error=close_error,
        said=_("Your account stays.") if request.args.get("said") == "kept" and status == 200 else None,
    )
