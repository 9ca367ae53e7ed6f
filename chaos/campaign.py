"""A storm over a few hundred purchases, the time afterwards, and the verdict."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app import jobs, schedule
from app.core import cache, db
from app.core.transaction import in_transaction
from chaos import verdict
from chaos.purchases import Purchase, Story
from chaos.stand import Stand
from chaos.storm import Storm
from tests import shop

SHOPPERS = 8  # at once
SETTLE_SECONDS = 300  # after everything is back: FAULTS G2
BANKS_AT_NIGHT = 3600  # seconds of the provider's clock: late authorisations and delayed webhooks come
SETTINGS = {"STOCK_LOCK_EXPIRY_MINUTES": "1", "UNPAID_ORDER_EXPIRY_MINUTES": "2", "STOCK_CLEANUP_INTERVAL_MINUTES": "1"}


@dataclass
class Report:
    stories: list[Story]
    blows: Counter[str]
    storm_seconds: float
    settle_seconds: float = 0.0
    wrongs: list[str] = field(default_factory=list)
    accidents: int = 0
    money: Counter[str] = field(default_factory=Counter)

    @property
    def ends(self) -> Counter[str]:
        return Counter(story.end for story in self.stories)

    @property
    def troubles(self) -> Counter[str]:
        return Counter(trouble for story in self.stories for trouble in story.troubles)


def stock_up() -> list[uuid.UUID]:
    """What there is to buy: plenty of some, little of others."""
    plenty = [shop.add_product(f"Plenty {n}", stock_of={"KB": 500, "KL": 500}, price=1000 + 700 * n) for n in range(5)]
    scarce = [shop.add_product(f"Scarce {n}", stock_of={"KB": 5 + n}, price=5000 + 900 * n) for n in range(5)]
    return plenty + scarce


def run(stand: Stand, *, seed: str, purchases: int, hurry: bool = False) -> Report:
    """Inside a started stand with jobs, in an open shop. `hurry` lets the time pass in the database instead of waiting for it."""
    variants = stock_up()
    storm = Storm(stand, seed, pause=(0.05, 0.5) if hurry else (0.3, 1.5))
    begun = time.monotonic()
    with ThreadPoolExecutor(SHOPPERS) as pool:
        shopping = [pool.submit(Purchase(stand, number, seed, variants).run) for number in range(1, purchases + 1)]
        left = Counter(shopping=purchases)

        def note(_done: object) -> None:
            left["shopping"] -= 1
            if not left["shopping"]:
                storm.calm.set()

        for each in shopping:
            each.add_done_callback(note)
        storm.rage()
        stories = [each.result() for each in shopping]
    storm.pass_by()
    report = Report(stories, storm.blows, time.monotonic() - begun)
    settle(stand, report, hurry=hurry)
    return report


def settle(stand: Stand, report: Report, *, hurry: bool) -> None:
    """Wait, as a shop does, until worker and clock have put everything right, and write down what is wrong then."""
    stand.bank.advance(BANKS_AT_NIGHT)
    begun = time.monotonic()
    while True:
        if hurry:
            let_time_pass()
        report.wrongs = wrongs(stand, report.stories)
        report.settle_seconds = time.monotonic() - begun
        if not report.wrongs or report.settle_seconds > SETTLE_SECONDS:
            break
        time.sleep(1)
    report.accidents = stand.accidents()
    for account in stand.bank.ledger().values():
        report.money.update(captured=account["captured"], refunded=account["refunded"], captures=account["captures"])


def wrongs(stand: Stand, stories: list[Story]) -> list[str]:
    """All that is not right now, in sentences; what is still under way counts as well."""
    try:
        found = verdict.wrongs(
            stand.bank.ledger(),
            seen_paid=[story.token for story in stories if story.saw_paid],
            seen_placed=[story.token for story in stories if story.token],
        )
        found += [f"shop audit: {name} {count}" for name, count in stand.faults().items()]
        under_way = verdict.unfinished()
    finally:
        db.forget()
    return [*found, f"{under_way} orders, locks or refunds are still under way"] if under_way else found


LATER = (
    "UPDATE stock_lock SET expires_at = least(expires_at, clock_timestamp() - interval '1 minute') WHERE state = 'held'",
    "UPDATE orders SET expires_at = least(expires_at, clock_timestamp()) WHERE state = 'pending'",
    "UPDATE payment_attempt SET ask_at = least(ask_at, clock_timestamp()) WHERE state IN ('created', 'open', 'failed')",
    "UPDATE refund SET ask_at = least(ask_at, clock_timestamp()) WHERE state IN ('requested', 'pending')",
    "UPDATE outbox_delivery SET due_at = least(due_at, clock_timestamp()) WHERE state = 'pending'",
)


def let_time_pass() -> None:
    """What waits for its hour is due, locks, unpaid orders, questions and deliveries, and the clock strikes."""
    for statement in LATER:
        in_transaction(lambda statement=statement: db.rows(statement + " RETURNING 1"))  # type: ignore[misc]
    queue = jobs.queue(cache.client())
    for line in schedule.SCHEDULE:
        queue.enqueue(schedule.tick, line.name, ttl=10, result_ttl=0, failure_ttl=0)
