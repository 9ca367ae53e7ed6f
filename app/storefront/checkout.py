"""Checkout: contact, delivery, review, “Place order”. Steps cannot be skipped; every answer keeps what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.cart import queries as cart
from app.cart.queries import Contents
from app.checkout import actions as checkout
from app.checkout import queries
from app.checkout.actions import PlaceOrder
from app.checkout.errors import (
    CartIsEmpty,
    LinesGone,
    MeasuresMissing,
    NoDelivery,
    NoMethod,
    NoPlan,
    NoSession,
    SessionOver,
    TooManyLocks,
    TotalChanged,
    ValueChanged,
)
from app.checkout.models import CheckoutSession
from app.checkout.queries import Quote
from app.checkout.rules import first_open_step
from app.core import clock
from app.core.errors import ShopError
from app.core.transaction import in_transaction
from app.customers import queries as customer_queries
from app.customers.actions import profile
from app.customers.errors import TooManyAddresses
from app.customers.models import CustomerAddress
from app.customers.queries import newsletter
from app.orders import queries as orders
from app.orders.models import Order
from app.payments.gateway import offers
from app.shipping import queries as shipping
from app.storefront import checkout_forms as forms
from app.storefront.pictures import picture_of
from app.storefront.shortage import of_stock, words
from app.value.errors import NotUsable, UnknownCode, ValueGone
from app.web import customers, languages, plan_words, value_words
from app.web.limits import FORMS, limit
from app.web.pay import new_key
from app.web.respond import no_store, respond
from app.web.site import settings
from app.web.visitor import cart_version, ensure_visitor, visitor

bp = no_store(Blueprint("checkout", __name__, url_prefix="/checkout"))
bp.before_request(customers.ask_back)
bp.register_error_handler(forms.GoTo, forms.go_to)


@bp.get("/")
def start() -> ResponseReturnValue:
    return redirect(url_for("checkout.show_contact"), 303)


@bp.get("/contact")
def show_contact() -> ResponseReturnValue:
    quote = _quote(with_stock=False)
    if not quote.lines:
        return redirect(url_for("cart.show"), 303)
    session, was_over = _enter(quote.contents)
    form = forms.ContactForm(formdata=None, data=session.contact or forms.own_contact())
    return _contact_page(form, quote, is_over=was_over)


@bp.post("/contact")
@limit(FORMS)
def save_contact() -> ResponseReturnValue:
    form = forms.ContactForm()
    contents = _contents()
    if not contents.entries:
        return redirect(url_for("cart.show"), 303)
    if not form.validate():
        return _contact_page(form, _quote(with_stock=False), status=422)
    _enter(contents, contact=form.contact())
    return redirect(url_for("checkout.show_delivery"), 303)


@bp.get("/delivery")
def show_delivery() -> ResponseReturnValue:
    session = _require("contact")
    saved = _saved_addresses()
    asked = next((each.address for each in saved if str(each.id) == request.args.get("address")), None)
    usual = saved[0].address if saved else {"country": _default_country()}
    known = asked or forms.typed_address(session)
    form = forms.DeliveryForm(formdata=None, data=known or usual)
    return _delivery_page(form, session, address=known, saved=saved)


@bp.post("/delivery")
@limit(FORMS)
def save_delivery() -> ResponseReturnValue:
    form = forms.DeliveryForm()
    if not form.validate():
        return _delivery_page(form, _require("contact"), address=None, status=422)
    address = form.address()
    offers = _quote(address=address, with_stock=False).offers
    code = request.form.get("method", "")
    known = {offer.method.code for offer in offers}
    if code and code not in known:
        session = _require("contact")
        if not _is_other_zone(session, address):
            form.method_error = _("Choose how we should deliver")
            return _delivery_page(form, session, address=address, status=422)
    forms.save_delivery(address, code if code in known else None)
    _remember(address)
    if not offers:
        return _delivery_page(form, _require("contact"), address=address, status=409)
    if code in known and _shown_as_it_is(offers):
        return redirect(url_for("checkout.show_review"), 303)
    return redirect(url_for("checkout.show_delivery", _anchor="methods"), 303)


@bp.get("/review")
def show_review() -> ResponseReturnValue:
    session = _require("review")
    quote = _quote(session=session)
    if not quote.lines:
        return redirect(url_for("cart.show"), 303)
    return _review_page(session, quote)


@bp.post("/value")
@limit("10/minute", per_address="60/minute")
def change_value() -> ResponseReturnValue:
    """Pay a part with the code of a gift card or of store credit, or take one back."""
    shopper, minutes = visitor(), settings().checkout_minutes
    removed, code = request.form.get("remove", ""), request.form.get("code", "")
    try:
        if removed:
            in_transaction(lambda: checkout.remove_code(shopper, removed, minutes=minutes))
        else:
            currency = languages.currency()
            in_transaction(lambda: checkout.add_code(shopper, code, currency=currency, minutes=minutes))
    except NoSession as refusal:
        return redirect(url_for(f"checkout.show_{refusal.step}"), 303)
    except SessionOver:
        return _over_page()
    except (UnknownCode, NotUsable) as refusal:
        return _review_again(422, [], wrong_code=value_words.why_not(refusal))
    return redirect(url_for("checkout.show_review", _anchor="value"), 303)


@bp.post("/orders")
@limit("60/minute")
def place_order() -> ResponseReturnValue:
    shopper = visitor()
    click, faults = forms.read_click(request.form, currency=languages.currency(), address=request.remote_addr or "")
    if click is None:
        return _review_again(422, faults)
    try:
        order = _place(shopper, click)
    except (CartIsEmpty, MeasuresMissing):  # the cart says which line lacks what
        return redirect(url_for("cart.show"), 303)
    except NoSession as refusal:
        return redirect(url_for(f"checkout.show_{refusal.step}"), 303)
    except SessionOver:
        return _over_page()
    except (TotalChanged, ValueChanged, ValueGone, NoMethod, NoPlan) as refusal:
        return _review_again(refusal.status, [_check_again_words(refusal.code)])
    except NoDelivery:
        return redirect(url_for("checkout.show_delivery", _anchor="methods"), 303)
    except TooManyLocks:
        return _too_many_locks()
    except LinesGone as refusal:
        return _review_again(409, [], possible=refusal.possible)
    return redirect(url_for("pay.show", token=order.token), 303)


def _place(shopper: str | None, click: PlaceOrder) -> Order:
    try:
        return in_transaction(lambda: checkout.place(shopper, click))
    except ShopError:
        if shopper:  # what is shown next is the truth that refused, not a hot copy that outlived it
            cart.cool(shopper)
        raise


def _check_again_words(code: str) -> str:
    return {
        TotalChanged.code: _("The total has changed since you saw it. Please check it and order again."),
        NoMethod.code: _("Choose how you want to pay"),
        NoPlan.code: _("This order cannot be paid in so many parts in this way. Pay it at once, or in another way."),
    }.get(code, _("Less is left on a gift card than you saw. Nothing was ordered: please check what remains to pay."))


def _enter(contents: Contents, *, contact: dict[str, Any] | None = None) -> tuple[CheckoutSession, bool]:
    """Sends the browser back to the cart when the one that was shown is no longer the truth."""
    assert contents.cart_id is not None  # noqa: S101 - a cart with lines is a cart
    shopper, cart_id, minutes = ensure_visitor(), contents.cart_id, settings().checkout_minutes
    try:
        return in_transaction(lambda: checkout.enter(shopper, cart_id=cart_id, minutes=minutes, contact=contact))
    except CartIsEmpty:
        cart.cool(shopper)
        raise forms.GoTo(url_for("cart.show")) from None


def _require(step: str) -> CheckoutSession:
    """The visitor's live session, come as far as `step` needs. Else the browser is sent to what must be done first."""
    shopper, minutes, is_review = visitor(), settings().checkout_minutes, step == "review"
    try:
        session = in_transaction(lambda: checkout.current(shopper, minutes=minutes, is_review=is_review), relaxed=True)
    except (NoSession, SessionOver):
        raise forms.GoTo(url_for("checkout.show_contact")) from None
    need = first_open_step(
        has_contact=session.contact is not None,
        has_address=session.address is not None and step == "review",
        has_method=session.shipping_method is not None,
    )
    if need == "contact" or (step == "review" and need != "review"):
        raise forms.GoTo(url_for(f"checkout.show_{need}"))
    return session


