"""How much is left on a gift card (PAY-31): by its code, and only so often, so that nobody can try codes out."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core import db
from app.value import queries
from app.value.models import ValueAccount
from app.value.rules import is_over
from app.web import value_words
from app.web.limits import limit
from app.web.respond import no_store, respond

bp = no_store(Blueprint("gift_cards", __name__))


@bp.get("/gift-cards")
def show() -> ResponseReturnValue:
    return _page()


@bp.post("/gift-cards")
@limit("10/minute", per_address="60/minute")
def look_up() -> ResponseReturnValue:
    """One answer for every code that cannot pay, whatever the reason: strangers learn nothing by trying."""
    account = queries.account_by_code(request.form.get("code", "")[:100])
    if account is None or account.state != "active" or is_over(account.expires_at, db.now()):
        return _page(error=_("No gift card can be used with this code. Please check it."), status=422)
    return _page(account)


def _page(account: ValueAccount | None = None, *, error: str | None = None, status: int = 200) -> ResponseReturnValue:
    return respond(
        "storefront/gift_cards.html",
        status=status,
        error=error,
        account=account,
        name=value_words.name(account.kind, account.last_four) if account else "",
    )
