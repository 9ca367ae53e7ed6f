"""`make chaos`: every race and the storm, in their long form, on an empty shop of their own.

    python -m chaos --seed 7 --purchases 300            all of it
    python -m chaos --only purchases --seed 7           one part: races, crossing, money, guard, purchases, stories
    python -m chaos --only stories --money-stories 500  purchases, refunds and disputes over all providers

The same seed draws the same purchases, the same blows and the same provider faults; what the machine interleaves differs.
Exit 1 when anybody was wronged, with one line for each: the receipt at the provider or the reference of the order.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos import campaign, guard, money, races
from chaos.buyer import Buyer
from chaos.servers import Servers, own_servers
from chaos.stand import ALL_PROVIDERS, Stand, standing
from tests import shop

UNLIMITED = {"RATE_LIMIT_ENABLED": "false"}  # the racers run for hours of a shopper's life within minutes


class Run:
    """One run of the command: its options, its table, and what went wrong."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.wrongs: list[str] = []

    def row(self, what: str, outcome: races.Outcome, seconds: float) -> None:
        self.wrongs += outcome.wrongs
        print(
            f"{what:<34}{outcome.races:>6} races {outcome.buyers:>7} buyers {outcome.units:>6} units {outcome.sold:>6} sold"
            f" {outcome.refused:>6} refused {len(outcome.wrongs):>3} wrong {seconds:>7.0f} s",
            flush=True,
        )

    def audit(self, stand: Stand) -> None:
        self.wrongs += [f"shop audit after the races: {name} {count}" for name, count in stand.faults().items()]
        if stand.accidents():
            self.wrongs.append(f"{stand.accidents()} unexpected errors in the logs of the web processes")


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    run = Run(options)
    print(f"seed {options.seed}", flush=True)
    for name, part in PARTS.items():
        if not options.only or name in options.only:
            with own_servers() as servers:
                part(run, servers)
    print("\n".join(["", *run.wrongs]) if run.wrongs else "nobody was wronged", flush=True)
    return 1 if run.wrongs else 0


def run_races(run: Run, servers: Servers) -> None:
    """G1: the last units over HTTP."""
    with _racing(servers) as stand:
        shirt = shop.add_product(stock_of={"KB": 20})
        for name, count, crowd, most in (
            ("last unit, 1 to 5", run.options.races, run.options.buyers, 5),
            ("last 20", run.options.big_races, 2 * run.options.buyers, 20),
        ):
            races.restock(shirt, 20)
            buyers = races.prepared(stand, range(1000 * most, 1000 * most + crowd), shirt)
            outcome, begun = races.Outcome(), time.monotonic()
            for number in range(count):
                units = 20 if most == 20 else number % 5 + 1
                outcome.add(races.last_units(stand, buyers, shirt, units, expired=number % 2 == 1))
            run.row(name, outcome, time.monotonic() - begun)
        run.audit(stand)


