from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from app.books.rules import Line
from app.core import db


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands on an account in one currency, in minor units: positive is a debit."""

    account: str
    currency: str
    minor: int


def balances() -> list[Balance]:
    """The trial balance: every account in every currency. Reads the whole ledger: for the night, not for a page."""
    found = db.rows(
        "SELECT account, currency, sum(amount_minor)::bigint AS minor FROM ledger_line GROUP BY 1, 2 ORDER BY 2, 1"
    )
    return [Balance(row.account, row.currency, row.minor) for row in found]


def lines_of(kind: str, *, source_table: str, source_id: object) -> list[Line]:
    """The lines of one entry; empty when it was never posted."""
    found = db.rows(
        "SELECT l.account, l.currency, l.amount_minor FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id"
        " WHERE e.source_table = :table AND e.source_id = :id AND e.kind = :kind ORDER BY l.account",
        table=source_table,
        id=str(source_id),
        kind=kind,
    )
    return [Line(row.account, row.currency, row.amount_minor) for row in found]


def fees_of(capture_id: uuid.UUID) -> tuple[int, int]:
    """(what the books say that a provider kept of a capture, in minor units; how many entries corrected it)."""
    row = db.rows(
        "SELECT coalesce(sum(l.amount_minor), 0)::bigint, coalesce(max(e.sequence) FILTER (WHERE e.kind = 'fee'), 0)"
        " FROM ledger_entry e LEFT JOIN ledger_line l ON l.entry_id = e.id AND l.account = 'payment_fees'"
        " WHERE e.source_table = 'payment_capture' AND e.source_id = :id",
        id=str(capture_id),
    )[0]
    return row[0], row[1]


def entries_of_order(order_id: uuid.UUID) -> list[Any]:
    """The postings of one order, a row for each line, the first first."""
    return db.rows(
        "SELECT e.kind, e.occurred_at, l.account, l.currency, l.amount_minor FROM ledger_entry e"
        " JOIN ledger_line l ON l.entry_id = e.id WHERE e.order_id = :id ORDER BY e.occurred_at, e.id, l.account",
        id=order_id,
    )


def faults() -> dict[str, int]:
    """The books' invariant of `shop audit`: entries that do not add up to zero, or that say nothing."""
    return {
        "ledger_unbalanced": db.scalar(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM ledger_line GROUP BY entry_id, currency HAVING sum(amount_minor) <> 0) u)"
            " + (SELECT count(*) FROM ledger_entry e WHERE NOT EXISTS (SELECT 1 FROM ledger_line l WHERE l.entry_id = e.id))"
        )
    }
