"""A customer's measurement profiles (CUS-05)."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.cart import actions as cart
from app.cart import queries as cart_queries
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.storefront import measurement_forms as forms
from app.storefront.measurement_forms import Typed
from app.tailoring import actions, queries
from app.tailoring.errors import NameTaken, TooManyProfiles
from app.tailoring.models import MeasurementProfile
from app.tailoring.rules import MAX_NAME, MAX_PROFILES, MEASURES, UNITS
from app.web import customers, measure_words
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("measurements", __name__, url_prefix="/account/measurements"))
bp.before_request(customers.demand)


@bp.get("")
def show() -> ResponseReturnValue:
    known = queries.profiles(customers.somebody().customer_id)
    if not known:
        return _form_page(Typed(MEASURES), None)
    said = {
        "saved": _("Saved."),
        "removed": _("The measurements are removed. What waits in your cart keeps its copy."),
    }.get(request.args.get("said", ""))
    return respond(
        "storefront/account/measurements.html",
        here="measurements",
        profiles=known,
        said=said,
        can_add=len(known) < MAX_PROFILES,
        measure=measure_words,
    )


@bp.get("/new")
def show_new() -> ResponseReturnValue:
    return _form_page(Typed(MEASURES), None)


@bp.post("")
@limit(FORMS)
def add() -> ResponseReturnValue:
    return _save(None)


@bp.get("/<uuid:profile_id>")
def show_one(profile_id: uuid.UUID) -> ResponseReturnValue:
    row = _own(profile_id)
    return _form_page(forms.filled(row.fitting, MEASURES), row)


@bp.post("/<uuid:profile_id>")
@limit(FORMS)
def change(profile_id: uuid.UUID) -> ResponseReturnValue:
    return _save(_own(profile_id))


@bp.post("/<uuid:profile_id>/remove")
@limit(FORMS)
def remove(profile_id: uuid.UUID) -> ResponseReturnValue:
    person = customers.somebody()
    in_transaction(lambda: actions.remove(person.customer_id, profile_id))
    return redirect(url_for("measurements.show", said="removed"), 303)


def _own(profile_id: uuid.UUID) -> MeasurementProfile:
    row = queries.profile(customers.somebody().customer_id, profile_id)
    if row is None:
        raise NotFound()
    return row


def _save(row: MeasurementProfile | None) -> ResponseReturnValue:
    """What waits in the cart with this profile is made to the new measures; what was ordered is not."""
    typed, name = forms.read(request.form, MEASURES, needs_all=False), tidy(request.form.get("name", ""))
    unit = request.form.get("convert")
    if unit in UNITS:
        return _form_page(typed.in_unit(unit), row)
    fault = _name_fault(name)
    if fault is None and not typed.faults and not any(typed.texts.values()):
        return _form_page(typed, row, faults=[(f"m_{MEASURES[0]}", _("Enter one measurement or more"))], status=422)
    if fault or typed.faults:
        return _form_page(typed, row, name_fault=fault, status=422)
    person, profile_id, is_default = customers.somebody(), row.id if row else None, "default" in request.form

    def work() -> None:
        saved = actions.save(person.customer_id, typed.fitting(name=name), profile_id=profile_id, is_default=is_default)
        cart.follow_profile(person.visitor, queries.sealed(saved.fitting))

    try:
        in_transaction(work)
    except NameTaken:
        return _form_page(typed, row, name_fault=_("You have measurements of this name already"), status=409)
    except TooManyProfiles:
        full = _("You keep %(n)s already. Remove one first.", n=MAX_PROFILES)
        return _form_page(typed, row, faults=[(None, full)], status=422)
    cart_queries.cool(person.visitor)
    return redirect(url_for("measurements.show", said="saved"), 303)


def _name_fault(name: str) -> str | None:
    if not name:
        return _("Say whose measurements these are, such as Aminah")
    if has_control_characters(name):
        return _("This must be one line of plain text.")
    return _("That is too long. Use at most %(n)s characters.", n=MAX_NAME) if len(name) > MAX_NAME else None


def _form_page(
    typed: Typed,
    row: MeasurementProfile | None,
    *,
    name_fault: str | None = None,
    faults: list[tuple[str | None, str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    return respond(
        "storefront/account/measurement.html",
        status=status,
        here="measurements",
        typed=typed,
        row=row,
        name=request.form.get("name", row.name if row else "")[:200],
        name_fault=name_fault,
        faults=[*(faults or []), *([("name", name_fault)] if name_fault else []), *typed.messages()],
        is_default="default" in request.form or (row is not None and row.is_default and request.method == "GET"),
        other_unit="in" if typed.unit == "cm" else "cm",
        measure=measure_words,
    )
