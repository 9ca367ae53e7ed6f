"""The address book, in the formats of the delivery form."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import profile
from app.customers.errors import TooManyAddresses
from app.customers.models import CustomerAddress
from app.customers.rules import MAX_ADDRESSES
from app.storefront.checkout_forms import DeliveryForm, state_names
from app.web import customers
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond
from app.web.site import settings

bp = no_store(Blueprint("addresses", __name__, url_prefix="/account/addresses"))
bp.before_request(customers.demand)


@bp.get("")
def show() -> ResponseReturnValue:
    known = queries.addresses(customers.somebody().customer_id)
    if not known:
        return _form_page(_empty_form(), None)
    said = {"saved": _("Saved."), "removed": _("The address is removed.")}.get(request.args.get("said", ""))
    can_add = len(known) < MAX_ADDRESSES
    return respond(
        "storefront/account/addresses.html",
        here="addresses",
        addresses=known,
        said=said,
        can_add=can_add,
    )


@bp.get("/new")
def show_new() -> ResponseReturnValue:
    return _form_page(_empty_form(), None)


@bp.post("")
@limit(FORMS)
def add() -> ResponseReturnValue:
    return _save(None)


@bp.get("/<uuid:address_id>")
def show_one(address_id: uuid.UUID) -> ResponseReturnValue:
    row = _own(address_id)
    return _form_page(DeliveryForm(formdata=None, data=row.address), row)


@bp.post("/<uuid:address_id>")
@limit(FORMS)
def change(address_id: uuid.UUID) -> ResponseReturnValue:
    return _save(_own(address_id))


@bp.post("/<uuid:address_id>/remove")
@limit(FORMS)
def remove(address_id: uuid.UUID) -> ResponseReturnValue:
    person = customers.somebody()
    in_transaction(lambda: profile.remove_address(person.customer_id, address_id))
    return redirect(url_for("addresses.show", said="removed"), 303)


def _own(address_id: uuid.UUID) -> CustomerAddress:
    row = queries.address(customers.somebody().customer_id, address_id)
    if row is None:
        raise NotFound()
    return row


def _save(row: CustomerAddress | None) -> ResponseReturnValue:
    form, person = DeliveryForm(), customers.somebody()
    if not form.validate():
        return _form_page(form, row, status=422)
    fields, address_id = form.address(), row.id if row else None
    try:
        in_transaction(
            lambda: profile.save_address(
                person.customer_id,
                fields,
                address_id=address_id,
                is_default_shipping="default_shipping" in request.form,
                is_default_billing="default_billing" in request.form,
            )
        )
    except TooManyAddresses:
        form.name.errors = [_("Your address book is full. Remove an address first.")]
        return _form_page(form, row, status=422)
    return redirect(url_for("addresses.show", said="saved"), 303)


def _empty_form() -> DeliveryForm:
    return DeliveryForm(formdata=None, data={"country": settings().shop.country, "name": customers.somebody().name})


def _form_page(form: DeliveryForm, row: CustomerAddress | None, *, status: int = 200) -> ResponseReturnValue:
    country = form.country.data or settings().shop.country
    return respond(
        "storefront/account/address.html",
        status=status,
        here="addresses",
        form=form,
        row=row,
        states=state_names(country),
        is_shipping="default_shipping" in request.form or (row is not None and row.is_default_shipping),
        is_billing="default_billing" in request.form or (row is not None and row.is_default_billing),
    )
