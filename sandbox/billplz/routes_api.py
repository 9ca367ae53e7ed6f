"""`/billplz/api/v3/bills`, and `/billplz/bills/{id}`: the page people pay on."""

import hmac
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from sandbox.billplz.errors import BillplzError, unauthorized
from sandbox.billplz.parts import billplz, note_address, refuse
from sandbox.currencies import words
from sandbox.routes_checkout import render_page

bp = Blueprint("billplz_api", __name__, url_prefix="/billplz")
bp.register_error_handler(BillplzError, refuse)
_PAGE = {"billplz_api.show_page", "billplz_api.choose"}
_ENDINGS = {"succeed": "completed", "fail": "failed", "wait": "pending"}


@bp.before_request
def check() -> None:
    """HTTP Basic: the API key is the user, the password is empty. The page needs none."""
    note_address()
    given = request.authorization
    if request.endpoint in _PAGE:
        return
    user = given.username or "" if given is not None and given.type == "basic" else ""
    if not hmac.compare_digest(user.encode(), billplz().keys.api_key.encode()):
        raise unauthorized()


@bp.post("/api/v3/bills")
def create() -> dict[str, Any]:
    given = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    fields = given if isinstance(given, dict) else {}
    return billplz().bills.create({name: str(value) for name, value in fields.items()})


@bp.get("/api/v3/bills/<bill_id>")
def show(bill_id: str) -> dict[str, Any]:
    return billplz().bills.one(bill_id)


@bp.get("/api/v3/bills/<bill_id>/transactions")
def transactions(bill_id: str) -> dict[str, Any]:
    return billplz().bills.transactions(bill_id)


@bp.delete("/api/v3/bills/<bill_id>")
def delete(bill_id: str) -> dict[str, Any]:
    billplz().bills.delete(bill_id)
    return {}


@bp.get("/bills/<bill_id>")
def show_page(bill_id: str) -> Response:
    bill = billplz().bills.one(bill_id)
    refusal = {"paid": "This bill is paid.", "deleted": "This bill is not available any more."}.get(bill["state"])
    return render_page("billplz_pay.html", bill=bill, amount=words(bill["amount"], "MYR"), refusal=refusal)


@bp.post("/bills/<bill_id>")
def choose(bill_id: str) -> BaseResponse:
    """A button of the page was pressed."""
    ending = _ENDINGS.get(request.form.get("action", ""))
    if ending is None:
        sentence = "You left the payment. You can close this page."
        return render_page("refused.html", sentence=sentence, cancel_url=None)
    billplz().bills.pay(bill_id, ending)
    return redirect(billplz().return_url(bill_id) or f"/billplz/bills/{bill_id}", 303)
