"""`Idempotency-Key`: the first answer, also a 500, is given again for a day (Stripe docs, api/idempotent_requests).

The answer is kept in the transaction that moved the money. Of a request that was refused before it began (unknown
parameters, no such object, a conflict) nothing is kept.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.store import Store, Transaction
from sandbox.stripe.errors import StripeError, bad_parameter, broken, in_progress, other_parameters

KEPT_SECONDS = 24 * 3600
Work = Callable[[Transaction], dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """A POST: what it is about, and its key if it has one."""

    key: str | None
    path: str
    values: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        return json.dumps([self.path, self.values], sort_keys=True)


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    is_replayed: bool = False


@dataclass
class Breakdown:
    """The next `left` POSTs break with a 500, after acting when `act`."""

    left: int = 0
    act: bool = False


@dataclass
class Idempotency:
    store: Store
    clock: Clock
    breakdown: Breakdown = field(default_factory=Breakdown)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _under_way: set[str] = field(default_factory=set)

    def forget(self) -> None:
        self.breakdown = Breakdown()
        with self._lock:
            self._under_way = set()

    def begin(self, key: str | None) -> Callable[[], None]:
        """Claims a key for one request; call the result when the request is over. Raises the 409 while another has it."""
        if key is None:
            return lambda: None
        if len(key) > 255:
            raise bad_parameter("Idempotency keys have at most 255 characters.", "Idempotency-Key")
        with self._lock:
            if key in self._under_way:
                raise in_progress(key)
            claims = self._under_way
            claims.add(key)
        return lambda: claims.discard(key)

    def answer(self, question: Question, work: Work) -> Answer:
        """Raises the StripeErrors that are not kept; those that are kept come as answers."""
        try:
            with self.store.transaction() as tx:
                known = self._known(tx, question)
                return known or self._first(tx, question, work)
        except StripeError as error:
            if not error.has_begun:
                raise
            refusal = Answer(error.status, error.body())
        with self.store.transaction() as tx:
            self._keep(tx, question, refusal)
        return refusal

    def _first(self, tx: Transaction, question: Question, work: Work) -> Answer:
        breaks, acts = self.breakdown.left > 0, self.breakdown.act
        if breaks:
            self.breakdown.left -= 1
        if breaks and not acts:
            raise broken()
        answer = Answer(200, work(tx))
        if breaks:
            answer = Answer(500, broken().body())
        self._keep(tx, question, answer)
        return answer

    def _known(self, tx: Transaction, question: Question) -> Answer | None:
        row = tx.one("SELECT * FROM idempotency WHERE key = ?", (f"stripe:{question.key}",)) if question.key else None
        if row is None:
            return None
        kept = json.loads(row["answer"])
        if self.clock.now() > kept["at"] + KEPT_SECONDS:
            tx.execute("DELETE FROM idempotency WHERE key = ?", (row["key"],))
            return None
        if row["body"] != question.fingerprint:
            raise other_parameters(str(question.key))
        return Answer(kept["status"], kept["body"], is_replayed=True)

    def _keep(self, tx: Transaction, question: Question, answer: Answer) -> None:
        if question.key is None:
            return
        kept = json.dumps({"status": answer.status, "body": answer.body, "at": self.clock.now()})
        key = f"stripe:{question.key}"
        tx.insert("idempotency", key=key, payment_id=question.path, body=question.fingerprint, answer=kept)
