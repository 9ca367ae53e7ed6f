"""The lock call itself, as place-order makes it: `stock.lock` in a transaction of its own, from several threads.

    python -m bench.locks < job.json > result.json

A job names `database_url`, `threads`, `seconds`, `orders` and `variants` (ids; each call takes the next order and one of the
variants at random).
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
import uuid
from typing import Any

from app.core import db, outbox
from app.core.transaction import in_transaction
from app.factory import import_models
from app.stock import actions as stock

SWITCH_SECONDS = (
    0.0002  # whose turn it is, PostgreSQL says by its row lock: who holds it must not wait for the interpreter too
)


def work(job: dict[str, Any]) -> dict[str, Any]:
    sys.setswitchinterval(SWITCH_SECONDS)
    import_models()
    outbox.configure({})
    db.connect(job["database_url"])
    orders = iter([uuid.UUID(each) for each in job["orders"]])
    variants = [uuid.UUID(each) for each in job["variants"]]
    guard, starting = threading.Lock(), threading.Barrier(job["threads"])
    counts: list[int] = []
    failures: list[str] = []

    def take() -> None:
        done = 0
        in_transaction(lambda: db.scalar("SELECT 1"))
        starting.wait()
        ends = time.perf_counter() + job["seconds"]
        try:
            while time.perf_counter() < ends:
                with guard:
                    order = next(orders)
                demand = stock.Demand(random.choice(variants), 1)
                in_transaction(lambda order=order, demand=demand: stock.lock(order, [demand], minutes=15))
                done += 1
        except Exception as error:
            failures.append(repr(error))
        counts.append(done)

    threads = [threading.Thread(target=take) for _ in range(job["threads"])]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return {"locks": sum(counts), "rate": sum(counts) / job["seconds"], "wrong": failures[:3]}


if __name__ == "__main__":
    json.dump(work(json.load(sys.stdin)), sys.stdout)
