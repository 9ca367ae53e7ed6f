"""Signing in by way of a provider (OpenID Connect): out to its page, back, and the proof of which account it is, where that is
not plain. Without a provider there is none of it."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.customers import flows, gateway, queries
from app.customers.actions import identities
from app.customers.errors import (
    IdentityTaken,
    LinkOver,
    ProviderSilent,
    SignInCancelled,
    SignInOver,
    SignInRefused,
    TooManyTries,
)
from app.customers.models import CustomerOidcFlow
from app.customers.rules import LINK_MINUTES, LONGEST_PASSWORD
from app.storefront.customer_forms import EmailForm
from app.storefront.signing_in import FROM_ONE_ADDRESS, GUESSES, HOME, next_page, over, too_many, welcome
from app.web import customers, languages
from app.web.limits import limit, looks_at_password
from app.web.respond import no_store, respond
from app.web.returning import own_path
from app.web.site import settings
from app.web.visitor import ensure_visitor, visitor

bp = no_store(Blueprint("social", __name__, url_prefix="/login"))
SECURITY = "/account/security"


@bp.before_request
def only_with_providers() -> None:
    if not gateway.offered():
        raise NotFound()


@bp.post("/with/<provider>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def leave(provider: str) -> ResponseReturnValue:
    if customers.current():
        return redirect(next_page(), 303)
    return leave_for(provider, next_path=next_page() if "next" in request.form else "")


def leave_for(provider: str, *, next_path: str = "", customer_id: uuid.UUID | None = None) -> ResponseReturnValue:
    """A page that leads on to the provider's by itself: Chromium would hold a redirect, and every redirect after it, against
    `form-action`."""
    try:
        url = flows.leave_for(
            provider,
            back=_back(provider),
            visitor=ensure_visitor(),
            locale=languages.language(),
            next_path=next_path,
            customer_id=customer_id,
        )
    except ProviderSilent:
        return _silent(provider)
    label = gateway.label_of(provider)
    answer: Response = respond("storefront/signing_in/leaving.html", url=url, label=label)  # type: ignore[assignment]
    answer.headers["Refresh"] = f"0; url={url}"
    return answer


@bp.get("/with/<provider>/back")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def come_back(provider: str) -> ResponseReturnValue:
    """Where the provider sends the browser. A GET that acts, as the provider's return page of payments does: its `state` is good
    once, in the browser that left."""
    try:
        arrival = flows.come_back(
            provider,
            request.args,
            back=_back(provider),
            visitor=visitor(),
            customer_id=customers.current_id(),
            device=customers.device(),
            locale=languages.language(),
        )
    except ProviderSilent:
        return _silent(provider)
    except (SignInOver, SignInCancelled, SignInRefused, IdentityTaken) as refusal:
        return _failed(refusal, provider)
    if arrival.is_connected:
        return redirect(url_for("account.security", said="connected"), 303)
    if arrival.session is None:
        return redirect(url_for("social.show_proof", flow_id=arrival.flow_id), 303)
    return welcome(arrival.session, to=_onward(arrival.session.next_path))


@bp.get("/proof/<uuid:flow_id>")
def show_proof(flow_id: uuid.UUID) -> ResponseReturnValue:
    flow = _pending(flow_id)
    return _proof_page(flow, EmailForm(formdata=None, data={"email": _email(flow)}))


@bp.post("/proof/<uuid:flow_id>/password")
@looks_at_password
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def prove_by_password(flow_id: uuid.UUID) -> ResponseReturnValue:
    flow = _pending(flow_id)
    password, next_path = request.form.get("password", ""), flow.next_path
    form = EmailForm(formdata=None, data={"email": _email(flow)})
    session = None
    try:
        if 0 < len(password) <= LONGEST_PASSWORD:
            session = flows.prove_by_password(flow_id, password, visitor=visitor(), device=customers.device())
    except TooManyTries as refusal:
        return _proof_page(flow, form, wrong=too_many(refusal), status=refusal.status)
    except (SignInOver, IdentityTaken) as refusal:
        return _failed(refusal, flow.provider)
    if session is None:
        return _proof_page(flow, form, wrong=_("This is not the password of your account."), status=422)
    return welcome(session, to=_onward(next_path))


@bp.post("/proof/<uuid:flow_id>/link")
@limit("10/minute", per_address="60/minute")
def ask_for_link(flow_id: uuid.UUID) -> ResponseReturnValue:
    """The same answer whether there is an account with this address or not."""
    flow, form = _pending(flow_id), EmailForm()
    if not form.validate():
        return _proof_page(flow, form, status=422)
    email, locale = form.email.data or "", languages.language()
    in_transaction(lambda: identities.ask_for_proof(flow, email, locale=locale))
    return redirect(url_for("social.link_sent", flow_id=flow_id), 303)


@bp.get("/proof/<uuid:flow_id>/sent")
def link_sent(flow_id: uuid.UUID) -> ResponseReturnValue:
    _pending(flow_id)
    return respond("storefront/signing_in/proof_sent.html", flow_id=flow_id, minutes=LINK_MINUTES["connect"])


@bp.get("/connect/<token>")
def show_connect(token: str) -> ResponseReturnValue:
    """Looking changes nothing: programs that check mails look at every link."""
    wish = queries.open_request(token, kind="connect")
    if wish is None or wish.flow_id is None:
        return over("sign_in")
    flow = queries.pending_flow(wish.flow_id, visitor=visitor())
    if flow is None:
        return respond("storefront/signing_in/other_browser.html", status=403)
    label = gateway.label_of(flow.provider)
    return respond("storefront/signing_in/connect.html", token=token, label=label, email=wish.email)


@bp.post("/connect/<token>")
@limit(GUESSES, per_address=FROM_ONE_ADDRESS)
def connect(token: str) -> ResponseReturnValue:
    try:
        session = in_transaction(
            lambda: identities.connect_by_link(token, visitor=visitor(), device=customers.device())
        )
    except LinkOver:
        return over("sign_in")
    except IdentityTaken as refusal:
        return _failed(refusal, "")
    return welcome(session, to=_onward(session.next_path))


def _pending(flow_id: uuid.UUID) -> CustomerOidcFlow:
    """Raises NotFound for everybody but the browser that came back with it."""
    flow = queries.pending_flow(flow_id, visitor=visitor())
    if flow is None:
        raise NotFound()
    return flow


def _email(flow: CustomerOidcFlow) -> str:
    """As the provider told it, proven or not."""
    return str((flow.somebody or {}).get("email", ""))


def _proof_page(
    flow: CustomerOidcFlow, form: EmailForm, *, wrong: str | None = None, status: int = 200
) -> ResponseReturnValue:
    is_proven = bool((flow.somebody or {}).get("is_email_verified"))
    return respond(
        "storefront/signing_in/proof.html",
        status=status,
        flow_id=flow.id,
        label=gateway.label_of(flow.provider),
        email=_email(flow) if is_proven else "",
        form=form,
        wrong=wrong,
    )


def _onward(path: str) -> str:
    return own_path(path) if path else HOME


def _back(provider: str) -> str:
    return settings().base_url + url_for("social.come_back", provider=provider)


def _silent(provider: str) -> ResponseReturnValue:
    """Not the shop's fault, and not the end: there are other ways in."""
    answer: Response = respond(  # type: ignore[assignment]
        "storefront/signing_in/silent.html", status=503, label=gateway.label_of(provider), home=_home()
    )
    answer.headers["Retry-After"] = "20"
    return answer


def _failed(
    refusal: SignInOver | SignInCancelled | SignInRefused | IdentityTaken, provider: str
) -> ResponseReturnValue:
    words = {
        SignInOver: _("This sign-in was begun in another browser or too long ago, or it is done already."),
        SignInCancelled: _("You did not sign in there, so nothing has changed here."),
        SignInRefused: _("What came back does not prove who you are, so nothing has changed."),
        IdentityTaken: _(
            "This is connected with another account already, or your account with somebody else there. Nothing has changed."
        ),
    }[type(refusal)]
    label = gateway.label_of(provider) if provider else ""
    return respond("storefront/signing_in/failed.html", status=refusal.status, words=words, label=label, home=_home())


def _home() -> str:
    return SECURITY if customers.current() else "/login"
