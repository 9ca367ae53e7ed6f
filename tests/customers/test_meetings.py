"""Two who meet over one customer: the second waits for the first, and looks again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.cart import actions as cart
from app.checkout.actions import joining
from app.core import db, passwords
from app.core.transaction import in_transaction, transaction
from app.customers import actions, queries
from app.customers.actions import Device
from app.customers.errors import LinkOver
from tests.customers.patron import Patron
from tests.customers.test_orders_and_carts import buy
from tests.shop import add_product

PATIENCE = 30
DEVICE = Device("", "")


class Second:
    """Somebody else, in a transaction of their own. `meet` returns once they wait for ours to end."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work, self.outcome = work, None
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            self.outcome = in_transaction(self.work)
        except LinkOver as refusal:
            self.outcome = refusal
        finally:
            db.forget()

    def meet(self) -> None:
        self.thread.start()
        until = time.monotonic() + PATIENCE
        while not self.is_waiting() and self.thread.is_alive() and time.monotonic() < until:
            self.thread.join(timeout=0.02)
        assert self.thread.is_alive(), "it did not wait for the first to end"

    def is_waiting(self) -> bool:
        return bool(
            db.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'advisory')")
        )

    def end(self) -> Any:
        self.thread.join(timeout=PATIENCE)
        assert not self.thread.is_alive()
        return self.outcome


@pytest.fixture
def token(aina: Patron) -> str:
    """Of a link to a new password."""
    return ask(aina)


def ask(patron: Patron) -> str:
    wish = in_transaction(lambda: actions.ask("reset", patron.email, locale="en", visitor="nobody"))
    db.session.refresh(wish)
    found = wish.token or ""
    db.release()
    return found


def test_a_payment_told_while_carts_are_put_together_takes_its_goods_out(aina: Patron):
    other, paid = (add_product(name, stock_of={"KB": 5}) for name in ("Scarf", "Sarong"))
    aina.add(other, 1)
    aina.sign_out()
    order = buy(aina, paid, 2)
    aina.pay(order)
    order_id, guest = db.rows("SELECT id, visitor FROM orders WHERE token = :t", t=order)[0]
    visitor = db.scalar("SELECT visitor FROM customer")
    db.release()
    worker = Second(lambda: cart.take_out_ordered(order_id))
    with transaction():
        joining.take_over(guest, visitor, currency="MYR", locale="en")
        worker.meet()
    assert worker.end() == visitor
    assert db.rows("SELECT variant_id, quantity FROM cart_line") == [(other, 1)]


def test_a_link_followed_while_the_password_changes_is_over(aina: Patron, token: str):
    """Not a deadlock: both lock the account before its links."""
    password_hash = passwords.hashed("Kapal-Layar 3 biru")
    tries = []

    def follow() -> object:
        tries.append(token)  # once more after a deadlock
        return actions.reset_password(token, "theirs", device=DEVICE)

    thief = Second(follow)
    with transaction():
        person = queries.lock_customer(aina.id)
        assert person is not None
        thief.meet()
        actions.set_password(person, password_hash)
    assert isinstance(thief.end(), LinkOver)
    assert tries == [token]
    assert db.scalar("SELECT password_hash FROM customer") == password_hash


def test_two_workers_send_no_more_links_than_one(shop: Flask, aina: Patron):
    for _ in range(3):
        ask(aina)
    first, second, third = [
        row.id for row in db.rows("SELECT id FROM customer_request WHERE kind = 'reset' ORDER BY created_at")
    ]
    db.release()
    in_transaction(lambda: actions.note_letter(actions.claim_letter(first)))  # type: ignore[arg-type]
    other = Second(lambda: actions.claim_letter(third))
    with transaction():
        wish = actions.claim_letter(second)
        assert wish is not None
        actions.note_letter(wish)
        db.session.flush()
        other.meet()
    assert other.end() is None
