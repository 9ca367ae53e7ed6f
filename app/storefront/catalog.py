"""Home, category and product pages."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.cart.rules import at_least
from app.catalog import queries as catalog
from app.catalog.errors import SlugMoved
from app.catalog.queries.shapes import Category, ProductPage, VariantView
from app.core.money import Money
from app.payments.gateway.recurring import code_for
from app.recurring import queries as recurring
from app.recurring.queries import PlanView
from app.search import queries as search
from app.shipping import queries as shipping
from app.stock import queries as stock
from app.stock.queries import Availability
from app.stock.rules import stock_word
from app.storefront import fitting, lists, structured
from app.storefront.customer_forms import NewsletterForm
from app.storefront.pictures import Picture
from app.web import languages, measure_words
from app.web.cards import render_cards
from app.web.fragments import kept
from app.web.respond import respond
from app.web.visitor import visitor

bp = Blueprint("catalog", __name__)

NEW_ON_HOME = 8
HERO = Picture("home-hero", tint="sand", width=1600, height=700)
HERO_TALL = Picture("home-hero-portrait", tint="sand")
CRAFT = tuple(Picture(name) for name in ("craft-wax", "craft-dye", "craft-cloth"))


@bp.app_template_global()
def top_categories() -> Sequence[Category]:
    """For header, menu and footer."""
    return catalog.frame(locale=languages.language()).top


@bp.get("/")
def home() -> ResponseReturnValue:
    view = _view()
    tiles = search.newest(limit=NEW_ON_HOME, **view)
    return respond(
        "storefront/catalog/home.html",
        categories=catalog.frame(locale=view["locale"]).top,
        has_new=bool(tiles),
        hero=HERO,
        hero_tall=HERO_TALL,
        craft=CRAFT,
        cards=render_cards(tiles),
        news=NewsletterForm(formdata=None),
        is_sent="subscribed" in request.args,
    )


@bp.get("/c/<slug>")
def show_category(slug: str) -> ResponseReturnValue:
    view = _view()
    search.version()  # reads the catalogue's along with it: one statement less
    try:
        found = catalog.category(slug, locale=view["locale"])
    except SlugMoved as moved:
        return redirect(_with_query(url_for("catalog.show_category", slug=moved.slug)), 301)
    results = search.list_products(
        category=slug,
        filters=lists.asked_filters(),
        sort=lists.asked_sort("newest"),
        page=lists.asked_page(),
        **view,
    )
    return respond(
        "storefront/catalog/category.html",
        ("_results.html",),
        also=("_counts.html",),
        found=found,
        category=found.category,
        **lists.context(results, path=f"/c/{slug}", default_sort="newest", is_in_category=True),
    )


@bp.get("/p/<slug>")
def show_product(slug: str) -> ResponseReturnValue:
    view = _view()
    try:
        product = catalog.product(slug, **view)
    except SlugMoved as moved:
        return redirect(_with_query(url_for("catalog.show_product", slug=moved.slug)), 301)
    if product.is_withdrawn:
        tiles = search.related(product, **view)
        return respond("storefront/catalog/gone.html", status=410, product=product, cards=render_cards(tiles))
    others = catalog.related(product, **view)
    variants, beside = [each.id for each in product.variants], [each.id for each in others]
    available = stock.availability_by_either(variants, beside, visitor=visitor())
    chosen, is_asked = _chosen(product, available)
    in_stock = tuple(available.get(each.id, stock.NONE).for_unit(product.unit) > 0 for each in product.variants)
    offers = [(each, _offer(product, each, available)) for each in product.variants]
    seen = (product.id, chosen.id if chosen else None, view["currency"])
    return respond(
        "storefront/catalog/product.html",
        "_offer.html",
        plans=() if product.is_tailored_only else _plans(chosen),
        fit=fitting.choices(product),
        measure=measure_words,
        product=product,
        chosen=chosen,
        is_asked=is_asked,
        offer=_offer(product, chosen, available),
        offers=offers,
        words=tuple(offer["word"] for _variant, offer in offers),
        seen=seen,
        in_stock=in_stock,
        choices=partial(_choices, product, chosen, available),
        pictures=_pictures(product, chosen),
        cards=render_cards(search.tiles(others, available)),
        delivery_from=_delivery_from(),
        structured=kept("structured", (seen, in_stock), lambda: structured.product(product, available)),
    )


def _plans(chosen: VariantView | None) -> tuple[PlanView, ...]:
    """How often the chosen variant may be subscribed to, where somebody could charge it in this currency."""
    if chosen is None or code_for(languages.currency()) is None:
        return ()
    return recurring.plans_by_variant().get(chosen.id, ())


def _view() -> dict[str, str]:
    return {"locale": languages.language(), "currency": languages.currency()}


def _with_query(url: str) -> str:
    query = request.query_string.decode("ascii", "ignore")
    return f"{url}?{query}" if query else url


def _chosen(product: ProductPage, available: dict[uuid.UUID, Availability]) -> tuple[VariantView | None, bool]:
    """The variant that is asked for by `?v=` or by the option controls, else the first that can be had."""
    asked = product.variant(request.args.get("v"))
    options = {option.code: request.args[option.code] for option in product.options if option.code in request.args}
    if options and len(options) == len(product.options):
        asked = product.variant_with(options) or asked
    if asked is not None:
        return asked, True
    in_stock = (v for v in product.variants if v.price and available.get(v.id, stock.NONE).total > 0)
    return next(in_stock, product.variants[0] if product.variants else None), False


def _offer(
    product: ProductPage, variant: VariantView | None, available: dict[uuid.UUID, Availability]
) -> dict[str, Any]:
    """Price, stock word and possible quantity of a variant."""
    if variant is None or variant.price is None:
        return {"price": None, "word": stock_word(0), "most": 0, "can_buy": False}
    found = available.get(variant.id, stock.NONE)
    left = at_least(variant.min_quantity, found.for_unit(product.unit))
    steps = 1000 // product.step_mm if product.step_mm else 1
    return {
        "price": variant.price * steps,
        "compare_at": variant.compare_at * steps if variant.compare_at else None,
        "unit_price": variant.price,
        "word": stock_word(left, held=found.held, step_mm=product.step_mm),
        "most": min(left, product.max_per_order or left),
        "can_buy": left > 0,
    }


def _choices(
    product: ProductPage, chosen: VariantView | None, available: dict[uuid.UUID, Availability]
) -> list[dict[str, Any]]:
    """The option groups: each value with the variant it leads to, given the other chosen values."""
    groups = []
    for option in product.options:
        values = []
        for value in option.values:
            wanted = {**(chosen.options if chosen else {}), option.code: value.value}
            leads_to = product.variant_with(wanted) or next(
                (v for v in product.variants if v.options.get(option.code) == value.value), None
            )
            has_stock = bool(
                leads_to
                and leads_to.options == wanted
                and leads_to.price
                and available.get(leads_to.id, stock.NONE).for_unit(product.unit) > 0
            )
            values.append({
                "value": value.value,
                "label": value.label,
                "picture": value.picture,
                "hex": value.hex,
                "variant": leads_to.id if leads_to else None,
                "is_chosen": bool(chosen and chosen.options.get(option.code) == value.value),
                "is_off": not has_stock,
            })  # fmt: skip
        groups.append({"code": option.code, "name": option.name, "values": values})
    return groups


def _pictures(product: ProductPage, chosen: VariantView | None) -> list[Any]:
    """The chosen variant's picture first."""
    first = chosen.picture if chosen and chosen.picture else product.picture
    return [p for p in (first, *(p for p in product.pictures if p != first)) if p is not None]


def _delivery_from() -> Money | None:
    currency = languages.currency()
    cheapest = shipping.cheapest_from(country="MY", currency=currency)
    return Money(cheapest, currency) if cheapest is not None else None
