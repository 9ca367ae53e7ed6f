"""`/_sandbox/billplz`: what tests do at Billplz' side. No keys needed; see README.md."""

from typing import Any

from flask import Blueprint

from sandbox.billplz.bills import OUTCOMES
from sandbox.billplz.errors import BillplzError
from sandbox.billplz.parts import billplz, note_address, refuse
from sandbox.errors import plain_error
from sandbox.requests_in import json_body
from sandbox.validation import only_known

bp = Blueprint("billplz_control", __name__, url_prefix="/_sandbox/billplz")
bp.before_request(note_address)
bp.register_error_handler(BillplzError, refuse)


@bp.post("/pay")
def pay() -> dict[str, Any]:
    body = json_body()
    only_known(body, {"bill_id", "outcome", "amount", "force"})
    bill_id = str(body.get("bill_id", ""))
    told = billplz().bills.pay(bill_id, _outcome(body), amount=body.get("amount"), force=bool(body.get("force")))
    return told | {"return_url": billplz().return_url(bill_id)}


@bp.post("/transactions/<try_id>")
def settle(try_id: str) -> dict[str, Any]:
    told = billplz().bills.settle(try_id, _outcome(json_body()))
    return told | {"return_url": billplz().return_url(told["bill"]["id"])}


def _outcome(body: dict[str, Any]) -> str:
    outcome = body.get("outcome", "completed")
    if outcome not in OUTCOMES:
        raise plain_error(f"outcome is one of {', '.join(OUTCOMES)}.")
    return str(outcome)
