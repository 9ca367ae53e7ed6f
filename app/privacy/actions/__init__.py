"""Forgetting people: whole, or what has stayed long enough. In the caller's transaction."""

from __future__ import annotations

import uuid

from app.audit import actions as audit
from app.core import clock, crypto, db
from app.core.errors import NotFound
from app.core.settings import Retention
from app.customers import queries as customers
from app.customers.actions import closing
from app.customers.queries import Mailbox
from app.documents import actions as documents
from app.orders.actions import belonging
from app.privacy import queries
from app.privacy.actions import requests
from app.privacy.errors import AlreadyAnswered, HasAccount, StillUnderWay
from app.privacy.inventory import ORDER_SWEEPS, Sweep
from app.recurring.actions import belonging as subscriptions


def erase(customer_id: uuid.UUID, *, keep: Retention) -> str | None:
    """Forget a customer whose time of grace is over. Returns whose hot cart is stale now; None when nothing was done: they
    have changed their mind, or something is still under way (`queries.waits_for`). Raises StillUnderWay, and then nothing has
    changed, when an order has begun since that was looked at."""
    person = customers.lock_customer(customer_id)
    if (
        person is None
        or person.closes_at is None
        or person.closes_at > clock.now()
        or any(queries.waits_for(customer_id, delivery_days=keep.delivery_days))
    ):
        return None
    mailboxes = customers.mailboxes(person)
    for each in mailboxes:
        _forget_mails(each)
    _forget_browser(person.visitor)
    subscriptions.let_go(customer_id)
    _forget_orders(belonging.let_go(customer_id), keep=keep)
    for each in mailboxes:
        requests.finish_deletion(each, customer_id)
    closing.erase(person)
    return person.visitor


def erase_guest(request_id: uuid.UUID, *, by: str, keep: Retention) -> tuple[list[str], int]:
    """Forget who ordered without an account and asked for it, as an open request says. Returns whose hot carts are stale now,
    and how many orders know nobody any more.

    Raises NotFound, AlreadyAnswered, HasAccount or StillUnderWay, and then nothing has changed.
    """
    request = queries.lock_request(request_id)
    if request is None or request.kind != "deletion":
        raise NotFound()
    if request.state != "open" or request.email is None:
        raise AlreadyAnswered()
    email = request.email
    customers.lock_tries(email)  # nobody makes an account of it meanwhile
    if customers.customer_by_email(email) is not None:
        raise HasAccount()
    mailbox = customers.mailbox(email)
    if any(queries.guest_waits_for(mailbox, delivery_days=keep.delivery_days)):
        raise StillUnderWay()
    _forget_mails(mailbox)
    visitors = queries.browsers_of(mailbox)
    for visitor in visitors:
        _forget_browser(visitor)
    subscriptions.let_guest_go(email, since=mailbox.since)
    forgotten = belonging.let_guest_go(email, since=mailbox.since)
    _forget_orders(forgotten, keep=keep)
    closing.forget_address(mailbox)
    requests.finish_deletion(mailbox, by=by)
    audit.record(
        "privacy.guest_erased", actor=by, object_kind="data_request", object_id=request_id, orders=len(forgotten)
    )
    return visitors, len(forgotten)


def _forget_mails(mailbox: Mailbox) -> None:
    """And where gift cards were sent: whoever has the code can pay with it, as the page says before. One whose code is on its way
    keeps that: else its money would be nobody's."""
    theirs = queries.of_mailbox(mailbox)
    db.rows(
        f"DELETE FROM mail_message m WHERE {queries.MAILED_TO} AND NOT EXISTS"  # noqa: S608 - our own words  # nosec B608
        " (SELECT FROM orders o WHERE o.id = m.order_id AND o.confirmed_at IS NOT NULL) RETURNING id",
        **theirs,
    )
    db.rows(
        "UPDATE value_account a SET email = NULL, email_index = NULL, mail_code = NULL"  # noqa: S608  # nosec B608
        f" WHERE {queries.VALUE_SENT_TO} AND (mail_code IS NULL OR balance_minor = 0) RETURNING id",
        **theirs,
    )


def _forget_browser(visitor: str) -> None:
    for table in ("checkout_session", "cart_notice", "cart", "wish", "customer_oidc_flow"):
        db.rows(f"DELETE FROM {table} WHERE visitor = :visitor RETURNING id", visitor=visitor)  # noqa: S608 - our own words  # nosec B608


def _forget_orders(order_ids: list[uuid.UUID], *, keep: Retention) -> None:
    """All of somebody's, locked. An invoice that is late is issued first: whom it is made out to stands on the order alone.

    Raises StillUnderWay when one was placed, or a refund asked for, at this very moment.
    """
    if queries.orders_under_way(order_ids, delivery_days=keep.delivery_days):
        raise StillUnderWay()
    for order_id in queries.without_invoice(order_ids):
        documents.issue_for_order(order_id)
    _forget(order_ids)


def _forget(order_ids: list[uuid.UUID]) -> None:
    belonging.forget(order_ids)
    db.rows("DELETE FROM mail_message WHERE order_id = ANY(:ids) RETURNING id", ids=order_ids)
    db.rows(
        "UPDATE refund_request SET note = :nothing WHERE order_id = ANY(:ids) RETURNING id",
        ids=order_ids,
        nothing=crypto.encrypt(""),
    )


def forget_old_orders(place: int, *, keep: Retention, limit: int) -> int:
    """One batch of a line of ORDER_SWEEPS. Returns how many orders know nobody any more."""
    moment, days, which = ORDER_SWEEPS[place]
    old = f"{which} AND {moment} < now() - make_interval(days => :days) ORDER BY {moment}"
    order_ids = belonging.to_forget(old, limit=limit, days=getattr(keep, days))
    _forget(order_ids)
    return len(order_ids)


def forget_old_measures(*, keep: Retention, limit: int) -> int:
    """One batch. Returns how many lines of orders know nobody's measures any more."""
    return belonging.forget_measures(never_days=keep.measure_days, guest_days=keep.guest_measure_days, limit=limit)


def sweep(rule: Sweep, *, keep: Retention, limit: int) -> int:
    """One batch of a line of SWEEPS, the oldest first; what somebody else is at is left to the next. Returns how many rows."""
    blanks = ", ".join(f"{name} = {value}" for name, value in rule.blanks.items())
    verb = f"UPDATE {rule.table} SET {blanks}" if blanks else f"DELETE FROM {rule.table}"  # noqa: S608 - our own words  # nosec B608
    found = db.rows(
        f"WITH old AS (SELECT id FROM {rule.table} WHERE {rule.where}"  # noqa: S608  # nosec B608
        f" AND {rule.moment} < now() - make_interval(days => :days) ORDER BY {rule.moment} LIMIT :limit FOR UPDATE SKIP LOCKED)"
        f" {verb} WHERE id IN (SELECT id FROM old) RETURNING id",
        days=getattr(keep, rule.days) - rule.ahead,
        limit=limit,
        nothing=crypto.encrypt(""),
        no_record=crypto.encrypt("{}"),
    )
    return len(found)
