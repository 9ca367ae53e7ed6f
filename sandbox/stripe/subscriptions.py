"""Subscriptions, their invoices and what pays them (Stripe docs, billing/subscriptions/overview and billing/invoices/subscription).

Each invoice is paid by the PaymentIntent of a session: the first by the one of the session that the customer paid on, the next
ones by sessions that nobody sees. Charges come when a test says so, or by the clock: at `current_period_end` the period moves on and
its invoice is a draft, which is finalised and paid an hour later.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.store import Transaction
from sandbox.stripe.errors import StripeError
from sandbox.stripe.events import Events
from sandbox.stripe.sessions import Sessions, Try
from sandbox.stripe.state import Session, document, keep, known, new_id

TIMER = "stripe_subscription"
DRAFT_SECONDS = 3600  # between a renewal and its charge
TRIES = 4  # of one invoice, then the subscription is unpaid
Body = dict[str, Any]


class Subscriptions:
    def __init__(self, events: Events, sessions: Sessions):
        self._events = events
        self._sessions = sessions
        self.courses: dict[str, str] = {}

    def note_paid(self, tx: Transaction, session: Session, at: float) -> None:
        """A session in the mode subscription was paid: the subscription begins, or one of its later invoices is paid."""
        if not session.extra["hidden"]:
            self._begin(tx, session, at)
            return
        row = tx.one(
            "SELECT id, source FROM document WHERE kind = 'invoice' AND json_extract(body, '$.session') = ?",
            (session.id,),
        )
        if row is not None:
            self._pay_off(tx, _known(tx, row["source"]), document(tx, "invoice", row["id"]), at)

    def _begin(self, tx: Transaction, session: Session, at: float) -> None:
        extra, now = session.extra, int(at)
        subscription_id = new_id("sub")
        end = _after(extra["recurring"], now)
        item = {
            "id": new_id("si"),
            "object": "subscription_item",
            "current_period_start": now,
            "current_period_end": end,
        }
        subscription = {
            "id": subscription_id,
            "object": "subscription",
            "status": "active",
            "cancel_at_period_end": False,
            "canceled_at": None,
            "collection_method": "charge_automatically",
            "created": now,
            "currency": session.row["currency"].lower(),
            "customer": new_id("cus", 14),
            "description": extra["subscription_data"].get("description"),
            "items": {"object": "list", "data": [item], "has_more": False, "url": "/v1/subscription_items"},
            "latest_invoice": None,
            "livemode": False,
            "metadata": extra["subscription_data"].get("metadata", {}),
            "pause_collection": None,
        }
        invoice = self._bill(tx, subscription, session.id, at=at)
        session.saved(tx, subscription=subscription_id, invoice=invoice["id"])
        self._pay_off(tx, subscription, invoice, at)
        self._tell(tx, "customer.subscription.created", subscription, at)

    def update(self, tx: Transaction, subscription_id: str, *, pause: Body | None, at: float) -> str:
        """`pause`: collect nothing (`behavior` void); None collects again."""
        subscription = _known(tx, subscription_id)
        if subscription["status"] == "canceled":
            raise StripeError("A canceled subscription can only update its cancellation_details and metadata.")
        subscription["pause_collection"] = {"behavior": pause["behavior"], "resumes_at": None} if pause else None
        self._save(tx, subscription)
        self._tell(tx, "customer.subscription.updated", subscription, at)
        return subscription_id

    def cancel(self, tx: Transaction, subscription_id: str, *, at: float) -> None:
        subscription = _known(tx, subscription_id)
        if subscription["status"] == "canceled":
            raise StripeError(f"No such subscription: '{subscription_id}'", code="resource_missing")
        subscription |= {"status": "canceled", "canceled_at": int(at)}
        self._save(tx, subscription)
        self._tell(tx, "customer.subscription.deleted", subscription, at)

    def bring_forward(self, tx: Transaction, subscription_id: str, *, seconds: float, outcome: str, at: float) -> None:
        subscription = _known(tx, subscription_id)
        _item(subscription)["current_period_end"] = int(at + seconds)
        self.courses[subscription_id] = outcome
        self._save(tx, subscription)

    def act(self, tx: Transaction, subscription_id: str, at: float) -> None:
        subscription = _known(tx, subscription_id)
        invoice = document(tx, "invoice", subscription["latest_invoice"])
        if invoice["status"] == "draft":
            if _finalised_at(invoice) <= at + 1:
                self.charge(tx, subscription_id, self.courses.pop(subscription_id, "succeed"), at=at)
        elif _item(subscription)["current_period_end"] <= at + 1:
            self._next(tx, subscription, at)
            self._save(tx, subscription)

    def charge(self, tx: Transaction, subscription_id: str, outcome: str, *, at: float) -> None:
        """The next period's invoice, its draft, or the next try of the one that was not paid. A paused one voids it."""
        subscription = _known(tx, subscription_id)
        if subscription["status"] not in ("active", "past_due"):
            return
        invoice = document(tx, "invoice", subscription["latest_invoice"])
        if invoice["status"] not in ("draft", "open"):
            invoice = self._next(tx, subscription, at)
        invoice["status"] = "void" if subscription["pause_collection"] else "open"
        keep(tx, invoice, source=subscription_id)
        self._save(tx, subscription)
        if invoice["status"] == "void":
            return
        self._sessions.pay(tx, invoice["session"], Try(outcome), at=at)
        if outcome != "succeed":
            self._fail(tx, subscription, invoice, at)

    # -- steps

    def _next(self, tx: Transaction, subscription: Body, at: float) -> Body:
        item = _item(subscription)
        first = Session.of(
            known(tx, "checkout.session", document(tx, "invoice", subscription["latest_invoice"])["session"])
        )
        item["current_period_start"] = item["current_period_end"]
        item["current_period_end"] = _after(first.extra["recurring"], item["current_period_start"])
        return self._bill(tx, subscription, self._sessions.hidden_like(tx, first, at=at), status="draft", at=at)

    def _bill(self, tx: Transaction, subscription: Body, session_id: str, *, status: str = "open", at: float) -> Body:
        row = known(tx, "checkout.session", session_id)
        invoice_id = new_id("in")
        invoice = {
            "id": invoice_id,
            "object": "invoice",
            "session": session_id,  # not Stripe's: who pays it here
            "amount_due": row["amount"],
            "attempt_count": 0,
            "auto_advance": True,
            "created": int(at),
            "currency": row["currency"].lower(),
            "customer": subscription["customer"],
            "hosted_invoice_url": f"{Session.of(row).extra['url'].partition('#')[0]}?invoice={invoice_id}",
            "livemode": False,
            "metadata": {},
            "parent": {
                "type": "subscription_details",
                "quote_details": None,
                "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]},
            },
            "period_start": _item(subscription)["current_period_start"],
            "status": status,
        }
        subscription["latest_invoice"] = invoice_id
        keep(tx, invoice, source=subscription["id"])
        return invoice

    def _pay_off(self, tx: Transaction, subscription: Body, invoice: Body, at: float) -> None:
        self._note_payment(tx, invoice, at)
        invoice |= {"status": "paid", "attempt_count": invoice["attempt_count"] + 1}
        keep(tx, invoice, source=subscription["id"])
        subscription["status"] = "active"
        self._save(tx, subscription)
        self._tell(tx, "invoice.paid", invoice, at)

    def _fail(self, tx: Transaction, subscription: Body, invoice: Body, at: float) -> None:
        self._note_payment(tx, invoice, at)
        invoice["attempt_count"] += 1
        keep(tx, invoice, source=subscription["id"])
        subscription["status"] = "unpaid" if invoice["attempt_count"] >= TRIES else "past_due"
        self._save(tx, subscription)
        self._tell(tx, "invoice.payment_failed", invoice, at)
        self._tell(tx, "customer.subscription.updated", subscription, at)

    def _note_payment(self, tx: Transaction, invoice: Body, at: float) -> None:
        intent = Session.of(known(tx, "checkout.session", invoice["session"])).extra["intent"]
        payment = {
            "id": f"inpay_{intent}",
            "object": "invoice_payment",
            "amount_requested": invoice["amount_due"],
            "created": int(at),
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"type": "payment_intent", "payment_intent": intent},
            "status": "open",
        }
        keep(tx, payment, source=invoice["id"])

    def _save(self, tx: Transaction, subscription: Body) -> None:
        keep(tx, subscription)
        tx.execute("DELETE FROM timer WHERE kind = ? AND target = ?", (TIMER, subscription["id"]))
        if subscription["status"] == "active":
            invoice = document(tx, "invoice", subscription["latest_invoice"])
            is_draft = invoice["status"] == "draft"
            due_at = float(_finalised_at(invoice) if is_draft else _item(subscription)["current_period_end"])
            tx.insert("timer", due_at=due_at, kind=TIMER, target=subscription["id"])

    def _tell(self, tx: Transaction, name: str, content: Body, at: float) -> None:
        self._events.record(tx, name, str(content["id"]), content, at=at)


def _known(tx: Transaction, subscription_id: str) -> Body:
    return document(tx, "subscription", subscription_id)


def _finalised_at(invoice: Body) -> int:
    return int(invoice["created"]) + DRAFT_SECONDS


def _item(subscription: Body) -> Body:
    item: Body = subscription["items"]["data"][0]
    return item


def _after(recurring: Body, moment: int) -> int:
    """One period later; the 31st becomes the last day of a shorter month."""
    start, count = datetime.fromtimestamp(moment, UTC), recurring.get("interval_count", 1)
    if recurring["interval"] == "week":
        return int((start + timedelta(weeks=count)).timestamp())
    months = start.month - 1 + count
    year, month = start.year + months // 12, months % 12 + 1
    return int(start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1])).timestamp())
