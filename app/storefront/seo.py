"""What crawlers read: robots.txt and the sitemap (an index of files of some thousand products)."""

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
    files = catalog.sitemap_pages()
    return _xml("storefront/seo/index.xml", files=files) if files > 1 else _urls(1)


@bp.get("/sitemap-<int:file>.xml")
def sitemap_file(file: int) -> Response:
    if not 1 <= file <= catalog.sitemap_pages():
        raise NotFound()
    return _urls(file)


def _urls(file: int) -> Response:
    """Every page in every language, each naming the others; what is no product is in the first file."""
    others = [*PAGES, *_categories()] if file == 1 else []
    products = [(f"/p/{each.slug}", each.changed_at) for each in catalog.sitemap_products(file)]
    return _xml("storefront/seo/urls.xml", pages=[*((path, None) for path in others), *products])


def _categories() -> list[str]:
    return [f"/c/{each.slug}" for each in catalog.frame(locale="en").categories]


def _xml(template: str, **context: object) -> Response:
    return Response(render_template(template, **context), mimetype="application/xml")
