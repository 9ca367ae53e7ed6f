"""One money story at random: a purchase by any provider with all that goes wrong, and what goes back of it afterwards.

Everything is drawn from the story's own seed. Shoppers and clerks go over HTTP; the database is only read, for the ids
that stand on nobody's page.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
from sqlalchemy.exc import SQLAlchemyError

from app.core import db
from app.core.errors import Unavailable
from chaos import bank as banks
from chaos import forgery
from chaos.buyer import Refused
from chaos.cashbox import Cashbox
from chaos.clerk import Clerks
from chaos.purchases import GaveUp, Purchase, Story
from chaos.races import at_once, run_out
from chaos.refunds import Aftermath
from chaos.stand import Stand
from chaos.tills import Till, WayBack, till_of
from tools.webforms import form_to

WAYS = {
    "razorpay": (("INR", "upi"), ("INR", "card"), ("INR", "netbanking"), ("USD", "card")),
    "curlec": (("MYR", "fpx"), ("MYR", "wallet"), ("MYR", "duitnow"), ("MYR", "card")),
    "stripe": (("MYR", "card"), ("MYR", "fpx"), ("USD", "card")),
    "paypal": (("MYR", "paypal"), ("USD", "paypal")),
    "billplz": (("MYR", "fpx"),),
    "manual": (("MYR", "bank_transfer"), ("MYR", "cod")),
}
FIRSTS = ("curlec", "stripe", "billplz", "razorpay")  # whom each web process asks first
MOST_TRIES = 4
IN_PARTS = 0.3  # of all orders
DATABASE_SECONDS = 60.0
Found = TypeVar("Found")


@dataclass
class MoneyStory(Story):
    """`provider` has the money in the end, or was tried last."""

    provider: str = ""
    misfortunes: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    parts: int = 1
    wrongs: list[str] = field(default_factory=list)


class MoneyPurchase(Purchase):
    """Runs in a thread of its own, inside the stand."""

    def __init__(
        self,
        stand: Stand,
        number: int,
        seed: str,
        variants: Sequence[uuid.UUID],
        *,
        clerks: Clerks,
        cashbox: Cashbox,
    ) -> None:
        super().__init__(stand, number, seed, variants)
        self.draw = random.Random(f"{seed}/money/{number}")
        self.story: MoneyStory = MoneyStory(number)
        self.clerks, self.cashbox = clerks, cashbox
        self.curlec_key = stand.environ["CURLEC_KEY_ID"]
        self.wanted = list(WAYS)[number % len(WAYS)]  # as many stories of one as of another
        self.currency, self.method = self.draw.choice(WAYS[self.wanted])
        self.till: Till | None = None
        self.pays_rest = False

    def run(self) -> MoneyStory:
        super().run()
        db.forget()
        return self.story

    def _shop(self) -> None:
        self._go_to(self.wanted)
        self.attempt("currency", lambda: self.buyer.choose_currency(self.currency))
        if not self._order():
            return
        try:
            self._pay_all()
        except GaveUp as reason:  # the shopper is gone; the money and the clerks are not
            self.story.end = f"gave up: {reason}"
        Aftermath(self).run()

    def happens(self, misfortune: str, share: float) -> bool:
        """A coin for something that goes wrong; it is counted when it does."""
        falls = self.draw.random() < share
        if falls:
            self.story.misfortunes.append(misfortune)
        return falls

    def look_up(self, sql: str, **values: object) -> list[Any]:
        """Rows of the database."""

        def read() -> list[Any]:
            found = db.rows(sql, **values)
            db.release()
            return found

        return self._in_the_database(read)

    def _in_the_database(self, work: Callable[[], Found]) -> Found:
        """However often it goes away meanwhile."""
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                return work()
            except (SQLAlchemyError, Unavailable):
                db.forget()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def _go_to(self, provider: str) -> None:
        """To a web process that asks this provider first, where there is one."""
        if provider in FIRSTS:
            self.buyer.host = self.buyer.hosts[FIRSTS.index(provider) % len(self.buyer.hosts)]

    def _place(self) -> bool:
        """Some pay in parts, where they are offered."""
        offered = [n for n in (2, 3) if f'id="parts-{n}"' in self.buyer.review_page]
        if offered and self.method != "cod" and self.draw.random() < IN_PARTS:
            self.buyer.parts = self.story.parts = self.draw.choice(offered)
        return super()._place()

    def _pay_all(self) -> None:
        """All parts, or some of them: who has had enough leaves, or cancels what is paid in part."""
        self._pay_somehow()
        for _ in range(self.story.parts):
            if not self._waits_for_parts():
                return
            if self.happens("parts left unpaid", 0.15):
                return
            if self.happens("cancelled between two parts", 0.1):
                self._cancel()
                return
            self.pays_rest = self.draw.random() < 0.3
            self._pay_somehow()

    def _waits_for_parts(self) -> bool:
        """The page may lag behind the bank: then a part is paid twice, and comes back. Whose bank wants to look first, waits."""
        if self.story.parts == 1 or self.story.provider == "manual" or self.story.end == "review":
            return False
        [row] = self.look_up("SELECT state FROM orders WHERE token = :token", token=self.story.token)
        return bool(row.state == "pending")

    def _pay_somehow(self) -> None:
        for number in range(MOST_TRIES):
            if number:
                self._choose_another_way()
            if not self._try_to_pay():
                return
        self.story.end = "declined every time"

    def _choose_another_way(self) -> None:
        self.story.misfortunes.append("another way after a decline")
        ways = [(name, method) for name, each in WAYS.items() for currency, method in each if currency == self.currency]
        ways = [way for way in ways if self.story.parts == 1 or way[1] != "cod"]
        provider, self.method = self.draw.choice(ways)
        self._go_to(provider)

    def _try_to_pay(self) -> bool:
        """True when it was declined and another way may be tried."""
        if self.happens("gone before paying", 0.02):
            raise GaveUp("before paying")
        if self._press_pay() is None:
            raise GaveUp("the order can be paid no more")
        self.till = self._open_till()
        if self.till is None:
            return self._promise()
        self.story.provider = self.till.provider
        outcome = self.draw.choices(list(self.till.outcomes), list(self.till.outcomes.values()))[0]
        self.story.end = outcome
        if self.happens("a forged webhook", 0.15):
            self.story.wrongs += forgery.try_all(self.buyer, self.till, self.draw)
        self._before_the_money()
        if outcome == "closed":
            self.story.misfortunes.append("closed the page")
            return False
        back = self._at_the_till(self.till, outcome)
        if back is not None and not self.happens("browser closed", 0.3):
            self._return(back)
        return outcome == "declined" and back is not None

    def _open_till(self) -> Till | None:
        """The provider's page behind the hand-over; None when the money comes by hand."""
        token, found = self.story.token, []

        def look() -> None:
            answer = self.buyer.get(f"/checkout/pay/{token}/continue")
            if answer.status_code == 200:
                found.append(till_of(form_to(answer.text, self.bank.url), curlec_key=self.curlec_key))
            elif answer.status_code != 303:
                raise Refused("hand-over", answer)

        self.attempt("hand-over", look)
        if not found and not self.method_is_by_hand():
            raise GaveUp("the hand-over led nowhere")
        return found[0] if found else None

    def method_is_by_hand(self) -> bool:
        return ("MYR", self.method) in WAYS["manual"]

    def _promise(self) -> bool:
        self.story.provider, self.story.end = "manual", f"promised by {self.method}"
        self._before_the_money()
        return False

    def _before_the_money(self) -> None:
        """Cancelled in the other tab, or too late; the money comes all the same."""
        if self.happens("cancelled before the money", 0.05):
            self._cancel()
        if self.happens("expired before the money", 0.07):
            self._in_the_database(lambda: run_out([self._order_id()]))
            time.sleep(self.draw.choice((0, 1.5)))

    def _cancel(self) -> None:
        path = f"/checkout/pay/{self.story.token}"
        self.attempt("cancel", lambda: self.buyer.send(path, f"{path}/cancel"), refusal=303)

    def _order_id(self) -> uuid.UUID:
        found: uuid.UUID = db.scalar("SELECT id FROM orders WHERE token = :token", token=self.story.token)
        db.release()
        return found

    def _at_the_till(self, till: Till, outcome: str) -> WayBack | None:
        """Pay, in a second tab at another provider too when it falls so. None when the page takes no money any more."""
        works = [lambda: till.pay(self.bank, outcome, self.draw)]
        if outcome == "paid" and self.happens("paid in two tabs", 0.05) and (other := self._second_tab(till)):
            works.append(lambda: other.pay(banks.Bank(self.bank.url), "paid", self.draw))
        backs = []
        for answer in at_once([lambda work=work: self.attempt("bank", work) for work in works]):  # type: ignore[misc]
            if isinstance(answer, banks.Refused):
                self.story.misfortunes.append("the page was closed already")
            elif isinstance(answer, Exception):
                raise answer
            else:
                backs.append(answer)
        return backs[0] if backs else None

    def _second_tab(self, till: Till) -> Till | None:
        method = self.method
        self.method = "card" if method != "card" else "paypal"
        self._go_to(self.draw.choice(FIRSTS))
        try:
            if self.currency != "INR" and self._press_pay() is not None:
                other = self._open_till()
                return other if other is not None and other != till else None
            return None
        finally:
            self.method = method

    def _press_pay(self) -> Any:
        """True once the pay button led on, None when the order is closed or its stock is lost."""

        def press() -> bool | None:
            return self._press(payment_method=self.method, **({"rest": "1"} if self.pays_rest else {}))

        return self.attempt("pay", press)

    def _return(self, back: WayBack) -> None:
        def come_back() -> requests.Response:
            answer = self.buyer.post(back.path, dict(back.fields)) if back.is_posted else self.buyer.get(back.path)
            if answer.status_code not in (200, 303):
                raise Refused("come back", answer)
            return answer

        for _ in range(self.draw.choice((1, 1, 1, 2))):
            self.attempt("come back", come_back)
        heading = self.attempt("look", lambda: self.buyer.heading(self.story.token), refusal=303) or ""
        self.story.saw_paid = "is confirmed" in heading
