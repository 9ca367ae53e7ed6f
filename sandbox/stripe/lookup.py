"""Objects by id and in lists, newest first, with `expand`."""

import json
from collections.abc import Callable
from typing import Any

from sandbox.store import Row, Transaction
from sandbox.stripe.entities import charge_entity, intent_entity, session_entity
from sandbox.stripe.errors import bad_parameter, missing
from sandbox.stripe.refunds import entity_of as refund_entity
from sandbox.stripe.state import document, known, session_of_intent

_KINDS = {
    "cs": "checkout.session",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "txn": "balance_transaction",
    "po": "payout",
    "dp": "dispute",
    "evt": "event",
}
_OPERATORS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
Entity = dict[str, Any]


def one(tx: Transaction, kind: str, object_id: str, *, expand: list[str]) -> Entity:
    entity = _ONE[kind](tx, object_id)
    for path in expand:
        _expand(tx, entity, path.split("."), path)
    return entity


def listed(tx: Transaction, kind: str, values: dict[str, Any], *, url: str, where: dict[str, Any]) -> Entity:
    """`where`: conditions on the kind's table, and the value that each asks for."""
    limit = values.get("limit", 10)
    if not 1 <= limit <= 100:
        raise bad_parameter("The limit must be between 1 and 100.", "limit")
    table, fixed = _TABLES[kind]
    conditions, numbers = [f"{fixed} AND provider = 'stripe'"], []
    for condition, value in where.items():
        conditions.append(condition)
        numbers.append(value)
    for operator, moment in values.get("created", {}).items():
        conditions.append(f"CAST(created_at AS INTEGER) {_OPERATORS[operator]} ?")
        numbers.append(moment)
    for name, sign in (("starting_after", "<"), ("ending_before", ">")):
        if name in values:
            conditions.append(f"seq {sign} ?")
            numbers.append(_seq(tx, kind, table, values[name]))
    order = "ASC" if "ending_before" in values else "DESC"
    sql = f"SELECT * FROM {table} WHERE {' AND '.join(conditions)} ORDER BY seq {order} LIMIT ?"  # noqa: S608  # nosec B608
    rows = tx.all(sql, [*numbers, limit + 1])
    page = rows[:limit] if order == "DESC" else rows[:limit][::-1]
    data = [_MADE[kind](tx, row) for row in page]
    for path in values.get("expand", []):
        for entity in data:
            _expand(tx, entity, path.removeprefix("data.").split("."), path)
    return {"object": "list", "data": data, "has_more": len(rows) > limit, "url": url}


def _seq(tx: Transaction, kind: str, table: str, object_id: str) -> int:
    column = "json_extract(extra, '$.intent')" if kind == "payment_intent" else "id"
    row = tx.one(f"SELECT seq FROM {table} WHERE {column} = ?", (object_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise missing(kind, object_id)
    return int(row["seq"])


def _expand(tx: Transaction, entity: Entity, names: list[str], path: str) -> None:
    name, rest = names[0], names[1:]
    if name not in entity:
        raise bad_parameter(f"This property cannot be expanded ({path}).", "expand")
    if isinstance(entity[name], str):
        kind = _KINDS.get(entity[name].partition("_")[0])
        if kind is None:
            raise bad_parameter(f"This property cannot be expanded ({path}).", "expand")
        entity[name] = _ONE[kind](tx, entity[name])
    if rest and isinstance(entity[name], dict):
        _expand(tx, entity[name], rest, path)


def _charge(tx: Transaction, row: Row) -> Entity:
    return charge_entity(row, known(tx, "checkout.session", row["order_id"]))


def _event(tx: Transaction, event_id: str) -> Entity:
    row = tx.one("SELECT body FROM event WHERE id = ? AND provider = 'stripe'", (event_id,))
    if row is None:
        raise missing("event", event_id)
    return _body(tx, row)


def _body(_tx: Transaction, row: Row) -> Entity:
    entity: Entity = json.loads(row["body"])
    return entity


def _document(kind: str) -> Callable[[Transaction, str], Entity]:
    return lambda tx, object_id: document(tx, kind, object_id)


_DOCUMENTS = ("balance_transaction", "payout", "dispute", "subscription", "invoice", "invoice_payment")
_ONE: dict[str, Callable[[Transaction, str], Entity]] = {
    "checkout.session": lambda tx, object_id: session_entity(known(tx, "checkout.session", object_id)),
    "payment_intent": lambda tx, object_id: intent_entity(session_of_intent(tx, object_id)),
    "charge": lambda tx, object_id: _charge(tx, known(tx, "charge", object_id)),
    "refund": lambda tx, object_id: refund_entity(tx, known(tx, "refund", object_id)),
    "event": _event,
    **{kind: _document(kind) for kind in _DOCUMENTS},
}
_MADE: dict[str, Callable[[Transaction, Row], Entity]] = {
    "checkout.session": lambda _tx, row: session_entity(row),
    "payment_intent": lambda _tx, row: intent_entity(row),
    "charge": _charge,
    "refund": refund_entity,
    "event": _body,
    **dict.fromkeys(_DOCUMENTS, _body),
}
_TABLES = {
    "checkout.session": ("orders", "json_extract(extra, '$.hidden') IS NULL"),
    "payment_intent": ("orders", "json_extract(extra, '$.intent') IS NOT NULL"),
    "charge": ("payment", "1"),
    "refund": ("refund", "1"),
    "event": ("event", "1"),
    **{kind: ("document", f"kind = '{kind}'") for kind in _DOCUMENTS},
}
