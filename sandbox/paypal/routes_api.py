"""`/paypal/v1` and `/paypal/v2`: tokens, orders, captures, refunds, disputes, certificates."""

import hmac
from typing import Any

from flask import Blueprint, Response, request

from sandbox.faults import FINISHERS
from sandbox.paypal.errors import PayPalError, TokenError, invalid, not_found
from sandbox.paypal.parts import json_body, json_object, note_address, paypal, refuse, refuse_token

bp = Blueprint("paypal_api", __name__, url_prefix="/paypal")
_OPEN = {"paypal_api.issue_token", "paypal_api.certificate"}
bp.register_error_handler(PayPalError, refuse)
bp.register_error_handler(TokenError, refuse_token)


@bp.before_request
def check() -> None:
    note_address()
    if request.endpoint not in _OPEN:
        paypal().tokens.check(request.headers.get("Authorization", ""))


@bp.post("/v1/oauth2/token")
def issue_token() -> dict[str, Any]:
    given, keys = request.authorization, paypal().keys
    if given is None or given.type != "basic":
        raise TokenError("invalid_client", "Client Authentication failed")
    same_id = hmac.compare_digest((given.username or "").encode(), keys.client_id.encode())
    same_secret = hmac.compare_digest((given.password or "").encode(), keys.client_secret.encode())
    if not (same_id and same_secret):
        raise TokenError("invalid_client", "Client Authentication failed")
    if request.form.get("grant_type") != "client_credentials":
        raise invalid("INVALID_PARAMETER_VALUE", "The grant type is client_credentials.")
    token = paypal().tokens.issue()
    lifetime = int(paypal().tokens.lifetime)
    return {"scope": "", "access_token": token, "token_type": "Bearer", "app_id": "APP-SANDBOX", "expires_in": lifetime}


@bp.get("/v1/notifications/certs/<cert_id>")
def certificate(cert_id: str) -> Response:
    pem = paypal().signer.certificate(cert_id)
    if pem is None:
        raise not_found()
    return Response(pem, mimetype="application/x-pem-file")


@bp.post("/v2/checkout/orders")
def create_order() -> tuple[dict[str, Any], int]:
    return paypal().bank.create(json_object(), key=_claimed(), whole=_wants_all())


@bp.get("/v2/checkout/orders/<order_id>")
def show_order(order_id: str) -> dict[str, Any]:
    return paypal().bank.order(order_id)


@bp.patch("/v2/checkout/orders/<order_id>")
def patch_order(order_id: str) -> tuple[str, int]:
    paypal().bank.patch(order_id, json_body())
    return "", 204


@bp.post("/v2/checkout/orders/<order_id>/capture")
def capture_order(order_id: str) -> tuple[dict[str, Any], int]:
    return paypal().bank.capture(order_id, key=_claimed(), whole=_wants_all())


@bp.get("/v2/payments/captures/<capture_id>")
def show_capture(capture_id: str) -> dict[str, Any]:
    return paypal().bank.one_capture(capture_id)


@bp.post("/v2/payments/captures/<capture_id>/refund")
def refund(capture_id: str) -> tuple[dict[str, Any], int]:
    return paypal().bank.refund(capture_id, json_object(), key=_claimed())


@bp.get("/v2/payments/refunds/<refund_id>")
def show_refund(refund_id: str) -> dict[str, Any]:
    return paypal().bank.one_refund(refund_id)


@bp.get("/v1/customer/disputes/<dispute_id>")
def show_dispute(dispute_id: str) -> dict[str, Any]:
    return paypal().disputes.one(dispute_id)


@bp.get("/v1/customer/disputes")
def list_disputes() -> dict[str, Any]:
    return paypal().disputes.listed(request.args.to_dict())


@bp.get("/v1/reporting/transactions")
def list_transactions() -> dict[str, Any]:
    return paypal().reports.page(request.args.to_dict())


def _claimed() -> str | None:
    """The PayPal-Request-Id, claimed until this request is over: a second one at the same time gets a 409."""
    key = request.headers.get("PayPal-Request-Id")
    request.environ[FINISHERS].append(paypal().bank.begin(key))
    return key


def _wants_all() -> bool:
    return "return=representation" in request.headers.get("Prefer", "")
