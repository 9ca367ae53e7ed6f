"""The nightly comparison over ten thousand orders with nothing wrong: how long it takes, and that it invents nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import requests

from app import factory
from app.core import db
from app.core.settings import load
from app.reconciliation import flows
from bench import stand
from bench.stand import Stand
from bench.table import Row
from run import ports
from tests.reconciliation.clean import load_clean_orders

ORDERS = 10_000
DAYS = 8  # they are a minute apart
MUST_SECONDS, AIM_SECONDS = 60, 20


def measure(at: Stand, *, orders: int, tell: Callable[[str], Any]) -> list[Row]:
    tell(f"the books of {orders:,} orders")
    with _shop_of_its_own(at) as control:
        load_clean_orders(orders, control=control)
        control("POST", "/settlements", {})
        until = datetime.now(UTC) + timedelta(minutes=30)
        begun = time.monotonic()
        opened = flows.reconcile(trigger="command", window=flows.Window(until, until - timedelta(days=DAYS)))
        took = time.monotonic() - begun
        wrong = _wrong(orders, opened)
    words = f"{orders + orders // 10:,} payments and refunds with their statement; every difference would be invented"
    must, aim = MUST_SECONDS * orders / ORDERS, AIM_SECONDS * orders / ORDERS
    name = f"books compared, {orders:,} clean orders"
    return [Row(name, words, took, must, aim, unit="s", is_ceiling=True, wrong=tuple(wrong))]


def _wrong(orders: int, opened: int) -> list[str]:
    runs = db.rows("SELECT provider, state, payments, refunds, error FROM reconciliation_run ORDER BY provider")
    db.release()
    found = [f"{each.provider}: {each.state} {each.error}" for each in runs if each.state != "done"]
    listed = [(each.payments, each.refunds) for each in runs if each.provider == "razorpay"]
    if listed != [(orders, orders // 10)]:
        found.append(f"compared were {listed}")
    return [*found, *([f"{opened} differences invented"] if opened else [])]


@contextmanager
def _shop_of_its_own(at: Stand) -> Iterator[Callable[..., Any]]:
    """An empty database and sandbox that this process acts on; yields the sandbox's control."""
    port = ports.pick()
    at.start("books", stand.procfile()["sandbox"], SANDBOX_PORT=str(port), SHOP_HOME=str(at.home / "books"))
    stand.wait_for(port, "/_sandbox/health")
    url = stand.other_database(at, "kedai_books")
    with psycopg.connect(at.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE DATABASE kedai_books")
    settings = {**at.environ, "DATABASE_URL": url, "RAZORPAY_API_URL": f"http://127.0.0.1:{port}"}
    stand.migrate(at, url)
    factory.configure_process(load(settings))

    def control(method: str, path: str, body: object) -> Any:
        answer = requests.request(method, f"http://127.0.0.1:{port}/_sandbox{path}", json=body, timeout=300)
        answer.raise_for_status()
        return answer.json()

    try:
        yield control
    finally:
        db.forget()
        at.use_database(at.environ["DATABASE_URL"])
        at.stop("books")
