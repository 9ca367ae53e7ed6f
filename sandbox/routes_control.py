"""`/_sandbox`: what tests steer and look at. No keys needed; see README.md."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, request

from sandbox import bulk, ledger
from sandbox.currencies import DECIMALS
from sandbox.disputes import STATUSES as DISPUTE_STATUSES
from sandbox.errors import plain_error, unknown_id
from sandbox.instruments import FAILURES, METHODS
from sandbox.payments import OUTCOMES, Attempt, Payer
from sandbox.refunds import STATUSES, Course
from sandbox.requests_in import json_body, provider
from sandbox.validation import only_known

bp = Blueprint("control", __name__, url_prefix="/_sandbox")
_PAY_FIELDS = {"order_id", "outcome", "method", "amount", "currency", "reason", "late_seconds", "force"}
_PAY_FIELDS |= {"email", "contact"}


@bp.get("/health")
def health() -> dict[str, Any]:
    sandbox = provider()
    return {"status": "ok", "now": sandbox.clock.now(), "pending_deliveries": sandbox.dispatcher.waiting()}


@bp.post("/pay")
def pay() -> dict[str, Any]:
    body = json_body()
    only_known(body, _PAY_FIELDS)
    attempt = Attempt(
        outcome=_choice(body, "outcome", OUTCOMES, default="success"),
        method=_choice(body, "method", METHODS) if "method" in body else None,
        payer=Payer(email=body.get("email"), contact=body.get("contact")),
        amount=_positive(body, "amount"),
        currency=_choice(body, "currency", tuple(DECIMALS)) if "currency" in body else None,
        reason=_choice(body, "reason", tuple(FAILURES), default="payment_failed"),
        late_seconds=float(body.get("late_seconds", Attempt.late_seconds)),
        force=bool(body.get("force", False)),
    )
    paid = provider().payments.pay(str(body.get("order_id", "")), attempt)
    answer = _with_callback(paid[0])
    if len(paid) > 1:
        answer["second"] = _with_callback(paid[1])
    return answer


@bp.post("/load")
def load() -> dict[str, Any]:
    """A history of captured payments, see `sandbox/bulk.py`."""
    body = json_body()
    only_known(body, {"payments"})
    return {"loaded": bulk.load(provider().store, body["payments"])}


@bp.post("/payments/<payment_id>/authorize")
def authorize(payment_id: str) -> dict[str, Any]:
    return _with_callback(provider().payments.authorize(payment_id, force=bool(json_body().get("force", False))))


@bp.post("/refunds")
def steer_refunds() -> dict[str, Any]:
    body = json_body()
    only_known(body, {"status", "after_seconds", "count"})
    course = Course(status=_choice(body, "status", STATUSES), left=_positive(body, "count"))
    if course.status != "processed":
        after = body.get("after_seconds", 0 if course.status == "failed" else None)
        course = replace(course, after_seconds=after)
    provider().refunds.course = course
    return {"status": course.status, "after_seconds": course.after_seconds, "count": course.left}


@bp.post("/refunds/<refund_id>")
def settle_refund(refund_id: str) -> dict[str, Any]:
    return provider().refunds.settle(refund_id, _choice(json_body(), "status", ("processed", "failed")))


@bp.post("/dashboard/refunds")
def refund_by_dashboard() -> dict[str, Any]:
    """The merchant refunds in the provider's own dashboard: without a key, behind the shop's back."""
    body = json_body()
    only_known(body, {"payment_id", "amount"})
    amount = {"amount": body["amount"]} if "amount" in body else {}
    return provider().refunds.create(str(body.get("payment_id", "")), amount, key=None)


@bp.post("/disputes")
def open_dispute() -> dict[str, Any]:
    body = json_body()
    only_known(body, {"payment_id", "amount", "reason"})
    reason = str(body.get("reason", "goods_not_received"))
    return provider().disputes.open(str(body.get("payment_id", "")), amount=_positive(body, "amount"), reason=reason)


@bp.post("/disputes/<dispute_id>")
def decide_dispute(dispute_id: str) -> dict[str, Any]:
    return provider().disputes.decide(dispute_id, _choice(json_body(), "status", DISPUTE_STATUSES))


@bp.get("/clock")
def show_clock() -> dict[str, Any]:
    clock = provider().clock
    return {"now": clock.now(), "offset_seconds": clock.offset}


@bp.post("/clock")
def advance_clock() -> dict[str, Any]:
    """Moves the clock and runs what became due before it answers."""
    sandbox, body = provider(), json_body()
    seconds = body.get("advance_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise plain_error("advance_seconds must be a number of at least 0: the clock only goes forward.")
    sandbox.clock.advance(seconds)
    done = sandbox.timers.run_due()
    sandbox.dispatcher.clock_moved()
    return {**show_clock(), "timers_run": done}


@bp.get("/faults")
def list_faults() -> dict[str, Any]:
    return {"items": provider().faults.shown()}


@bp.post("/faults")
def add_fault() -> dict[str, Any]:
    try:
        return provider().faults.add(json_body())
    except (ValueError, TypeError) as problem:
        raise plain_error(f"Not a fault: {problem}.") from None


@bp.delete("/faults")
@bp.delete("/faults/<int:fault_id>")
def clear_faults(fault_id: int | None = None) -> dict[str, Any]:
    provider().faults.clear(fault_id)
    return list_faults()


@bp.get("/ledger")
def whole_ledger() -> dict[str, Any]:
    with provider().store.reading() as tx:
        return {"totals": ledger.totals(tx)} if request.args.get("totals") else ledger.whole(tx)


@bp.get("/ledger/<path:receipt>")
def ledger_of(receipt: str) -> dict[str, Any]:
    with provider().store.reading() as tx:
        account = ledger.one(tx, receipt)
    if account is None:
        raise unknown_id()
    return account


@bp.post("/reset")
def reset() -> dict[str, Any]:
    """Forgets orders, money, events, faults and switches; the clock shows real time again; webhooks are enabled."""
    sandbox = provider()
    sandbox.faults.clear()
    sandbox.switches.clear()
    sandbox.refunds.forget()
    sandbox.subscriptions.forget()
    sandbox.paypal.forget()
    sandbox.stripe.forget()
    sandbox.dispatcher.forget()
    sandbox.store.clear()
    sandbox.dispatcher.enable()
    sandbox.clock.reset()
    return {"status": "ok"}


def _with_callback(payment: dict[str, Any]) -> dict[str, Any]:
    callback = provider().payments.callback(payment)
    return {
        "razorpay_payment_id": payment["id"],
        "razorpay_order_id": payment["order_id"],
        "razorpay_signature": callback.get("razorpay_signature"),
        "status": payment["status"],
        "callback": callback,
        "payment": payment,
    }


def _choice(body: dict[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise plain_error(f"{name} is one of {', '.join(allowed)}.")
    return str(value)


def _positive(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise plain_error(f"{name} must be a whole number of at least 1.")
    return value
