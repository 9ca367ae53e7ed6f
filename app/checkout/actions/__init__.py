"""Verbs of checkout: keep what was typed, and “Place order”. In the caller's transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from sqlalchemy import (
    Interval,
    Select,
    Text,
    Update,
    Uuid,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.cart import actions as cart_actions
from app.cart import queries as cart
from app.checkout import queries
from app.checkout.actions.lines import order_line
from app.checkout.errors import (
    CartIsEmpty,
    LinesGone,
    MeasuresMissing,
    NoDelivery,
    NoMethod,
    NoPlan,
    NoSession,
    SessionOver,
    TooManyLocks,
    TotalChanged,
    ValueChanged,
)
from app.checkout.models import CheckoutSession
from app.checkout.queries import Quote
from app.checkout.rules import MAX_LIVE_ORDERS_PER_ADDRESS, fingerprint, first_open_step
from app.core import crypto, db
from app.core.errors import Refused
from app.core.ids import new_id
from app.core.money import Money
from app.customers.actions import newsletter
from app.orders import actions as orders
from app.orders import queries as order_queries
from app.orders.actions import placing
from app.orders.models import Order
from app.payments.rules import ONCE_ONLY, PlanTerms, plans_for
from app.shipping.rules import Method
from app.stock import queries as stock_queries
from app.stock.errors import OutOfStock
from app.value import actions as value
from app.value import queries as value_queries
from app.value.errors import NotUsable
from app.value.rules import KINDS, MAX_CODES, Share


def enter(
    visitor: str, *, cart_id: uuid.UUID, minutes: int, contact: Mapping[str, Any] | None = None
) -> tuple[CheckoutSession, bool]:
    """The visitor's checkout session with its full time again, made when there is none; and whether it had run out.

    One that had run out starts again with the answers it kept (for 24 hours). With `contact` the first step is done.
    Raises CartIsEmpty when there is no such cart: carts commit relaxed, so a hot copy can outlive its cart.
    """
    kept = cart_actions.kept(cart_id)
    answers = {"id": literal(new_id()), "visitor": literal(visitor), "contact": literal(contact, CheckoutSession.contact.type),
               "expires_at": _in_minutes(minutes)}  # fmt: skip
    new = insert(CheckoutSession).from_select(["cart_id", *answers], kept.add_columns(*answers.values()))
    changes: dict[str, Any] = {"cart_id": new.excluded.cart_id, "expires_at": new.excluded.expires_at}
    if contact is not None:
        changes |= {"contact": new.excluded.contact, "version": CheckoutSession.version + 1}
        new = new.add_cte(cart_actions.noting(kept, "contact"))
    statement: Any = new.on_conflict_do_update(index_elements=["visitor"], set_=changes).returning(
        CheckoutSession, literal_column("coalesce(old.expires_at <= clock_timestamp(), false)")
    )
    found = db.session.execute(statement, execution_options={"populate_existing": True}).one_or_none()
    if found is None:
        raise CartIsEmpty
    session, was_over = found
    return session, was_over


def current(visitor: str | None, *, minutes: int, is_review: bool = False) -> CheckoutSession:
    """The live session under its lock, its time started again. Raises NoSession or SessionOver.

    `is_review`: the shopper is there now, for the funnel; if all that comes before is done.
    """
    statement, values = _TOUCH_AT_REVIEW if is_review else _TOUCH, {"by": visitor, "lasts": timedelta(minutes=minutes)}
    found = db.session.scalars(statement, values, execution_options={"populate_existing": True}).one_or_none()
    return found or _refuse(visitor)


def save_delivery(visitor: str | None, *, address: Mapping[str, str], method: str | None, minutes: int) -> None:
    """Keep the address, and the method if one was chosen. Raises NoSession or SessionOver."""
    changes: dict[str, Any] = {"address": dict(address), "version": CheckoutSession.version + 1}
    if method is not None:
        changes["shipping_method"] = method
    statement = (
        _live(visitor)
        .where(CheckoutSession.contact.is_not(None))
        .values(expires_at=_in_minutes(minutes), **changes)
        .returning(CheckoutSession.id)
    )
    if method is not None:
        statement = statement.add_cte(cart_actions.noting(_cart_of(visitor), "delivery"))
    if db.session.execute(statement).one_or_none() is None:
        current(visitor, minutes=minutes)
        raise NoSession("contact")


def add_code(visitor: str | None, code: str, *, currency: str, minutes: int) -> None:
    """Pay a part with a gift card or store credit. Raises NoSession, SessionOver, UnknownCode or NotUsable."""
    session = current(visitor, minutes=minutes)
    account_id = str(value.checked(code, currency=currency).id)
    known = [uuid.UUID(each) for each in session.value_ids]
    usable = [
        str(each.account_id) for each in value_queries.usable(known, currency=currency)
    ]  # the others do not count
    if account_id in usable:
        raise NotUsable("twice")
    if len(usable) >= MAX_CODES:
        raise NotUsable("many")
    session.value_ids = [*usable, account_id]


def remove_code(visitor: str | None, account_id: str, *, minutes: int) -> None:
    """Nothing happens for one that is not there. Raises NoSession or SessionOver."""
    session = current(visitor, minutes=minutes)
    session.value_ids = [each for each in session.value_ids if each != account_id]


def forget_codes(order_id: uuid.UUID) -> None:
    """The codes of the session whose last order this is."""
    statement = update(CheckoutSession).where(CheckoutSession.order_id == order_id, CheckoutSession.value_ids != [])
    db.session.execute(statement.values(value_ids=[]).execution_options(synchronize_session=False))


def _cart_of(visitor: Any) -> Select[tuple[uuid.UUID]]:
    cart_id = CheckoutSession.cart_id
    return select(cart_id).where(CheckoutSession.visitor == visitor, cart_id.is_not(None))  # type: ignore[return-value]


def _live(visitor: Any) -> Update:
    """A change of the visitor's session, if it has not run out by the database's clock. It takes the row lock."""
    return (
        update(CheckoutSession)
        .where(CheckoutSession.visitor == visitor, CheckoutSession.expires_at > func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


# Built once: nearly every page of checkout asks one of these. `by` is the visitor, `lasts` the session's full time.
_BY = bindparam("by", type_=Text)
_TOUCH = (
    _live(_BY).values(expires_at=func.clock_timestamp() + bindparam("lasts", type_=Interval)).returning(CheckoutSession)
)
_ANSWERS = (CheckoutSession.contact, CheckoutSession.address, CheckoutSession.shipping_method)
_TOUCH_AT_REVIEW = _TOUCH.add_cte(
    cart_actions.noting(_cart_of(_BY).where(*(answer.is_not(None) for answer in _ANSWERS)), "review")
)
_NOTE_PLACED = (
    update(CheckoutSession)
    .where(CheckoutSession.visitor == _BY)
    .values(order_id=bindparam("placed", type_=Uuid))
    .add_cte(cart_actions.noting(_cart_of(_BY), "placed"))
    .execution_options(synchronize_session=False)
)


def _refuse(visitor: str | None) -> NoReturn:
    if visitor and db.scalar("SELECT EXISTS (SELECT FROM checkout_session WHERE visitor = :visitor)", visitor=visitor):
        raise SessionOver()
    raise NoSession()


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A click on “Place order”: its one-time key, what the page showed, and the policy that applies.

    `accept_total` is None where nothing was shown before: a program is told the total in the answer, before anything is paid.
    """

    key: uuid.UUID
    accept_total: int | None
    payment_method: str
    currency: str
    locale: str
    session_minutes: int
    lock_minutes: int
    unpaid_minutes: int
    client: str  # where the browser is, on the network
    accept_value: int | None = 0  # what the page said that gift cards and credit pay of it; None as for the total
    plan: PlanTerms | None = None  # to be paid in instalments
    plan_least_minor: int = 0  # less than that is paid in one go
    customer_id: uuid.UUID | None = None  # who is signed in