def _contents() -> Contents:
    return cart.contents(visitor(), at_least=cart_version())


def _quote(
    *, session: CheckoutSession | None = None, address: dict[str, str] | None = None, with_stock: bool = True
) -> Quote:
    return queries.quote(
        _contents(),
        currency=languages.currency(),
        locale=languages.language(),
        address=session.address if session else address,
        method=session.shipping_method if session else None,
        with_stock=with_stock,
    )


def _remember(address: dict[str, str]) -> None:
    """Into the address book, for who asked for it. A full book is no reason to stop anybody who is about to pay."""
    person = customers.current()
    if person is None or "remember" not in request.form:
        return
    with suppress(TooManyAddresses):
        in_transaction(lambda: profile.remember_address(person.customer_id, address))


def _saved_addresses() -> Sequence[CustomerAddress]:
    """The address book of somebody who is signed in, the usual address first."""
    person = customers.current()
    return customer_queries.addresses(person.customer_id) if person else ()


def _today() -> date:
    """In the shop's time zone, from where parcels leave."""
    return clock.now().astimezone(settings().shop.timezone).date()


def _default_country() -> str:
    return {"INR": "IN", "USD": "US"}.get(languages.currency(), "MY")


def _is_other_zone(session: CheckoutSession, address: dict[str, str]) -> bool:
    """Whether the address has changed so far that another method list applies."""
    before = session.address or {"country": _default_country(), "state": ""}
    return (before["country"], before.get("state")) != (address["country"], address["state"])


def _shown_as_it_is(offers: Sequence[queries.Offer]) -> bool:
    """Whether the page the shopper chose on showed these very prices; a form without the list takes them as they come."""
    shown = request.form.get("shown")
    return shown is None or shown == _shown(offers)


def _shown(offers: Sequence[queries.Offer]) -> str:
    return ",".join(f"{offer.method.code}:{offer.cost.minor}" for offer in offers)


def _contact_page(
    form: forms.ContactForm, quote: Quote, *, status: int = 200, is_over: bool = False
) -> ResponseReturnValue:
    person = customers.current()
    return respond(
        "storefront/checkout/contact.html",
        status=status,
        form=form,
        is_over=is_over,
        is_guest=person is None,
        offers_news=person is None or not newsletter.is_subscribed(person.email),
        **_summary(quote),
    )


def _delivery_page(
    form: forms.DeliveryForm,
    session: CheckoutSession,
    *,
    address: dict[str, str] | None,
    saved: Sequence[CustomerAddress] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    place = address or {"country": form.country.data or _default_country(), "state": ""}
    quote, today = _quote(address=place, with_stock=False), _today()
    codes = [offer.method.code for offer in quote.offers]
    return respond(
        "storefront/checkout/delivery.html",
        status=status,
        form=form,
        contact=session.contact,
        offers=[(offer, offer.method.arrives(today)) for offer in quote.offers],
        chosen=session.shipping_method if session.shipping_method in codes else next(iter(codes), None),
        pickups=shipping.pickups(currency=languages.currency(), locale=languages.language()),
        shown=_shown(quote.offers),
        has_address=address is not None,
        saved=_saved_addresses() if saved is None else saved,
        can_remember=customers.current() is not None,
        remembers="remember" in request.form,
        filled=form.address(),
        states=forms.state_names(form.country.data or _default_country()),
        **_summary(quote, with_delivery=address is not None),
    )


def _review_page(
    session: CheckoutSession,
    quote: Quote,
    *,
    status: int = 200,
    faults: Sequence[str] = (),
    possible: dict[Any, int] | None = None,
    wrong_code: str | None = None,
) -> ResponseReturnValue:
    covered = _covered(session, quote)
    short = (
        [(line, line.offered) for line in quote.short_lines] if possible is None else of_stock(quote.lines, possible)
    )
    today = _today()
    return respond(
        "storefront/checkout/review.html",
        status=status,
        contact=session.contact,
        address=session.address,
        arrives=quote.chosen.method.arrives(today) if quote.chosen else None,
        quote=quote,
        key=new_key(),
        offers=offers(languages.currency(), due=covered.due),
        method=request.form.get("payment_method"),
        plans=plan_words.offered(covered.due),
        parts=request.form.get("parts", "1"),
        covered=covered,
        wrong_code=wrong_code,
        code=request.form.get("code", "")[:40] if wrong_code else "",
        faults=[(None, fault) for fault in faults]
        + ([("code", wrong_code)] if wrong_code else [])
        + [(f"line-{line.entry.line_id}", words(line, left)) for line, left in short],
        short=short,
        **_summary(quote, with_delivery=True),
        summary_paid=value_words.rows(
            [(each.kind, each.last_four, amount) for each, amount in covered.lines], covered.due
        ),
    )


def _covered(session: CheckoutSession, quote: Quote) -> queries.Covered:
    previous = orders.order(session.order_id) if session.value_ids and session.order_id else None
    return queries.covered(session, quote, previous=previous)


def _review_again(
    status: int, faults: Sequence[str], *, possible: dict[Any, int] | None = None, wrong_code: str | None = None
) -> ResponseReturnValue:
    session = _require("review")
    quote = _quote(session=session)
    if not quote.lines:
        return redirect(url_for("cart.show"), 303)
    return _review_page(session, quote, status=status, faults=faults, possible=possible, wrong_code=wrong_code)


def _over_page() -> ResponseReturnValue:
    return respond("storefront/checkout/over.html", status=409)


def _too_many_locks() -> ResponseReturnValue:
    answer = respond("storefront/checkout/too_many.html", status=429, minutes=settings().lock_minutes)
    answer.headers["Retry-After"] = str(settings().lock_minutes * 60)
    return answer


def _summary(quote: Quote, *, with_delivery: bool = False) -> dict[str, Any]:
    """The order summary beside every step."""
    return forms.summary(quote, picture_of=picture_of, with_delivery=with_delivery)
