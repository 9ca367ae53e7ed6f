"""Verbs of gift cards and store credit, in the caller's transaction: issue, hold, release, spend, give back, adjust, end.

Every change of a counter writes its entry beside it, and what the shop owes its customers by it goes into the books.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.audit import actions as audit
from app.books import actions as books
from app.books import rules as book_rules
from app.books.rules import Entry
from app.core import crypto, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import Money
from app.value import queries
from app.value.errors import AlreadyIssued, NotUsable, TooMuch, UnknownCode, ValueGone
from app.value.events import ValueIssued, ValueSpent
from app.value.models import ValueAccount, ValueEntry, ValueHold
from app.value.rules import Share, extended, grouped, is_over, new_code


@dataclass(frozen=True, slots=True)
class NewValue:
    """What is issued. `key` is the form's: sent twice it issues once. `is_sold`: the shop has the money for it, else it is a
    gift of the shop."""

    amount: Money
    by: str
    key: uuid.UUID
    kind: str = "gift_card"
    expires_at: datetime | None = None
    email: str | None = None
    locale: str = "en"
    note: str = ""
    is_sold: bool = False
    order_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """An account and its code, in groups: the only time that anybody sees it."""

    account: ValueAccount
    code: str


def issue(new: NewValue, *, count: int = 1) -> list[Issued]:
    """Issue one or many; an owner whose address is known gets the code by mail. Raises AlreadyIssued."""
    issued = [_add(new, position) for position in range(count)]
    try:
        db.session.flush()
    except IntegrityError as error:
        raise AlreadyIssued() from error
    debit = book_rules.BANK if new.is_sold else book_rules.GOODWILL
    entries = [_move(each.account, "issue", new.amount.minor, source=new.key, by=new.by) for each in issued]
    _post(new.amount.currency, entries, debit)
    for each in issued:
        _record("issued", each.account, by=new.by, amount_minor=new.amount.minor, batch=str(new.key))
    if new.email:
        outbox.record_all([ValueIssued(each.account.id) for each in issued])
    return issued


def issue_for_refunds(
    refunds: Sequence[tuple[uuid.UUID, Money]], *, order_id: uuid.UUID, email: str, locale: str
) -> ValueAccount:
    """One store credit for money of an order that goes back so. Each (refund, amount) raises it once; the refunds themselves
    post it to the books."""
    total = Money(sum(amount.minor for _, amount in refunds), refunds[0][1].currency)
    new = NewValue(
        total, "system", refunds[0][0], "store_credit", email=email or None, locale=locale, order_id=order_id
    )
    account = _add(new, 0).account
    db.session.flush()
    for refund_id, amount in refunds:
        _move(account, "refund", amount.minor, source=refund_id, order_id=order_id)
    outbox.record(ValueIssued(account.id))
    return account


def _add(new: NewValue, position: int) -> Issued:
    code = new_code()
    account = ValueAccount(
        id=new_id(),
        kind=new.kind,
        currency=new.amount.currency,
        balance_minor=0,
        held_minor=0,
        code_index=crypto.blind_index(code),
        last_four=code[-4:],
        mail_code=grouped(code) if new.email else None,
        email=new.email,
        email_index=crypto.blind_index(new.email) if new.email else None,
        locale=new.locale,
        state="active",
        expires_at=new.expires_at,
        issued_by=new.by,
        batch_id=new.key,
        position=position,
        note=new.note,
    )
    db.session.add(account)
    return Issued(account, grouped(code))


def forget_code(account_id: uuid.UUID, code: str) -> None:
    """The mail with this code has left: nobody needs it here any more. A newer one stays, its own mail is to come."""
    for account in queries.lock_accounts([account_id]).values():
        if account.mail_code == code:
            account.mail_code = None


def renew_code(account_id: uuid.UUID, *, email: str, by: str) -> None:
    """Send a new code to this address, where the old one was lost or never arrived. Nobody can use the old one any more.
    Raises NotFound."""
    account, code = _locked(account_id), new_code()
    account.code_index, account.last_four, account.mail_code = crypto.blind_index(code), code[-4:], grouped(code)
    account.email, account.email_index = email, crypto.blind_index(email)
    _record("code_renewed", account, by=by)
    outbox.record(ValueIssued(account.id))


def checked(code: str, *, currency: str) -> ValueAccount:
    """The account that a code could pay with. Raises UnknownCode, or NotUsable for one that cannot pay."""
    account = queries.account_by_code(code)
    if account is None or account.state != "active":
        raise UnknownCode()
    if is_over(account.expires_at, db.now()):
        raise NotUsable("expired")
    if account.currency != currency:
        raise NotUsable("currency")
    if account.balance_minor == 0:
        raise NotUsable("empty")
    return account


def hold(order_id: uuid.UUID, shares: Sequence[Share]) -> None:
    """Keep value for an order, all of it or none. Raises ValueGone."""
    accounts = queries.lock_accounts([share.account_id for share in shares])
    now = db.now()
    for share in shares:
        account = accounts.get(share.account_id)
        if (
            account is None
            or not queries.can_pay(account, account.currency, now=now)
            or account.free_minor < share.amount_minor
        ):
            raise ValueGone()
    for share in shares:
        held = ValueHold(
            id=new_id(), account_id=share.account_id, order_id=order_id, amount_minor=share.amount_minor, state="held"
        )
        db.session.add(held)
        _move(accounts[share.account_id], "hold", 0, held=share.amount_minor, source=held.id, order_id=order_id)
    db.session.flush()


def hold_again(order_id: uuid.UUID) -> None:
    """Hold for an order what it was placed to pay with, unless it does. Raises ValueGone."""
    if queries.lock_accounts_of_order(order_id) and not queries.held_of(order_id):
        hold(order_id, queries.wanted_by(order_id))


def release(order_id: uuid.UUID, *, reason: str) -> bool:
    """Give back what an order holds. Running it again gives nothing twice. True when something was held."""
    if not queries.held_of(order_id):  # most orders hold none
        return False
    accounts = queries.lock_accounts_of_order(order_id)
    return bool(_end(order_id, accounts, "released", reason=reason))


@dataclass(frozen=True, slots=True)
class Spent:
    """What one account has paid of an order."""

    hold_id: uuid.UUID
    kind: str
    amount: Money


def spend(order_id: uuid.UUID) -> list[Spent]:
    """Take for good what an order holds. The caller has made sure that it does (`hold_again`)."""
    accounts = queries.lock_accounts_of_order(order_id)
    outbox.record(ValueSpent(order_id))
    return [_spent(held, accounts[held.account_id]) for held in _end(order_id, accounts, "spent")]


def _spent(held: ValueHold, account: ValueAccount) -> Spent:
    return Spent(held.id, account.kind, Money(held.amount_minor, account.currency))


def _end(
    order_id: uuid.UUID, accounts: dict[uuid.UUID, ValueAccount], state: str, *, reason: str = ""
) -> list[ValueHold]:
    holds = queries.held_of(order_id)
    for held in holds:
        held.state, held.ended_at = state, db.now()
        minor, kind = held.amount_minor, "spend" if state == "spent" else "release"
        gone = -minor if state == "spent" else 0
        _move(accounts[held.account_id], kind, gone, held=-minor, source=held.id, order_id=order_id, reason=reason)
    db.session.flush()
    return holds


def give_back(hold_id: uuid.UUID, amount: Money, *, refund_id: uuid.UUID, order_id: uuid.UUID) -> ValueAccount:
    """Money of an order goes back to where it came from. A card whose time is over, or nearly, can be spent again for a
    while. The refund itself posts it to the books."""
    held = db.session.get_one(ValueHold, hold_id)
    [account] = queries.lock_accounts([held.account_id]).values()
    account.expires_at = extended(account.expires_at, db.now())
    _move(account, "refund", amount.minor, source=refund_id, order_id=order_id)
    db.session.flush()
    return account


def set_state(account_id: uuid.UUID, state: str, *, by: str) -> bool:
    """Disable an account, or enable it again. What orders hold of it stays theirs. False when it is so. Raises NotFound."""
    account = _locked(account_id)
    if account.state == state:
        return False
    before = {"state": account.state}
    account.move_to(state)
    _record(state, account, by=by, before=before, after={"state": state})
    return True


def adjust(account_id: uuid.UUID, change_minor: int, *, reason: str, key: uuid.UUID, by: str) -> bool:
    """Raise or lower an account by hand, with a reason. False when the same click was made before.

    Raises NotFound, or TooMuch when that much is not free on it.
    """
    account = _locked(account_id)
    if any(each.source_id == key for each in queries.entries_of(account_id)):
        return False
    if account.free_minor + change_minor < 0:
        raise TooMuch()
    before = {"balance_minor": account.balance_minor}
    entry = _move(account, "adjust", change_minor, source=key, by=by, reason=reason)
    _post(account.currency, [entry], book_rules.GOODWILL)
    _record("adjusted", account, by=by, before=before, after={"balance_minor": account.balance_minor}, reason=reason)
    return True


def expire(account_id: uuid.UUID) -> bool:
    """What is free on an account whose time is over becomes the shop's. False when there is nothing."""
    account = _locked(account_id)
    if not is_over(account.expires_at, db.now()) or account.free_minor == 0:
        return False
    entry = _move(account, "expire", -account.free_minor, source=new_id())
    _post(account.currency, [entry], book_rules.BREAKAGE)
    return True


