"""schema.org data for search engines (PRF-09): JSON-LD in a `<script type="application/ld+json">` with a nonce."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.catalog.queries.shapes import Picture, ProductPage, VariantView, per_metre
from app.core.money import Money
from app.stock import queries as stock
from app.stock.queries import Availability
from app.web.formats import decimal
from app.web.site import settings
from app.web.templates import picture_url


def product(page: ProductPage, available: Mapping[uuid.UUID, Availability]) -> Markup:
    """Product with one Offer per variant, and the breadcrumb."""
    base = settings().base_url
    url = f"{base}/p/{page.slug}"
    facts = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": page.name,
        "description": page.summary or page.name,
        "url": url,
        "image": [picture_address(each) for each in page.pictures],
        "brand": {"@type": "Brand", "name": settings().shop.name},
        "category": page.category.name,
        "offers": [_offer(page, each, each.price, available, url) for each in page.variants if each.price],
    }
    if page.variants:
        facts["sku"] = page.variants[0].sku
    trail = [(each.name, f"{base}/c/{each.slug}") for each in page.trail]
    return _script([facts, breadcrumb([*trail, (page.name, url)])])


def crumbs(trail: Sequence[tuple[str, str]]) -> Markup:
    """A breadcrumb alone, of (name, path)."""
    return _script([breadcrumb([(name, settings().base_url + path) for name, path in trail])])


def breadcrumb(trail: Sequence[tuple[str, str]]) -> dict[str, Any]:
    items = [
        {"@type": "ListItem", "position": n, "name": name, "item": url} for n, (name, url) in enumerate(trail, start=1)
    ]
    return {"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}


def _offer(
    page: ProductPage, variant: VariantView, price: Money, available: Mapping[uuid.UUID, Availability], url: str
) -> dict[str, Any]:
    left = available.get(variant.id, stock.NONE).for_unit(page.unit)
    return {
        "@type": "Offer",
        "sku": variant.sku,
        "url": f"{url}?v={variant.id}",
        **_price(per_metre(price, page.step_mm) or price, is_per_metre=page.unit == "metre"),
        "availability": f"https://schema.org/{'InStock' if left > 0 else 'OutOfStock'}",
        "itemCondition": "https://schema.org/NewCondition",
    }


def _price(price: Money, *, is_per_metre: bool) -> dict[str, Any]:
    """The price as the page shows it, which for cloth is that of a metre (UN/CEFACT `MTR`)."""
    facts = {"price": decimal(price), "priceCurrency": price.currency}
    if not is_per_metre:
        return facts
    metre = {"@type": "QuantitativeValue", "value": 1, "unitCode": "MTR"}
    return {**facts, "priceSpecification": {"@type": "UnitPriceSpecification", **facts, "referenceQuantity": metre}}


def picture_address(picture: Picture) -> str:
    """The whole address of a picture, large enough for search engines."""
    url = picture_url(picture, 1000, "webp")
    return url if url.startswith("http") else settings().base_url + url


def _script(facts: Sequence[dict[str, Any]]) -> Markup:
    """JSON that cannot end its script element whatever a product is called."""
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704 - escaped just before  # nosec B704
