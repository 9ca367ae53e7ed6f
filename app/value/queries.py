from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.core import crypto, db
from app.core.money import Money
from app.value.models import ValueAccount, ValueEntry, ValueHold
from app.value.rules import Share, Usable, is_over, normal_code

IN_BOOKS = (  # how many currencies there are in which what the books owe is not what stands on the accounts
    "SELECT count(*) FROM (SELECT currency, sum(balance_minor)::bigint AS minor FROM value_account GROUP BY 1) a"
    " FULL JOIN (SELECT currency, -sum(amount_minor)::bigint AS minor FROM ledger_line WHERE account = 'customer_credit'"
    "  GROUP BY 1) l ON l.currency = a.currency WHERE coalesce(a.minor, 0) <> coalesce(l.minor, 0)"
)


def lock_accounts(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, ValueAccount]:
    """Accounts under their row locks, which are taken in the order of their ids."""
    statement = select(ValueAccount).where(ValueAccount.id.in_(ids)).order_by(ValueAccount.id).with_for_update()
    found = db.session.scalars(statement.execution_options(populate_existing=True))
    return {account.id: account for account in found}


def lock_accounts_of_order(order_id: uuid.UUID, *, also: Sequence[uuid.UUID] = ()) -> dict[uuid.UUID, ValueAccount]:
    """The accounts that an order ever held of, and `also` these."""
    used = select(ValueHold.account_id).where(ValueHold.order_id == order_id)
    statement = select(ValueAccount).where(ValueAccount.id.in_(used) | ValueAccount.id.in_(also))
    found = db.session.scalars(
        statement.order_by(ValueAccount.id).with_for_update().execution_options(populate_existing=True)
    )
    return {account.id: account for account in found}


def account(account_id: uuid.UUID) -> ValueAccount | None:
    return db.session.get(ValueAccount, account_id)


def account_by_code(text: str) -> ValueAccount | None:
    """The account of a code as somebody types it; one look-up whether there is one or not, so that the answer takes as long."""
    code = normal_code(text) or "?"
    return db.session.scalars(
        select(ValueAccount).where(ValueAccount.code_index.in_(crypto.blind_indexes(code)))
    ).first()


def usable(ids: Sequence[uuid.UUID], *, currency: str, freed_by: uuid.UUID | None = None) -> list[Usable]:
    """What these accounts could pay now, in the order given; what an order holds that is about to give it back
    (`freed_by`) counts as free. Accounts that can pay nothing any more are left out."""
    if not ids:
        return []
    accounts = {each.id: each for each in db.session.scalars(select(ValueAccount).where(ValueAccount.id.in_(ids)))}
    freed = {each.account_id: each.amount_minor for each in held_of(freed_by)} if freed_by else {}
    now = db.now()
    found = [accounts[each] for each in ids if each in accounts and can_pay(accounts[each], currency, now=now)]
    found = [each for each in found if each.balance_minor]
    return [
        Usable(each.id, each.kind, each.last_four, each.free_minor + freed.get(each.id, 0), each.expires_at)
        for each in found
    ]


def can_pay(account: ValueAccount, currency: str, *, now: datetime) -> bool:
    return account.state == "active" and account.currency == currency and not is_over(account.expires_at, now)


def held_of(order_id: uuid.UUID) -> list[ValueHold]:
    """What an order holds now. By account, as they are locked."""
    statement = select(ValueHold).where(ValueHold.order_id == order_id, ValueHold.state == "held")
    return list(db.session.scalars(statement.order_by(ValueHold.account_id)))


def wanted_by(order_id: uuid.UUID) -> list[Share]:
    """What an order was placed to pay with, whether it is held at the moment or not."""
    found = db.rows(
        "SELECT DISTINCT account_id, amount_minor FROM value_hold WHERE order_id = :id ORDER BY account_id", id=order_id
    )
    return [Share(row.account_id, row.amount_minor) for row in found]


@dataclass(frozen=True, slots=True)
class Paying:
    """What one account pays of an order, as its pages show it."""

    hold_id: uuid.UUID
    kind: str
    last_four: str
    amount: Money


