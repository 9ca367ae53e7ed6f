"""Steps that alternate between the provider and short transactions. Called with no transaction open, by entry points
and by the worker; each may run twice, at once or halfway: what it finds out is settled by `orders.settle`, once."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from app.core import db
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.orders import actions as orders
from app.orders import queries
from app.payments import actions as payments
from app.payments import gateway
from app.payments import queries as payment_queries
from app.payments.actions import instalments
from app.payments.errors import PaymentUnderWay, ProviderRefused, ProviderUnavailable
from app.payments.gateway import ProviderRefund, Standing
from app.payments.models import Refund
from app.payments.providers.guarded import insisting
from app.payments.rules import FINAL
from app.stock import actions as stock
from app.stock import queries as stock_queries
from app.stock.rules import GRACE_SECONDS, Busy
from app.value import queries as value_queries

log = logging.getLogger(__name__)

MAX_BATCHES = 2_000
PATIENCE_SECONDS = (0.2, 1.0, 3.0)  # between tries within one by-hand reconcile


def settle_now(
    order_id: uuid.UUID, *, also: uuid.UUID | None = None, only: uuid.UUID | None = None, close: bool = False
) -> None:
    """Ask the provider about every attempt of an order that is not final (and about `also`; or about `only` one) and settle
    by its answer. With `close`, and always when its stock is not held (any more), the provider is told first, where it can be, to
    let nobody pay there any more: else somebody could pay for goods that are free.

    Raises ProviderUnavailable when the answer is unknown: nothing changed, ask again later.
    """
    for _ in range(3):  # once to learn of an authorisation, once after capturing it
        asked = ask(order_id, also=also, only=only, close=close)
        due = in_transaction(partial(orders.settle, order_id, asked.answers, is_closed=asked.is_closed))
        if not due:
            return
        for each in due:
            _capture(each)


@dataclass(frozen=True, slots=True)
class Question:
    """An attempt as plain values: no connection is held while the provider is asked."""

    attempt_id: uuid.UUID
    provider: str
    provider_order_id: str | None
    receipt: str
    is_open: bool  # not final: even after a failed try somebody may pay there


@dataclass(frozen=True, slots=True)
class Asked:
    """What the provider says now of attempts, by their id; `is_closed` when it was told before to let nobody pay there any more."""

    answers: dict[uuid.UUID, Standing]
    is_closed: bool


def ask(
    order_id: uuid.UUID, *, also: uuid.UUID | None = None, only: uuid.UUID | None = None, close: bool = False
) -> Asked:
    attempts = queries.attempts(order_id)
    db.release()
    close = close or not all(row.is_held for row in attempts)
    questions = [
        Question(row.id, row.provider, row.provider_order_id, row.receipt, is_open=row.state not in FINAL)
        for row in attempts
        if (row.state in ("created", "open", "failed") or row.id == also) and only in (None, row.id)
    ]
    return Asked({question.attempt_id: _put(question, close=close) for question in questions}, is_closed=close)


def _put(question: Question, *, close: bool) -> Standing:
    provider = gateway.provider(question.provider)
    provider_order_id = question.provider_order_id
    if provider_order_id is None:  # we never heard whether it was created; nobody was sent there, yet look
        opened = provider.find_order(question.receipt)
        if opened is None:
            return Standing()
        with transaction():
            payments.remember_provider_order(question.attempt_id, opened)
        provider_order_id = opened.id
    if close and question.is_open:
        provider.close_payment(provider_order_id)
    return provider.get_payment_status(provider_order_id)


def close_attempt(attempt_id: uuid.UUID) -> None:
    """The shopper pays another way: let nobody pay this attempt any more, and settle what came meanwhile."""
    order_id = payment_queries.order_of_attempt(attempt_id)
    db.release()
    if order_id is not None:
        settle_now(order_id, only=attempt_id, close=True)


def _capture(due: orders.CaptureDue) -> None:
    try:
        gateway.provider(due.provider).capture_payment(due.provider_payment_id, due.amount, key=due.key)
    except ProviderRefused as refusal:  # captured already (P12), or it lapsed: the next answer tells
        log.info("capture refused", extra={"code": refusal.code})


def release_hold(order_id: uuid.UUID, *, actor: str) -> bool:
    """Free an unpaid order's stock by hand; where a payment was started, the provider is asked first, and told to let nobody pay
    there any more. False: nothing held.

    Raises ProviderUnavailable or PaymentUnderWay (nothing was freed), NotFound, NotPayable (paid or closed meanwhile) or OnPlan.
    """
    in_transaction(partial(orders.demand_releasable, order_id))
    settle_now(order_id, close=True)
    standings = ask(order_id).answers.values()
    if any(report.state in ("created", "authorized") for standing in standings for report in standing.payments):
        raise PaymentUnderWay()
    return in_transaction(lambda: orders.release_hold(order_id, actor=actor))


def send_refund(refund_id: uuid.UUID) -> None:
    """Ask the provider to send money back, under the refund's own key: asking twice refunds once.

    Raises ProviderUnavailable when the outcome is unknown.
    """
    refund = db.session.get(Refund, refund_id)
    if refund is None or refund.state not in ("requested", "pending") or refund.is_by_hand:
        db.release()
        return
    provider, provider_payment_id, order_id = _refund_facts(refund)
    sent = SentRefund(refund.provider_key, refund.provider_refund_id, refund.amount, refund.is_automatic)
    db.release()
    try:
        if sent.provider_refund_id is not None:
            report = _find_refund(provider, provider_payment_id, sent)
        else:
            report = gateway.provider(provider).process_refund(provider_payment_id, sent.amount, key=sent.key)
    except ProviderRefused as refusal:
        error, report = str(refusal), _find_refund(provider, provider_payment_id, sent)
        if report is None:
            _note_refund(refund_id, lambda row: payments.note_refund_refused(row, order_id, error=error))
            return
    if report is not None:
        _note_refund(refund_id, lambda row: payments.note_refund(row, order_id, report))


@dataclass(frozen=True, slots=True)
class SentRefund:
    """A refund as plain values: no connection is held while the provider is asked."""

    key: str
    provider_refund_id: str | None
    amount: Money
    is_automatic: bool


def _refund_facts(refund: Refund) -> tuple[str, str, uuid.UUID]:
    row = db.rows(
        "SELECT c.provider, c.provider_payment_id, p.order_id FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " WHERE c.id = :id",
        id=refund.capture_id,
    )[0]
    return row[0], row[1], row[2]


def _find_refund(provider: str, provider_payment_id: str, sent: SentRefund) -> ProviderRefund | None:
    """The provider's refund that is ours: by its id, by our key, or (the provider sent it back by itself) by its amount."""
    found = gateway.provider(provider).find_refunds(provider_payment_id)
    for report in found:
        if report.id == sent.provider_refund_id or (report.key and report.key == sent.key):
            return report
    return next((each for each in found if sent.is_automatic and each.amount == sent.amount and not each.key), None)


