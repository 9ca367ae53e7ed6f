"""`/paypal/checkoutnow`: the page a person approves on. All endings are plain links back to the shop, by 303."""

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.currencies import words
from sandbox.paypal.bank import Page
from sandbox.paypal.errors import PayPalError
from sandbox.paypal.parts import note_address, paypal
from sandbox.routes_checkout import render_page

bp = Blueprint("paypal_page", __name__, url_prefix="/paypal")
_ENDINGS = {"approve": "COMPLETED", "decline": "INSTRUMENT_DECLINED", "review": "PENDING", "late_decline": "DECLINED"}
bp.before_request(note_address)


@bp.get("/checkoutnow")
def show() -> Response:
    order, page = paypal().bank.page_of(request.args.get("token", ""))
    is_closed = order["status"] in ("COMPLETED", "VOIDED")
    return render_page(
        "paypal_approve.html",
        order=order,
        page=page,
        amount=words(order["amount"], order["currency"]),
        refusal="This order is already paid." if is_closed else None,
    )


@bp.post("/checkoutnow")
def choose() -> BaseResponse:
    """A button of the page was pressed."""
    order_id, action = request.form.get("token", ""), request.form.get("action", "")
    _, page = paypal().bank.page_of(order_id)
    if action not in _ENDINGS:
        return redirect(_back(page.cancel_url, token=order_id), 303)
    approved = paypal().bank.approve(order_id, capture=_ENDINGS[action])
    return redirect(return_of(page, approved), 303)


@bp.errorhandler(PayPalError)
def show_error(error: PayPalError) -> tuple[Response, int]:
    return render_page("refused.html", sentence=str(error), cancel_url=None), error.status


def return_of(page: Page, approved: dict[str, Any]) -> str:
    """Where the browser goes after an approval."""
    return _back(page.return_url, token=approved["id"], PayerID=approved["payer"]["payer_id"])


def _back(url: str, **added: str) -> str:
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, urlencode(added)]))
    return urlunsplit(parts._replace(query=query))
