"""The pay page: the lock and its countdown, the way to the provider, more time, hold again, cancel."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.cart import queries as cart
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.orders import actions as orders
from app.orders import queries
from app.orders.actions import paying
from app.orders.models import Order
from app.payments import actions as payments
from app.payments import queries as payment_queries
from app.payments.actions import instalments
from app.payments.errors import (
    AlreadyInitiating,
    Covered,
    NotNext,
    NotPayable,
    OnPlan,
    ProviderRefused,
    ProviderUnavailable,
    TooManyAttempts,
)
from app.payments.gateway import banks
from app.payments.models import PaymentAttempt
from app.payments.rules import MAX_ATTEMPTS, ONCE_ONLY, ONLINE_BANKING, RECURRING
from app.stock import queries as stock
from app.stock.errors import LockLost, NoMoreRenewals, OutOfStock
from app.stock.queries import Hold
from app.storefront import order_view
from app.storefront.shortage import of_stock
from app.value.errors import ValueGone
from app.value.rules import KINDS
from app.web import customers, languages, plan_words, value_words
from app.web.formats import format_quantity
from app.web.limits import limit
from app.web.pay import chosen_bank, hand_over, offers_for, send_to_pay
from app.web.respond import is_fragment, no_store, respond
from app.web.security import allow_form_action
from app.web.site import settings
from app.web.visitor import cart_version, visitor

bp = no_store(Blueprint("pay", __name__, url_prefix="/checkout/pay"))


@dataclass(frozen=True, slots=True)
class LockView:
    """What the `lock_bar` macro shows."""

    state: str
    remaining_ms: int
    expires_at: Any
    item_count: int

    @property
    def minutes(self) -> int:
        return max(0, -(-self.remaining_ms // 60_000))


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    order = _order(token)
    if order.state != "pending":
        return redirect(url_for("orders.show", token=token), 303)
    if order.payment_method == RECURRING:
        return redirect(url_for("subscriptions.show_of_order", order_token=token), 303)
    return _page(order)


@bp.post("/<token>")
@limit("60/minute")
def pay(token: str) -> ResponseReturnValue:
    """Freeze the lock, make sure the provider knows the order, then send the browser on."""
    order = _order(token)
    method = request.form.get("payment_method") or order.payment_method
    if method in KINDS:
        return _pay_with_value(order)
    payment = payment_queries.payment_of_order(order.id) if method in ONCE_ONLY else None  # those depend on it
    if method not in {offer.method.code for offer in offers_for(order.currency, payment)}:
        return _page(order, status=422, problem=_("Choose how you want to pay"))
    try:
        _start(order, method)
    except NotPayable:
        return redirect(url_for("orders.show", token=token), 303)
    except Covered:
        return _pay_with_value(order)
    except NotNext:
        words = _("This part has been paid meanwhile. Nothing more was charged: below is the part that comes next.")
        return _page(order, status=409, problem=words)
    except LockLost:
        return _page(order, status=409)
    except TooManyAttempts:
        return _page(
            order,
            status=409,
            problem=_("Paying did not work %(n)s times. Please write to us: we will help.", n=MAX_ATTEMPTS),
        )
    except AlreadyInitiating:
        return _page(
            order,
            status=409,
            problem=_("We are already sending you to the payment page. Please try again in a moment."),
        )
    except (ProviderUnavailable, ProviderRefused):
        words = _("The payment service does not answer right now. We hold your items: please try again in a moment.")
        return _page(order, status=503, problem=words)
    return redirect(url_for("pay.continue_there", token=token), 303)


def _start(order: Order, method: str) -> None:
    """Who has begun in another tab goes on at the same page of the provider; a page at another provider is closed aside."""
    bank = chosen_bank(request.form.get("bank", ""), method=method, currency=order.currency)
    send_to_pay(order, method=method, bank=bank, rest="rest" in request.form, part=request.form.get("part", type=int))


def _pay_with_value(order: Order) -> ResponseReturnValue:
    """Gift cards cover all of it: nobody is asked, the order is paid at once."""
    try:
        is_paid = in_transaction(lambda: orders.settle_with_value(order.id))
    except LockLost:
        return _page(order, status=409)
    if not is_paid and payment_queries.is_due(order.id):
        return _page(order, status=422, problem=_("Choose how you want to pay"))
    return redirect(url_for("orders.show", token=order.token), 303)


@bp.get("/<token>/continue")
def continue_there(token: str) -> ResponseReturnValue:
    """The hand-over: the only page whose forms may lead to the provider."""
    order = _order(token)
    attempt = _open_attempt(order)
    if order.state != "pending" or attempt is None or attempt.provider_order_id is None:
        return redirect(url_for("pay.show", token=token), 303)
    if attempt.is_by_hand:  # nobody is sent anywhere: the order's page says what to do
        return redirect(url_for("orders.show", token=token), 303)
    there = hand_over(order, attempt)
    allow_form_action(*there.origins)
    return respond("storefront/checkout/continue.html", order=order, there=there, total=attempt.amount)


@bp.get("/<token>/lock")
def show_lock(token: str) -> ResponseReturnValue:
    order = _order(token)
    if not is_fragment():
        return redirect(url_for("pay.show", token=token), 303)
    if order.state != "pending":
        return "", 200, {"HX-Redirect": url_for("orders.show", token=token)}
    return _lock_part(order)


@bp.post("/<token>/extend")
@limit("20/minute")
def extend(token: str) -> ResponseReturnValue:
    order = _order(token)
    most = 1 if _is_scarce(order) else settings().lock_max_renewals
    why_not = None
    try:
        in_transaction(lambda: orders.renew_hold(order.id, minutes=settings().lock_minutes, max_renewals=most))
    except NoMoreRenewals:
        why_not = _no_more_words(most)
    except (LockLost, NotPayable):
        pass
    if is_fragment():
        return _lock_part(order, why_not=why_not)
    return _page(order, status=409, problem=why_not) if why_not else redirect(url_for("pay.show", token=token), 303)


@bp.post("/<token>/hold")
@limit("20/minute")
def hold_again(token: str) -> ResponseReturnValue:
    """“Try to hold them again”: the same order, a fresh lock, or what is left of each line."""
    order = _order(token)
    try:
        in_transaction(lambda: orders.hold_again(order.id, minutes=settings().lock_minutes))
    except NotPayable:
        return redirect(url_for("orders.show", token=token), 303)
    except OutOfStock as refusal:
        return _page(order, status=409, short=refusal.possible)
    except ValueGone:
        words = _("Less is left on a gift card than this order wanted of it. Go back to the cart and order again.")
        return _page(order, status=409, problem=words)
    return redirect(url_for("pay.show", token=token), 303)


@bp.post("/<token>/cancel")
@limit("20/minute")
def cancel(token: str) -> ResponseReturnValue:
    order = _order(token)
    try:
        in_transaction(lambda: paying.cancel(order.id, is_own=_is_own(order)))
    except OnPlan:
        if order.state == "pending":
            words = _(
                "A part of this order is paid, so we cancel it only for who placed it. Write to us, and we will do it."
            )
            return _page(order, status=403, problem=words)
    return redirect(url_for("orders.show", token=token), 303)


def _page(
    order: Order, *, status: int = 200, problem: str | None = None, short: dict[uuid.UUID, int] | None = None
) -> ResponseReturnValue:
    if status != 200:  # something was tried since it was read
        order = queries.order(order.id) or order
    payment = payment_queries.payment_of_order(order.id)
    if payment is None:
        raise NotFound()
    attempts, plan = list(payment.attempts), payment.plan
    now_due = instalments.portion(payment)
    due, parts = order_view.split(order, payment.value_minor)
    hold = stock.hold_of(order.id)
    lock = lock_view(order, hold)
    last = attempts[-1] if attempts else None
    return respond(
        "storefront/checkout/pay.html",
        status=status,
        order=order,
        lock=lock,
        problem=problem,
        **_shortage(order, short or {}),
        failure=last if last is not None and last.state == "failed" else None,
        plan=order_view.plan(plan),
        can_cancel=not payment.is_on_plan or _is_own(order),
        tries_left=payments.tries_left(attempts, now_due),
        offers=offers_for(order.currency, payment),
        banks=[(bank.code, bank.name) for bank in banks(ONLINE_BANKING, order.currency)],
        bank=last.bank if last is not None else "",
        promise=last if last is not None and last.is_by_hand and last.state == "open" else None,
        is_elsewhere=last is not None and _is_at_provider(last) and "left" not in request.args,
        bank_details=settings().manual.bank_details,
        quantity=format_quantity,
        **_lock_context(order, lock, hold),
        due=now_due.amount,
        **order_view.summary(order),
        summary_paid=[*value_words.rows(parts, due), *plan_words.summary_rows(plan)],
    )


def _shortage(order: Order, possible: dict[uuid.UUID, int]) -> dict[str, Any]:
    """What cannot be held again: lines of the own cart, to keep what is left of each or to remove it (`short`), and of the order
    what the cart does not hold (`missing`), with what is left."""
    found: list[cart.Line] = []
    if possible and _is_own(order):
        contents = cart.contents(visitor(), at_least=cart_version())
        found = cart.lines(contents, currency=order.currency, locale=languages.language())
    short = of_stock(found, possible)
    told = {line.facts.variant_id for line, _left in short}
    rest = [line for line in order.lines if line.variant_id in possible and line.variant_id not in told]
    return {"short": short, "missing": [(line, max(0, possible[line.variant_id])) for line in rest]}


def _lock_part(order: Order, *, why_not: str | None = None) -> ResponseReturnValue:
    hold = stock.hold_of(order.id)
    lock = lock_view(order, hold)
    context = _lock_context(order, lock, hold) | ({"why_not": why_not, "can_extend": False} if why_not else {})
    return respond("storefront/checkout/pay.html", "_lock.html", order=order, lock=lock, **context)


def _lock_context(order: Order, lock: LockView, hold: Hold) -> dict[str, Any]:
    """“I need more time” is offered while the lock is held and renewals are left."""
    is_last = lock.state == "held" and hold.renewals > 0 and _is_scarce(order)
    most = 1 if is_last else settings().lock_max_renewals
    can_extend = lock.state == "held" and hold.renewals < most
    return {
        "can_extend": can_extend,
        "why_not": _no_more_words(most) if lock.state == "held" and not can_extend else None,
    }


def lock_view(order: Order, hold: Hold) -> LockView:
    items = sum(1 if line.unit == "metre" else line.quantity for line in order.lines)
    is_whole = hold.quantities == orders.wanted(order)
    state = "held" if is_whole and hold.is_live else "paying" if is_whole and hold.is_paying else "expired"
    if state == "expired" and is_whole and hold.is_usable:
        state = "held"  # the seconds of grace: a click now still counts
    return LockView(state, max(0, hold.remaining_ms), hold.expires_at, items)


def _is_scarce(order: Order) -> bool:
    """Whether somebody else may be waiting: nothing is left of a line beyond what this order holds."""
    left = stock.availability([line.variant_id for line in order.lines])
    return any(left.get(line.variant_id, stock.NONE).for_unit(line.unit) == 0 for line in order.lines)


def _no_more_words(most: int) -> str:
    if most <= 1:
        return _("This is the last one and others are waiting, so it can be held longer only once.")
    return ngettext("It was held longer %(num)s time already.", "It was held longer %(num)s times already.", most)


def _open_attempt(order: Order) -> PaymentAttempt | None:
    payment = payment_queries.payment_of_order(order.id)
    attempts = payment.attempts if payment else []
    return next((attempt for attempt in reversed(attempts) if attempt.state == "open"), None)


def _is_at_provider(attempt: PaymentAttempt) -> bool:
    """Whether somebody was sent to the provider's page and neither paid there nor failed. Who left it by its own link says so."""
    return attempt.state == "open" and not attempt.is_by_hand


def _is_own(order: Order) -> bool:
    """Whether this browser placed it, or its customer is signed in; the link alone may have got to others."""
    person = customers.current()
    return order.visitor == visitor() or (person is not None and person.customer_id == order.customer_id)


def _order(token: str) -> Order:
    order = queries.order_by_token(token)
    if order is None:
        raise NotFound()
    return order
