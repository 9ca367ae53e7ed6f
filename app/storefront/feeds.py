"""Products for Google Merchant Center (N12): RSS 2.0 with Google's namespace, one item for each variant.

The format: support.google.com/merchants/answer/14987622, its attributes: …/answer/7052112. The feed is streamed: a piece of
the catalogue takes three statements and is forgotten once it is sent, however many there are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence

from flask import Blueprint, Flask, Response, current_app, request
from markupsafe import escape

from app.catalog import queries as catalog
from app.catalog.queries.shapes import ProductPage, VariantView, per_metre
from app.core.errors import NotFound
from app.core.memory import edition
from app.core.money import Money
from app.stock import queries as stock
from app.storefront.structured import picture_address
from app.web import languages
from app.web.formats import decimal
from app.web.limits import address, limit
from app.web.site import settings

PIECE = 250  # products
RATE = "30/hour"  # of an address: 100,000 variants take 20 seconds
OF_RSS = ("title", "description", "link")  # the rest are Google's
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # XML cannot hold them, not even escaped
_EDITION = edition(__file__)

Fields = Iterable[tuple[str, str]]

bp = Blueprint("feeds", __name__)


@bp.get("/feeds/google-merchant.xml")
@limit(RATE, key=address)
def google_merchant() -> Response:
    """All that is for sale, in `?lang=` (`en`) and `?currency=` (the shop's). Raises NotFound for ones the shop does not have."""
    locale = _asked("lang", tuple(languages.LANGUAGES), "en")
    currency = _asked("currency", languages.CURRENCIES, settings().shop.currency)
    state = _state(locale, currency)
    is_known = request.if_none_match.contains_weak(state)  # `make_conditional` would read all of it to count the bytes
    is_wanted = request.method == "GET" and not is_known
    answer = Response(
        _streamed(_feed(locale, currency)) if is_wanted else (),
        status=304 if is_known else 200,
        content_type="application/xml; charset=utf-8",
    )
    answer.set_etag(state, weak=True)
    answer.cache_control.public, answer.cache_control.max_age = True, 600
    return answer


def _asked(name: str, known: Sequence[str], default: str) -> str:
    """By address alone: a feed must not follow the cookies or the browser of who fetches it."""
    asked = request.args.get(name, default)
    if asked not in known:
        raise NotFound()
    return asked


def _state(locale: str, currency: str) -> str:
    """Another one after each change of the catalogue, and whenever something was sold out or can be had again."""
    state = (catalog.version(), stock.mark_of_sellable(), locale, currency, settings().base_url, _EDITION)
    return hashlib.sha256(repr(state).encode()).hexdigest()[:32]


def _streamed(pieces: Iterator[str]) -> Iterator[str]:
    """Each piece is made in a context of its own, which gives the connection back: whoever reads slowly, or hangs up, keeps
    none, and leaves nothing to be tidied up."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def read() -> Iterator[str]:
        while True:
            with app.app_context():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    return read()


def _feed(locale: str, currency: str) -> Iterator[str]:
    shop = settings().shop
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>\n'
    yield _elements([("title", shop.name), ("link", languages.address("/", locale)), ("description", shop.legal_name)])
    last = None
    while pages := catalog.products_after(last, limit=PIECE, locale=locale, currency=currency):
        left = stock.availability([variant.id for page in pages for variant in page.variants])
        yield "".join(
            f"<item>{_elements(_item(page, each, each.price, left.get(each.id, stock.NONE), locale))}</item>\n"
            for page in pages
            for each in page.variants
            if each.price
        )
        last = pages[-1].id
    yield "</channel></rss>\n"


def _item(page: ProductPage, variant: VariantView, price: Money, left: stock.Availability, locale: str) -> Fields:
    """What Google is told of a variant: what its page shows, with a price per metre where that is what the page shows."""
    yield "id", variant.sku
    yield "title", ", ".join(filter(None, (page.name, variant.label)))[:150]
    yield "description", (page.description or page.summary or page.name)[:5000]
    yield "link", languages.address(f"/p/{page.slug}?v={variant.id}&currency={price.currency}", locale)
    if picture := variant.picture or page.picture:
        yield "image_link", picture_address(picture)
    yield "availability", "in_stock" if left.for_unit(page.unit) > 0 else "out_of_stock"
    yield from _prices(page, variant, price)
    yield "condition", "new"
    yield "brand", settings().shop.name
    yield "identifier_exists", "no"  # made here: nobody has given it a GTIN
    yield "product_type", " > ".join(each.name for each in page.trail)
    if page.weight_grams:
        yield "shipping_weight", f"{page.weight_grams * _steps(page)} g"
    if len(page.variants) > 1:
        yield "item_group_id", str(page.id)
    yield from _traits(page, variant)


def _prices(page: ProductPage, variant: VariantView, price: Money) -> Fields:
    full = variant.compare_at or price
    yield "price", _amount(page, full)
    if full != price:
        yield "sale_price", _amount(page, price)
    if page.step_mm:
        yield "unit_pricing_measure", "1 m"
        yield "unit_pricing_base_measure", "1 m"


def _amount(page: ProductPage, price: Money) -> str:
    return f"{decimal(per_metre(price, page.step_mm) or price)} {price.currency}"


def _steps(page: ProductPage) -> int:
    """How many of the units that are counted make the one that is priced."""
    return 1000 // page.step_mm if page.step_mm else 1


def _traits(page: ProductPage, variant: VariantView) -> Fields:
    """What tells the variants of a group apart: Google knows colours, and whatever else is chosen is a size to it."""
    labels = {
        option.code: value.label
        for option in page.options
        for value in option.values
        if variant.options.get(option.code) == value.value
    }
    if colour := labels.pop("colour", ""):
        yield "color", colour
    if labels:
        yield "size", ", ".join(labels.values())


def _elements(fields: Fields) -> str:
    """The fields as XML, in the namespace that each belongs to."""
    names = ((name if name in OF_RSS else f"g:{name}", UNPRINTABLE.sub("", value)) for name, value in fields)
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in names)