def place(visitor: str | None, click: PlaceOrder) -> Order:
    """Lock every line and write the order, its lines, its snapshot and its payment, all or nothing.

    The same click (by its key) and the same cart placed again return the same order. An earlier unpaid order of this
    session gives its stock back first, so nobody stands in their own way.
    Raises NoSession, SessionOver, CartIsEmpty, TotalChanged, ValueChanged, ValueGone, NoMethod, NoPlan, LinesGone, MeasuresMissing,
    NoDelivery or TooManyLocks.
    """
    if visitor is None:
        raise NoSession()
    session = current(visitor, minutes=click.session_minutes)
    earlier = order_queries.order_by_place_key(click.key)
    if earlier is not None:
        if earlier.visitor != visitor:  # a key is random; somebody replays another one's
            raise Refused("this form was used before")
        return earlier
    quote, address, contact = _checked_quote(visitor, session, click)
    previous = order_queries.lock_order(session.order_id) if session.order_id else None
    shares = _checked_value(session, quote, click, previous)
    _check_plan(click, quote.priced.total_minor - sum(share.amount_minor for share in shares))
    mark = fingerprint([marked(quote, shares, click.plan), quote.contents.version, address, contact, click.locale])
    if previous is not None and previous.fingerprint == mark and _still_good(previous, click):
        return previous
    if previous is not None and previous.promised_at is None:
        value_queries.lock_accounts_of_order(previous.id, also=[share.account_id for share in shares])
        stock_queries.lock_items_to_exchange(previous.id, [line.variant_id for line in quote.priced.lines])
        orders.cancel(previous.id, actor="customer", reason="replaced")
    if stock_queries.live_orders_of_address(click.client) >= MAX_LIVE_ORDERS_PER_ADDRESS:
        raise TooManyLocks()
    order = _open(visitor, quote, mark, click, address=address, contact=contact, shares=shares)
    if contact.get("news"):
        newsletter.want(order.email, customer_id=click.customer_id, locale=click.locale, way="checkout")
    db.session.execute(_NOTE_PLACED, {"by": visitor, "placed": order.id})
    return order


