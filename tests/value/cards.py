"""Gift cards and store credit for tests: issued straight through the action, as staff would."""

from __future__ import annotations

import uuid
from datetime import datetime

from app.core import clock, db
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.value import actions as value
from app.value.actions import Issued, NewValue
from app.value.models import ValueAccount


def issue(minor: int, *, currency: str = "MYR", kind: str = "gift_card", expires_at: datetime | None = None) -> Issued:
    new = NewValue(Money(minor, currency), by="staff:1", key=new_id(), kind=kind, expires_at=expires_at)
    return in_transaction(lambda: value.issue(new))[0]


def counters(account: ValueAccount) -> tuple[int, int]:
    """(balance, held)"""
    row = db.rows("SELECT balance_minor, held_minor FROM value_account WHERE id = :id", id=account.id)[0]
    db.release()
    return row[0], row[1]


def movements(account: ValueAccount) -> list[tuple[str, int, int]]:
    found = db.rows(
        "SELECT kind, balance_delta, held_delta FROM value_entry WHERE account_id = :id ORDER BY created_at, id",
        id=account.id,
    )
    db.release()
    return [tuple(row) for row in found]


def end(account: ValueAccount) -> None:
    """Let its time be over."""
    with transaction():
        db.rows(
            "UPDATE value_account SET expires_at = :now WHERE id = :id RETURNING id", now=clock.now(), id=account.id
        )


def order_id_of(token: str) -> uuid.UUID:
    found: uuid.UUID = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    return found
