"""`/v1/settlements`, and what tests do to statements below `/_sandbox/settlements`."""

from typing import Any

from flask import Blueprint, request

from sandbox.errors import ApiError, plain_error
from sandbox.requests_in import check_keys, json_body, paging, provider
from sandbox.settlements import CHANGES, day_of
from sandbox.validation import only_known

bp = Blueprint("settlements", __name__)


@bp.before_request
def check() -> None:
    if request.path.startswith("/v1/"):
        check_keys()


@bp.get("/v1/settlements")
@bp.get("/v1/settlements/")
def index() -> dict[str, Any]:
    return provider().settlements.listed(**paging())


@bp.get("/v1/settlements/recon/combined")
def report() -> dict[str, Any]:
    only_known(request.args.to_dict(), {"year", "month", "day", "count", "skip"})
    day = request.args.get("day")
    since, until = day_of(_number("year"), _number("month"), _number("day") if day else None)
    count, skip = _number("count", default=10), _number("skip", default=0)
    if not 1 <= count <= 1000:
        raise ApiError("The count must be at least 1.", field="count")
    return provider().settlements.report(since=since, until=until, count=count, skip=skip)


@bp.post("/_sandbox/settlements")
def settle() -> dict[str, Any]:
    return provider().settlements.settle()


@bp.post("/_sandbox/settlements/falsify")
def falsify() -> dict[str, Any]:
    body = json_body()
    only_known(body, {"id", "change", "value"})
    if body.get("change") not in CHANGES:
        raise plain_error(f"change is one of {', '.join(CHANGES)}.")
    return provider().settlements.falsify(str(body.get("id", "")), body["change"], int(body.get("value", 0)))


@bp.post("/_sandbox/settlements/stray")
def add_stray() -> dict[str, Any]:
    body = json_body()
    only_known(body, {"type", "amount", "currency"})
    if body.get("type") not in ("payment", "refund", "adjustment"):
        raise plain_error("type is payment, refund or adjustment.")
    amount, currency = int(body.get("amount", 1000)), str(body.get("currency", "MYR"))
    return provider().settlements.add_stray(kind=body["type"], amount=amount, currency=currency)


def _number(name: str, *, default: int | None = None) -> int:
    text = request.args.get(name)
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ApiError(f"The {name} is not valid.", field=name)
    return int(text)
