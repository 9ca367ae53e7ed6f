"""`/v1/orders`."""

from typing import Any

from flask import Blueprint, g, request

from sandbox.requests_in import check_keys, json_body, paging, provider

bp = Blueprint("orders", __name__, url_prefix="/v1/orders")
bp.before_request(check_keys)


@bp.post("")
def create() -> dict[str, Any]:
    return provider().orders.create(json_body(), account=g.account)


@bp.get("")
def index() -> dict[str, Any]:
    page = paging(extra=("receipt",))
    return provider().orders.listed(receipt=request.args.get("receipt"), account=g.account.code, **page)


@bp.get("/<order_id>")
def show(order_id: str) -> dict[str, Any]:
    return provider().orders.one(order_id)


@bp.get("/<order_id>/payments")
def payments(order_id: str) -> dict[str, Any]:
    return provider().payments.of_order(order_id)
