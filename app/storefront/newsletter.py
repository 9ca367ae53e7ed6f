"""The newsletter (N25): ask for it, and confirm by the link of a letter. The answer is the same for every address."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from flask.typing import ResponseReturnValue

from app.core.transaction import in_transaction
from app.customers.actions import newsletter
from app.customers.errors import LinkOver
from app.customers.queries import newsletter as subscribers
from app.storefront.customer_forms import NewsletterForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES
from app.web import languages
from app.web.limits import limit
from app.web.respond import is_fragment, no_store, respond

bp = no_store(Blueprint("newsletter", __name__, url_prefix="/newsletter"))


@bp.get("")
def show() -> ResponseReturnValue:
    return _page(NewsletterForm(formdata=None))


@bp.post("")
@limit("10/minute", per_address="60/minute")
def ask() -> ResponseReturnValue:
    form, locale = NewsletterForm(), languages.language()
    if not form.validate():
        return _page(form, status=422)
    in_transaction(lambda: newsletter.ask(form.email.data or "", locale=locale, way="newsletter"))
    if is_fragment():
        return _page(form, is_sent=True)
    return redirect(url_for("catalog.home", subscribed=1, _anchor="newsletter"), 303)


@bp.get("/<token>")
def show_confirmation(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    row = subscribers.by_link(token)
    return _confirmation(token, state=row.state) if row else _over()


@bp.post("/<token>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def confirm(token: str) -> ResponseReturnValue:
    try:
        in_transaction(lambda: newsletter.confirm(token))
    except LinkOver:
        return _over()
    return _confirmation(token, state="confirmed")


def _page(form: NewsletterForm, *, is_sent: bool = False, status: int = 200) -> ResponseReturnValue:
    return respond("storefront/newsletter/page.html", "_newsletter.html", status=status, news=form, is_sent=is_sent)


def _confirmation(token: str, *, state: str) -> ResponseReturnValue:
    return respond("storefront/newsletter/confirm.html", token=token, is_done=state == "confirmed")


def _over() -> ResponseReturnValue:
    """Here is the way to another letter."""
    return respond("storefront/newsletter/over.html", status=410, news=NewsletterForm(formdata=None), is_sent=False)
