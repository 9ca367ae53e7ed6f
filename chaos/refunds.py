"""What becomes of an order after its story's money: clerks say what came by hand, refund, are refused, and ask again."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from chaos import bank as banks
from chaos.buyer import Refused
from chaos.clerk import Clerk, words_of
from chaos.purchases import GaveUp
from chaos.races import at_once
from tools.webforms import WebForm, forms_of

if TYPE_CHECKING:
    from chaos.money import MoneyPurchase

HAND_FATES = {"arrived": 60, "arrived, said by two": 15, "given up": 10, "given up, then arrived": 10, "never came": 5}
KINDS = {
    "a line": 5,
    "an amount": 4,
    "everything": 4,
    "asked for by the customer": 3,
    "in the dashboard": 3,
    "by two clerks at once": 5,
    "by a double click": 3,
    "a dispute": 3,
}
WITH_DASHBOARD = ("razorpay", "curlec", "stripe", "paypal")
WITH_DISPUTES = ("razorpay", "curlec")
KNOWN_SECONDS = 25.0  # how long a clerk waits for the shop to know something
ASK_AFTER_SECONDS = 4.0
BY_HAND = "r.is_by_hand AND r.state = 'pending'"
REFUNDS = (
    "SELECT r.id, r.state, r.amount_minor, r.is_by_hand, r.provider_refund_id, c.provider, a.receipt FROM refund r"
    " JOIN payment_capture c ON c.id = r.capture_id JOIN payment_attempt a ON a.id = c.attempt_id"
    " JOIN payment p ON p.id = r.payment_id WHERE p.order_id = :id ORDER BY r.created_at, r.id"
)


class Aftermath:
    """Of one story, in its thread, by its dice."""

    def __init__(self, purchase: MoneyPurchase) -> None:
        self.purchase, self.story, self.draw = purchase, purchase.story, purchase.draw
        self.order_id = uuid.UUID(int=0)

    def run(self) -> None:
        self.order_id = self._order().id
        if self.story.provider == "manual":
            self._say_what_came()
        if not self._is_paid():
            return
        for _ in range(self.draw.choice((0, 1, 1, 2, 3))):
            kind = self.draw.choices(list(KINDS), list(KINDS.values()))[0]
            self._refund(kind)
            if self.draw.random() < 0.3:
                self._let_one_fail()

    # -- money by hand

    def _say_what_came(self) -> None:
        fate = self.draw.choices(list(HAND_FATES), list(HAND_FATES.values()))[0]
        self.story.end += f", {fate}"
        if fate.startswith("given up"):
            self._press(f"/admin/orders/{self.order_id}", f"/admin/orders/{self.order_id}/no-money")
        if "arrived" in fate:
            self._say_arrived(clerks=2 if "two" in fate else 1)

    def _say_arrived(self, *, clerks: int) -> None:
        [row] = self.purchase.look_up(
            "SELECT a.receipt, a.amount_minor FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
            " WHERE p.order_id = :id AND a.provider = 'manual' ORDER BY a.position DESC LIMIT 1",
            id=self.order_id,
        )
        self.purchase.cashbox.arrives(row.receipt, row.amount_minor)
        typed = {"amount": words_of(row.amount_minor), "reference": f"R{self.story.number}"}
        page = f"/admin/orders/{self.order_id}"
        at_once([lambda: self._press(page, f"{page}/money-arrived", **typed)] * clerks)

    # -- refunds

    def _refund(self, kind: str) -> None:
        provider = self._provider()
        if kind == "in the dashboard" and provider in WITH_DASHBOARD:
            self._refund_in_the_dashboard(provider)
        elif kind == "a dispute" and provider in WITH_DISPUTES:
            self._dispute()
        elif kind == "asked for by the customer":
            self._refund_as_asked()
        else:
            clerks = 2 if kind in ("by two clerks at once", "by a double click") else 1
            self._send(kind, self._chosen(kind), clicks=clerks, is_one_form=kind == "by a double click")

    def _chosen(self, kind: str) -> dict[str, str]:
        if kind == "everything" or (kind == "by two clerks at once" and self.draw.random() < 0.5):
            return {"everything": "1"}
        if kind == "a line":
            return {"q1": "1", **({"shipping": "1"} if self.draw.random() < 0.4 else {})}
        return {"amount": words_of(self.draw.randint(100, self._order().total_minor))}

    def _send(self, kind: str, chosen: Mapping[str, str], *, clicks: int = 1, is_one_form: bool = False) -> None:
        """Preview, and press the button: two clerks at once each their own, or one of them twice."""
        ready: list[tuple[Clerk, Any]] = []
        with ExitStack() as desk:
            for _ in range(1 if is_one_form else clicks):
                clerk = desk.enter_context(self.purchase.clerks.one())
                ready.append((clerk, self._preview(clerk, chosen)))
            presses = ready * (clicks if is_one_form else 1)
            if any(form is None for _clerk, form in presses):
                return
            self.story.refunds.append(kind)
            if clicks > 1:
                self.story.misfortunes.append(f"refund {kind}")
            at_once([lambda each=each: self._press_refund(*each) for each in presses])  # type: ignore[misc]

    def _preview(self, clerk: Clerk, chosen: Mapping[str, str]) -> Any:
        return self._as(clerk, lambda: clerk.preview_refund(self.order_id, **chosen))

    def _press_refund(self, clerk: Clerk, form: WebForm) -> None:
        """The same form again when no answer comes: it is the same click."""
        self._as(clerk, lambda: clerk.send_refund(form))

    def _refund_as_asked(self) -> None:
        path = f"/order/{self.story.token}/refund"
        try:
            self.purchase.attempt("ask", lambda: self._ask(path))
        except GaveUp:
            return  # nothing can be asked for any more
        found = self.purchase.look_up(
            "SELECT id FROM refund_request WHERE order_id = :id AND state = 'open'", id=self.order_id
        )
        for row in found:
            if self.draw.random() < 0.2:
                answer = {"answer": "It was worn."}
                self._press("/admin/refunds?view=asked", f"/admin/refunds/requests/{row.id}/decline", **answer)
            else:
                self._send("asked for by the customer", {"request": str(row.id), "q1": "1"})

    def _ask(self, path: str) -> None:
        buyer = self.purchase.buyer
        form = next((each for each in forms_of(buyer.page(path)) if each.action == path), None)
        if form is None:  # nothing is left to ask for
            return
        answer = buyer.post(path, form.filled(q1="1", reason="damaged"))
        if answer.status_code not in (303, 409, 422):
            raise Refused("ask for a refund", answer)

    def _refund_in_the_dashboard(self, provider: str) -> None:
        [row] = self.purchase.look_up(
            "SELECT c.provider_payment_id AS id, c.amount_minor FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
            " WHERE p.order_id = :id AND c.is_applied ORDER BY c.part DESC LIMIT 1",
            id=self.order_id,
        )
        minor = self.draw.choice((row.amount_minor, self.draw.randint(100, row.amount_minor)))
        if self._at_the_bank(lambda: self._bank.refund_by_dashboard(provider, row.id, minor, words_of(minor))):
            self.story.refunds.append("in the dashboard")
            self._maybe_look()

    def _dispute(self) -> None:
        """About all that is left there, when nothing is on its way; while it is open nothing may be refunded."""
        if any(row.state in ("requested", "pending") for row in self._refunds()):
            return
        [row] = self.purchase.look_up(
            "SELECT c.provider_payment_id AS id, a.receipt FROM payment_capture c JOIN payment_attempt a ON a.id = c.attempt_id"
            " JOIN payment p ON p.id = c.payment_id WHERE p.order_id = :id AND c.is_applied ORDER BY c.part DESC LIMIT 1",
            id=self.order_id,
        )
        opened: list[Any] = []

        def open_it() -> None:
            payments = self._bank.control("GET", f"/ledger/{row.receipt}")["payments"]
            left = next(each["captured"] - each["refunded"] for each in payments if each["id"] == row.id)
            if left > 0 and not opened:
                opened.append(self._bank.control("POST", "/disputes", {"payment_id": row.id, "amount": left}))

        if not self._at_the_bank(open_it) or not opened:
            return
        self.story.misfortunes.append("a dispute")
        self._wait(lambda: self._order().state == "on_hold")
        self._send("during a dispute", {"everything": "1"})
        decided = {"status": self.draw.choice(("won", "lost", "closed"))}
        self._at_the_bank(lambda: self._bank.control("POST", f"/disputes/{opened[0]['id']}", decided))

    def _let_one_fail(self) -> None:
        """The bank takes the last refund back, whatever it had said, and a clerk sends it again."""
        known = ("pending", "succeeded")
        self._wait(lambda: any(each.state in known and each.provider_refund_id for each in self._refunds()))
        row = next((each for each in reversed(self._refunds()) if each.state in known), None)
        if row is None or row.provider_refund_id is None:
            return
        page = f"/admin/orders/{self.order_id}"
        if row.is_by_hand and not self.purchase.cashbox.was_sent(str(row.id)):
            self._press(page, f"/admin/refunds/{row.id}/not-sent")
        elif not self._at_the_bank(lambda: self._bank.end_refund(row.provider, row.provider_refund_id, well=False)):
            return
        self.story.misfortunes.append("a refund that fails later")
        self._maybe_look()
        self._wait(lambda: any(each.id == row.id and each.state == "failed" for each in self._refunds()))
        if self.draw.random() < 0.8:
            action = f"/admin/payments/refunds/{row.id}/retry"
            at_once([lambda: self._press("/admin/payments", action)] * self.draw.choice((1, 2)))

    def _maybe_look(self) -> None:
        if self.draw.random() < 0.5:
            page = f"/admin/orders/{self.order_id}"
            self._press(page, f"{page}/refunds/look")

    # -- what the shop knows

    def _is_paid(self) -> bool:
        asked_at = time.monotonic() + ASK_AFTER_SECONDS

        def look() -> bool:
            nonlocal asked_at
            if time.monotonic() > asked_at:
                asked_at += 3 * ASK_AFTER_SECONDS
                page = f"/admin/orders/{self.order_id}"
                self._press(page, f"{page}/ask")
            return self._order().state in ("confirmed", "cancelled") or self._is_on_plan()

        self._wait(look)
        return bool(self._order().state == "confirmed")

    def _is_on_plan(self) -> bool:
        """Parts of it are paid and its shopper is gone: in the evening a clerk ends it."""
        sql = "SELECT 1 FROM payment WHERE order_id = :id AND parts > 1 AND received_minor > 0 AND paid_at IS NULL"
        return bool(self.purchase.look_up(sql, id=self.order_id))

    def _order(self) -> Any:
        [row] = self.purchase.look_up(
            "SELECT id, state, total_minor, currency FROM orders WHERE token = :token", token=self.story.token
        )
        return row

    def _refunds(self) -> list[Any]:
        return self.purchase.look_up(REFUNDS, id=self.order_id)

    def _provider(self) -> str:
        [row] = self.purchase.look_up(
            "SELECT c.provider FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
            " WHERE p.order_id = :id AND c.is_applied ORDER BY c.part DESC LIMIT 1",
            id=self.order_id,
        )
        self.story.provider = row.provider
        return str(row.provider)

    def _wait(self, known: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + KNOWN_SECONDS
        while not known():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.4)
        return True

    # -- by whom

    @property
    def _bank(self) -> banks.Bank:
        return self.purchase.bank

    def _at_the_bank(self, work: Callable[[], object]) -> bool:
        """False when the bank refuses."""
        try:
            self.purchase.attempt("bank", work)
        except banks.Refused:
            return False
        return True

    def _press(self, page: str, action: str, **typed: str) -> str:
        """Press a clerk's button; a button that is not there (any more) is pressed by nobody."""

        def press(clerk: Clerk) -> str:
            try:
                return clerk.press(page, action, **typed)
            except LookupError:
                return ""

        return str(self._with_clerk(press) or "")

    def _with_clerk(self, work: Callable[[Clerk], Any]) -> Any:
        with self.purchase.clerks.one() as clerk:
            return self._as(clerk, lambda: work(clerk))

    def _as(self, clerk: Clerk, work: Callable[[], Any]) -> Any:
        """None when the clerk gives up, too."""
        try:
            return self.purchase.attempt("clerk", work, walks=clerk)
        except GaveUp as reason:
            self.story.troubles.append(f"clerk: {reason}")
            return None
