"""After the storm: the banks decide what is open, and clerks do what waits for them, as often as it takes."""

from __future__ import annotations

import random
import uuid
from contextlib import suppress
from typing import Any

import requests

from app.core import db
from chaos import bank as banks
from chaos.buyer import Refused
from chaos.cashbox import Cashbox
from chaos.clerk import Clerk, Clerks, words_of
from chaos.stand import Stand
from tools.webforms import forms_of

TRY_LETTERS = 12  # a try at Billplz; PayPal's captures have 17
PAGE = "/admin/payments"


class Evening:
    def __init__(self, stand: Stand, clerks: Clerks, cashbox: Cashbox, *, seed: str) -> None:
        self.bank, self.clerks, self.cashbox = stand.bank, clerks, cashbox
        self.draw = random.Random(f"{seed}/evening")

    def work(self) -> None:
        for account in self.bank.ledger().values():
            self._decide(account)
        with self.clerks.one() as clerk, suppress(Refused, LookupError, requests.RequestException):
            self._clear_the_desk(clerk)

    def _decide(self, account: dict[str, Any]) -> None:
        """Payments in review and refunds on their way end, most of them well."""
        for payment in account["payments"]:
            well, payment_id = self.draw.random() < 0.7, payment["id"]
            if payment["status"] == "PENDING":
                self._tell(f"/paypal/captures/{payment_id}", {"status": "COMPLETED" if well else "DECLINED"})
            elif payment["status"] == "pending" and len(payment_id) == TRY_LETTERS:
                self._tell(f"/billplz/transactions/{payment_id}", {"outcome": "completed" if well else "failed"})
        for refund in account["refunds"]:
            if str(refund["status"]).lower() == "pending":
                with suppress(banks.Refused):
                    self.bank.end_refund(_provider_of(refund["id"]), refund["id"], well=self.draw.random() < 0.8)

    def _tell(self, path: str, word: dict[str, str]) -> None:
        with suppress(banks.Refused):  # its page has ended meanwhile
            self.bank.control("POST", path, word)

    def _clear_the_desk(self, clerk: Clerk) -> None:
        """Say what came by hand and could not be said in the storm, send what is to be sent, ask again for what failed."""
        for order_id, minor in self._unsaid():
            page = f"/admin/orders/{order_id}"
            clerk.press(page, f"{page}/money-arrived", amount=words_of(minor), reference="said later")
        for order_id in self._left_behind():
            page = f"/admin/orders/{order_id}"
            with suppress(LookupError):  # it was paid or cancelled meanwhile
                clerk.press(page, f"{page}/plan/end")
        for form in forms_of(clerk.page(PAGE)):
            if form.action.endswith("/sent"):
                self._send(clerk, form.action)
            elif form.action.endswith("/retry"):
                clerk.press(PAGE, form.action)

    def _left_behind(self) -> list[uuid.UUID]:
        """Orders of which only some parts were paid, and nobody pays the others."""
        rows = db.rows(
            "SELECT o.id FROM orders o JOIN payment p ON p.order_id = o.id AND p.received_minor > 0 AND p.paid_at IS NULL"
            " WHERE o.state IN ('pending', 'on_hold') AND p.state = 'open'"
        )
        db.release()
        return [row.id for row in rows]

    def _unsaid(self) -> list[tuple[uuid.UUID, int]]:
        """Orders whose money is in the cashbox and not with the shop."""
        arrived = self.cashbox.arrived
        rows = db.rows(
            "SELECT p.order_id, a.receipt FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
            " WHERE a.receipt = ANY(:receipts) AND NOT EXISTS (SELECT FROM payment_capture c WHERE c.attempt_id = a.id)",
            receipts=list(arrived),
        )
        db.release()
        return [(row.order_id, arrived[row.receipt]) for row in rows]

    def _send(self, clerk: Clerk, action: str) -> None:
        refund_id = action.split("/")[-2]
        [row] = db.rows(
            "SELECT r.amount_minor, a.receipt FROM refund r JOIN payment_capture c ON c.id = r.capture_id"
            " JOIN payment_attempt a ON a.id = c.attempt_id WHERE r.id = :id",
            id=uuid.UUID(refund_id),
        )
        db.release()
        self.cashbox.send(refund_id, row.receipt, row.amount_minor)
        clerk.press(PAGE, action)


def _provider_of(refund_id: str) -> str:
    """By how each provider names its refunds."""
    return "razorpay" if refund_id.startswith("rfnd_") else "stripe" if refund_id.startswith("re_") else "paypal"