def run_crossing(run: Run, servers: Servers) -> None:
    """S3: carts in opposite order."""
    with _racing(servers) as stand:
        outcome, begun = races.Outcome(), time.monotonic()
        for number in range(-(-run.options.pairs // 10)):
            first, second = (shop.add_product(stock_of={"KB": 20}) for _ in range(2))
            there = races.prepared(stand, range(20 * number, 20 * number + 10), first, second)
            back = races.prepared(stand, range(20 * number + 10, 20 * number + 20), second, first)
            outcome.add(races.crossing(list(zip(there, back, strict=True))))
        run.row("carts in opposite order", outcome, time.monotonic() - begun)
        run.audit(stand)


def run_money(run: Run, servers: Servers) -> None:
    """S7: the lock runs out and the money comes in the same moment."""
    with _racing(servers) as stand:
        stand.bank.hooks(drop=True)
        shirt = shop.add_product(stock_of={"KB": 1})
        rival = races.prepared(stand, [1], shirt)[0]
        for way in races.WAYS:
            outcome, begun = races.Outcome(), time.monotonic()
            for number in range(-(-run.options.money_races // len(races.WAYS))):
                buyer = Buyer(stand, 1000 + number)
                outcome.add(races.expiry_against_money(stand, stand.bank, buyer, rival, shirt, way=way))
            run.row(f"expiry against money ({way})", outcome, time.monotonic() - begun)
        run.audit(stand)


def run_guard(run: Run, servers: Servers) -> None:
    """The first part again without the guard: it has to fail."""
    with guard.unguarded_stand(servers, settings=UNLIMITED) as stand, stand.inside():
        shop.open_shop()
        shirt = shop.add_product(stock_of={"KB": 5})
        buyers = races.prepared(stand, range(1, 31), shirt)
        outcome, begun = races.Outcome(), time.monotonic()
        for number in range(5):
            outcome.add(races.last_units(stand, buyers, shirt, number % 3 + 1))
        found, outcome.wrongs = outcome.wrongs, []
        run.row("the same without the guard", outcome, time.monotonic() - begun)
        print(f"  as it must be, {len(found)} of 5 races failed: {(found or ['none'])[0]}", flush=True)
        if not found:
            run.wrongs.append("without the guard the race did not fail: it proves nothing")


def run_purchases(run: Run, servers: Servers) -> None:
    """G2, G3: purchases in a storm."""
    with standing(servers, settings=campaign.SETTINGS) as stand, stand.inside():
        shop.open_shop()
        report = campaign.run(stand, seed=str(run.options.seed), purchases=run.options.purchases)
        _print_report(report)
        run.wrongs += report.wrongs
        _keep_logs(run, stand, report)


def run_stories(run: Run, servers: Servers) -> None:
    """Money by every provider, and back, in a storm."""
    settings = {**campaign.SETTINGS, **ALL_PROVIDERS, **UNLIMITED}
    with standing(servers, settings=settings, firsts=money.FIRSTS) as stand, stand.inside():
        shop.open_shop()
        report = campaign.run_money(stand, seed=str(run.options.seed), stories=run.options.money_stories, tell=_tell)
        _print_report(report)
        _print_stories(report)
        run.wrongs += report.wrongs
        _keep_logs(run, stand, report)


PARTS: dict[str, Callable[[Run, Servers], None]] = {
    "races": run_races,
    "crossing": run_crossing,
    "money": run_money,
    "guard": run_guard,
    "purchases": run_purchases,
    "stories": run_stories,
}


@contextmanager
def _racing(servers: Servers) -> Iterator[Stand]:
    with standing(servers, with_jobs=False, settings=UNLIMITED) as stand, stand.inside():
        shop.open_shop()
        yield stand


def _print_report(report: campaign.Report) -> None:
    print(
        f"{len(report.stories)} purchases in a storm of {report.storm_seconds:.0f} s: {sum(report.blows.values())} blows"
    )
    for name, count in report.blows.most_common():
        print(f"  {count:>5}  {name}")
    print("what became of the purchases")
    for name, count in report.ends.most_common():
        print(f"  {count:>5}  {name}")
    print(f"  {sum(report.troubles.values())} steps tried again, {report.accidents} unexpected errors (500)")
    money = report.money
    print(f"  ledger: {money['captures']} captures of {money['captured']}, {money['refunded']} refunded")
    print(f"  all was right {report.settle_seconds:.0f} s after the storm, {len(report.wrongs)} wrong", flush=True)


def _print_stories(report: campaign.Report) -> None:
    """By provider what became of the orders, and how often what went wrong."""
    stories = [story for story in report.stories if isinstance(story, money.MoneyStory)]
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for story in stories:
        ends[story.provider or "none"][story.end.partition(",")[0][:60]] += 1
    for provider, count in sorted(ends.items()):
        print(
            f"  {provider}: {sum(count.values())} (" + ", ".join(f"{n} {name}" for name, n in count.most_common()) + ")"
        )
    in_parts = Counter(story.end.partition(",")[0][:60] for story in stories if story.parts > 1)
    print(
        f"  in parts: {sum(in_parts.values())} (" + ", ".join(f"{n} {name}" for name, n in in_parts.most_common()) + ")"
    )
    for title, names in (("misfortunes", "misfortunes"), ("refunds by clerks and banks", "refunds")):
        count = Counter(name for story in stories for name in getattr(story, names))
        print(f"  {title}: " + ", ".join(f"{n} {name}" for name, n in count.most_common()), flush=True)


def _tell(done: int, of: int, seconds: float) -> None:
    if done % 25 == 0 or done == of:
        print(f"· {done} of {of} stories, {seconds:.0f} s", flush=True)


def _keep_logs(run: Run, stand: Stand, report: campaign.Report) -> None:
    if report.wrongs or run.options.keep:
        kept = Path(run.options.keep or tempfile.mkdtemp(prefix="kedai-chaos-logs-"))
        shutil.copytree(stand.home, kept, dirs_exist_ok=True)
        print(f"  logs of all processes: {kept}")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Races and storms on a shop of their own.")
    parser.add_argument(
        "--seed", default=secrets.randbelow(1_000_000), help="draws everything (default: a new one, printed)"
    )
    parser.add_argument("--purchases", type=int, default=300)
    parser.add_argument("--races", type=int, default=200, help="for the last one to five units")
    parser.add_argument("--big-races", type=int, default=20, help="for the last twenty, with twice the buyers")
    parser.add_argument("--buyers", type=int, default=50, help="in each race")
    parser.add_argument("--pairs", type=int, default=200, help="of carts in opposite order")
    parser.add_argument("--money-races", type=int, default=500, help="between expiry and payment")
    parser.add_argument("--money-stories", type=int, default=500, help="over all providers, with refunds and disputes")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), help="these parts")
    parser.add_argument(
        "--keep", help="a folder for the logs of the storm; without it they are kept when somebody was wronged"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
