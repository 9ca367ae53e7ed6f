"""Form-encoded parameters with brackets (`line_items[0][quantity]=1`) as one tree, checked against what is taken.

A shape is a dict of names; its values are a dict (an object), a one-element list (a list of such), or a kind:
`text`, `number`, `flag`, `metadata`, `texts`.
"""

import re
from collections.abc import Iterable
from typing import Any

from sandbox.stripe.errors import bad_parameter

Shape = dict[str, Any]
_NAME = re.compile(r"[^\[\]]+|\[[^\[\]]*\]")
_NUMBER = re.compile(r"-?[0-9]{1,15}")
_PAGE: Shape = {"limit": "number", "starting_after": "text", "ending_before": "text", "expand": "texts"}
_TIMES: Shape = {"gt": "number", "gte": "number", "lt": "number", "lte": "number"}
LIST: Shape = _PAGE | {"created": _TIMES}
SHOW: Shape = {"expand": "texts"}
_ADDRESS: Shape = dict.fromkeys(("line1", "line2", "city", "state", "postal_code", "country"), "text")
SESSION: Shape = {
    "mode": "text",
    "success_url": "text",
    "cancel_url": "text",
    "client_reference_id": "text",
    "customer_email": "text",
    "locale": "text",
    "expires_at": "number",
    "metadata": "metadata",
    "payment_method_types": "texts",
    "submit_type": "text",
    "adaptive_pricing": {"enabled": "flag"},
    "payment_intent_data": {
        "description": "text",
        "metadata": "metadata",
        "receipt_email": "text",
        "shipping": {"name": "text", "phone": "text", "address": _ADDRESS},
    },
    "subscription_data": {"description": "text", "metadata": "metadata"},
    "line_items": [
        {
            "quantity": "number",
            "price_data": {
                "currency": "text",
                "unit_amount": "number",
                "recurring": {"interval": "text", "interval_count": "number"},
                "product_data": {"name": "text", "description": "text", "metadata": "metadata"},
            },
        }
    ],
    "expand": "texts",
}
SUBSCRIPTION: Shape = {"pause_collection": {"behavior": "text"}, "expand": "texts"}
REFUND: Shape = {
    "amount": "number",
    "charge": "text",
    "payment_intent": "text",
    "reason": "text",
    "metadata": "metadata",
    "expand": "texts",
}


def parameters(pairs: Iterable[tuple[str, str]], shape: Shape) -> dict[str, Any]:
    """Raises Stripe's refusal for what is unknown, or not of its kind."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _put(tree, [part.strip("[]") for part in _NAME.findall(name)] or [""], value)
    return {name: _checked(value, _shape_of(shape, name, name), name) for name, value in tree.items()}


def needed(values: dict[str, Any], name: str) -> Any:
    if values.get(name) in (None, "", {}):
        raise bad_parameter(f"Missing required param: {name}.", name, "parameter_missing")
    return values[name]


def _put(tree: dict[str, Any], parts: list[str], value: str) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise bad_parameter("Invalid object", part)
    last = parts[-1] or str(len(tree))
    if not parts[0] or isinstance(tree.get(last), dict):
        raise bad_parameter("Invalid object", last)
    tree[last] = value


def _shape_of(shape: Any, name: str, path: str) -> Any:
    if name not in shape:
        raise bad_parameter(f"Received unknown parameter: {path}", path, "parameter_unknown")
    return shape[name]


def _checked(value: Any, shape: Any, path: str) -> Any:
    if isinstance(shape, dict):
        _demand_object(value, path)
        return {
            name: _checked(each, _shape_of(shape, name, f"{path}[{name}]"), f"{path}[{name}]")
            for name, each in value.items()
        }
    if isinstance(shape, list):
        _demand_object(value, path)
        return [_checked(each, shape[0], f"{path}[{name}]") for name, each in value.items()]
    return _KINDS[shape](value, path)


def _demand_object(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise bad_parameter("Invalid object", path)


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise bad_parameter("Invalid string", path)
    if len(value) > 5000:
        raise bad_parameter("Invalid string: must be at most 5000 characters", path)
    return value


def _number(value: Any, path: str) -> int:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise bad_parameter(f"Invalid integer: {value}", path, "parameter_invalid_integer")
    return int(value)


def _flag(value: Any, path: str) -> bool:
    if value not in ("true", "false"):
        raise bad_parameter(f"Invalid boolean: {value}", path)
    return bool(value == "true")


def _metadata(value: Any, path: str) -> dict[str, str]:
    _demand_object(value, path)
    if len(value) > 50:
        raise bad_parameter("Metadata can have up to 50 keys.", path)
    for key, text in value.items():
        if len(key) > 40 or len(_text(text, f"{path}[{key}]")) > 500:
            raise bad_parameter("Metadata keys have up to 40 characters and values up to 500.", f"{path}[{key}]")
    return dict(value)


def _texts(value: Any, path: str) -> list[str]:
    _demand_object(value, path)
    return [_text(each, path) for each in value.values()]


_KINDS = {"text": _text, "number": _number, "flag": _flag, "metadata": _metadata, "texts": _texts}
