"""What search engines and previews read (N12, CAT-24, PRF-06 … PRF-09): one address per page and language, and true facts."""

from __future__ import annotations

import json
import re
import uuid
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient

from app.catalog import actions as catalog
from app.catalog import queries
from app.core import db
from app.core.transaction import transaction
from tests.catalog import goods

SITE = "http://localhost"
MAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}


@pytest.fixture
def shirts(database: None) -> uuid.UUID:
    return goods.category("shirts", "Shirts", "Kemeja")


@pytest.fixture
def teluk(shirts: uuid.UUID) -> uuid.UUID:
    return goods.product("Teluk & </script> <b>", shirts, ms="Teluk Melayu", slug="teluk", sizes=("S", "M"), pictures=2,
                         stock_of={"S": 0, "M": 5}, summary={"en": "Light as air.", "ms": "Ringan."})  # fmt: skip


def head(page: str) -> dict[str, Any]:
    """`canonical`, `languages` (hreflang: address), and each meta by its name or property."""
    links = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<link ([^>]*)>", page)]
    metas = [dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in re.findall(r"<meta ([^>]*)>", page)]
    (canonical,) = (unescape(each["href"]) for each in links if each["rel"] == "canonical")
    return {
        "canonical": canonical,
        "languages": {each["hreflang"]: unescape(each["href"]) for each in links if each["rel"] == "alternate"},
        **{each.get("name") or each["property"]: unescape(each["content"]) for each in metas if "content" in each},
    }


