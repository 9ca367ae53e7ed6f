"""What the provider pays out: everything taken and given back on a day, less fees, as one transfer per currency.

A day (UTC, of the virtual clock) is settled once it is over, when somebody looks; `settle` does it at once. What a test
falsifies changes the statement only: the journal keeps the truth.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.clock import Clock
from sandbox.entities import FEE_PER_MILLE, collection
from sandbox.errors import ApiError, plain_error
from sandbox.ids import new_id
from sandbox.store import Row, Store, Transaction

DAY = 24 * 3600
_TYPES = {"capture": "payment", "refund": "refund", "refund_failed": "adjustment"}
_DUE = """SELECT j.*, r.seq AS refund_seq FROM journal j JOIN payment p ON p.id = j.payment_id AND p.provider = 'razorpay'
    LEFT JOIN refund r ON r.id = j.refund_id
    WHERE j.kind <> 'release' AND j.at < ? AND j.seq NOT IN (SELECT journal FROM settled WHERE journal IS NOT NULL) ORDER BY j.seq"""


class Settlements:
    def __init__(self, store: Store, clock: Clock):
        self._store = store
        self._clock = clock

    def settle(self) -> dict[str, Any]:
        """Pays out everything there is, now."""
        with self._store.transaction() as tx:
            now = self._clock.now()
            return {"settlements": self._pay_out(tx, tx.all(_DUE, (now,)), at=now)}

    def listed(self, *, since: int, until: int, count: int, skip: int) -> dict[str, Any]:
        self._settle_past_days()
        sql = "SELECT * FROM settlement WHERE created_at >= ? AND created_at < ? + 1 ORDER BY seq DESC LIMIT ? OFFSET ?"
        with self._store.reading() as tx:
            return collection(map(_settlement_entity, tx.all(sql, (since, until, count, skip))))

    def report(self, *, since: float, until: float, count: int, skip: int) -> dict[str, Any]:
        """The rows settled between two moments."""
        self._settle_past_days()
        sql = "SELECT * FROM settled WHERE settled_at >= ? AND settled_at < ? ORDER BY seq LIMIT ? OFFSET ?"
        with self._store.reading() as tx:
            return collection(map(_row_entity, tx.all(sql, (since, until, count, skip))))

    def falsify(self, entity_id: str, change: str, value: int) -> dict[str, Any]:
        """`drop`, `repeat`, `amount`, `fee` or `credit` of a row, or the `amount` of a whole settlement."""
        with self._store.transaction() as tx:
            if entity_id.startswith("setl_"):
                done = tx.execute("UPDATE settlement SET amount = ? WHERE id = ?", (value, entity_id)).rowcount
            elif change == "drop":
                done = tx.execute("DELETE FROM settled WHERE entity_id = ?", (entity_id,)).rowcount
            elif change == "repeat":
                done = tx.execute(_REPEAT, (entity_id,)).rowcount
            else:
                done = tx.execute(_FALSE[change], (value, entity_id)).rowcount
        if not done:
            raise plain_error("Nothing of that id is settled.")
        return {"changed": done}

    def add_stray(self, *, kind: str, amount: int, currency: str) -> dict[str, Any]:
        """A row of nothing the provider took or gave back, in a settlement of its own."""
        with self._store.transaction() as tx:
            now = self._clock.now()
            entity_id = new_id({"payment": "pay", "refund": "rfnd", "adjustment": "adj"}[kind])
            row = {"entity_id": entity_id, "type": kind, "amount": amount, "currency": currency, "fee": 0, "at": now}
            settlement = self._settlement(tx, [row], currency, at=now)
        return {"entity_id": entity_id, "settlement_id": settlement}

    def _settle_past_days(self) -> None:
        """Each day that is over, as at its end."""
        today = self._clock.now() // DAY * DAY
        with self._store.reading() as tx:
            if not tx.one(f"{_DUE} LIMIT 1", (today,)):
                return
        with self._store.transaction() as tx:
            by_day: dict[float, list[Row]] = {}
            for line in tx.all(_DUE, (today,)):
                by_day.setdefault((line["at"] // DAY + 1) * DAY, []).append(line)
            for end, lines in by_day.items():
                self._pay_out(tx, lines, at=end)

    def _pay_out(self, tx: Transaction, lines: list[Row], *, at: float) -> list[str]:
        currencies = sorted({line["currency"] for line in lines})
        return [
            self._settlement(tx, [_settled(line) for line in lines if line["currency"] == currency], currency, at=at)
            for currency in currencies
        ]

    def _settlement(self, tx: Transaction, rows: list[dict[str, Any]], currency: str, *, at: float) -> str:
        settlement, total = new_id("setl"), 0
        for row in rows:
            credit = row["amount"] - row["fee"] if row["type"] != "refund" else -row["amount"] - row["fee"]
            total += credit
            tx.insert(
                "settled",
                settlement_id=settlement,
                credit=max(credit, 0),
                debit=max(-credit, 0),
                settled_at=at,
                created_at=row.pop("at"),
                **row,
            )
        tx.insert("settlement", id=settlement, amount=total, currency=currency, created_at=at)
        return settlement


_REPEAT = """INSERT INTO settled (settlement_id, journal, entity_id, type, debit, credit, amount, currency, fee, payment_id, order_id,
    created_at, settled_at) SELECT settlement_id, NULL, entity_id, type, debit, credit, amount, currency, fee, payment_id, order_id,
    created_at, settled_at FROM settled WHERE entity_id = ? LIMIT 1"""
_FALSE = {
    "amount": "UPDATE settled SET amount = ?1, credit = iif(credit > 0, ?1 - fee, 0), debit = iif(debit > 0, ?1, 0) WHERE entity_id = ?2",
    "fee": "UPDATE settled SET fee = ?1, credit = amount - ?1 WHERE entity_id = ?2",
    "credit": "UPDATE settled SET credit = ? WHERE entity_id = ?",
}
CHANGES = ("drop", "repeat", *_FALSE)


def day_of(year: int, month: int, day: int | None) -> tuple[float, float]:
    """The day, or the month without one, as seconds since the epoch. Raises the provider's refusal."""
    try:
        start = datetime(year, month, day or 1, tzinfo=UTC)
    except ValueError:
        raise ApiError("The month is not a valid month.", field="month") from None
    end = start + timedelta(days=1) if day else (start + timedelta(days=32)).replace(day=1)
    return start.timestamp(), end.timestamp()


