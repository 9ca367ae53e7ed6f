"""Products in the back office: find one, and say how it is made to measure (CUS-05, ADR 0026)."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin.desk import desk, done
from app.catalog import actions as catalog
from app.catalog.errors import ChangedMeanwhile
from app.catalog.queries import desk as queries
from app.catalog.queries.desk import DeskProduct
from app.catalog.rules import MOST_TAILORING_DAYS, Tailoring, in_locale, tailoring_mark
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.tailoring.rules import BOUNDS, GARMENTS
from app.web import languages, measure_words
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("products", __name__)
PAGE = "/admin/products"
A_PAGE = 50
LONGEST_SEARCH = 100
NO_GARMENT = "none"


@bp.get("/products")
@needs("catalogue.view")
def show_list() -> ResponseReturnValue:
    sought, before = tidy(request.args.get("q")), _cursor(request.args.get("before", ""))
    if has_control_characters(sought) or len(sought) > LONGEST_SEARCH:
        sought = ""
    rows = queries.products(sought, before=before, limit=A_PAGE + 1)
    asked = {"q": sought} if sought else {}
    return respond(
        "admin/products/list.html",
        products=rows[:A_PAGE],
        sought=sought,
        longest=LONGEST_SEARCH,
        first_url=f"{PAGE}?{urlencode(asked)}" if before else None,
        next_url=f"{PAGE}?{urlencode({**asked, 'before': rows[A_PAGE - 1].id})}" if len(rows) > A_PAGE else None,
        name=_name,
        measure=measure_words,
    )


@bp.get("/products/<uuid:product_id>")
@needs("catalogue.view")
def show(product_id: uuid.UUID) -> ResponseReturnValue:
    return _page(_known(product_id))


@bp.post("/products/<uuid:product_id>/tailoring")
@needs("catalogue.change")
@limit(FORMS)
def set_tailoring(product_id: uuid.UUID) -> ResponseReturnValue:
    """What is wished; whoever comes second is shown what the first has made of it, and nothing is saved."""
    product = _known(product_id)
    typed = {name: tidy(request.form.get(name)) for name in ("garment", "days", "only", "seen")}
    fault = _fault(typed)
    if fault:
        return _page(product, typed=typed, fault=fault, status=422)
    wished = _wished(typed)
    try:
        in_transaction(lambda: catalog.set_tailoring(product_id, wished, seen=typed["seen"], by=actor()))
    except ChangedMeanwhile:
        return _page(_known(product_id), typed=typed, is_late=True, status=409)
    return done(f"{PAGE}/{product_id}", "tailoring-saved")


def _fault(typed: dict[str, str]) -> tuple[str, str] | None:
    garment, days = typed["garment"], typed["days"]
    if garment not in (NO_GARMENT, *GARMENTS):
        return "garment", _("Choose what it needs measured")
    is_number = days.isascii() and days.isdigit() and len(days) < 4 and 1 <= int(days) <= MOST_TAILORING_DAYS
    if garment != NO_GARMENT and not is_number:
        return "days", _("Enter working days, from 1 to %(n)s", n=MOST_TAILORING_DAYS)
    return None


def _wished(typed: dict[str, str]) -> Tailoring | None:
    if typed["garment"] == NO_GARMENT:
        return None
    return Tailoring(typed["garment"], int(typed["days"]), bool(typed["only"]))


def _page(
    product: DeskProduct,
    *,
    typed: dict[str, str] | None = None,
    fault: tuple[str, str] | None = None,
    is_late: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    known = product.tailoring
    if typed is None:
        typed = {
            "garment": known.garment if known else NO_GARMENT,
            "days": str(known.days) if known else "",
            "only": "1" if known and known.is_only else "",
        }
    return respond(
        "admin/products/page.html",
        status=status,
        product=product,
        name=_name(product),
        typed=typed,
        seen=typed["seen"] if fault else tailoring_mark(known),
        fault=fault,
        is_late=is_late,
        most=MOST_TAILORING_DAYS,
        no_garment=NO_GARMENT,
        garments=GARMENTS,
        bounds=BOUNDS,
        measure=measure_words,
    )


def _known(product_id: uuid.UUID) -> DeskProduct:
    product = queries.product(product_id)
    if product is None:
        raise NotFound()
    return product


def _name(product: DeskProduct) -> str:
    return in_locale(product.name, languages.language())


def _cursor(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
