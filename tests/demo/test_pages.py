"""The pages of every product of the demo shop, as a browser without JavaScript and as a search engine read them."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.core import db, storage
from demo import load

Variants = dict[str, set[uuid.UUID]]


@pytest.fixture
def variants(database: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Variants:
    """The variants that are for sale, by the slug of their product."""
    monkeypatch.setattr(storage, "_service", storage.make("file:media", home=tmp_path))
    load.load()
    db.forget()
    found = defaultdict(set)
    for slug, variant in db.rows(
        "SELECT p.slug, v.id FROM product p JOIN variant v ON v.product_id = p.id"
        " WHERE p.is_available AND p.withdrawn_at IS NULL AND v.is_available"
    ):
        found[slug].add(variant)
    db.forget()
    assert len(found) >= 48
    return found


def test_every_variant_has_a_link_on_its_products_page(variants: Variants, client: FlaskClient):
    for slug, wanted in variants.items():
        links = re.findall(rf'<a [^>]*href="/p/{slug}\?v=([^"&]+)"', client.get(f"/p/{slug}").text)
        assert {uuid.UUID(link) for link in links} == wanted, slug


def shown(page: str) -> tuple[str, str]:
    """(price, state of the stock) of the chosen variant, as people see them."""
    price = re.search(r'<p class="price price-l">(.*?)</p>', page, re.DOTALL)
    word = re.search(r'data-stock="(\w+)"', page)
    assert price is not None
    assert word is not None
    figures = re.search(r"[\d,]+\.\d\d", unescape(re.sub(r"<[^>]+>", " ", price[1])))
    assert figures is not None
    return figures[0].replace(",", ""), word[1]


def test_search_engines_are_told_what_the_page_shows(variants: Variants, client: FlaskClient):
    for slug, wanted in variants.items():
        for variant in wanted:
            page = client.get(f"/p/{slug}?v={variant}").text
            data = re.search(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', page, re.DOTALL)
            assert data is not None
            product, breadcrumb = json.loads(data[1])
            assert (product["@type"], breadcrumb["@type"]) == ("Product", "BreadcrumbList")
            assert len(product["offers"]) == len(wanted)
            (offer,) = (each for each in product["offers"] if each["url"] == f"http://localhost/p/{slug}?v={variant}")
            price, word = shown(page)
            assert (offer["price"], offer["priceCurrency"]) == (price, "MYR"), slug
            can_be_had = word in ("in_stock", "low")
            assert offer["availability"] == f"https://schema.org/{'InStock' if can_be_had else 'OutOfStock'}"