def facts(page: str) -> list[dict[str, Any]]:
    data = re.search(r'<script type="application/ld\+json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert data is not None
    found: list[dict[str, Any]] = json.loads(data[1])
    return found


@pytest.mark.parametrize("path", ["/", "/c/shirts", "/p/teluk", "/about", "/terms"])
def test_each_language_is_a_page_of_its_own_and_names_the_others(client: FlaskClient, teluk: uuid.UUID, path: str):
    wanted = {"en": f"{SITE}{path}?lang=en", "ms": f"{SITE}{path}?lang=ms", "x-default": SITE + path}
    for address in wanted.values():
        found = head(client.get(address.removeprefix(SITE)).text)
        assert found["canonical"] == found["og:url"] == address
        assert found["languages"] == wanted


def test_cookie_and_browser_choose_no_address(client: FlaskClient, teluk: uuid.UUID):
    client.set_cookie("lang", "ms")
    page = client.get("/p/teluk", headers={"Accept-Language": "ms"}).text
    assert '<html lang="ms"' in page
    assert head(page)["canonical"] == f"{SITE}/p/teluk"
    assert head(client.get("/p/teluk?lang=xx").text)["canonical"] == f"{SITE}/p/teluk"


@pytest.mark.parametrize(
    ("asked", "kept"),
    [("/p/teluk?v=1&utm_source=x&gclid=y", "/p/teluk"), ("/c/shirts?size=S&sort=price_asc&utm_medium=x", "/c/shirts"),
     ("/?fbclid=1", "/"), ("/about?utm_campaign=%22%3E", "/about")],
)  # fmt: skip
def test_filters_and_tracking_are_dropped(client: FlaskClient, teluk: uuid.UUID, asked: str, kept: str):
    joint = "&" if "?" in asked else "?"
    found = head(client.get(asked).text)
    malay = head(client.get(f"{asked}{joint}lang=ms").text)
    assert found["canonical"] == SITE + kept
    assert malay["canonical"] == f"{SITE}{kept}?lang=ms"
    assert found["languages"] == malay["languages"] == {
        "en": f"{SITE}{kept}?lang=en", "ms": f"{SITE}{kept}?lang=ms", "x-default": SITE + kept,
    }  # fmt: skip


def test_a_page_of_a_list_keeps_its_number(client: FlaskClient, shirts: uuid.UUID):
    goods.products([f"No {n}" for n in range(30)], shirts)
    found = head(client.get("/c/shirts?page=2&lang=ms&sort=price_asc").text)
    assert found["canonical"] == found["languages"]["ms"] == f"{SITE}/c/shirts?page=2&lang=ms"
    assert found["languages"]["x-default"] == f"{SITE}/c/shirts?page=2"


def test_filtered_lists_are_not_kept(client: FlaskClient, teluk: uuid.UUID):
    assert head(client.get("/c/shirts?size=S").text)["robots"] == "noindex"
    assert "robots" not in head(client.get("/c/shirts").text)


def test_a_product_has_a_preview_in_its_language(client: FlaskClient, teluk: uuid.UUID):
    page = client.get("/p/teluk").text
    found = head(page)
    title = re.search(r"<title>(.*?)</title>", page)
    assert title is not None
    assert found["og:title"] == unescape(title[1]).strip()
    assert found["og:title"].startswith("Teluk & </script> <b>")
    assert (found["og:type"], found["description"], found["og:description"]) == ("product", *["Light as air."] * 2)
    assert re.fullmatch(rf"{SITE}/media/pic-\d+-0-1000\.webp", found["og:image"])
    malay = head(client.get("/p/teluk?lang=ms").text)
    assert malay["og:title"].startswith("Teluk Melayu")
    assert malay["description"] == "Ringan."


def test_a_products_own_words_for_search_engines_win(client: FlaskClient, shirts: uuid.UUID):
    goods.product("Senja", shirts, slug="senja", seo_title={"en": "Senja, the dusk shirt"},
                  seo_description={"en": "Bought at dusk."})  # fmt: skip
    found = head(client.get("/p/senja").text)
    assert found["og:title"].startswith("Senja, the dusk shirt")
    assert found["description"] == "Bought at dusk."


def test_structured_data_of_a_product(client: FlaskClient, teluk: uuid.UUID):
    product, breadcrumb = facts(client.get("/p/teluk").text)
    assert product["name"] == "Teluk & </script> <b>"
    assert product["brand"]["@type"] == "Brand"
    assert all(url.startswith(f"{SITE}/media/") for url in product["image"])
    small, medium = goods.variants_of(teluk)
    assert [
        (each["url"], each["price"], each["priceCurrency"], each["availability"]) for each in product["offers"]
    ] == [
        (f"{SITE}/p/teluk?v={small}", "100.00", "MYR", "https://schema.org/OutOfStock"),
        (f"{SITE}/p/teluk?v={medium}", "100.00", "MYR", "https://schema.org/InStock"),
    ]
    assert [(each["position"], each["name"], each["item"]) for each in breadcrumb["itemListElement"]] == [
        (1, "Shirts", f"{SITE}/c/shirts"), (2, "Teluk & </script> <b>", f"{SITE}/p/teluk"),
    ]  # fmt: skip


def test_cloth_is_priced_by_the_metre_as_on_its_page(client: FlaskClient, shirts: uuid.UUID):
    goods.product("Kain", shirts, slug="kain", unit="metre", step_mm=250, price=1_100)
    page = client.get("/p/kain").text
    (offer,) = facts(page)[0]["offers"]
    assert "RM\xa044.00" in page
    assert offer["price"] == offer["priceSpecification"]["price"] == "44.00"
    assert offer["priceSpecification"]["referenceQuantity"] == {
        "@type": "QuantitativeValue",
        "value": 1,
        "unitCode": "MTR",
    }


def test_a_renamed_product_and_category_lead_on_for_good(client: FlaskClient, shirts: uuid.UUID, teluk: uuid.UUID):
    for kind, id_, slug in (("product", teluk, "teluk-baru"), ("category", shirts, "kemeja")):
        with transaction():
            catalog.rename_slug(kind, id_, slug)
        db.forget()
    for old, new in (("/p/teluk", "/p/teluk-baru"), ("/c/shirts", "/c/kemeja")):
        answer = client.get(f"{old}?lang=ms&utm_source=x")
        assert (answer.status_code, answer.location) == (301, f"{new}?lang=ms&utm_source=x")
        assert head(client.get(new).text)["canonical"] == SITE + new
    assert client.get("/p/never-there").status_code == 404


def listed(xml: str) -> dict[str, dict[str, str]]:
    """The languages of each address of a sitemap."""
    return {
        str(url.findtext("s:loc", namespaces=MAP)): {
            link.attrib["hreflang"]: link.attrib["href"] for link in url.findall("x:link", MAP)
        }
        for url in ET.fromstring(xml).findall("s:url", MAP)
    }


def test_the_sitemap_lists_every_language_with_its_others(client: FlaskClient, teluk: uuid.UUID):
    answer = client.get("/sitemap.xml")
    found = listed(answer.text)
    assert answer.mimetype == "application/xml"
    for path in ("/", "/about", "/c/shirts", "/p/teluk"):
        wanted = {"en": f"{SITE}{path}?lang=en", "ms": f"{SITE}{path}?lang=ms", "x-default": SITE + path}
        for address in wanted.values():
            assert found.pop(address) == wanted
            page = head(client.get(address.removeprefix(SITE)).text)
            assert (page["canonical"], page["languages"]) == (address, wanted)
    assert len(found) == 3 * 5


def test_a_large_sitemap_is_an_index(client: FlaskClient, shirts: uuid.UUID, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(queries, "SITEMAP_PAGE", 2)
    goods.products(["One", "Two", "Three"], shirts)
    index = ET.fromstring(client.get("/sitemap.xml").text)
    files = [str(each.text) for each in index.findall("s:sitemap/s:loc", MAP)]
    assert files == [f"{SITE}/sitemap-1.xml", f"{SITE}/sitemap-2.xml"]
    found = [address for file in files for address in listed(client.get(file.removeprefix(SITE)).text)]
    assert len(found) == len(set(found)) == 3 * (7 + 1 + 3)
    assert client.get("/sitemap-3.xml").status_code == client.get("/sitemap-0.xml").status_code == 404


def test_robots_may_see_goods_and_nothing_personal(client: FlaskClient):
    answer = client.get("/robots.txt")
    lines = answer.text.splitlines()
    assert answer.mimetype == "text/plain"
    assert f"Sitemap: {SITE}/sitemap.xml" in lines
    barred = [line.removeprefix("Disallow: ") for line in lines if line.startswith("Disallow: ")]
    for path in ("/cart", "/checkout/contact", "/order/x", "/account/", "/admin/", "/search?q=x", "/api/health"):
        assert path.startswith(tuple(barred)), path
    for path in ("/", "/c/shirts", "/p/teluk", "/about", "/media/p/x.webp", "/static/dist/shop.css"):
        assert not path.startswith(tuple(barred)), path
