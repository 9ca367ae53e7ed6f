"""`/v1/plans`, `/v1/subscriptions`, `/v1/invoices?subscription_id=`, the hosted page of a subscription, and its control."""

from typing import Any

from flask import Blueprint, Response, g, request

from sandbox.currencies import words
from sandbox.errors import ApiError, plain_error
from sandbox.requests_in import check_keys, json_body, paging, provider
from sandbox.routes_checkout import render_page
from sandbox.validation import only_known, required

bp = Blueprint("subscriptions", __name__)
_KEYED = ("/v1/",)
_OUTCOMES = {"succeed": "captured", "fail": "failed"}


@bp.before_request
def check() -> None:
    if request.path.startswith(_KEYED):
        check_keys()


@bp.post("/v1/plans")
def create_plan() -> dict[str, Any]:
    return provider().subscriptions.create_plan(json_body(), account=g.account)


@bp.post("/v1/subscriptions")
def create() -> dict[str, Any]:
    return provider().subscriptions.create(json_body(), account=g.account, url=request.host_url.rstrip("/"))


@bp.get("/v1/subscriptions")
def index() -> dict[str, Any]:
    page = paging(extra=("plan_id",))
    return provider().subscriptions.listed(account=g.account.code, plan_id=request.args.get("plan_id"), **page)


@bp.get("/v1/subscriptions/<subscription_id>")
def show(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.one(subscription_id, account=g.account.code)


@bp.get("/v1/invoices")
def invoices() -> dict[str, Any]:
    page = paging(extra=("subscription_id",))
    subscription_id = required(request.args.to_dict(), "subscription_id")
    return provider().subscriptions.invoices(account=g.account.code, subscription_id=subscription_id, **page)


@bp.post("/v1/subscriptions/<subscription_id>/cancel")
def cancel(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.cancel(subscription_id, json_body(), account=g.account.code)


@bp.post("/v1/subscriptions/<subscription_id>/pause")
def pause(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.pause(subscription_id, json_body(), account=g.account.code)


@bp.post("/v1/subscriptions/<subscription_id>/resume")
def resume(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.resume(subscription_id, json_body(), account=g.account.code)


@bp.get("/subscribe/<subscription_id>")
def open_page(subscription_id: str) -> Response:
    return _page(provider().subscriptions.one(subscription_id))


@bp.post("/subscribe/<subscription_id>")
def choose(subscription_id: str) -> Response:
    """A button of the page was pressed. The docs know no way back to the shop from here."""
    outcome = _OUTCOMES.get(request.form.get("action", ""))
    if outcome is None:
        raise plain_error("Please use one of the buttons.")
    return _page(provider().subscriptions.authorise(subscription_id, outcome))


@bp.post("/_sandbox/subscriptions/<subscription_id>/authorise")
def authorise(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.authorise(subscription_id, _outcome(json_body()))


@bp.post("/_sandbox/subscriptions/<subscription_id>/charge")
def charge(subscription_id: str) -> dict[str, Any]:
    return provider().subscriptions.charge(subscription_id, _outcome(json_body()))


@bp.post("/_sandbox/subscriptions/<subscription_id>/due")
def bring_forward(subscription_id: str) -> dict[str, Any]:
    body = json_body()
    only_known(body, {"in_seconds", "outcome"})
    seconds = body.get("in_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise plain_error("in_seconds must be a number of at least 0.")
    return provider().subscriptions.bring_forward(
        subscription_id, seconds=seconds, outcome=_outcome({"outcome": body.get("outcome", "captured")})
    )


@bp.errorhandler(ApiError)
def refuse(error: ApiError) -> tuple[Any, int]:
    if request.path.startswith("/subscribe/"):
        return render_page("refused.html", sentence=str(error), cancel_url=None), error.status
    return error.body(), error.status


def _outcome(body: dict[str, Any]) -> str:
    outcome = body.get("outcome", "captured")
    if outcome not in _OUTCOMES.values():
        raise plain_error("outcome is one of captured, failed.")
    return str(outcome)


def _page(subscription: dict[str, Any]) -> Response:
    plan = provider().subscriptions.plan_of(subscription)
    amount = words(plan["item"]["amount"] * subscription["quantity"], plan["item"]["currency"])
    return render_page("subscribe.html", subscription=subscription, plan=plan, amount=amount)
