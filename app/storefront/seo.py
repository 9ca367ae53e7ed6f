"""What crawlers read: robots.txt and the sitemap (an index of files of at most 10,000 products)."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from app.catalog import queries as catalog
from app.core.errors import NotFound
from app.web.site import settings

bp = Blueprint("seo", __name__)

PRIVATE = (
    "/cart", "/checkout/", "/order/", "/admin/", "/account/", "/api/", "/-/", "/pay/", "/track", "/search", "/login", "/register",
    "/wishlist", "/unsubscribe/", "/newsletter",
)  # fmt: skip
PAGES = ("/", "/about", "/contact", "/terms", "/privacy", "/refunds", "/shipping")


@bp.get("/robots.txt")
def robots() -> Response:
    lines = [
        "User-agent: *",
        *(f"Disallow: {path}" for path in PRIVATE),
        f"Sitemap: {settings().base_url}/sitemap.xml",
        "",
    ]
    return Response("\n".join(lines), mimetype="text/plain")


@bp.get("/sitemap.xml")
def sitemap() -> Response:
    """One file when everything fits into it, else an index."""
    pages = catalog.sitemap_pages()
    if pages > 1:
        return _xml("storefront/seo/index.xml", pages=pages)
    return _xml("storefront/seo/urls.xml", paths=[*PAGES, *_categories()], products=catalog.sitemap_products(1))


@bp.get("/sitemap-<int:page>.xml")
def sitemap_page(page: int) -> Response:
    if not 1 <= page <= catalog.sitemap_pages():
        raise NotFound()
    paths = [*PAGES, *_categories()] if page == 1 else []
    return _xml("storefront/seo/urls.xml", paths=paths, products=catalog.sitemap_products(page))


def _categories() -> list[str]:
    return [f"/c/{each.slug}" for each in catalog.frame(locale="en").categories]


def _xml(template: str, **context: object) -> Response:
    return Response(render_template(template, base=settings().base_url, **context), mimetype="application/xml")
