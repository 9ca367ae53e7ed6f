"""`/v1/payments`, `/v1/refunds`, `/v1/disputes`, `/v1/methods`."""

from typing import Any

from flask import Blueprint, g, request

from sandbox.errors import unauthorized
from sandbox.faults import FINISHERS
from sandbox.instruments import methods_entity
from sandbox.requests_in import account_of, check_keys, json_body, paging, provider

bp = Blueprint("payments", __name__, url_prefix="/v1")
_OPEN = {"payments.methods"}


@bp.before_request
def check() -> None:
    if request.endpoint not in _OPEN:
        check_keys()


@bp.get("/methods")
def methods() -> dict[str, Any]:
    """Needs the key id only, as a parameter or as the user of HTTP Basic."""
    user = request.authorization.username if request.authorization else None
    account = account_of(request.args.get("key_id") or user or "")
    if account is None:
        raise unauthorized()
    return methods_entity(account.code)


@bp.get("/payments")
def index() -> dict[str, Any]:
    return provider().payments.listed(account=g.account.code, **paging())


@bp.get("/payments/<payment_id>")
def show(payment_id: str) -> dict[str, Any]:
    return provider().payments.one(payment_id)


@bp.post("/payments/<payment_id>/capture")
def capture(payment_id: str) -> dict[str, Any]:
    return provider().payments.capture(payment_id, json_body())


@bp.post("/payments/<payment_id>/refund")
@bp.post("/payments/<payment_id>/refunds")
def refund(payment_id: str) -> dict[str, Any]:
    key = request.headers.get("X-Refund-Idempotency")
    refunds = provider().refunds
    request.environ[FINISHERS].append(refunds.begin(key))
    return refunds.create(payment_id, json_body(), key=key)


@bp.get("/payments/<payment_id>/refunds")
def refunds_of(payment_id: str) -> dict[str, Any]:
    page = paging()
    return provider().refunds.of_payment(payment_id, count=page["count"], skip=page["skip"])


@bp.get("/payments/<payment_id>/refunds/<refund_id>")
def refund_of(payment_id: str, refund_id: str) -> dict[str, Any]:
    return provider().refunds.one(refund_id, payment_id=payment_id)


@bp.get("/disputes")
def all_disputes() -> dict[str, Any]:
    return provider().disputes.listed(account=g.account.code, **paging())


@bp.get("/disputes/<dispute_id>")
def show_dispute(dispute_id: str) -> dict[str, Any]:
    return provider().disputes.one(dispute_id)


@bp.get("/refunds")
def all_refunds() -> dict[str, Any]:
    return provider().refunds.listed(**paging())


@bp.get("/refunds/<refund_id>")
def show_refund(refund_id: str) -> dict[str, Any]:
    return provider().refunds.one(refund_id)
