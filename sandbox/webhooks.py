"""Sends events to the shop: signed over the raw bytes, retried with back-off, disabled after a day of failures.

Deliveries of one provider order go out one after the other, in the order they were recorded; different orders, and
copies of one event, go out at the same time. Whatever is pending after a restart is sent then.
"""

import hashlib
import heapq
import hmac
import http.client
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.clock import Clock
from sandbox.store import Store, Transaction

_DAY = 24 * 3600
_LONGEST_BACK_OFF = 3600.0


@dataclass
class Job:
    seq: int
    event_id: str
    provider: str
    order_id: str
    body: bytes
    url: str
    secret: str
    due_at: float
    created_at: float
    attempts: int = 0

    @property
    def group(self) -> tuple[str, str]:
        return self.url, self.order_id


@dataclass
class Outcome:
    status: int | None
    error: str | None
    milliseconds: int

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Letter:
    """One delivery as it goes over the wire."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Tongue:
    """How one provider speaks to webhook addresses: its secrets (current, old, wrong), and what it writes."""

    secrets: dict[str, str]
    write: Callable[[Job, str, float], Letter]  # a delivery, the secret to sign with, seconds since the epoch


class Dispatcher:
    """Options that tests change at run time: `urls`, `timeout_seconds`, `retry_seconds`, `secrets`.

    `tongues` holds the providers other than Razorpay, by their code.
    """

    def __init__(self, store: Store, clock: Clock, *, urls: tuple[str, ...], secrets: dict[str, str], workers: int = 8):
        self.urls = urls
        self.secrets = secrets
        self.tongues: dict[str, Tongue] = {}
        self.timeout_seconds = 5.0
        self.retry_seconds = 2.0
        self._store = store
        self._clock = clock
        self._disabled: set[str] = set(json.loads(store.setting("disabled_urls", "[]")))
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int]] = []
        self._jobs: dict[int, Job] = {}
        self._busy: dict[tuple[str, str], list[Job]] = defaultdict(list)
        self._parked: dict[tuple[str, str], list[Job]] = defaultdict(list)
        self._held: dict[tuple[str, str], Job] = {}
        self._workers = [threading.Thread(target=self._work, name=f"webhook-{n}", daemon=True) for n in range(workers)]

    def start(self) -> None:
        for job in self._unsent():
            self.add(job)
        for worker in self._workers:
            worker.start()

    def add(self, job: Job, *, held_for: float = 0.0) -> None:
        """Queues a delivery. A held one waits until a later event of its order went out, at most `held_for` seconds."""
        with self._changed:
            if held_for and job.group not in self._held:
                self._held[job.group] = job
                job.due_at += held_for
            self._push(job)
            self._changed.notify_all()

    def clock_moved(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def forget(self) -> None:
        """Drops everything that is queued (the rows are deleted by the caller)."""
        with self._changed:
            self._heap.clear()
            self._jobs.clear()
            self._parked.clear()
            self._held.clear()

    @property
    def disabled_urls(self) -> list[str]:
        return sorted(self._disabled)

    def opening_state(self, url: str) -> str:
        return "disabled" if url in self._disabled else "pending"

    def enable(self) -> None:
        self._disabled.clear()
        self._store.set_setting("disabled_urls", "[]")

    def waiting(self) -> int:
        """Deliveries that are neither accepted nor given up."""
        with self._changed:
            parked = sum(len(jobs) for jobs in self._parked.values())
            return len(self._jobs) + parked + sum(len(jobs) for jobs in self._busy.values())

    def _unsent(self) -> list[Job]:
        sql = """SELECT d.seq, d.event_id, e.provider, e.order_id, e.body, d.url, d.secret, d.due_at, e.created_at, d.attempts
                 FROM delivery d JOIN event e ON e.id = d.event_id WHERE d.state = 'pending' ORDER BY d.seq"""
        with self._store.reading() as tx:
            return [Job(**dict(row)) for row in tx.all(sql)]

    def _push(self, job: Job) -> None:
        self._jobs[job.seq] = job
        heapq.heappush(self._heap, (job.due_at, job.seq))

    def _work(self) -> None:
        while True:
            job = self._take()
            try:
                self._handle(job)
            finally:
                self._release(job)

    def _take(self) -> Job:
        """Waits for the next due delivery whose order has no other event on its way."""
        with self._changed:
            while True:
                wait = self._seconds_to_next()
                if wait is None or wait > 0:
                    self._changed.wait(timeout=wait)
                    continue
                due_at, seq = heapq.heappop(self._heap)
                job = self._jobs.get(seq)
                if job is None or job.due_at != due_at:
                    continue
                del self._jobs[seq]
                if any(other.event_id != job.event_id for other in self._busy[job.group]):
                    self._parked[job.group].append(job)
                    continue
                self._busy[job.group].append(job)
                return job

    def _seconds_to_next(self) -> float | None:
        return max(0.0, self._heap[0][0] - self._clock.now()) if self._heap else None

    def _release(self, job: Job) -> None:
        with self._changed:
            self._busy[job.group].remove(job)
            if not self._busy[job.group]:
                del self._busy[job.group]
                for parked in self._parked.pop(job.group, []):
                    self._push(parked)
            self._let_overtaken_go(job)
            self._changed.notify_all()

    def _let_overtaken_go(self, job: Job) -> None:
        held = self._held.get(job.group)
        if held is None or held.seq > job.seq:
            return
        del self._held[job.group]
        if held.seq in self._jobs:
            held.due_at = self._clock.now()
            self._push(held)

    def _handle(self, job: Job) -> None:
        if job.url in self._disabled:
            self._close(job, "disabled")
        elif job.attempts and self._clock.now() > job.created_at + _DAY:
            self._give_up(job)
        else:
            self._attempt(job)

    def _attempt(self, job: Job) -> None:
        at = self._clock.now()
        outcome = post(job.url, self._letter(job, at), timeout=self.timeout_seconds)
        job.attempts += 1
        if outcome.accepted:
            self._record(job, at, outcome, state="delivered")
            return
        job.due_at = self._clock.now() + min(self.retry_seconds * 2 ** min(job.attempts - 1, 30), _LONGEST_BACK_OFF)
        still_wanted = self._record(job, at, outcome, state="pending")
        if job.due_at > job.created_at + _DAY:
            self._give_up(job)
        elif still_wanted:
            with self._changed:
                self._push(job)

    def _letter(self, job: Job, at: float) -> Letter:
        tongue = self.tongues.get(job.provider) or Tongue(self.secrets, razorpay_letter)
        return tongue.write(job, tongue.secrets[job.secret], at)

    def _record(self, job: Job, at: float, outcome: Outcome, *, state: str) -> bool:
        """Writes the attempt down; False if the delivery was forgotten by a reset meanwhile."""
        with self._store.transaction() as tx:
            if not self._update(tx, job, state):
                return False
            tx.insert(
                "attempt",
                delivery=job.seq,
                number=job.attempts,
                at=at,
                status=outcome.status,
                error=outcome.error,
                milliseconds=outcome.milliseconds,
            )
        return True

    def _update(self, tx: Transaction, job: Job, state: str) -> bool:
        sql = "UPDATE delivery SET state = ?, attempts = ?, due_at = ? WHERE seq = ? AND event_id = ?"
        return tx.execute(sql, (state, job.attempts, job.due_at, job.seq, job.event_id)).rowcount == 1

    def _close(self, job: Job, state: str) -> None:
        with self._store.transaction() as tx:
            self._update(tx, job, state)

    def _give_up(self, job: Job) -> None:
        self._close(job, "given_up")
        self._disabled.add(job.url)
        self._store.set_setting("disabled_urls", json.dumps(sorted(self._disabled)))


def sign(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def razorpay_letter(job: Job, secret: str, _at: float) -> Letter:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Razorpay-Webhook/v1",
        "X-Razorpay-Signature": sign(job.body, secret),
        "X-Razorpay-Event-Id": job.event_id,
    }
    return Letter(headers, job.body)


def post(url: str, letter: Letter, *, timeout: float) -> Outcome:
    """One attempt on a connection of its own. Redirects are not followed and count as failures."""
    started = time.monotonic()
    headers = {**letter.headers, "Connection": "close"}
    status, error = None, None
    try:
        status = _status_of_post(url, letter.body, headers, timeout)
    except (OSError, ValueError, http.client.HTTPException) as problem:
        error = f"{type(problem).__name__}: {problem}"
    seconds = time.monotonic() - started
    if status is not None and seconds > timeout:
        status, error = None, f"answered {status}, but only after {seconds:.1f} s"
    return Outcome(status, error, round(seconds * 1000))


def _status_of_post(url: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with closing(kind(parts.hostname or "", parts.port, timeout=timeout)) as connection:
        connection.request("POST", target, body=body, headers=headers)
        return connection.getresponse().status
