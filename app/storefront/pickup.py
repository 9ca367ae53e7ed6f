"""The step of checkout for who fetches the order: a name is all that is asked, the place decides the tax."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.cart import queries as cart
from app.checkout import actions as checkout
from app.checkout import queries
from app.checkout.errors import NoSession, SessionOver
from app.checkout.models import CheckoutSession
from app.checkout.queries import Offer
from app.core import clock
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.storefront import checkout_forms as forms
from app.storefront.pictures import picture_of
from app.web import customers, languages
from app.web.forms import Form, text_field
from app.web.limits import FORMS, limit
from app.web.respond import no_store, respond
from app.web.site import settings
from app.web.visitor import cart_version, visitor

bp = no_store(Blueprint("pickup", __name__, url_prefix="/checkout/pickup"))
bp.before_request(customers.ask_back)
bp.register_error_handler(forms.GoTo, forms.go_to)


class PickupForm(Form):
    name = text_field(_l("Full name"), max=120, required=_l("Enter the name of who picks it up"))


@bp.get("")
def show() -> ResponseReturnValue:
    """Raises NotFound in a shop where nothing can be picked up."""
    session, offers = _session(), _offers()
    person = customers.current()
    name = (session.address or {}).get("name") or (person.name if person else "")
    return _page(PickupForm(formdata=None, data={"name": name}), session, offers, chosen=session.shipping_method)


@bp.post("")
@limit(FORMS)
def save() -> ResponseReturnValue:
    form, session, offers = PickupForm(), _session(), _offers()
    code = request.form.get("place", "")
    method = next((offer.method for offer in offers if offer.method.code == code), None)
    if not form.validate() or method is None or method.pickup_at is None:
        return _page(form, session, offers, chosen=code, is_lost=method is None, status=422)
    forms.save_delivery({**method.pickup_at, "name": form.name.data or ""}, method.code)
    return redirect(url_for("checkout.show_review"), 303)


def _session() -> CheckoutSession:
    """The visitor's checkout, come as far as this step needs."""
    shopper, minutes = visitor(), settings().checkout_minutes
    try:
        session = in_transaction(lambda: checkout.current(shopper, minutes=minutes), relaxed=True)
    except (NoSession, SessionOver):
        raise forms.GoTo(url_for("checkout.show_contact")) from None
    if session.contact is None:
        raise forms.GoTo(url_for("checkout.show_contact"))
    return session


def _offers() -> list[Offer]:
    found = queries.pickups(_contents(), currency=languages.currency(), locale=languages.language())
    if not found:
        raise NotFound()
    return found


def _contents() -> cart.Contents:
    return cart.contents(visitor(), at_least=cart_version())


def _page(
    form: PickupForm,
    session: CheckoutSession,
    offers: Sequence[Offer],
    *,
    chosen: str | None,
    is_lost: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    today = clock.now().astimezone(settings().shop.timezone).date()
    codes = [offer.method.code for offer in offers]
    lost = _("Choose where you want to pick it up") if is_lost else ""
    quote = queries.quote(_contents(), currency=languages.currency(), locale=languages.language(), with_stock=False)
    return respond(
        "storefront/checkout/pickup.html",
        status=status,
        form=form,
        contact=session.contact,
        offers=[(offer, offer.method.arrives(today)[1]) for offer in offers],
        chosen=chosen if chosen in codes else codes[0],
        lost=lost,
        problems=[*form.messages(), *([("places", lost)] if lost else [])],
        **forms.summary(quote, picture_of=picture_of, with_delivery=False),
    )
