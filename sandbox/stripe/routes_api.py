"""`/stripe/v1`: sessions, intents, charges, refunds, balance transactions, payouts, disputes, events."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.faults import FINISHERS
from sandbox.store import Transaction
from sandbox.stripe import balance, forms, lookup
from sandbox.stripe.errors import StripeError, unknown_url
from sandbox.stripe.idempotency import Question
from sandbox.stripe.parts import check_key, refuse, stripe
from sandbox.stripe.refunds import entity_of as refund_entity
from sandbox.stripe.state import known

bp = Blueprint("stripe_api", __name__, url_prefix="/stripe/v1")
bp.before_request(check_key)
bp.register_error_handler(StripeError, refuse)
_PATHS = {
    "payment_intents": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "balance_transactions": "balance_transaction",
    "payouts": "payout",
    "disputes": "dispute",
    "events": "event",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "invoice_payments": "invoice_payment",
}
_OF_INTENT = "SELECT id FROM orders WHERE provider = 'stripe' AND json_extract(extra, '$.intent') = ?"
_CHARGES = f"SELECT id FROM payment WHERE order_id IN ({_OF_INTENT})"  # noqa: S608  # nosec B608
# Filters of lists: the parameter, and the condition on the kind's table.
_FILTERS: dict[str, dict[str, str]] = {
    "checkout.session": {"status": "status = ?", "payment_intent": f"id IN ({_OF_INTENT})"},
    "payment_intent": {},
    "charge": {"payment_intent": f"order_id IN ({_OF_INTENT})"},
    "refund": {"charge": "payment_id = ?", "payment_intent": f"payment_id IN ({_CHARGES})"},
    "balance_transaction": {
        "payout": "payout = ?",
        "source": "source = ?",
        "type": "json_extract(body, '$.type') = ?",
        "currency": "json_extract(body, '$.currency') = ?",
    },
    "payout": {"status": "json_extract(body, '$.status') = ?"},
    "dispute": {"charge": "source = ?", "payment_intent": "json_extract(body, '$.payment_intent') = ?"},
    "event": {"type": "name = ?"},
    "subscription": {"status": "json_extract(body, '$.status') = ?"},
    "invoice": {"subscription": "source = ?"},
    "invoice_payment": {"invoice": "source = ?"},
}


@bp.post("/checkout/sessions")
def create_session() -> Response:
    pages = f"{request.host_url}stripe/c/pay/"
    return _post(
        forms.SESSION,
        lambda tx, values, at: stripe().sessions.create(tx, values, pages=pages, at=at),
        kind="checkout.session",
    )


@bp.post("/checkout/sessions/<session_id>/expire")
def expire_session(session_id: str) -> Response:
    def expire(tx: Transaction, _values: dict[str, Any], at: float) -> str:
        stripe().sessions.expire(tx, session_id, at=at)
        return session_id

    return _post(forms.SHOW, expire, kind="checkout.session")


@bp.get("/checkout/sessions")
def list_sessions() -> dict[str, Any]:
    return _list("checkout.session")


@bp.get("/checkout/sessions/<session_id>")
def show_session(session_id: str) -> dict[str, Any]:
    return _show("checkout.session", session_id)


@bp.post("/refunds")
def create_refund() -> Response:
    key = request.headers.get("Idempotency-Key")
    return _post(
        forms.REFUND, lambda tx, values, at: stripe().refunds.create(tx, values, key=key, at=at), kind="refund"
    )


@bp.post("/refunds/<refund_id>/cancel")
def cancel_refund(refund_id: str) -> Response:
    """Only of a refund that waits for the customer (Stripe docs, api/refunds/cancel)."""

    def cancel(tx: Transaction, _values: dict[str, Any], at: float) -> str:
        if refund_entity(tx, known(tx, "refund", refund_id))["status"] != "requires_action":
            raise StripeError("Only refunds with the status requires_action can be canceled.")
        stripe().refunds.settle(tx, refund_id, "canceled", at=at)
        return refund_id

    return _post(forms.SHOW, cancel, kind="refund")


@bp.post("/subscriptions/<subscription_id>")
def update_subscription(subscription_id: str) -> Response:
    """Only whether it is collected: an empty `pause_collection` collects again."""
    shape = forms.SUBSCRIPTION | ({"pause_collection": "text"} if request.form.get("pause_collection") == "" else {})

    def update(tx: Transaction, values: dict[str, Any], at: float) -> str:
        return stripe().subscriptions.update(tx, subscription_id, pause=values.get("pause_collection") or None, at=at)

    return _post(shape, update, kind="subscription")


@bp.delete("/subscriptions/<subscription_id>")
def cancel_subscription(subscription_id: str) -> dict[str, Any]:
    with stripe().store.transaction() as tx:
        stripe().subscriptions.cancel(tx, subscription_id, at=stripe().clock.now())
        return lookup.one(tx, "subscription", subscription_id, expand=[])


@bp.get("/<name>")
def list_objects(name: str) -> dict[str, Any]:
    return _list(_kind(name))


@bp.get("/<name>/<object_id>")
def show_object(name: str, object_id: str) -> dict[str, Any]:
    return _show(_kind(name), object_id)


def _kind(name: str) -> str:
    if name not in _PATHS:
        raise unknown_url(request.method, request.path)
    return _PATHS[name]


def _post(shape: forms.Shape, work: Callable[[Transaction, dict[str, Any], float], str], *, kind: str) -> Response:
    """`work` changes something and returns the id of what is answered. Claims the request's idempotency key."""
    key = request.headers.get("Idempotency-Key")
    request.environ[FINISHERS].append(stripe().idempotency.begin(key))
    values = forms.parameters(_pairs(request.form.items(multi=True)), shape)

    def act(tx: Transaction) -> dict[str, Any]:
        made = work(tx, values, stripe().clock.now())
        return lookup.one(tx, kind, made, expand=values.get("expand", []))

    answer = stripe().idempotency.answer(Question(key, request.path, values), act)
    response = jsonify(answer.body)
    response.status_code = answer.status
    if answer.is_replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _list(kind: str) -> dict[str, Any]:
    filters = _FILTERS[kind]
    shape = forms.LIST | dict.fromkeys(filters, "text")
    values = forms.parameters(_pairs(request.args.items(multi=True)), shape)
    where = {condition: values[name] for name, condition in filters.items() if name in values}
    url = request.path.removeprefix("/stripe")
    with stripe().store.reading() as tx:
        if kind == "balance_transaction" and "payout" in values:
            balance.demand_automatic(tx, values["payout"])
        return lookup.listed(tx, kind, values, url=url, where=where)


def _show(kind: str, object_id: str) -> dict[str, Any]:
    values = forms.parameters(_pairs(request.args.items(multi=True)), forms.SHOW)
    with stripe().store.reading() as tx:
        return lookup.one(tx, kind, object_id, expand=values.get("expand", []))


def _pairs(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(items)
