"""The first page: today in figures, what needs somebody, the latest orders."""

from __future__ import annotations

from datetime import datetime

from flask.typing import ResponseReturnValue

from app.admin import words
from app.admin.desk import desk, waiting
from app.admin.orders import shown_row
from app.core import clock, skew
from app.core.money import Money
from app.orders import queries
from app.stock import queries as stock
from app.web.respond import respond
from app.web.rights import needs
from app.web.site import settings
from app.web.staff import can, somebody

bp = desk("overview", __name__)
LATEST = 8


@bp.get("/")
@needs()
def show() -> ResponseReturnValue:
    placed, sold = queries.today(_midnight())
    return respond(
        "admin/overview/page.html",
        "_live.html",
        orders_today=placed,
        sold_today=[Money(minor, currency) for currency, minor in sold],
        active_locks=stock.lock_counts()["active"],
        waiting=waiting(),
        orders=[shown_row(row) for row in queries.page(limit=LATEST)],
        has_codes=somebody().has_codes,
        clocks=_clocks_that_are_off,
        now=clock.now(),
    )


def _clocks_that_are_off() -> list[str]:
    """In words, for whoever can do something about it. Asked by the page alone, not each time its figures are."""
    return [words.clock_off(each) for each in skew.known() if each.is_large] if can("system.view") else []


def _midnight() -> datetime:
    """The start of the shop's day."""
    return clock.now().astimezone(settings().shop.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
