"""`/stripe/c/pay/<session>`: the page people pay on. Success and cancel lead back to the shop by 303."""

from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.currencies import words
from sandbox.routes_checkout import render_page
from sandbox.stripe import lookup
from sandbox.stripe.errors import StripeError
from sandbox.stripe.methods import DECLINES, LABELS
from sandbox.stripe.parts import stripe
from sandbox.stripe.sessions import Try
from sandbox.stripe.state import Session, known

bp = Blueprint("stripe_page", __name__, url_prefix="/stripe/c/pay")
_ANSWER_SECONDS = 60.0


@bp.get("/<session_id>")
def show(session_id: str) -> Response:
    return _page(session_id)


@bp.post("/<session_id>")
def choose(session_id: str) -> BaseResponse:
    """A button of the page was pressed."""
    action = request.form.get("action", "")
    if action == "close":
        return _leave(session_id)
    attempt = _try_of(action, _session(session_id).extra["types"])
    with stripe().store.transaction() as tx:
        stripe().sessions.pay(tx, session_id, attempt, at=stripe().clock.now())
    if attempt.outcome in ("decline", "challenge"):
        return _page(session_id)
    return redirect(_session(session_id).extra["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id), 303)


@bp.errorhandler(StripeError)
def show_error(error: StripeError) -> tuple[Response, int]:
    return render_page("refused.html", sentence=str(error), cancel_url=None), error.status


def _try_of(action: str, types: list[str]) -> Try:
    method, reason = request.form.get("method", types[0]), request.form.get("reason", "generic_decline")
    if method not in types or reason not in DECLINES:
        raise StripeError("Please use the choices of the page.")
    tries = {
        "succeed": Try(method=method),
        "decline": Try("decline", method=method, reason=reason),
        "challenge": Try("challenge", method=method),
        "refuse_challenge": Try("decline", method=method, reason="authentication_failure"),
        "process": Try("process", method=method, after_seconds=_ANSWER_SECONDS),
        "process_fail": Try("process", method=method, after_seconds=_ANSWER_SECONDS, ends_well=False),
    }
    if action not in tries:
        raise StripeError("Please use one of the buttons.")
    return tries[action]


def _leave(session_id: str) -> BaseResponse:
    session = _session(session_id)
    if session.extra["cancel_url"]:
        return redirect(session.extra["cancel_url"], 303)
    return render_page("refused.html", sentence="You left the payment. You can close this page.", cancel_url=None)


def _page(session_id: str) -> Response:
    session = _session(session_id)
    error: dict[str, Any] = session.extra["last_error"] or {}
    with stripe().store.reading() as tx:
        entity = lookup.one(tx, "checkout.session", session_id, expand=[])
    return render_page(
        "stripe_pay.html",
        session=entity,
        name=session.extra["name"],
        amount=words(session.row["amount"], session.row["currency"]),
        labels={method: LABELS.get(method, method) for method in session.extra["types"]},
        declines=DECLINES,
        declined=error.get("message"),
        is_challenged=session.extra["intent_status"] == "requires_action",
    )


def _session(session_id: str) -> Session:
    with stripe().store.reading() as tx:
        return Session.of(known(tx, "checkout.session", session_id))
