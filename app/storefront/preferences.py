"""Language, currency and theme: one small form in the footer, three cookies."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from app.web import languages
from app.web.languages import CURRENCIES, LANGUAGES, THEMES
from app.web.limits import FORMS, limit
from app.web.returning import own_path
from app.web.site import settings

YEAR = 365 * 24 * 3600
CHOICES = {
    "locale": ("lang", tuple(LANGUAGES)),
    "currency": ("currency", CURRENCIES),
    "theme": ("theme", ("", *THEMES)),
}

bp = Blueprint("preferences", __name__)


@bp.post("/-/preferences")
@limit(FORMS)
def choose() -> Response:
    """Remember what was chosen and go back; anything unknown is as if it had not been said."""
    answer = redirect(own_path(request.form.get("next"), without=("lang",)), 303)
    for field, (cookie, known) in CHOICES.items():
        chosen = request.form.get(field)
        if chosen in known:
            _remember(answer, cookie, chosen)
    return answer


@bp.after_app_request
def keep_asked_currency(answer: Response) -> Response:
    """Who came by a link that names a currency goes on in it, so that the cart asks the price that the page showed."""
    asked = languages.asked_currency()
    if asked and asked != request.cookies.get("currency"):
        _remember(answer, "currency", asked)
    return answer


def _remember(answer: Response, cookie: str, value: str) -> None:
    secure = settings().is_https
    if value:
        answer.set_cookie(cookie, value, max_age=YEAR, secure=secure, httponly=True, samesite="Lax")
    else:
        answer.delete_cookie(cookie, secure=secure, httponly=True, samesite="Lax")
