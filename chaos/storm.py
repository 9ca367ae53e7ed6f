"""What happens to the shop while people buy. Every blow and its moment in the sequence is drawn from the seed."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis

from app.core import db
from app.core.transaction import transaction
from chaos.stand import Part, Stand

ROUTES = (("POST", "/v1/orders"), ("GET", "/v1/orders/**"), ("POST", "/v1/payments/**"), ("GET", "/v1/payments/**"))
ROUTES_OF_OTHERS = (
    ("POST", "/stripe/v1/checkout/**"), ("GET", "/stripe/v1/**"), ("POST", "/stripe/v1/refunds"),
    ("POST", "/paypal/v2/checkout/**"), ("GET", "/paypal/**"), ("POST", "/paypal/v2/payments/**"), ("POST", "/paypal/v1/oauth2/*"),
    ("POST", "/billplz/**"), ("GET", "/billplz/**"), ("DELETE", "/billplz/**"),
)  # fmt: skip
REFUNDS = (
    ("", "pending"),
    ("/stripe", "pending"),
    ("/stripe", "failed"),
    ("/paypal", "PENDING"),
    ("/paypal", "FAILED"),
)
HOOKS: tuple[dict[str, Any], ...] = (
    {"drop": True, "probability": 0.15},
    {"duplicate": 2, "probability": 0.15},
    {"reorder": True, "probability": 0.2},
    {"delay": [1, 15], "probability": 0.25},
    {"wrong_secret": True, "probability": 0.1},
)
# Nobody asks about disputes that nobody has heard of: their notices come, if late, twice and signed with last month's secret.
ANY_BUT_DISPUTES = (
    "payment.[acf]*",
    "order.*",
    "refund.*",
    "payment_intent.*",
    "c*",
    "bill.*",
    "CHECKOUT.*",
    "PAYMENT.*",
)
LOSSES = ({"drop": True, "probability": 0.15}, {"wrong_secret": True, "probability": 0.1})
HOOKS_OF_ALL: tuple[dict[str, Any], ...] = (
    *({**loss, "event": event} for loss in LOSSES for event in ANY_BUT_DISPUTES),
    *(each for each in HOOKS if not {"drop", "wrong_secret"} & set(each)),
    {"old_secret": True, "probability": 0.1},
)


class Storm:
    """Blows fall between the purchases, in the main thread; `calm` is set when nothing is left to disturb."""

    def __init__(
        self, stand: Stand, seed: str, *, pause: tuple[float, float] = (0.3, 1.5), all_providers: bool = False
    ) -> None:
        self.stand, self.pause = stand, pause
        self.routes = ROUTES + (ROUTES_OF_OTHERS if all_providers else ())
        self.letters = HOOKS_OF_ALL if all_providers else HOOKS
        self.draw = random.Random(f"{seed}/storm")
        self.calm = threading.Event()
        self.blows: Counter[str] = Counter()
        self._kinds: dict[Callable[[], None], int] = {
            self.kill_a_web_process: 6,
            self.kill_the_worker: 4,
            self.kill_the_clock: 2,
            self.break_the_provider: 8,
            self.let_locks_run_out: 6,
            self.crash_redis: 2,
            self.stop_redis: 2,
            self.freeze_redis: 2,
            self.flush_redis: 2,
            self.restart_postgres: 2,
            self.crash_postgres: 1,
        }
        if all_providers:
            self._kinds |= {self.kill_the_sandbox: 2, self.make_banks_slow_with_refunds: 4}

    def rage(self) -> None:
        """Until `calm`. Every kind of blow falls once before chance decides alone, so that short storms miss none."""
        self._disturb_webhooks()
        first = list(self._kinds)
        self.draw.shuffle(first)
        while not self.calm.wait(self.draw.uniform(*self.pause)):
            blow = first.pop() if first else self.draw.choices(list(self._kinds), list(self._kinds.values()))[0]
            blow()
            self.blows[blow.__name__.replace("_", " ")] += 1

    def _disturb_webhooks(self) -> None:
        for number, effects in enumerate(self.letters):
            self.stand.bank.hooks(**effects, seed=self.draw.randrange(1 << 30) + number)

    def pass_by(self) -> None:
        """Everything is back: processes, servers, provider."""
        for server in (self.stand.servers.postgres, self.stand.servers.redis):
            server.thaw()
            if server.process is None:
                server.start()
        self.stand.bank.good_weather()
        for part in (self.stand.bank_part, *self.stand.webs):
            part.wait()

    def kill_a_web_process(self) -> None:
        self._kill(self.draw.choice(self.stand.webs))

    def kill_the_worker(self) -> None:
        self._kill(self.stand.worker)

    def kill_the_clock(self) -> None:
        self._kill(self.stand.clock)

    def _kill(self, part: Part) -> None:
        part.kill()
        self.calm.wait(self.draw.uniform(0, 1))
        part.start()

    def kill_the_sandbox(self) -> None:
        """All providers are away, whatever they were doing; it forgets its faults and switches."""
        self._kill(self.stand.bank_part)
        self.stand.bank_part.wait()
        self._disturb_webhooks()

    def make_banks_slow_with_refunds(self) -> None:
        """The next refunds wait for the bank, or fail."""
        provider, status = self.draw.choice(REFUNDS)
        self.stand.bank.control("POST", f"{provider}/refunds", {"status": status, "count": self.draw.randint(1, 3)})

    def break_the_provider(self) -> None:
        method, path = self.draw.choice(self.routes)
        kind, options = self.draw.choice(
            (
                ("act_then_drop", {}),
                ("drop", {}),
                ("hang", {"seconds": 9}),
                ("hang", {"seconds": 9, "act": False}),
                ("status", {"status": 429}),
                ("status", {"status": 500, "act": True}),
                ("status", {"status": 502}),
                ("truncated_body", {}),
            )
        )
        self.stand.bank.fault(kind, method=method, path=path, count=self.draw.randint(1, 4), **options)

    def let_locks_run_out(self) -> None:
        """Fifteen minutes pass for some of the unpaid orders."""
        share = self.draw.choice((0.2, 0.5, 1.0))
        with transaction():
            db.rows(
                "UPDATE stock_lock SET expires_at = clock_timestamp() - interval '11 seconds' WHERE state = 'held'"
                " AND expires_at < clock_timestamp() + interval '1 year'"  # not those of plans
                " AND random() < :share RETURNING id",
                share=share,
            )

    def crash_redis(self) -> None:
        self.stand.servers.redis.stop(signal.SIGKILL)
        self.stand.servers.redis.start()

    def stop_redis(self) -> None:
        self.stand.servers.redis.stop()
        self.calm.wait(self.draw.uniform(2, 6))
        self.stand.servers.redis.start()

    def freeze_redis(self) -> None:
        self.stand.servers.redis.freeze()
        self.calm.wait(self.draw.uniform(1, 5))
        self.stand.servers.redis.thaw()

    def flush_redis(self) -> None:
        with redis.Redis.from_url(self.stand.servers.redis_url) as connection:
            connection.flushall()

    def restart_postgres(self) -> None:
        """As an operator does: open transactions are rolled back."""
        self._away(signal.SIGINT)

    def crash_postgres(self) -> None:
        """Its processes end at once; the next start recovers from the log."""
        self._away(signal.SIGQUIT)

    def _away(self, how: signal.Signals) -> None:
        db.forget()
        self.stand.servers.postgres.stop(how)
        self.calm.wait(self.draw.uniform(0, 2))
        self.stand.servers.postgres.start()