def _locked(account_id: uuid.UUID) -> ValueAccount:
    account = queries.lock_accounts([account_id]).get(account_id)
    if account is None:
        raise NotFound()
    return account


def _move(
    account: ValueAccount,
    kind: str,
    balance: int,
    *,
    source: uuid.UUID,
    held: int = 0,
    order_id: uuid.UUID | None = None,
    by: str = "system",
    reason: str = "",
) -> ValueEntry:
    account.balance_minor += balance
    account.held_minor += held
    entry = ValueEntry(
        id=new_id(),
        account_id=account.id,
        kind=kind,
        balance_delta=balance,
        held_delta=held,
        order_id=order_id,
        source_id=source,
        actor=by,
        reason=reason,
    )
    db.session.add(entry)
    return entry


def _post(currency: str, entries: Iterable[ValueEntry], account: str) -> None:
    """What the shop owes its customers has changed, against another of its accounts."""
    db.session.flush()
    books.post(*(_entry(currency, each, account) for each in entries))


def _entry(currency: str, entry: ValueEntry, account: str) -> Entry:
    amount = Money(entry.balance_delta, currency)
    lines = book_rules.transfer(amount, debit=account, credit=book_rules.CUSTOMER_CREDIT)
    return Entry("credit", lines, "value_entry", entry.id)


def _record(what: str, account: ValueAccount, *, by: str, **facts: Any) -> None:
    audit.record(
        f"value.{what}", actor=by, object_kind="value_account", object_id=account.id, currency=account.currency, **facts
    )
