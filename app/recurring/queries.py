from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from app.core import crypto, db
from app.core.memory import for_a_moment
from app.core.money import Money
from app.orders import queries as orders
from app.payments import queries as payment_queries
from app.recurring import rules
from app.recurring.models import RecurringCycle, RecurringOrder


def lock(recurring_id: uuid.UUID) -> RecurringOrder | None:
    """Before its orders: whoever changes a turn holds this first."""
    statement = select(RecurringOrder).where(RecurringOrder.id == recurring_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def recurring(recurring_id: uuid.UUID) -> RecurringOrder | None:
    return db.session.get(RecurringOrder, recurring_id)


def by_token(token: str) -> RecurringOrder | None:
    """Exactly this token; ids and anything shorter are nobody's."""
    if not 22 <= len(token) <= 64:
        return None
    return db.session.scalars(select(RecurringOrder).where(RecurringOrder.token == token)).one_or_none()


def by_key(key: uuid.UUID) -> RecurringOrder | None:
    return db.session.scalars(select(RecurringOrder).where(RecurringOrder.key == key)).one_or_none()


def token_of_order(order_token: str) -> str | None:
    """The subscription that an order which is not paid yet is a turn of; who holds a paid order's link may see that order only."""
    found: str | None = db.scalar(
        "SELECT r.token FROM orders o JOIN recurring_cycle c ON c.order_id = o.id"
        " JOIN recurring_order r ON r.id = c.recurring_id WHERE o.token = :token AND o.state = 'pending'",
        token=order_token,
    )
    return found


def of_order(order_id: uuid.UUID) -> uuid.UUID | None:
    found: uuid.UUID | None = db.scalar("SELECT recurring_id FROM recurring_cycle WHERE order_id = :id", id=order_id)
    return found


def of_notice(notice_id: uuid.UUID) -> uuid.UUID | None:
    """The subscription that a webhook is about, by the provider's id or by our receipt."""
    notice = payment_queries.notice(notice_id)
    if notice is None:
        return None
    found: uuid.UUID | None = db.scalar(
        "SELECT id FROM recurring_order WHERE provider = :provider"
        " AND (provider_subscription_id = :named OR receipt = :receipt) LIMIT 1",
        provider=notice.provider,
        named=notice.facts.get("provider_subscription_id") or None,
        receipt=notice.facts.get("receipt") or None,
    )
    return found


def cycles_of(recurring_id: uuid.UUID) -> list[RecurringCycle]:
    """The first first. Changed under the lock of their recurring order."""
    statement = (
        select(RecurringCycle).where(RecurringCycle.recurring_id == recurring_id).order_by(RecurringCycle.position)
    )
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def order_states(cycles: Sequence[RecurringCycle]) -> dict[uuid.UUID, str]:
    """States of the orders of turns that are not finished."""
    ids = [cycle.order_id for cycle in cycles if cycle.order_id and cycle.state in rules.OPEN]
    found = db.rows("SELECT id, state FROM orders WHERE id = ANY(:ids)", ids=ids) if ids else []
    return {row.id: row.state for row in found}


def is_sold(variant_id: uuid.UUID) -> bool:
    """Whether the merchant still offers it, as it is: of a subscription nobody has the measures."""
    return bool(
        db.scalar(
            "SELECT p.is_available AND v.is_available AND p.withdrawn_at IS NULL AND NOT p.is_tailored_only FROM variant v"
            " JOIN product p ON p.id = v.product_id WHERE v.id = :id",
            id=variant_id,
        )
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What the provider is asked with: plain values, no connection is held meanwhile."""

    provider: str
    subscription_id: str


def question(recurring_id: uuid.UUID) -> Question | None:
    """None where the provider never heard of it."""
    found = db.rows(
        "SELECT provider, provider_subscription_id FROM recurring_order WHERE id = :id AND provider_subscription_id IS NOT NULL",
        id=recurring_id,
    )
    db.release()
    return Question(*found[0]) if found else None


def due_to_ask(*, limit: int = 200) -> list[uuid.UUID]:
    """Subscriptions that the provider is to be asked about, the longest waiting first."""
    found = db.rows(
        "SELECT id FROM recurring_order WHERE ask_at <= now() ORDER BY ask_at LIMIT :limit",
        limit=limit,
    )
    return [row[0] for row in found]


def all_to_ask() -> list[uuid.UUID]:
    """Every subscription that money may come of, whether it is due or not."""
    found = db.rows(
        "SELECT id FROM recurring_order WHERE provider_subscription_id IS NOT NULL"
        " AND (ask_at IS NOT NULL OR closed_at IS NULL OR closed_at > now() - make_interval(days => :days))"
        " ORDER BY ask_at, id",
        days=rules.AFTER_DAYS,
    )
    return [row[0] for row in found]


def due_to_open(lead: timedelta, *, limit: int = 200) -> list[uuid.UUID]:
    """Subscriptions that are charged within `lead`, or tried to be charged again, and hold nothing for it yet."""
    found = db.rows(
        "SELECT r.id FROM recurring_order r JOIN LATERAL (SELECT c.state, c.due_at, c.order_id FROM recurring_cycle c"
        "  WHERE c.recurring_id = r.id ORDER BY c.position DESC LIMIT 1) l ON true"
        " WHERE r.state IN ('active', 'past_due') AND r.next_charge_at <= now() + CAST(:lead AS interval)"
        " AND r.next_charge_at > now() - interval '1 day'"
        " AND ((r.state = 'active' AND l.state IN ('charged', 'skipped') AND r.next_charge_at > l.due_at)"
        "  OR (r.state = 'past_due' AND l.state = 'failed' AND NOT EXISTS"
        "   (SELECT FROM stock_lock k WHERE k.order_id = l.order_id AND k.state = 'held')))"
        " ORDER BY r.next_charge_at LIMIT :limit",
        lead=lead,
        limit=limit,
    )
    return [row[0] for row in found]


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as it is offered."""

    id: uuid.UUID
    variant_id: uuid.UUID
    slug: str
    period: str
    every: int
    is_active: bool


def plan(plan_id: uuid.UUID) -> PlanView | None:
    found = db.rows(
        "SELECT r.id, r.variant_id, p.slug, r.period, r.every, r.is_active FROM recurring_plan r"
        " JOIN variant v ON v.id = r.variant_id JOIN product p ON p.id = v.product_id WHERE r.id = :id",
        id=plan_id,
    )
    return PlanView(*found[0]) if found else None


@for_a_moment(10)
def plans_by_variant() -> dict[uuid.UUID, tuple[PlanView, ...]]:
    """All that may be subscribed to, remembered for every product page: a shop has dozens of plans, not thousands."""
    found: dict[uuid.UUID, tuple[PlanView, ...]] = {}
    for row in db.rows(
        "SELECT r.id, r.variant_id, p.slug, r.period, r.every, r.is_active FROM recurring_plan r"
        " JOIN variant v ON v.id = r.variant_id JOIN product p ON p.id = v.product_id"
        " WHERE r.is_active AND NOT p.is_tailored_only ORDER BY r.period DESC, r.every, r.id LIMIT 2000"
    ):
        found[row.variant_id] = (*found.get(row.variant_id, ()), PlanView(*row))
    return found


def plans_page(*, offset: int = 0, limit: int = 50) -> list[Any]:
    return db.rows(
        "SELECT r.id, r.period, r.every, r.is_active, r.created_at, v.sku, p.name FROM recurring_plan r"
        " JOIN variant v ON v.id = r.variant_id JOIN product p ON p.id = v.product_id"
        " ORDER BY r.created_at DESC, r.id DESC LIMIT :limit OFFSET :offset",
        limit=limit,
        offset=offset,
    )


def page(*, state: str | None, before: tuple[datetime, uuid.UUID] | None, limit: int) -> list[RecurringOrder]:
    """Newest first, by key."""
    statement = select(RecurringOrder)
    if state is not None:
        statement = statement.where(RecurringOrder.state == state)
    if before is not None:
        at, last_id = before
        statement = statement.where(
            (RecurringOrder.created_at < at) | ((RecurringOrder.created_at == at) & (RecurringOrder.id < last_id))
        )
    statement = statement.order_by(RecurringOrder.created_at.desc(), RecurringOrder.id.desc()).limit(limit)
    return list(db.session.scalars(statement))


@dataclass(frozen=True, slots=True)
class Turn:
    """A cycle as pages show it; `order_name` is the order's number, or its reference before it has one."""

    position: int
    state: str
    due_at: datetime
    order_id: uuid.UUID | None
    order_token: str | None
    order_name: str | None
    order_state: str | None


def turns_of(recurring_id: uuid.UUID, *, limit: int = 24) -> list[Turn]:
    """The latest first."""
    found = db.rows(
        "SELECT c.position, c.state, c.due_at, c.order_id, o.token, coalesce(o.number, o.reference), o.state FROM recurring_cycle c"
        " LEFT JOIN orders o ON o.id = c.order_id WHERE c.recurring_id = :id ORDER BY c.position DESC LIMIT :limit",
        id=recurring_id,
        limit=limit,
    )
    return [Turn(*row) for row in found]


def next_charge(row: RecurringOrder) -> datetime | None:
    """When something is charged next; None where nobody knows or nothing is."""
    left_out: datetime | None = db.scalar(
        "SELECT CASE WHEN state = 'skipped' THEN due_at END FROM recurring_cycle WHERE recurring_id = :id"
        " ORDER BY position DESC LIMIT 1",
        id=row.id,
    )
    return rules.next_charge(row.next_charge_at, left_out=left_out, period=row.period, every=row.every)


@dataclass(frozen=True, slots=True)
class MailRecurring:
    """What mails tell of a subscription."""

    token: str
    locale: str
    email: str
    state: str
    what: str
    quantity: int
    step_mm: int | None
    period: str
    every: int
    amount: Money
    next_charge_at: datetime | None
    page_url: str


def under_way(whose: str) -> str:
    """SQL: whether a subscription of somebody's, told by SQL on `r`, runs, or was lately and a charge may be under way still."""
    return (
        f"EXISTS (SELECT FROM recurring_order r WHERE {whose}"  # nosec B608
        " AND (r.state NOT IN ('cancelled', 'ended') OR r.ask_at IS NOT NULL))"
    )


UNDER_WAY = under_way("r.customer_id = c.id")  # of the customer `c` of another statement
# Of `r`: the subscription of a guest with this e-mail address, told by its orders from a moment on.
OF_GUEST = (
    "r.customer_id IS NULL AND r.id IN (SELECT y.recurring_id FROM recurring_cycle y JOIN orders o ON o.id = y.order_id"  # noqa: S608  # nosec B608
    f" WHERE o.email_index = ANY(:email) AND o.customer_id IS NULL AND {orders.SINCE})"
)


def ids_of_guest(email: str, *, since: datetime | None) -> list[uuid.UUID]:
    sql = f"SELECT r.id FROM recurring_order r WHERE {OF_GUEST}"  # noqa: S608  # nosec B608
    found = db.rows(sql, email=crypto.blind_indexes(email), since=since)
    return [row.id for row in found]


def of_guest(email: str, *, since: datetime | None) -> list[RecurringOrder]:
    statement = select(RecurringOrder).where(RecurringOrder.id.in_(ids_of_guest(email, since=since)))
    return list(db.session.scalars(statement.order_by(RecurringOrder.created_at, RecurringOrder.id)))


def of_customer(customer_id: uuid.UUID) -> list[RecurringOrder]:
    """The first first; for the copy of their data."""
    statement = select(RecurringOrder).where(RecurringOrder.customer_id == customer_id)
    return list(db.session.scalars(statement.order_by(RecurringOrder.created_at, RecurringOrder.id)))


def mail(recurring_id: uuid.UUID) -> MailRecurring | None:
    row = recurring(recurring_id)
    if row is None:
        return None
    line = row.terms["lines"][0]
    what = f"{line['name']}, {line['options']}" if line["options"] else str(line["name"])
    return MailRecurring(
        token=row.token,
        locale=row.locale,
        email=row.email,
        state=row.state,
        what=what,
        quantity=row.quantity,
        step_mm=line["step_mm"] if line["unit"] == "metre" else None,
        period=row.period,
        every=row.every,
        amount=row.amount,
        next_charge_at=next_charge(row),
        page_url=row.page_url,
    )


def cycle(cycle_id: uuid.UUID) -> RecurringCycle | None:
    return db.session.get(RecurringCycle, cycle_id)
