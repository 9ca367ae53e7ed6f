"""Rows of sessions with their JSON, and finding rows by Stripe's ids."""

import json
import secrets
import string
from dataclasses import dataclass
from typing import Any

from sandbox.store import Row, Transaction
from sandbox.stripe.errors import missing

_LETTERS = string.ascii_letters + string.digits
_TABLES = {"checkout.session": "orders", "charge": "payment", "refund": "refund"}


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_" + "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True)
class Session:
    """A session's row, and `extra`: what Stripe knows of it and of its PaymentIntent beyond the ledger's columns."""

    row: Row
    extra: dict[str, Any]

    @classmethod
    def of(cls, row: Row) -> "Session":
        return cls(row, json.loads(row["extra"]))

    @property
    def id(self) -> str:
        return str(self.row["id"])

    def saved(self, tx: Transaction, *, status: str | None = None, **changed: Any) -> "Session":
        """The session as it is after `changed` was written into its JSON."""
        extra = json.dumps(self.extra | changed)
        tx.execute("UPDATE orders SET extra = ?, status = coalesce(?, status) WHERE id = ?", (extra, status, self.id))
        return Session.of(known(tx, "checkout.session", self.id))


def known(tx: Transaction, kind: str, row_id: str) -> Row:
    """The row of an id from outside; raises Stripe's refusal for an unknown one."""
    table = _TABLES[kind]
    row = tx.one(f"SELECT * FROM {table} WHERE id = ? AND provider = 'stripe'", (row_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise missing(kind, row_id)
    return row


def session_of_intent(tx: Transaction, intent_id: str) -> Row:
    row = tx.one("SELECT * FROM orders WHERE provider = 'stripe' AND json_extract(extra, '$.intent') = ?", (intent_id,))
    if row is None:
        raise missing("payment_intent", intent_id)
    return row


def document(tx: Transaction, kind: str, object_id: str) -> dict[str, Any]:
    """A balance transaction, payout or dispute, kept as the JSON it is answered with."""
    row = tx.one("SELECT body FROM document WHERE kind = ? AND id = ?", (kind, object_id))
    if row is None:
        raise missing(kind, object_id)
    found: dict[str, Any] = json.loads(row["body"])
    return found


def keep(tx: Transaction, body: dict[str, Any], *, source: str | None = None) -> None:
    """Writes a document, new or changed."""
    sql = """INSERT INTO document (id, provider, kind, source, body, created_at) VALUES (?, 'stripe', ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET body = excluded.body"""
    tx.execute(sql, (body["id"], body["object"], source, json.dumps(body), body["created"]))
