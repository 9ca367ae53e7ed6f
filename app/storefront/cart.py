"""Cart: add, change, remove, look. Every change is a plain form; HTMX swaps `#cart` or fills the drawer."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.cart import actions as cart
from app.cart import queries
from app.cart.actions import Change
from app.cart.errors import NotEnough, TooFew
from app.cart.queries import Line, VariantFacts
from app.checkout import queries as checkout
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import in_transaction
from app.shipping import queries as shipping
from app.storefront import fitting
from app.storefront.measurement_forms import Typed
from app.storefront.pictures import picture_of
from app.storefront.shortage import sold_from
from app.web import customers, languages, measure_words
from app.web.formats import format_quantity
from app.web.forms import parse_quantity
from app.web.limits import FORMS, limit
from app.web.respond import is_fragment, no_store, respond
from app.web.visitor import cart_version, ensure_visitor, remember_cart, visitor

bp = no_store(Blueprint("cart", __name__))
bp.add_app_template_filter(sold_from)


@bp.before_request
def ask_back() -> ResponseReturnValue | None:
    """But what is being added is kept first: it joins the customer's cart when they sign in."""
    return None if request.endpoint == "cart.add" else customers.ask_back()


@bp.get("/cart")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("/cart/lines")
@limit(FORMS)
def add() -> ResponseReturnValue:
    facts = _facts_of(request.form.get("variant", ""))
    try:
        quantity = parse_quantity(request.form.get("quantity", "1"), step_mm=facts.step_mm)
    except ValueError:
        return _refused(facts, 422, _("Enter a quantity as a number, such as 1"))
    try:
        sealed = fitting.asked(facts)
    except fitting.SignInFirst:
        return customers.sign_in_again(url_for("catalog.show_product", slug=facts.slug, v=facts.variant_id))
    except fitting.Unmeasured as refusal:
        message = "" if refusal.typed else _("This is not made to measure any more.")
        return _refused(facts, 422, message, typed=refusal.typed)
    shopper, currency = ensure_visitor(), languages.currency()
    try:
        change = in_transaction(
            lambda: cart.add(shopper, facts, quantity, currency=currency, fitting=sealed), relaxed=True
        )
    except NotEnough as refusal:
        return _refused(facts, 409, possible=refusal.possible, key=sealed.key if sealed else "")
    except TooFew as refusal:
        message = sold_from(refusal.least, refusal.step_mm)
        return _refused(facts, 422, message, possible=refusal.least, key=sealed.key if sealed else "")
    remember(shopper, change)
    if customers.was_signed_out():
        return customers.sign_in_again(url_for("cart.show"))
    if not is_fragment():
        return redirect(url_for("cart.show", added=change.line_id), 303)
    extras = ("layouts/_cart_badge.html", "storefront/cart/_toast.html")
    return respond("storefront/cart/refused.html", "_drawer.html", also=extras, **_drawer(change))


@bp.post("/cart/lines/<uuid:line_id>")
@limit(FORMS)
def change_line(line_id: uuid.UUID) -> ResponseReturnValue:
    shopper = visitor()
    facts, measured = _own_line(shopper, line_id)
    if shopper is None or facts is None:
        raise NotFound()
    where = {"currency": languages.currency(), "locale": languages.language()}
    if "remove" in request.form:
        removed = in_transaction(lambda: cart.remove(shopper, line_id, **where), relaxed=True)
        # No address may hold the measures that “Undo” would need.
        before = "" if measured else request.form.get("before", "")
        return _changed(shopper, removed, removed=facts, before=before)
    try:
        wanted = request.form.get("set") or request.form.get("quantity")
        quantity = parse_quantity(wanted, step_mm=facts.step_mm)
    except ValueError:
        return _page(422, error=(line_id, _("Enter a quantity as a number, such as 1")))
    try:
        change = in_transaction(lambda: cart.set_quantity(shopper, line_id, quantity, **where), relaxed=True)
    except NotEnough as refusal:
        return _page(409, error=(line_id, _not_enough_words(refusal)), offer=(line_id, refusal.possible))
    except TooFew as refusal:
        return _page(422, error=(line_id, sold_from(refusal.least, refusal.step_mm)), offer=(line_id, refusal.least))
    return _changed(shopper, change)


def pieces(lines: Sequence[Line]) -> int:
    """What the badge says: pieces; a length counts as one."""
    return sum(1 if line.facts.unit == "metre" else line.entry.quantity for line in lines)


def remember(shopper: str, change: Change) -> None:
    """After the commit: the hot copy, and the badge's number in the cookie."""
    queries.warm(shopper, change.cart)
    lengths = {change.facts.variant_id: change.facts.unit}
    remember_cart(count=queries.count(change.cart, lengths), version=change.cart.version)


def _changed(
    shopper: str, change: Change, *, removed: VariantFacts | None = None, before: str = ""
) -> ResponseReturnValue:
    remember(shopper, change)
    if is_fragment():
        return _page(removed=removed, before=before)
    if request.form.get("to") == "review":  # from there, or from a lock that ran out: the next step is to order
        return redirect(url_for("checkout.show_review"), 303)
    if removed is not None:
        return redirect(url_for("cart.show", removed=removed.variant_id, n=before), 303)
    return redirect(url_for("cart.show", _anchor=f"line-{change.line_id}"), 303)


