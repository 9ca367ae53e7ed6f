"""Bills and the tries to pay them. Every public method is one transaction.

Simpler than the real one: bills do not expire after 30 days, and callbacks go to the sandbox's webhook addresses, as those
of the other providers do, not to the bill's own `callback_url`.
"""

import json
import secrets
import string
from collections.abc import Mapping
from typing import Any

from sandbox import ledger
from sandbox.billplz.entities import bill_entity, callback_fields, redirect_fields, transaction_entity
from sandbox.billplz.errors import invalid, not_found
from sandbox.clock import Clock
from sandbox.events import News
from sandbox.ids import new_id
from sandbox.store import Row, Store, Transaction

OUTCOMES = ("completed", "failed", "pending")
_REQUIRED = ("collection_id", "name", "amount", "callback_url", "description")
_LONGEST = {"name": 255, "description": 200, "reference_1_label": 20, "reference_1": 120}
_LONGEST |= {"reference_2_label": 20, "reference_2": 120}
_KNOWN = {*_REQUIRED, *_LONGEST, "email", "mobile", "redirect_url", "deliver", "due_at"}
_LARGEST = 10**10


class Bills:
    def __init__(self, store: Store, clock: Clock, news: News, *, collection_id: str):
        self._store = store
        self._clock = clock
        self._news = news
        self._collection_id = collection_id
        self.base_url = store.setting("billplz_base_url", "")

    def spoken_to_at(self, url: str) -> None:
        """Remembers this sandbox's own address, for links."""
        if url != self.base_url:
            self.base_url = url
            self._store.set_setting("billplz_base_url", url)

    def create(self, body: Mapping[str, str]) -> dict[str, Any]:
        amount = self._checked(body)
        bill_id = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(8))
        with self._store.transaction() as tx:
            tx.insert(
                "orders",
                id=bill_id,
                provider="billplz",
                extra=json.dumps(dict(body)),
                amount=amount,
                currency="MYR",
                receipt=body.get("reference_1") or None,
                status="due",
                created_at=self._clock.now(),
            )
            return self._bill(tx, bill_id)

    def one(self, bill_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            _known(tx, bill_id)
            return self._bill(tx, bill_id)

    def transactions(self, bill_id: str) -> dict[str, Any]:
        with self._store.reading() as tx:
            _known(tx, bill_id)
            rows = tx.all("SELECT * FROM payment WHERE order_id = ? ORDER BY seq DESC LIMIT 15", (bill_id,))
        return {"bill_id": bill_id, "transactions": [transaction_entity(row) for row in rows], "page": 1}

    def delete(self, bill_id: str) -> None:
        with self._store.transaction() as tx:
            if _known(tx, bill_id)["status"] != "due":
                raise invalid("Bill cannot be deleted")
            tx.execute("UPDATE orders SET status = 'deleted' WHERE id = ?", (bill_id,))

    def pay(self, bill_id: str, outcome: str, *, amount: int | None = None, force: bool = False) -> dict[str, Any]:
        """One try to pay. With `force` a deleted bill is paid: it reappears."""
        with self._store.transaction() as tx:
            bill = _known(tx, bill_id)
            if bill["status"] == "paid" or (bill["status"] == "deleted" and not force):
                raise invalid("Bill cannot be paid")
            try_id = secrets.token_hex(6).upper()
            tx.insert(
                "payment",
                id=try_id,
                provider="billplz",
                order_id=bill_id,
                amount=amount or bill["amount"],
                currency="MYR",
                status="pending",
                method="fpx",
                created_at=self._clock.now(),
            )
            tx.execute("UPDATE orders SET attempts = attempts + 1 WHERE id = ?", (bill_id,))
            self._finish(tx, try_id, outcome)
            return self._told(tx, bill_id, try_id)

    def settle(self, try_id: str, outcome: str) -> dict[str, Any]:
        """The bank's word on a try that is pending."""
        with self._store.transaction() as tx:
            row = tx.one("SELECT * FROM payment WHERE id = ? AND provider = 'billplz'", (try_id,))
            if row is None or row["status"] != "pending":
                raise not_found()
            self._finish(tx, try_id, outcome)
            return self._told(tx, row["order_id"], try_id)

    def redirect_of(self, bill_id: str) -> tuple[str, dict[str, str]]:
        """Where the browser goes after a try, and what it carries."""
        with self._store.reading() as tx:
            row = _known(tx, bill_id)
            return str(json.loads(row["extra"]).get("redirect_url") or ""), redirect_fields(row)

    def _checked(self, body: Mapping[str, str]) -> int:
        if unknown := sorted(set(body) - _KNOWN):
            raise invalid(f"Unknown parameter {', '.join(unknown)}")
        if missing := [name for name in _REQUIRED if not body.get(name)]:
            raise invalid(f"{missing[0].replace('_', ' ').capitalize()} can't be blank")
        if not (body.get("email") or body.get("mobile")):
            raise invalid("Email or mobile can't be blank")
        if body["collection_id"] != self._collection_id:
            raise invalid("Collection is not found")
        too_long = [name for name, longest in _LONGEST.items() if len(body.get(name, "")) > longest]
        if too_long:
            raise invalid(f"{too_long[0].replace('_', ' ').capitalize()} is too long")
        amount = body["amount"]
        if not (amount.isascii() and amount.isdigit() and 100 <= int(amount) <= _LARGEST):
            raise invalid("Amount is not a number of sen from 100")
        return int(amount)

    def _finish(self, tx: Transaction, try_id: str, outcome: str) -> None:
        """A try is completed, failed, or pending still; the first two are told."""
        row = _found(tx, "payment", try_id)
        if outcome == "pending":
            return
        tx.execute("UPDATE payment SET status = ? WHERE id = ?", (outcome, try_id))
        if outcome == "completed":
            self._take(tx, row)
        bill = _found(tx, "orders", row["order_id"])
        body = json.dumps(callback_fields(bill, base_url=self.base_url)).encode()
        name = f"bill.{bill['status']}"
        self._news.record(tx, name, bill["id"], body, event_id=new_id("blz"), provider="billplz")

    def _take(self, tx: Transaction, payment: Row) -> None:
        now = self._clock.now()
        extra = json.loads(_found(tx, "orders", payment["order_id"])["extra"]) | {"paid_at": now}
        completed = json.dumps({"completed_at": now})
        tx.execute("UPDATE payment SET captured = 1, extra = ? WHERE id = ?", (completed, payment["id"]))
        tx.execute(
            "UPDATE orders SET status = 'paid', amount_paid = ?, extra = ? WHERE id = ?",
            (payment["amount"], json.dumps(extra), payment["order_id"]),
        )
        ledger.write(tx, "capture", payment=payment, amount=payment["amount"], at=now)

    def _told(self, tx: Transaction, bill_id: str, try_id: str) -> dict[str, Any]:
        return {"bill": self._bill(tx, bill_id), "transaction": transaction_entity(_found(tx, "payment", try_id))}

    def _bill(self, tx: Transaction, bill_id: str) -> dict[str, Any]:
        return bill_entity(_found(tx, "orders", bill_id), base_url=self.base_url)


def _known(tx: Transaction, bill_id: str) -> Row:
    row = tx.one("SELECT * FROM orders WHERE id = ? AND provider = 'billplz'", (bill_id,))
    if row is None:
        raise not_found()
    return row


def _found(tx: Transaction, table: str, row_id: str) -> Row:
    row = tx.one(f"SELECT * FROM {table} WHERE id = ?", (row_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise LookupError(f"{table} {row_id} vanished")
    return row