def _checked_quote(
    visitor: str, session: CheckoutSession, click: PlaceOrder
) -> tuple[Quote, dict[str, Any], dict[str, Any]]:
    """Price everything again, and refuse when it is not what the page showed."""
    if session.contact is None or session.address is None or session.shipping_method is None:
        raise NoSession(
            first_open_step(
                has_contact=session.contact is not None,
                has_address=session.address is not None,
                has_method=session.shipping_method is not None,
            )
        )
    contents = cart.stored(visitor)
    if not contents.entries:
        raise CartIsEmpty()
    quote = queries.quote(
        contents,
        currency=click.currency,
        locale=click.locale,
        address=session.address,
        method=session.shipping_method,
        with_stock=False,
    )
    demand_to_be_had(quote)
    if any(line.is_unfit for line in quote.lines):
        raise MeasuresMissing()
    if quote.chosen is None or quote.chosen.method.code != session.shipping_method:
        raise NoDelivery()
    if click.accept_total is not None and quote.priced.total_minor != click.accept_total:
        raise TotalChanged()
    return quote, session.address, session.contact


def demand_to_be_had(quote: Quote) -> None:
    """Raises LinesGone for what is not sold any more, more than one order may have, or less than is sold at least; stock is a
    matter of its locks."""
    gone = {line.facts.variant_id: 0 for line in quote.lines if not line.facts.is_sellable}
    most = {line.facts.variant_id: line.facts.max_per_order or 0 for line in quote.lines if line.is_short}
    few = {line.facts.variant_id: 0 for line in quote.lines if line.is_few}
    for line in quote.lines:
        if line.facts.variant_id in few:
            few[line.facts.variant_id] += max(line.entry.quantity, line.facts.min_quantity)
    if few or most:  # without stock a line is short by the limit alone; what is not sold is short too
        raise LinesGone({**few, **most, **gone})


def _checked_value(
    session: CheckoutSession, quote: Quote, click: PlaceOrder, previous: Order | None
) -> Sequence[Share]:
    """What each gift card pays, refused when it is not what the page showed, or when nobody pays the rest."""
    covered = queries.covered(session, quote, previous=previous)
    if click.accept_value is not None and covered.covered.minor != click.accept_value:
        raise ValueChanged()
    if covered.due and click.payment_method in KINDS:
        raise NoMethod()
    return covered.shares


