"""Lets the browser fetch the next catalogue page while the finger is on its way to the link (UX 0.3).

Only pages that anybody may see and that change nothing: categories, products, the legal pages. Never the cart, the
checkout or an order. Browsers that do not know the header leave it; who saves data gets none.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, request

RULES_PATH = "/-/speculation-rules.json"
PAGES = ("/", "/c/*", "/p/*", "/about", "/contact", "/shipping", "/refunds", "/terms", "/privacy")
SHOWN_ON = frozenset({"catalog", "search", "pages"})
RULES = {"prefetch": [{"where": {"or": [{"href_matches": page} for page in PAGES]}, "eagerness": "moderate"}]}
DAY = 24 * 3600

bp = Blueprint("speculation", __name__)


@bp.get(RULES_PATH)
def show() -> Response:
    headers = {"Cache-Control": f"public, max-age={DAY}"}
    return Response(json.dumps(RULES), content_type="application/speculationrules+json", headers=headers)


@bp.after_app_request
def point_to_rules(response: Response) -> Response:
    is_page = response.status_code == 200 and response.mimetype == "text/html"
    if is_page and request.blueprint in SHOWN_ON and request.headers.get("Save-Data") != "on":
        response.headers["Speculation-Rules"] = f'"{RULES_PATH}"'
    return response
