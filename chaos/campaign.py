"""A storm over a few hundred purchases or money stories, the time afterwards, and the verdict."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from app import jobs, schedule
from app.core import cache, db
from app.core.transaction import in_transaction
from chaos import verdict
from chaos.cashbox import Cashbox
from chaos.clerk import Clerks
from chaos.evening import Evening
from chaos.money import MoneyPurchase
from chaos.purchases import Purchase, Story
from chaos.stand import Stand
from chaos.storm import Storm
from tests import shop

SHOPPERS = 8  # at once
SETTLE_SECONDS = 300  # after everything is back: FAULTS G2
HURRY_SECONDS = 4  # between two leaps of the database's time: circuits (20 s) do not leap, and tries would be used up
BANKS_AT_NIGHT = 3600  # seconds of the provider's clock: late authorisations and delayed webhooks come
SETTINGS = {
    "STOCK_LOCK_EXPIRY_MINUTES": "1",
    "UNPAID_ORDER_EXPIRY_MINUTES": "2",
    "STOCK_CLEANUP_INTERVAL_MINUTES": "1",
    "INSTALMENTS": "3",
}


Tell = Callable[[int, int, float], None]  # stories done, of how many, seconds so far


def _silently(_done: int, _of: int, _seconds: float) -> None:
    pass


@dataclass
class Report:
    stories: Sequence[Story]
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


def stock_up(*, plenty: int = 500) -> list[uuid.UUID]:
    """What there is to buy: plenty of some, little of others."""
    much = [
        shop.add_product(f"Plenty {n}", stock_of={"KB": plenty, "KL": plenty}, price=1000 + 700 * n) for n in range(5)
    ]
    little = [shop.add_product(f"Scarce {n}", stock_of={"KB": 5 + n}, price=5000 + 900 * n) for n in range(5)]
    return much + little


def run(stand: Stand, *, seed: str, purchases: int, hurry: bool = False) -> Report:
    """Inside a started stand with jobs, in an open shop. `hurry` lets the time pass in the database instead of waiting for it."""
    variants = stock_up()
    storm = Storm(stand, seed, pause=_pause(hurry))
    works = [Purchase(stand, number, seed, variants).run for number in range(1, purchases + 1)]
    report = weather(storm, works)
    settle(stand, report, hurry=hurry)
    return report


def run_money(stand: Stand, *, seed: str, stories: int, hurry: bool = False, tell: Tell = _silently) -> Report:
    """Stories over all providers, inside a started stand that has them all; refunds and disputes among them.

    Afterwards the banks decide, clerks do what waits for them, and time passes in the database: how long it may take then
    until nothing is in doubt is `SETTLE_SECONDS`.
    """
    variants, cashbox = stock_up(plenty=5000), Cashbox()
    clerks = Clerks(stand, 2 * SHOPPERS)
    storm = Storm(stand, seed, pause=_pause(hurry), all_providers=True)
    works = [
        MoneyPurchase(stand, number, seed, variants, clerks=clerks, cashbox=cashbox).run
        for number in range(1, stories + 1)
    ]
    report = weather(storm, works, tell=tell)
    evening = Evening(stand, clerks, cashbox, seed=seed)
    settle(stand, report, hurry=True, chores=evening.work, cashbox=cashbox)
    report.wrongs += [wrong for story in report.stories for wrong in getattr(story, "wrongs", ())]
    return report


def weather(storm: Storm, works: Sequence[Callable[[], Story]], *, tell: Tell = _silently) -> Report:
    """All stories, a few at once, in a storm that ends with the last of them."""
    begun = time.monotonic()
    with ThreadPoolExecutor(SHOPPERS) as pool:
        shopping = [pool.submit(work) for work in works]
        left = Counter(shopping=len(works))

        def note(_done: object) -> None:
            left["shopping"] -= 1
            tell(len(works) - left["shopping"], len(works), time.monotonic() - begun)
            if not left["shopping"]:
                storm.calm.set()

        for each in shopping:
            each.add_done_callback(note)
        storm.rage()
        stories = [each.result() for each in shopping]
    storm.pass_by()
    return Report(stories, storm.blows, time.monotonic() - begun)


def _pause(hurry: bool) -> tuple[float, float]:
    return (0.05, 0.5) if hurry else (0.3, 1.5)


def settle(
    stand: Stand,
    report: Report,
    *,
    hurry: bool,
    chores: Callable[[], object] | None = None,
    cashbox: Cashbox | None = None,
) -> None:
    """Wait, as a shop does, until worker and clock have put everything right, and write down what is wrong then."""
    stand.bank.advance(BANKS_AT_NIGHT)
    begun, passes_at = time.monotonic(), 0.0
    while True:
        if hurry and time.monotonic() > passes_at:
            let_time_pass()
            passes_at = time.monotonic() + HURRY_SECONDS
        if chores:
            chores()
        report.wrongs = wrongs(stand, report.stories, cashbox=cashbox)
        report.settle_seconds = time.monotonic() - begun
        if not report.wrongs or report.settle_seconds > SETTLE_SECONDS:
            break
        time.sleep(1)
    report.accidents = stand.accidents()
    for account in stand.bank.ledger().values():
        report.money.update(captured=account["captured"], refunded=account["refunded"], captures=account["captures"])


def wrongs(stand: Stand, stories: Sequence[Story], *, cashbox: Cashbox | None = None) -> list[str]:
    """All that is not right now, in sentences; what is still under way counts as well."""
    ledger = stand.bank.ledger()
    try:
        found = verdict.wrongs(
            cashbox.added_to(ledger) if cashbox else ledger,
            seen_paid=[story.token for story in stories if story.saw_paid],
            seen_placed=[story.token for story in stories if story.token],
        )
        found += [f"shop audit: {name} {count}" for name, count in stand.faults().items()]
        under_way = verdict.unfinished()
    finally:
        db.forget()
    return [*found, *(f"still under way: {each}" for each in under_way)]


ENDS = "expires_at < clock_timestamp() + interval '1 year'"  # an order on a plan waits for somebody's word, not for the clock
LATER = (
    f"UPDATE stock_lock SET expires_at = least(expires_at, now() - interval '1 minute') WHERE state = 'held' AND {ENDS}",
    f"UPDATE orders SET expires_at = least(expires_at, clock_timestamp()) WHERE state = 'pending' AND {ENDS}",
    "UPDATE instalment SET remind_at = now(), due_at = now() - interval '2 days', late_at = now() WHERE state = 'open'",
    "UPDATE payment_attempt SET ask_at = least(ask_at, clock_timestamp()) WHERE state IN ('created', 'open', 'failed')",
    "UPDATE payment_capture SET refunds_ask_at = least(refunds_ask_at, clock_timestamp()) WHERE refunds_ask_at IS NOT NULL",
    "UPDATE payment_dispute SET ask_at = least(ask_at, clock_timestamp()) WHERE state IN ('open', 'under_review')",
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
