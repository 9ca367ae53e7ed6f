"""Subscriptions: subscribing to one variant, and the page of a subscription for everybody who holds its token."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.checkout import actions as checkout
from app.checkout import queries as quotes
from app.checkout.actions import subscribing
from app.checkout.errors import LinesGone, NoDelivery, TooManyLocks, TotalChanged
from app.checkout.queries import Quote
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.payments.errors import AlreadyInitiating, ProviderRefused, ProviderUnavailable
from app.payments.gateway.recurring import code_for
from app.payments.rules import RECURRING
from app.recurring import actions as recurring
from app.recurring import queries
from app.recurring.errors import NotRunning
from app.recurring.models import RecurringOrder
from app.recurring.queries import PlanView
from app.recurring.rules import OVER
from app.storefront import checkout_forms as forms
from app.storefront.pictures import picture_of
from app.web import languages
from app.web.formats import metres
from app.web.forms import parse_quantity
from app.web.limits import FORMS, limit
from app.web.pay import new_key
from app.web.respond import no_store, respond
from app.web.site import settings
from app.web.subscribing import open_there
from app.web.visitor import ensure_visitor

bp = no_store(Blueprint("subscriptions", __name__))
FIELDS = ("email", "phone", "name", "country", "postcode", "line1", "line2", "city", "state")


@bp.get("/subscribe/<uuid:plan_id>")
def show_form(plan_id: uuid.UUID) -> ResponseReturnValue:
    plan = _plan(plan_id)
    contact = forms.ContactForm(formdata=None)
    delivery = forms.DeliveryForm(formdata=None, data={"country": _default_country()})
    return _form_page(plan, contact, delivery, quantity=request.args.get("quantity", ""))


@bp.post("/subscribe/<uuid:plan_id>")
@limit(FORMS)
def submit(plan_id: uuid.UUID) -> ResponseReturnValue:
    """What was typed leads to the review, the button there to the subscription; every answer keeps what was typed."""
    plan = _plan(plan_id)
    contact, delivery = forms.ContactForm(), forms.DeliveryForm()
    is_good = all([contact.validate(), delivery.validate()])
    quote = _quote(plan, delivery.address() if is_good else None)
    typed = request.form.get("quantity", "")
    if quote is None or not is_good or request.form.get("step") == "change":
        return _form_page(
            plan, contact, delivery, quantity=typed, is_wrong=quote is None, status=200 if is_good and quote else 422
        )
    if request.form.get("step") != "place":
        return _review(plan, contact, delivery, quote)
    return _place(plan, contact, delivery, quote)


@bp.get("/subscription/of/<order_token>")
def show_of_order(order_token: str) -> ResponseReturnValue:
    """For whoever holds the token of one of its orders."""
    token = queries.token_of_order(order_token)
    if token is None:
        raise NotFound()
    return redirect(url_for("subscriptions.show", token=token), 303)


@bp.get("/subscription/<token>")
def show(token: str) -> ResponseReturnValue:
    return _page(_subscription(token))


@bp.post("/subscription/<token>/open")
@limit("20/minute")
def open_page(token: str) -> ResponseReturnValue:
    """Once more to the provider, when it gave no answer before."""
    row = _subscription(token)
    if row.state != "pending":
        return redirect(url_for("subscriptions.show", token=token), 303)
    return _to_provider(row, is_new=False)


@bp.post("/subscription/<token>/<any(pause, resume, skip, cancel):act>")
@limit("20/minute")
def change(token: str, act: str) -> ResponseReturnValue:
    row = _subscription(token)
    verb = {
        "pause": recurring.pause,
        "resume": recurring.resume,
        "skip": recurring.skip_next,
        "cancel": recurring.cancel,
    }[act]
    try:
        in_transaction(lambda: verb(row.id, actor="customer"))
    except NotRunning:
        return _page(
            _subscription(token),
            status=409,
            problem=_("That is not possible now: the subscription has changed meanwhile."),
        )
    return redirect(url_for("subscriptions.show", token=token), 303)


def _place(
    plan: PlanView, contact: forms.ContactForm, delivery: forms.DeliveryForm, quote: Quote
) -> ResponseReturnValue:
    click, faults = _click()
    provider = code_for(languages.currency())
    if click is None or provider is None or quote.chosen is None:
        return _review(plan, contact, delivery, quote, faults=faults, status=422)
    wanted = subscribing.Subscription(
        plan=plan,
        quantity=quote.lines[0].entry.quantity,
        provider=provider,
        contact={"email": contact.email.data or "", "phone": contact.e164()},
        address=delivery.address(),
        method=quote.chosen.method.code,
    )
    shopper = ensure_visitor()
    try:
        row, is_new = in_transaction(lambda: subscribing.subscribe(shopper, click, wanted))
    except TotalChanged:
        words = _("The total has changed since you saw it. Please check it and order again.")
        return _review(plan, contact, delivery, quote, faults=[words], status=409)
    except LinesGone:
        words = _("There is not enough left of it for the first delivery. Nothing was charged.")
        return _review(plan, contact, delivery, quote, faults=[words], status=409)
    except NoDelivery:
        return _review(plan, contact, delivery, quote, status=409)
    except TooManyLocks:
        answer = respond("storefront/checkout/too_many.html", status=429, minutes=settings().lock_minutes)
        answer.headers["Retry-After"] = str(settings().lock_minutes * 60)
        return answer
    return _to_provider(row, is_new=is_new)


def _to_provider(row: RecurringOrder, *, is_new: bool) -> ResponseReturnValue:
    try:
        open_there(row, is_new=is_new)
    except AlreadyInitiating:
        words = _("We are already sending you to the payment page. Please try again in a moment.")
        return _page(row, status=409, problem=words)
    except (ProviderUnavailable, ProviderRefused):
        words = _("The payment service does not answer right now. We hold your items: please try again in a moment.")
        return _page(row, status=503, problem=words)
    return redirect(url_for("subscriptions.show", token=row.token), 303)


def _click() -> tuple[checkout.PlaceOrder | None, list[str]]:
    """The button, or what is wrong with it. How it is paid is no choice: the provider charges by itself."""
    return forms.read_click(
        request.form,
        currency=languages.currency(),
        address=request.remote_addr or "",
        only_method=RECURRING,
    )


def _plan(plan_id: uuid.UUID) -> PlanView:
    """Raises NotFound for one that is offered no more, or that nobody could charge in this currency."""
    plan = queries.plan(plan_id)
    if plan is None or not plan.is_active or code_for(languages.currency()) is None:
        raise NotFound()
    return plan


def _quote(plan: PlanView, address: dict[str, str] | None) -> Quote | None:
    """Priced for what was typed; None for a quantity that is none, or more than can be had."""
    step_mm = _facts(plan).step_mm
    try:
        quantity = parse_quantity(request.form.get("quantity"), step_mm=step_mm)
    except ValueError:
        return None
    quote = quotes.quote(
        quotes.one_line(plan.variant_id, quantity),
        currency=languages.currency(),
        locale=languages.language(),
        address=address,
        method=request.form.get("method"),
    )
    line = quote.lines[0]
    return None if quantity < line.facts.min_quantity or line.is_short else quote


def _facts(plan: PlanView) -> Any:
    """Raises NotFound where it is not sold in this currency."""
    quote = quotes.quote(
        quotes.one_line(plan.variant_id, 1),
        currency=languages.currency(),
        locale=languages.language(),
        with_stock=False,
    )
    if not quote.lines or not quote.lines[0].facts.is_sellable or quote.lines[0].is_unfit:
        raise NotFound()
    return quote.lines[0].facts


def _form_page(
    plan: PlanView,
    contact: forms.ContactForm,
    delivery: forms.DeliveryForm,
    *,
    quantity: str,
    is_wrong: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    facts = _facts(plan)
    least = metres(facts.min_quantity, facts.step_mm) if facts.step_mm else str(facts.min_quantity)
    wrong = _("Enter a quantity that can be had, such as %(least)s", least=least) if is_wrong else None
    return respond(
        "storefront/subscriptions/form.html",
        status=status,
        plan=plan,
        facts=facts,
        price=Money(facts.price_minor or 0, languages.currency()),
        contact=contact,
        delivery=delivery,
        quantity=quantity or least,
        wrong=wrong,
        states=forms.state_names(delivery.country.data or _default_country()),
    )


def _review(
    plan: PlanView,
    contact: forms.ContactForm,
    delivery: forms.DeliveryForm,
    quote: Quote,
    *,
    faults: Sequence[str] = (),
    status: int = 200,
) -> ResponseReturnValue:
    is_delivered = quote.chosen is not None
    return respond(
        "storefront/subscriptions/review.html",
        status=status if is_delivered else 409,
        plan=plan,
        quote=quote,
        key=new_key(),
        faults=[(None, fault) for fault in faults],
        carried=[(name, (contact if name in ("email", "phone") else delivery)[name].data or "") for name in FIELDS],
        quantity=request.form.get("quantity", ""),
        address=delivery.address(),
        email=contact.email.data,
        **forms.summary(quote, picture_of=picture_of, with_delivery=is_delivered),
    )


def _page(row: RecurringOrder, *, status: int = 200, problem: str | None = None) -> ResponseReturnValue:
    turns = queries.turns_of(row.id)
    last = turns[0] if turns else None
    return respond(
        "storefront/subscriptions/show.html",
        status=status,
        it=row,
        line=row.terms["lines"][0],
        turns=turns,
        next_charge_at=queries.next_charge(row),
        coming=last if last is not None and last.state == "locked" and last.position > 1 else None,
        is_over=row.state in OVER,
        problem=problem,
    )


def _subscription(token: str) -> RecurringOrder:
    row = queries.by_token(token)
    if row is None:
        raise NotFound()
    return row


def _default_country() -> str:
    return {"INR": "IN", "USD": "US"}.get(languages.currency(), "MY")
