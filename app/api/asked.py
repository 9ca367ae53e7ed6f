"""What a program asks with: a JSON object, an Idempotency-Key, an order of its own session; and how it is refused."""

from __future__ import annotations

import hmac
import uuid
from typing import Any

from flask import Response, request
from flask_babel import gettext as _

from app.core.errors import NotFound, Refused
from app.orders import queries as orders
from app.orders.models import Order
from app.web.errors import RETRY_SECONDS, problem
from app.web.visitor import visitor


def posted() -> dict[str, Any]:
    """The JSON object of the body. Raises Refused for other JSON; what is no JSON at all Flask answers with 400 or 415."""
    found = json_body()
    if not isinstance(found, dict):
        raise Refused(_("Send an object in JSON."), code="no_object")
    return found


def json_body() -> Any:
    """Whatever JSON was sent. Raises Refused where it is nested too deeply to be read."""
    try:
        return request.get_json()
    except RecursionError:
        raise Refused(_("This is nested too deeply."), code="too_deep") from None


def idempotency_key(*, is_required: bool = False) -> uuid.UUID | None:
    """The header Idempotency-Key. Raises Refused when it is no UUID, or missing where it `is_required`."""
    given = request.headers.get("Idempotency-Key")
    if given is None and not is_required:
        return None
    try:
        return uuid.UUID(given or "")
    except ValueError:
        raise Refused(_("Send a UUID in the header Idempotency-Key."), code="key_missing") from None


def text_of(found: dict[str, Any], name: str) -> str:
    """A member that is a short text; empty when it is missing or something else."""
    value = found.get(name)
    return value if isinstance(value, str) and len(value) <= 100 else ""


def own_order(named: str) -> Order:
    """The order with this token or id, if this session placed it. To everybody else there is none: raises NotFound."""
    order, known = named_order(named), visitor()
    if order is None or known is None or not hmac.compare_digest(order.visitor, known):
        raise NotFound(_("There is no such order."))
    return order


def named_order(named: str) -> Order | None:
    """By token or id, whoever asks."""
    try:
        order_id = uuid.UUID(named)
    except ValueError:
        return orders.order_by_token(named)
    return orders.order(order_id)


def refuse_unknown_visitors() -> Response | None:
    """For the gates of a shopper's endpoints: 401 for a browser that no page of the shop has met."""
    if visitor() is None:
        return problem(401, "no_session", _("This session has no cart and no order."))
    return None


def unavailable() -> Response:
    """A provider did not answer: nothing is decided, the same question may be asked again."""
    words = _("The payment service does not answer right now. We hold your items: please try again in a moment.")
    answer = problem(503, "provider_unavailable", words)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer
