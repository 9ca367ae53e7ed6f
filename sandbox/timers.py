"""What happens by the virtual clock: time-outs, late authorisations, releases, refunds that settle later.

Timers lie in the ledger's database, so a restart loses none. One due long ago (the clock jumped) happens at the time
it was due, which is what decides whether a late authorisation was still in time.
"""

import threading
import time
from collections.abc import Callable

from sandbox.clock import Clock
from sandbox.payments import Payments
from sandbox.refunds import Refunds
from sandbox.store import Store, Transaction

_LOOK_EVERY = 0.25


class Timers:
    """`others` are what other providers do by the clock: the kind of a timer, and what to call with its target and time."""

    def __init__(self, store: Store, clock: Clock, payments: Payments, refunds: Refunds):
        self._store = store
        self._clock = clock
        self._payments = payments
        self._refunds = refunds
        self.others: dict[str, Callable[[Transaction, str, float], None]] = {}

    def start(self) -> None:
        threading.Thread(target=self._watch, name="timers", daemon=True).start()

    def run_due(self) -> int:
        """Runs everything that is due, oldest first, also what that makes due; returns how many."""
        done = 0
        while self._run_next():
            done += 1
        return done

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            self.run_due()

    def _run_next(self) -> bool:
        sql = "SELECT * FROM timer WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1"
        with self._store.reading() as tx:
            if tx.one(sql, (self._clock.now(),)) is None:
                return False
        with self._store.transaction() as tx:
            row = tx.one(sql, (self._clock.now(),))
            if row is None:
                return False
            tx.execute("DELETE FROM timer WHERE seq = ?", (row["seq"],))
            self._act(tx, row["kind"], row["target"], row["due_at"])
        return True

    def _act(self, tx: Transaction, kind: str, target: str, at: float) -> None:
        if kind in self.others:
            self.others[kind](tx, target, at)
        elif kind == "time_out":
            self._payments.time_out(tx, target, at=at)
        elif kind == "authorize":
            self._payments.authorize_late(tx, target, at=at)
        elif kind == "release":
            self._payments.release_uncaptured(tx, target, at=at)
        else:
            self._refunds.settle_in(tx, target, kind.removeprefix("refund_"), at=at)