def _note_refund(refund_id: uuid.UUID, change: Callable[[Refund], None]) -> None:
    def work() -> None:
        row = payment_queries.lock_refund(refund_id)
        if row is not None:
            change(row)
            payments.postpone_refund(row)

    in_transaction(work)


@dataclass
class Tally:
    """What a pass did: `done` items, those whose answer is unknown (`waiting`) and those that broke (`failed`)."""

    done: int = 0
    waiting: int = 0
    failed: int = 0

    def run(self, work: Callable[[], object], *, of: uuid.UUID | None = None) -> bool:
        """Run one item; a bad one never stops the pass, and the log names it by `of`. False when the provider did not answer."""
        try:
            work()
            self.done += 1
        except ProviderUnavailable:
            self.waiting += 1
            return False
        except Exception:
            self.failed += 1
            log.exception("one item of a pass failed", extra={"item": str(of)})
        finally:
            db.forget()
        return True


def release_pass(*, trigger: str) -> Tally:
    """Free every expired lock that may be freed, asking the provider first where a payment was open; then close orders
    that stayed unpaid. One action for the schedule, the back office, the API and the command."""
    with transaction():
        run_id = stock.start_cleanup(trigger=trigger)
    tally = Tally()
    released = release_unpaid_locks(tally)
    waiting_orders = stock_queries.expired_paying_orders()
    db.release()
    for order_id in waiting_orders:
        tally.run(partial(settle_now, order_id, close=True), of=order_id)
    still_waiting = set(stock_queries.expired_paying_orders()) & set(waiting_orders)
    db.release()
    released += len(waiting_orders) - len(still_waiting)
    expire_unpaid(tally, is_released=True)
    release_idle_value(tally)
    with transaction():
        stock.finish_cleanup(run_id, released=released, waiting=len(still_waiting), failed=tally.failed)
    return Tally(done=released, waiting=len(still_waiting), failed=tally.failed)