def _settled(line: Row) -> dict[str, Any]:
    """A line of the journal as a row of the statement. A refund that failed comes back as an adjustment."""
    is_refund = line["kind"] == "refund"
    is_capture = line["kind"] == "capture"
    entity = line["refund_id"] if is_refund else line["payment_id"] if is_capture else f"adj_{line['refund_id'][5:]}"
    return {
        "journal": line["seq"],
        "entity_id": entity,
        "type": _TYPES[line["kind"]],
        "amount": line["amount"],
        "currency": line["currency"],
        "fee": line["amount"] * FEE_PER_MILLE // 1000 if is_capture else 0,
        "payment_id": None if is_capture else line["payment_id"],
        "order_id": line["order_id"],
        "at": line["at"],
    }


def _settlement_entity(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "entity": "settlement",
        "amount": row["amount"],
        "status": "processed",
        "fees": 0,
        "tax": 0,
        "utr": f"utr{row['seq']:010d}",
        "created_at": int(row["created_at"]),
    }


def _row_entity(row: Row) -> dict[str, Any]:
    names = (
        "entity_id",
        "type",
        "debit",
        "credit",
        "amount",
        "currency",
        "fee",
        "settlement_id",
        "payment_id",
        "order_id",
    )
    empty = (
        "posted_at",
        "description",
        "notes",
        "order_receipt",
        "method",
        "card_network",
        "card_issuer",
        "card_type",
        "dispute_id",
    )
    return {
        **{name: row[name] for name in names},
        "tax": 0,
        "on_hold": False,
        "settled": True,
        "created_at": int(row["created_at"]),
        "settled_at": int(row["settled_at"]),
        "credit_type": "default",
        "settlement_utr": f"utr{row['seq']:010d}",
        **dict.fromkeys(empty),
    }
