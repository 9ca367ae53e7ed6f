"""The hosted checkout: pages a person pays on, reached by Razorpay's form post or by a plain link.

Without JavaScript they work too; with it the way back to the shop is automatic. Fields as in the docs
(payments/payment-gateway/web-integration/hosted/integration-steps.md): success and failure are posted to
`callback_url`, closing goes to `cancel_url` with a GET.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.currencies import words
from sandbox.errors import ApiError, plain_error, unknown_id
from sandbox.instruments import FAILURES, methods_shown
from sandbox.payments import Attempt, Payer
from sandbox.requests_in import account_of, provider

bp = Blueprint("checkout", __name__)
_OUTCOMES = {"succeed": "success", "fail": "failed", "late": "late", "twice": "twice"}
_CARRIED = (
    "key_id",
    "callback_url",
    "cancel_url",
    "name",
    "description",
    "prefill[name]",
    "prefill[email]",
    "prefill[contact]",
    "prefill[method]",
    "prefill[bank]",
    "only",
)


@dataclass(frozen=True)
class Checkout:
    """What the shop sent along, checked."""

    order: dict[str, Any]
    carried: dict[str, str]
    account: str

    @property
    def callback_url(self) -> str:
        return self.carried["callback_url"]

    @property
    def cancel_url(self) -> str | None:
        return self.carried.get("cancel_url")

    @property
    def methods(self) -> dict[str, str]:
        order, only = self.order, self.carried.get("only")
        return methods_shown(order["currency"], self.account, only=only, amount=order["amount"])

    @property
    def amount(self) -> str:
        return words(self.order["amount"], self.order["currency"])

    def payer(self) -> Payer:
        prefill = {name: self.carried.get(f"prefill[{name}]") for name in ("name", "email", "contact")}
        notes = {key[6:-1]: value for key, value in self.carried.items() if key.startswith("notes[")}
        return Payer(
            **prefill, bank=self.carried.get("prefill[bank]"), description=self.carried.get("description"), notes=notes
        )


@bp.post("/v1/checkout/embedded")
def open_by_form() -> Response:
    """The field `method` leaves one way to pay (docs, checkout options); the page carries it as `only`."""
    return _show(_checkout(request.form.get("order_id", ""), only=request.form.get("method")))


@bp.get("/pay/<order_id>")
def open_by_link(order_id: str) -> Response:
    return _show(_checkout(order_id))


@bp.post("/pay/<order_id>")
def choose(order_id: str) -> BaseResponse:
    """A button of the page was pressed."""
    checkout, action = _checkout(order_id), request.form.get("action", "")
    if action == "close":
        return _leave(checkout)
    if action not in _OUTCOMES:
        raise plain_error("Please use one of the buttons.")
    if not checkout.methods:
        raise plain_error("No way to pay is available for this payment.")
    paid = provider().payments.pay(order_id, _attempt(checkout, _OUTCOMES[action]))
    if action == "late":
        return _leave(checkout)
    return render_page("return.html", checkout=checkout, payment=paid[0], fields=provider().payments.callback(paid[0]))


@bp.errorhandler(ApiError)
def show_error(error: ApiError) -> tuple[Response, int]:
    back = request.values.get("cancel_url", "")
    return render_page(
        "refused.html", sentence=str(error), cancel_url=back if _is_address(back) else None
    ), error.status


@bp.app_context_processor
def nonce() -> dict[str, Any]:
    return {"nonce": g.get("nonce")}


def _checkout(order_id: str, *, only: str | None = None) -> Checkout:
    carried = {name: value for name in _CARRIED if (value := request.values.get(name))}
    if only:
        carried["only"] = only
    carried |= {name: value for name, value in request.values.items() if re.fullmatch(r"notes\[.+\]", name)}
    account = account_of(carried.get("key_id", ""))
    if account is None:
        raise plain_error("The key_id does not belong to an account here.", status=401)
    for name in ("callback_url", "cancel_url"):
        if not _is_address(carried.get(name, "")) and (name == "callback_url" or name in carried):
            raise plain_error(f"The {name} must be an address that starts with http:// or https://.")
    checkout = Checkout(provider().orders.one(order_id), carried, account.code)
    if provider().orders.account_of(order_id) != account.code:
        raise unknown_id()
    _compare(checkout.order)
    return checkout


def _compare(order: dict[str, Any]) -> None:
    """Amount and currency of the form, where given, must be the order's."""
    for name in ("amount", "currency"):
        if request.values.get(name, str(order[name])) != str(order[name]):
            raise plain_error(f"The {name} is different from your order {name}.")


def _show(checkout: Checkout) -> Response:
    order = checkout.order
    refusal = "This order is already paid." if order["status"] == "paid" else None
    methods, wanted = checkout.methods, checkout.carried.get("prefill[method]", "")
    if not methods:
        refusal = refusal or "No way to pay is available for this payment."
    return render_page(
        "pay.html",
        checkout=checkout,
        methods=methods,
        chosen=wanted if wanted in methods else next(iter(methods), ""),
        failures=FAILURES,
        refusal=refusal,
    )


def _attempt(checkout: Checkout, outcome: str) -> Attempt:
    method = request.form.get("method") or checkout.carried.get("only")
    reason = request.form.get("reason", "payment_failed")
    return Attempt(
        outcome=outcome,
        method=method if method in checkout.methods else None,
        payer=checkout.payer(),
        reason=reason if reason in FAILURES else "payment_failed",
        late_seconds=_late_seconds(),
        force=outcome == "twice" and request.form.get("second") == "captured",
    )


def _late_seconds() -> float:
    minutes = request.form.get("late_minutes", "20")
    if not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 5):
        raise plain_error("The minutes until the bank answers must be a whole number.")
    return int(minutes) * 60.0


def _leave(checkout: Checkout) -> BaseResponse:
    if checkout.cancel_url:
        return redirect(checkout.cancel_url, 303)
    return render_page("refused.html", sentence="You left the payment. You can close this page.", cancel_url=None)


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def render_page(template: str, **context: Any) -> Response:
    """Renders with a policy of its own. It names no `form-action`: the shop decides where its callback leads on."""
    g.nonce = secrets.token_urlsafe(16)
    response = make_response(render_template(template, **context))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{g.nonce}'; script-src 'nonce-{g.nonce}'; "
        "img-src data:; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