def _check_plan(click: PlaceOrder, due_minor: int) -> None:
    """Refuse instalments that this order is not offered, or a way to pay that comes once only."""
    if click.plan is None:
        return
    offered = plans_for(Money(due_minor, click.currency), most=click.plan.parts, least_minor=click.plan_least_minor)
    if click.plan.parts not in offered or click.payment_method in (*KINDS, *ONCE_ONLY):
        raise NoPlan()


def _still_good(previous: Order, click: PlaceOrder) -> bool:
    """The same cart again: the order it made is good when it is paid, or as long as its stock is (or can be) held."""
    if previous.state != "pending":
        return previous.state == "confirmed"
    try:
        with db.session.begin_nested():
            orders.hold_again(previous.id, minutes=click.lock_minutes)
    except OutOfStock as refusal:
        raise LinesGone(refusal.possible) from refusal
    return True


def _open(
    visitor: str,
    quote: Quote,
    mark: str,
    click: PlaceOrder,
    *,
    address: Mapping[str, str],
    contact: Mapping[str, str],
    shares: Sequence[Share],
) -> Order:
    new = new_order(quote, mark, click, visitor=visitor, address=address, contact=contact, shares=shares)
    try:
        return placing.open(new)
    except OutOfStock as refusal:
        raise LinesGone(refusal.possible) from refusal


def new_order(
    quote: Quote,
    mark: str,
    click: PlaceOrder,
    *,
    visitor: str,
    address: Mapping[str, str],
    contact: Mapping[str, str],
    shares: Sequence[Share] = (),
) -> placing.NewOrder:
    priced, chosen = quote.priced, quote.chosen
    if chosen is None:
        raise NoDelivery()
    return placing.NewOrder(
        place_key=click.key,
        fingerprint=mark,
        currency=priced.currency,
        amounts={
            "subtotal_minor": priced.subtotal_minor,
            "discount_minor": priced.discount_minor,
            "shipping_minor": priced.shipping_minor,
            "shipping_tax_minor": priced.shipping_tax_minor,
            "tax_added_minor": priced.tax_added_minor,
            "tax_included_minor": priced.tax_included_minor,
            "total_minor": priced.total_minor,
        },
        snapshot=priced.snapshot() | _delivery(chosen.method),
        lines=[order_line(quote, n, locale=click.locale) for n in range(len(priced.lines))],
        locale=click.locale,
        visitor=visitor,
        cart_id=quote.contents.cart_id,
        client_index=crypto.blind_index(click.client),
        email=contact["email"],
        phone=contact["phone"],
        address=address,
        shipping_method=chosen.method.code,
        payment_method=click.payment_method,
        lock_minutes=click.lock_minutes,
        lives_minutes=click.unpaid_minutes,
        customer_id=click.customer_id,
        value=shares,
        plan=click.plan,
    )


def _delivery(method: Method) -> dict[str, Any]:
    """How it reaches the customer, as the order's pages, mails and papers tell it from now on."""
    facts = {"shipping_name": method.name, "delivery_days": [method.min_days, method.max_days]}
    return facts | {"pickup": {"place": method.place, "hours": method.hours}} if method.pickup_at else facts


def marked(quote: Quote, shares: Sequence[Share], plan: PlanTerms | None = None) -> list[Any]:
    lines = [[line.variant_id, line.quantity, line.unit_price_minor] for line in quote.priced.lines]
    lines += [[line.entry.line_id, line.entry.fitting] for line in quote.lines if line.entry.fitting]
    method = quote.chosen.method.code if quote.chosen else None
    value = [[share.account_id, share.amount_minor] for share in shares]
    parts = [plan.parts] if plan else []
    return [lines, quote.priced.currency, quote.priced.total_minor, method, *value, *parts]


def _in_minutes(minutes: int) -> Any:
    """That moment, by the database's clock."""
    return func.clock_timestamp() + timedelta(minutes=minutes)