def release_unpaid_locks(tally: Tally) -> int:
    """Batches of expired locks nobody was paying for; rows somebody works on are skipped at first and waited for at the end.
    A row that cannot be freed is set aside for this pass, so that the others go on. Returns orders freed."""
    released, aside = 0, list[uuid.UUID]()
    phases: Sequence[Busy] = ("skip", "wait")
    for busy in phases:
        for _ in range(MAX_BATCHES):
            due = stock_queries.items_to_release(without=aside)
            db.release()
            if not due:
                break
            freed, bad = _release_batch(due, tally, busy=busy)
            if not freed and not bad:
                break
            released += len(freed)
            aside += bad
    return released


def _release_batch(due: Sequence[uuid.UUID], tally: Tally, *, busy: Busy) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """The orders freed of these rows, and the rows that failed: when the batch does, each is tried by itself, without waiting."""
    try:
        return in_transaction(partial(stock.release_expired_batch, due, busy=busy)), []
    except Exception:
        log.warning("a batch of the release failed: row by row", exc_info=True, extra={"rows": len(due)})
        db.forget()
    freed, bad = list[uuid.UUID](), list[uuid.UUID]()
    at_once: Busy = "refuse" if busy == "wait" else "skip"

    def release(item: uuid.UUID) -> None:
        freed.extend(in_transaction(partial(stock.release_expired_batch, [item], busy=at_once)))

    for item in due:
        before = tally.failed
        tally.run(partial(release, item), of=item)
        if tally.failed > before:
            bad.append(item)
    return freed, bad


def expire_unpaid(tally: Tally, *, is_released: bool) -> None:
    for order_id in queries.expired_unpaid(is_released=is_released):
        db.release()
        tally.run(partial(in_transaction, partial(orders.expire, order_id)), of=order_id)


def release_idle_value(tally: Tally) -> None:
    """Give back the value of orders whose stock is free again."""
    for order_id in value_queries.orders_that_hold(grace_seconds=GRACE_SECONDS):
        db.release()
        tally.run(partial(in_transaction, partial(orders.release_idle_value, order_id)), of=order_id)


def reconcile(*, everything: bool = False) -> Tally:
    """Ask the provider about attempts that are not final and about refunds without a last word.

    With `everything` about all of them, trying again within the pass, and also who had stopped answering.
    """
    with insisting() if everything else nullcontext():
        return _reconcile(everything=everything)


def _reconcile(*, everything: bool) -> Tally:
    tally = Tally()
    pending = payment_queries.all_unfinished_orders() if everything else payment_queries.orders_to_ask()
    refunds = payment_queries.refunds_to_ask(everything=everything)
    db.release()
    for patience in (*PATIENCE_SECONDS, 0.0) if everything else (0.0,):
        pending = [order_id for order_id in pending if not tally.run(partial(settle_now, order_id), of=order_id)]
        refunds = [refund_id for refund_id in refunds if not tally.run(partial(send_refund, refund_id), of=refund_id)]
        if not pending and not refunds:
            break
        time.sleep(patience)
    tally.waiting = len(pending) + len(refunds)
    _postpone(pending)
    return tally


def _postpone(order_ids: Sequence[uuid.UUID]) -> None:
    for order_id in order_ids:
        in_transaction(partial(payments.postpone, order_id))


def remind_by_schedule() -> None:
    """Now and then: instalments that come due soon, and those whose day has passed."""
    in_transaction(instalments.remind)
    in_transaction(instalments.warn)


def release_expired() -> None:
    """Each minute, by the schedule."""
    release_pass(trigger="schedule")


def expire_left_behind() -> None:
    """Each minute, by the schedule, where no clean-up does it: orders still expire when their own time is over, and a card is
    not kept from its owner."""
    tally = Tally()
    expire_unpaid(tally, is_released=False)
    release_idle_value(tally)


def reconcile_open() -> None:
    """Every few seconds, by the schedule: attempts and refunds that are due to be asked about."""
    reconcile()