def _page(
    status: int = 200,
    *,
    error: tuple[uuid.UUID, str] | None = None,
    offer: tuple[uuid.UUID, int] | None = None,
    removed: VariantFacts | None = None,
    before: str = "",
) -> ResponseReturnValue:
    currency, locale = languages.currency(), languages.language()
    contents = queries.contents(visitor(), at_least=cart_version())
    quote = checkout.quote(contents, currency=currency, locale=locale)
    if contents.cart_id is not None:
        remember_cart(count=pieces(quote.lines), version=contents.version)
    cheapest = shipping.cheapest_from(country="MY", currency=currency) if contents.entries else None
    if removed is None and "removed" in request.args:
        removed, before = _known(request.args["removed"]), request.args.get("n", "")
    return respond(
        "storefront/cart/page.html",
        "_cart.html",
        also=("layouts/_cart_badge.html",),
        status=status,
        lines=quote.lines,
        count=pieces(quote.lines),
        cart_count=pieces(quote.lines),
        subtotal=Money(quote.priced.subtotal_minor, currency),
        delivery_from=Money(cheapest, currency) if cheapest is not None else None,
        error=error,
        offer=offer,
        removed=removed,
        before=before,
        added=request.args.get("added"),
        has_problem=bool(quote.short_lines) or any(line.is_unfit for line in quote.lines),
        measure=measure_words,
        notice=_notice(),
        picture_of=picture_of,
    )


def _notice() -> dict[str, Any] | None:
    """What signing in or ordering again did to the cart, for the visitor who is sent here to read it."""
    shopper, asked = visitor(), request.args.get("notice")
    if shopper is None or asked is None or is_fragment():
        return None
    try:
        facts = queries.notice(uuid.UUID(asked), shopper)
    except ValueError:
        return None
    if facts is None:
        return None
    short = {uuid.UUID(variant): (wanted, got) for variant, wanted, got in facts["short"]}
    known = queries.facts(list(short), currency=languages.currency(), locale=languages.language())
    return facts | {"short": [(known[each], *short[each]) for each in short if each in known]}


def _refused(
    facts: VariantFacts,
    status: int,
    message: str = "",
    *,
    possible: int | None = None,
    typed: Typed | None = None,
    key: str = "",
) -> ResponseReturnValue:
    """The page that says how many could be added, and offers just that; or which measures are missing, and asks for them."""
    in_cart = _in_cart(facts.variant_id, key)
    addable = None if possible is None else max(0, possible - in_cart)
    return respond(
        "storefront/cart/refused.html",
        "_drawer.html",
        status=status,
        facts=facts,
        message=message,
        possible=possible,
        addable=addable,
        in_cart=in_cart,
        typed=typed,
        carried=fitting.carried(facts),
        quantity=request.form.get("quantity", "1")[:20],
        measure=measure_words,
        picture=picture_of(facts.picture, alt=facts.picture_alt, tint=facts.tint),
    )


def _drawer(change: Change) -> dict[str, object]:
    lines = queries.lines(change.cart, currency=languages.currency(), locale=languages.language())
    total = sum((line.total.minor for line in lines), 0)
    return {
        "facts": change.facts,
        "quantity": change.quantity,
        "lines": lines,
        "cart_count": pieces(lines),
        "subtotal": Money(total, languages.currency()),
        "picture": picture_of(change.facts.picture, tint=change.facts.tint),
        "message": "",
        "measure": measure_words,
        "picture_of": picture_of,
    }


def _facts_of(text: str) -> VariantFacts:
    facts = _known(text)
    if facts is None:
        raise NotFound()
    return facts


def _known(text: str) -> VariantFacts | None:
    try:
        variant_id = uuid.UUID(text)
    except ValueError:
        return None
    return queries.facts([variant_id], currency=languages.currency(), locale=languages.language()).get(variant_id)


def _own_line(shopper: str | None, line_id: uuid.UUID) -> tuple[VariantFacts | None, bool]:
    """What the line is of and whether it is made to measure, for the visitor's own lines only: ownership comes before
    validation."""
    entry = next((e for e in queries.contents(shopper, at_least=cart_version()).entries if e.line_id == line_id), None)
    return (_known(str(entry.variant_id)), entry.fitting is not None) if entry else (None, False)


def _in_cart(variant_id: uuid.UUID, key: str) -> int:
    """Units in the line that would be added to."""
    entries = queries.contents(visitor(), at_least=cart_version()).entries
    return next((each.quantity for each in entries if (each.variant_id, each.fitting_key) == (variant_id, key)), 0)


def _not_enough_words(refusal: NotEnough) -> str:
    if refusal.possible == 0:
        return _("This is sold out. Please remove it.")
    return _("Only %(n)s available", n=format_quantity(refusal.possible, refusal.step_mm))
