"""Disputes of a capture, one at a time, opened and decided by control calls. They move no money in the ledger."""

import json
import secrets
from typing import Any

from sandbox.clock import Clock
from sandbox.paypal.amounts import shown
from sandbox.paypal.entities import moment
from sandbox.paypal.errors import invalid, not_found, unprocessable
from sandbox.paypal.events import Events
from sandbox.store import Row, Store, Transaction

REASONS = ("MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED", "UNAUTHORISED")
OUTCOMES = ("RESOLVED_BUYER_FAVOUR", "RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER")
_BY_ID = "SELECT * FROM payment WHERE provider = 'paypal' AND json_extract(extra, '$.dispute.dispute_id') = ?"


class Disputes:
    def __init__(self, store: Store, clock: Clock, events: Events):
        self._store = store
        self._clock = clock
        self._events = events

    def open(self, capture_id: str, reason: str) -> dict[str, Any]:
        with self._store.transaction() as tx:
            row = tx.one("SELECT * FROM payment WHERE provider = 'paypal' AND id = ?", (capture_id,))
            if row is None:
                raise not_found()
            dispute = self._of(row, reason)
            self._keep(tx, row, dispute, "CUSTOMER.DISPUTE.CREATED")
            return dispute

    def resolve(self, dispute_id: str, outcome: str) -> dict[str, Any]:
        with self._store.transaction() as tx:
            row = _found(tx, dispute_id)
            dispute = json.loads(row["extra"])["dispute"]
            if dispute["status"] == "RESOLVED":
                raise unprocessable("DISPUTE_ALREADY_RESOLVED", "The dispute has been resolved already.")
            dispute |= {"status": "RESOLVED", "dispute_outcome": {"outcome_code": outcome}}
            self._keep(tx, row, dispute, "CUSTOMER.DISPUTE.RESOLVED")
            return dict(dispute)

    def one(self, dispute_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            found: dict[str, Any] = json.loads(_found(tx, dispute_id)["extra"])["dispute"]
        return found

    def listed(self, asked: dict[str, str]) -> dict[str, Any]:
        """A page of those opened after a time, the latest first, without what they are about."""
        size, number = _number(asked, "page_size", 10), _number(asked, "page", 1)
        sql = "SELECT json_extract(extra, '$.dispute') FROM payment WHERE provider = 'paypal' AND json_type(extra, '$.dispute') = 'object'"
        with self._store.reading() as tx:
            found = [json.loads(row[0]) for row in tx.all(sql)]
        after = asked.get("create_time_after", "")[:19]
        found = sorted(
            (each for each in found if each["create_time"][:19] > after), key=lambda each: each["create_time"]
        )
        names = ("dispute_id", "create_time", "reason", "status", "dispute_amount", "dispute_life_cycle_stage")
        page = found[::-1][(number - 1) * size : number * size]
        return {
            "items": [{name: each[name] for name in names} for each in page],
            "total_items": len(found),
            "links": [],
        }

    def _of(self, row: Row, reason: str) -> dict[str, Any]:
        extra = json.loads(row["extra"])
        transaction = {
            "seller_transaction_id": row["id"],
            "gross_amount": shown(row["amount"], row["currency"]),
            "invoice_number": extra.get("invoice_id"),
            "custom": extra.get("custom_id"),
        }
        return {
            "dispute_id": f"PP-D-{secrets.randbelow(10**6):06d}",
            "create_time": moment(self._clock.now()),
            "disputed_transactions": [transaction],
            "reason": reason,
            "status": "OPEN",
            "dispute_amount": shown(row["amount"], row["currency"]),
            "dispute_life_cycle_stage": "CHARGEBACK",
        }

    def _keep(self, tx: Transaction, row: Row, dispute: dict[str, Any], name: str) -> None:
        extra = json.loads(row["extra"]) | {"dispute": dispute}
        tx.execute("UPDATE payment SET extra = ? WHERE id = ?", (json.dumps(extra), row["id"]))
        self._events.record(tx, name, row["order_id"], dispute, at=self._clock.now())


def _number(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 50):
        raise invalid("INVALID_PARAMETER_VALUE", "The value of a field is out of its range.", field=f"/{name}")
    return int(text)


def _found(tx: Transaction, dispute_id: str) -> Row:
    row = tx.one(_BY_ID, (dispute_id,))
    if row is None:
        raise not_found()
    return row
