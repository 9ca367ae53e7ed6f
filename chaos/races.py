"""Races: many shoppers at the same moment want what is there for few. Called inside a stand (`Stand.inside`)."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from app.core import db, outbox
from app.core.transaction import in_transaction, transaction
from app.orders import actions as orders
from app.orders import flows
from app.stock.actions import goods as shelves
from chaos.bank import Bank
from chaos.buyer import Buyer, token_of
from chaos.stand import Stand
from tools.webforms import heading_of

SOLD_OUT_WORDS = ("sold out", "left", "nothing left")


@dataclass
class Outcome:
    """Of one race or, added up, of many. `wrongs` are sentences; none is a race well run."""

    races: int = 0
    buyers: int = 0
    units: int = 0
    sold: int = 0
    refused: int = 0
    wrongs: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.races += other.races
        self.buyers += other.buyers
        self.units += other.units
        self.sold += other.sold
        self.refused += other.refused
        self.wrongs += other.wrongs


def prepared(stand: Stand, numbers: Iterable[int], *variants: uuid.UUID) -> list[Buyer]:
    """Buyers with one of each variant in the cart, put in in this order, at the review page."""

    def prepare(buyer: Buyer) -> None:
        for variant in variants:
            buyer.add(variant)
        buyer.check_out()

    buyers = [Buyer(stand, number) for number in numbers]
    at_most_at_once(8, [lambda buyer=buyer: prepare(buyer) for buyer in buyers])  # type: ignore[misc]
    return buyers


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all of `works` in threads that start at the same moment; what one raises is its result."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(timeout=60)
        try:
            return work()
        except Exception as error:
            return error
        finally:
            db.forget()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def last_units(
    stand: Stand, buyers: Sequence[Buyer], variant: uuid.UUID, units: int, *, expired: bool = False
) -> Outcome:
    """`units` on the shelf, all `buyers` press “Place order” in the same moment, over all web processes.

    With `expired` the locks of the race before have run out and lie in the way, instead of being given back.
    """
    restock(variant, units, expired=expired)
    at_most_at_once(8, [buyer.read_review for buyer in buyers if buyer.review is None])
    answers = at_once([buyer.place for buyer in buyers])
    for buyer, answer in zip(buyers, answers, strict=True):
        buyer.review = (
            None if _is_sold(answer) else buyer.review
        )  # who went away empty-handed presses the same button again
    outcome = Outcome(races=1, buyers=len(buyers), units=units)
    for answer in answers:
        outcome.sold += _is_sold(answer)
        outcome.refused += _is_refusal(answer)
        if not (_is_sold(answer) or _is_refusal(answer)):
            outcome.wrongs.append(f"a buyer was answered {_words(answer)}")
    tokens = {token_of(answer) for answer in answers if _is_sold(answer)}
    held, on_hand, locked = holdings(variant)
    if not (outcome.sold == len(tokens) == held == locked == on_hand == units):
        outcome.wrongs.append(
            f"{units} units, {outcome.sold} buyers told yes, {len(tokens)} orders, {held} units held, {locked} locked of {on_hand}"
        )
    return outcome


def restock(variant: uuid.UUID, units: int, *, expired: bool = False) -> None:
    """Exactly `units` free. Orders that hold some give them back, or (with `expired`) their locks run out where possible."""
    holders = [
        row[0]
        for row in db.rows("SELECT order_id FROM stock_lock WHERE variant_id = :id AND state = 'held'", id=variant)
    ]
    db.release()
    _held, on_hand, locked = holdings(variant)
    if expired and locked <= units:
        run_out(holders)
    else:
        for holder in holders:
            in_transaction(lambda holder=holder: orders.cancel(holder, actor="customer", reason="race_over"))  # type: ignore[misc]
    if units != on_hand:
        item = db.scalar("SELECT id FROM stock_item WHERE variant_id = :id", id=variant)
        db.release()
        with transaction():
            shelves.adjust(item, units - on_hand, reason="race", actor="system")


def holdings(variant: uuid.UUID) -> tuple[int, int, int]:
    """(units in live locks, on hand, locked) of a variant, by SQL."""
    held = db.scalar(
        "SELECT coalesce(sum(quantity), 0)::int FROM stock_lock WHERE variant_id = :id AND state = 'held' AND expires_at > now()",
        id=variant,
    )
    row = db.rows("SELECT sum(on_hand)::int, sum(locked)::int FROM stock_item WHERE variant_id = :id", id=variant)[0]
    db.release()
    return held, row[0], row[1]


def run_out(order_ids: Sequence[uuid.UUID]) -> None:
    """The locks of these orders are past their time and their grace; that of one on a plan never is."""
    with transaction():
        db.rows(
            "UPDATE stock_lock SET expires_at = clock_timestamp() - interval '1 minute' WHERE order_id = ANY(:ids)"
            " AND state = 'held' AND expires_at < clock_timestamp() + interval '1 year' RETURNING id",
            ids=list(order_ids),
        )


def crossing(pairs: Sequence[tuple[Buyer, Buyer]]) -> Outcome:
    """Both of each pair want the same two things, put into the cart in opposite order; all place at once."""
    buyers = [buyer for pair in pairs for buyer in pair]
    answers = at_once([buyer.place for buyer in buyers])
    outcome = Outcome(races=len(pairs), buyers=len(buyers), units=len(buyers), sold=sum(map(_is_sold, answers)))
    outcome.wrongs = [f"a crossing buyer was answered {_words(answer)}" for answer in answers if not _is_sold(answer)]
    return outcome


WAYS = ("open", "failed", "returned")


def expiry_against_money(
    stand: Stand, bank: Bank, buyer: Buyer, rival: Buyer, variant: uuid.UUID, *, way: str
) -> Outcome:
    """S7: the last unit's lock has run out, its money is there, and in one moment the release pass frees, the settling
    pays and a rival orders. Ends paid and sold, or released and refunded.

    `way`: the attempt was still `open` when the lock ran out, had `failed` before (the lock is anybody's), or the
    browser `returned` at that moment. Webhooks must be off.
    """
    restock(variant, 1)
    buyer.add(variant)
    buyer.check_out()
    token = token_of(buyer.place())
    buyer.press_pay(token)
    form = buyer.hand_over(token, bank.url)
    order_id = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
    db.release()
    if way == "failed":
        bank.pay(form.fields["order_id"], "failed")
        flows.settle_now(order_id)
    run_out([order_id])
    paid = bank.pay(form.fields["order_id"])
    rival.read_review()
    money = (lambda: buyer.come_back(form.fields["callback_url"], paid)) if way == "returned" else _settling(order_id)
    answers = at_once([lambda: flows.release_pass(trigger="race"), money, rival.place, flows.reconcile])
    for _ in range(2):  # what one of them learned may have to be told, refunds for instance
        flows.settle_now(order_id)
        outbox.drain()
    return _judge_money(token, variant, answers, rival_won=_is_sold(answers[2]))


def _settling(order_id: uuid.UUID) -> Callable[[], None]:
    return lambda: flows.settle_now(order_id)


def _judge_money(token: str, variant: uuid.UUID, answers: Sequence[Any], *, rival_won: bool) -> Outcome:
    found = db.rows(
        "SELECT o.state, p.state AS payment, (SELECT coalesce(-sum(m.on_hand_delta), 0)::int FROM stock_movement m"
        "  WHERE m.order_id = o.id AND m.kind = 'sell') AS sold,"
        " (SELECT count(*) FROM refund r WHERE r.payment_id = p.id AND r.state = 'succeeded') AS refunds"
        " FROM orders o JOIN payment p ON p.order_id = o.id WHERE o.token = :token",
        token=token,
    )[0]
    db.release()
    state, payment, sold, refunds = found
    _held, on_hand, locked = holdings(variant)
    outcome = Outcome(races=1, buyers=2, units=1, sold=sold, refused=refunds)
    outcome.wrongs = [f"unexpected: {_words(each)}" for each in answers if isinstance(each, Exception)]
    paid = (state, payment, sold, refunds, on_hand, locked, rival_won) == ("confirmed", "paid", 1, 0, 0, 0, False)
    refunded = (state, payment, sold, refunds, on_hand) == ("cancelled", "refunded", 0, 1, 1)
    if not (paid or refunded):
        outcome.wrongs.append(
            f"order {state}, payment {payment}, {sold} sold, {refunds} refunds, {on_hand} on hand, {locked} locked, rival won: {rival_won}"
        )
    return outcome


def at_most_at_once(threads: int, works: Sequence[Callable[[], Any]]) -> None:
    """Run all of `works`, a few at a time. Raises what the first of them raised."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work) for work in works]:
            done.result()


def _is_sold(answer: Any) -> bool:
    return bool(getattr(answer, "status_code", 0) == 303 and "/checkout/pay/" in answer.headers.get("Location", ""))


def _is_refusal(answer: Any) -> bool:
    """A plain page that says what is left."""
    return bool(getattr(answer, "status_code", 0) == 409 and any(word in answer.text for word in SOLD_OUT_WORDS))


def _words(answer: Any) -> str:
    if isinstance(answer, Exception):
        return f"{type(answer).__name__}: {answer}"[:200]
    if not hasattr(answer, "status_code"):
        return str(answer)[:100]
    return f"{answer.status_code} {answer.headers.get('Location') or heading_of(answer.text)}"
