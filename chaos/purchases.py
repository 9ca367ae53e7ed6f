"""One purchase at random: impatient clicks, closed browsers, all that banks do. Everything is drawn from its own seed."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests

from chaos.bank import Bank
from chaos.buyer import Buyer, Refused, token_of
from chaos.races import at_once
from chaos.stand import Stand

PATIENCE_SECONDS = 45.0  # how long a shopper tries one step again while the shop is away
OUTCOMES = {
    "captured": 50, "success": 12, "authorized": 8, "failed": 8, "late": 5, "twice": 5, "wrong_amount": 4, "closed": 8,
}  # fmt: skip
Answer = TypeVar("Answer")


@dataclass
class Story:
    """What became of a purchase, as its shopper saw it."""

    number: int
    end: str = ""
    token: str = ""
    saw_paid: bool = False
    troubles: list[str] = field(default_factory=list)


class GaveUp(Exception):
    """The shopper went away; the message says where."""


class Purchase:
    """`variants` are what is on offer. Runs in a thread of its own."""

    def __init__(self, stand: Stand, number: int, seed: str, variants: Sequence[uuid.UUID]) -> None:
        self.draw = random.Random(f"{seed}/{number}")
        self.buyer = Buyer(stand, number, seconds=20)
        self.bank = Bank(stand.bank.url)
        self.variants = variants
        self.story = Story(number)

    def run(self) -> Story:
        try:
            self._shop()
        except GaveUp as reason:
            self.story.end = f"gave up: {reason}"
        except Exception as error:  # a fault in the shop or in this script: the table shows which
            self.story.end = f"broke: {type(error).__name__} {error}"[:160]
        return self.story

    def _shop(self) -> None:
        if not self._order():
            return
        for attempt in range(3):
            outcome = self.draw.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
            self.story.end = outcome
            if not self._pay(outcome) or outcome != "failed" or attempt == 2:
                return

    def _order(self) -> bool:
        """Up to a placed order; False when somebody else was faster."""
        if not self._fill_cart(self.draw.choice((1, 1, 2))):
            self.story.end = "everything was sold out"
            return False
        self.attempt("check out", self.buyer.check_out)
        if not self._place():
            self.story.end = "sold out at the last step"
            return False
        return True

    def _fill_cart(self, things: int) -> bool:
        """`things` of what is on offer; what is sold out is passed over."""
        taken = 0
        for variant in self.draw.sample(list(self.variants), len(self.variants)):
            if taken < things:
                added = self.attempt("add to cart", lambda variant=variant: self.buyer.add(variant), refusal=409)  # type: ignore[misc]
                taken += added is not None
        return taken > 0

    def _place(self) -> bool:
        """Once, or with a double click: the same form twice in the same moment."""
        clicks = 2 if self.draw.random() < 0.15 else 1

        def click() -> requests.Response | None:
            answers = [each for each in at_once([self.buyer.place] * clicks) if isinstance(each, requests.Response)]
            placed = [each for each in answers if each.status_code == 303]
            if placed:
                return placed[0]
            if any(each.status_code == 409 for each in answers):
                return None
            raise Refused("place order", answers[0]) if answers else requests.ConnectionError("no answer")

        answer = self.attempt("place order", click)
        if answer is None:
            return False
        if "/checkout/pay/" not in answer.headers["Location"]:
            raise GaveUp(f"place order led to {answer.headers['Location']}")
        self.story.token = token_of(answer)
        return True

    def _pay(self, outcome: str) -> bool:
        """False when this is the end of the story, whatever the bank did."""
        if self.draw.random() < 0.05:
            raise GaveUp("before paying")
        form = self.attempt("pay", self._press_pay)
        if form is None:
            raise GaveUp("the order can be paid no more")
        if outcome == "closed":
            raise GaveUp("on the provider's page")
        paid = self._at_the_bank(form.fields["order_id"], outcome)
        if self.draw.random() < 0.35:
            self.story.end += ", browser closed"
            return False
        for _ in range(self.draw.choice((1, 1, 1, 2))):
            self.attempt("come back", lambda: self._come_back(form.fields["callback_url"], paid))
        heading = self.attempt("look", lambda: self.buyer.heading(self.story.token), refusal=303) or ""
        self.story.saw_paid = "is confirmed" in heading
        return True

    def _press_pay(self) -> Any:
        """The form at the provider, or None when the order is closed, or its stock was lost and is sold."""
        return self.buyer.hand_over(self.story.token, self.bank.url) if self._press() else None

    def _press(self, **chosen: str) -> bool | None:
        """The pay button, with a double click now and then. None when the order is closed, or its stock is sold."""
        token = self.story.token
        page = self.buyer.get(f"/checkout/pay/{token}")
        if page.status_code == 303:
            return None
        if "Try to hold them again" in page.text:
            held = self.buyer.send(f"/checkout/pay/{token}", f"/checkout/pay/{token}/hold")
            if held.status_code == 409:
                return None
            _expect("hold again", held)
        clicks = 2 if self.draw.random() < 0.15 else 1
        answers = at_once([lambda: self.buyer.press_pay(token, **chosen)] * clicks)
        best = next((each for each in answers if getattr(each, "status_code", 0) == 303), answers[0])
        if isinstance(best, Exception):
            raise best
        _expect("pay", best)
        return True

    def _at_the_bank(self, order_id: str, outcome: str) -> dict[str, Any]:
        more: dict[str, object] = {}
        if outcome == "wrong_amount":
            outcome, more = "captured", {"amount": 100}
        if outcome == "late":
            more = {"late_seconds": self.draw.choice((60, 900, 1500))}
        return self.bank.pay(order_id, outcome, **more)

    def _come_back(self, callback_url: str, paid: dict[str, Any]) -> requests.Response:
        answer = self.buyer.come_back(callback_url, paid)
        _expect("come back", answer)
        return answer

    def attempt(
        self, what: str, step: Callable[[], Answer], *, refusal: int = 0, walks: Buyer | None = None
    ) -> Answer | None:
        """Do a step, again and again elsewhere while the shop is away. None when it answers `refusal`.

        Elsewhere goes who `walks`, by default the shopper. Raises GaveUp when patience is over.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return step()
            except Refused as answer:
                if answer.status == refusal:
                    return None
                trouble = str(answer)
                if answer.status < 500 and answer.status != 409:
                    raise GaveUp(trouble) from answer
            except (requests.RequestException, LookupError) as error:
                trouble = f"{what}: {type(error).__name__}"
            self.story.troubles.append(trouble)
            if time.monotonic() > deadline:
                raise GaveUp(trouble)
            (walks or self.buyer).elsewhere()
            time.sleep(self.draw.uniform(0.1, 0.6))


def _expect(what: str, answer: requests.Response) -> None:
    if answer.status_code != 303:
        raise Refused(what, answer)
