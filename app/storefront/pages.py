"""The pages a shop must have before it may sell: who sells, terms, privacy, refunds, shipping. Filled from the settings."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.core.money import Money
from app.shipping import queries as shipping
from app.web import languages
from app.web.respond import respond
from app.web.site import settings

bp = Blueprint("pages", __name__)

ZONES = (("MY", "Selangor"), ("MY", "Sabah"), ("SG", ""), ("IN", ""), ("US", ""), ("DE", ""))


@bp.get("/about")
def about() -> ResponseReturnValue:
    return respond("storefront/pages/about.html")


@bp.get("/contact")
def contact() -> ResponseReturnValue:
    return respond("storefront/pages/contact.html")


@bp.get("/terms")
def terms() -> ResponseReturnValue:
    return respond("storefront/pages/terms.html")


@bp.get("/privacy")
def privacy() -> ResponseReturnValue:
    return respond(
        "storefront/pages/privacy.html", keep=settings().retention, answer_days=settings().privacy.answer_days
    )


@bp.get("/refunds")
def refunds() -> ResponseReturnValue:
    return respond("storefront/pages/refunds.html")


@bp.get("/shipping")
def delivery() -> ResponseReturnValue:
    """The rates as they are charged, straight from the table checkout uses."""
    currency, locale = languages.currency(), languages.language()
    rows = []
    for country, state in ZONES:
        for method in shipping.methods_for(country=country, state=state, currency=currency, locale=locale):
            if method.pickup_at:
                continue
            free = Money(method.free_from_minor, currency) if method.free_from_minor is not None else None
            further = Money(method.item_minor, currency)
            rows.append((country, state, method, Money(method.base_minor, currency), further, free))
    return respond(
        "storefront/pages/shipping.html", rows=rows, pickups=shipping.pickups(currency=currency, locale=locale)
    )