def paying(order_id: uuid.UUID) -> list[Paying]:
    """What pays an order beside the money that comes from outside."""
    found = db.rows(
        "SELECT DISTINCT ON (a.id) h.id AS hold_id, a.kind, a.last_four, h.amount_minor, a.currency FROM value_hold h"
        " JOIN value_account a ON a.id = h.account_id WHERE h.order_id = :id ORDER BY a.id, h.created_at DESC",
        id=order_id,
    )
    return [Paying(row.hold_id, row.kind, row.last_four, Money(row.amount_minor, row.currency)) for row in found]


def orders_that_hold(*, grace_seconds: int, limit: int = 500) -> list[uuid.UUID]:
    """Orders that hold value and no stock, the oldest first: their time is over, or they are paid this very moment. A lock
    that ran out longer ago than the grace is none, even when nothing has cleared it away, unless the order is being paid."""
    found = db.rows(
        "SELECT h.order_id FROM value_hold h WHERE h.state = 'held' AND NOT EXISTS (SELECT FROM stock_lock l"
        " WHERE l.order_id = h.order_id AND l.state = 'held'"
        " AND (l.is_paying OR l.expires_at > statement_timestamp() - make_interval(secs => :grace)))"
        " GROUP BY 1 ORDER BY min(h.created_at) LIMIT :limit",
        grace=grace_seconds,
        limit=limit,
    )
    return [row[0] for row in found]


def overdue(*, limit: int) -> list[uuid.UUID]:
    """Accounts whose time is over and that have something left."""
    found = db.rows(
        "SELECT id FROM value_account WHERE expires_at <= now() AND balance_minor > held_minor ORDER BY expires_at LIMIT :limit",
        limit=limit,
    )
    return [row[0] for row in found]


def entries_of(account_id: uuid.UUID) -> list[ValueEntry]:
    """The ledger of an account, the first first."""
    statement = select(ValueEntry).where(ValueEntry.account_id == account_id)
    return list(db.session.scalars(statement.order_by(ValueEntry.created_at, ValueEntry.id)))


def page(
    *, state: str = "", last_four: str = "", batch: uuid.UUID | None = None, before: Any = None, limit: int = 50
) -> list[ValueAccount]:
    """Accounts for the back office, the newest first; `before` is (created_at, id) of the last row."""
    newest = (ValueAccount.created_at.desc(), ValueAccount.id.desc())
    statement = select(ValueAccount).order_by(*newest).limit(limit)
    if state:
        statement = statement.where(ValueAccount.state == state)
    if last_four:
        statement = statement.where(ValueAccount.last_four == last_four)
    if batch:
        statement = statement.where(ValueAccount.batch_id == batch)
    if before:
        at, row_id = before
        older = (ValueAccount.created_at < at) | ((ValueAccount.created_at == at) & (ValueAccount.id < row_id))
        statement = statement.where(older)
    return list(db.session.scalars(statement))


def owed() -> list[tuple[str, int, datetime | None]]:
    """(currency, minor units on all cards, the next end of one) for the list's head."""
    found = db.rows(
        "SELECT currency, sum(balance_minor)::bigint, min(expires_at) FILTER (WHERE expires_at > now())"
        " FROM value_account WHERE balance_minor > 0 GROUP BY 1 ORDER BY 2 DESC"
    )
    return [(row[0], row[1], row[2]) for row in found]


def faults() -> dict[str, int]:
    """The invariants of value for `shop audit`: counters are the sums of their entries and of what is held, nothing is below
    zero, and the books owe just what stands on the accounts."""
    return {
        "value_drift": db.scalar(
            "SELECT count(*) FROM value_account a"
            " LEFT JOIN (SELECT account_id, sum(balance_delta) AS balance, sum(held_delta) AS held FROM value_entry GROUP BY 1) e"
            "  ON e.account_id = a.id"
            " LEFT JOIN (SELECT account_id, sum(amount_minor) AS held FROM value_hold WHERE state = 'held' GROUP BY 1) h"
            "  ON h.account_id = a.id"
            " WHERE a.balance_minor <> coalesce(e.balance, 0) OR a.held_minor <> coalesce(e.held, 0)"
            " OR a.held_minor <> coalesce(h.held, 0)"
        ),
        "value_negative": db.scalar(
            "SELECT count(*) FROM value_account WHERE balance_minor < 0 OR held_minor < 0 OR held_minor > balance_minor"
        ),
        "value_unposted": db.scalar(IN_BOOKS),
    }
