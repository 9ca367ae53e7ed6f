"""Transaction Search (PayPal docs, api/transaction-search/v1): what moved the balance, one row a movement.

A row is written when a capture or refund is made, and follows what becomes of it. Chosen here, because the docs leave it
open: a refund that fails later is shown as reversed (V); rows appear at once, not within three hours.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.paypal.amounts import shown
from sandbox.paypal.entities import fee_of
from sandbox.paypal.errors import invalid, not_found
from sandbox.store import Row, Store, Transaction

STATUS = {"COMPLETED": "S", "PENDING": "P", "DECLINED": "D", "FAILED": "V", "CANCELLED": "V"}
CHANGES = ("drop", "amount", "fee", "repeat")
MOST_ITEMS, LARGEST_PAGE, MOST_DAYS = 10_000, 500, 31  # rows of one time, rows of a page, days that are asked for
_OF_SOURCE = "SELECT * FROM document WHERE kind = 'transaction' AND source = ?"


class Reports:
    def __init__(self, store: Store, clock: Clock):
        self._store = store
        self._clock = clock
        self.most_items = MOST_ITEMS

    def page(self, asked: dict[str, str]) -> dict[str, Any]:
        since, until = _moment(asked, "start_date"), _moment(asked, "end_date")
        if not since <= until <= since + timedelta(days=MOST_DAYS):
            raise invalid("INVALID_REQUEST", "Date range is greater than 31 days")
        size, number = _number(asked, "page_size", 100, LARGEST_PAGE), _number(asked, "page", 1, 10**6)
        sql = "SELECT * FROM document WHERE kind = 'transaction' AND created_at >= ? AND created_at <= ? ORDER BY seq"
        with self._store.reading() as tx:
            rows = tx.all(sql, (since.timestamp(), until.timestamp()))
        if len(rows) > self.most_items:
            raise invalid("RESULTSET_TOO_LARGE", "Result set size is greater than the maximum limit.")
        infos = [json.loads(row["body"]) for row in rows[(number - 1) * size : number * size]]
        return {
            "transaction_details": [{"transaction_info": info} for info in infos],
            "account_number": "SANDBOXMERCHANT",
            "start_date": _text(since),
            "end_date": _text(until),
            "last_refreshed_datetime": _text(datetime.fromtimestamp(self._clock.now(), UTC)),
            "page": number,
            "total_items": len(rows),
            "total_pages": -(-len(rows) // size),
            "links": [],
        }

    def falsify(self, transaction_id: str, change: str, value: int) -> dict[str, Any]:
        """What the report says of a transaction; the ledger keeps the truth."""
        with self._store.transaction() as tx:
            row = tx.one("SELECT * FROM document WHERE kind = 'transaction' AND id = ?", (transaction_id,))
            if row is None:
                raise not_found()
            info = json.loads(row["body"])
            if change == "drop":
                tx.execute("DELETE FROM document WHERE seq = ?", (row["seq"],))
            elif change == "repeat":
                info["transaction_id"] = f"{transaction_id[:13]}COPY"
                _insert(tx, info, source=None, at=row["created_at"])
            else:
                name, sign = ("transaction_amount", 1) if change == "amount" else ("fee_amount", -1)
                info[name] = shown(sign * value, info[name]["currency_code"])
                tx.execute("UPDATE document SET body = ? WHERE seq = ?", (json.dumps(info), row["seq"]))
            return dict(info)

    def add(
        self, transaction_id: str, code: str, *, amount: int, currency: str, invoice_id: str | None
    ) -> dict[str, Any]:
        """A movement of its own: a withdrawal, a fee, a chargeback, somebody else's payment."""
        with self._store.transaction() as tx:
            info = _info(transaction_id, code, "S", amount=amount, currency=currency, at=self._clock.now())
            if invoice_id:
                info["invoice_id"] = invoice_id
            _insert(tx, info, source=None, at=self._clock.now())
            return info


def note_capture(tx: Transaction, row: Row, status: str, *, at: float) -> None:
    """`row`: the capture's, which has just come to this status."""
    info = _info(row["id"], "T0006", STATUS[status], amount=row["amount"], currency=row["currency"], at=at)
    _note(tx, row, info | {"fee_amount": shown(-fee_of(row["amount"]), row["currency"])})


def note_refund(tx: Transaction, row: Row, status: str, *, at: float) -> None:
    info = _info(row["id"], "T1107", STATUS[status], amount=-row["amount"], currency=row["currency"], at=at)
    _note(tx, row, info | {"paypal_reference_id": row["payment_id"], "paypal_reference_id_type": "TXN"})


def _note(tx: Transaction, row: Row, info: dict[str, Any]) -> None:
    """Of a transaction that is known already only its status changes, and when it was last touched."""
    extra, known = json.loads(row["extra"]), tx.one(_OF_SOURCE, (row["id"],))
    if known:
        changed = {name: info[name] for name in ("transaction_status", "transaction_updated_date")}
        body = json.dumps(json.loads(known["body"]) | changed)
        tx.execute("UPDATE document SET body = ? WHERE seq = ?", (body, known["seq"]))
        return
    words = {"invoice_id": extra.get("invoice_id"), "custom_field": extra.get("custom_id")}
    _insert(tx, info | {name: word for name, word in words.items() if word}, source=row["id"], at=row["created_at"])


def _insert(tx: Transaction, info: dict[str, Any], *, source: str | None, at: float) -> None:
    tx.insert(
        "document",
        id=info["transaction_id"],
        provider="paypal",
        kind="transaction",
        source=source,
        body=json.dumps(info),
        created_at=at,
    )


def _info(transaction_id: str, code: str, status: str, *, amount: int, currency: str, at: float) -> dict[str, Any]:
    moment = _text(datetime.fromtimestamp(at, UTC))
    return {
        "transaction_id": transaction_id,
        "transaction_event_code": code,
        "transaction_initiation_date": moment,
        "transaction_updated_date": moment,
        "transaction_amount": shown(amount, currency),
        "fee_amount": shown(0, currency),
        "transaction_status": status,
        "protection_eligibility": "01",
    }


def _moment(asked: dict[str, str], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(asked.get(name, ""))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid("INVALID_PARAMETER_SYNTAX", "A date and time with its offset is needed.", field=f"/{name}")
    return moment


def _number(asked: dict[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise invalid("INVALID_PARAMETER_VALUE", "The value of a field is out of its range.", field=f"/{name}")
    return int(text)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S%z")
