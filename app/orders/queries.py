from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, text
from sqlalchemy.orm import joinedload

from app.core import crypto, db
from app.core.crypto import EncryptedJSON
from app.orders.models import Order, OrderEvent
from app.payments.queries import FAILED
from app.stock.rules import GRACE_SECONDS


def lock_order(order_id: uuid.UUID) -> Order | None:
    """The order under its row lock, with its lines. Everybody who changes money or stock of an order comes through here."""
    return db.session.scalars(_LOCK, {"of": order_id}).unique().one_or_none()


def lock_cart_of(order_id: uuid.UUID) -> uuid.UUID | None:
    """The cart an order came from; until the transaction ends the order's goods move to no other."""
    return db.scalar("SELECT cart_id FROM orders WHERE id = :id FOR UPDATE", id=order_id)


def lock_orders_of_cart(cart_id: uuid.UUID) -> None:
    """Before the cart itself: whoever takes out of it what was paid does likewise."""
    db.rows("SELECT id FROM orders WHERE cart_id = :cart ORDER BY id FOR UPDATE", cart=cart_id)


def order(order_id: uuid.UUID) -> Order | None:
    return db.session.scalars(_BY_ID, {"of": order_id}).unique().one_or_none()


def order_by_token(token: str) -> Order | None:
    """Exactly this token; ids, numbers and anything shorter are nobody's."""
    if not 22 <= len(token) <= 64:
        return None
    return db.session.scalars(_BY_TOKEN, {"of": token}).unique().one_or_none()


# Built once: every page and every delivery of a purchase looks its order up.
_WITH_LINES = select(Order).options(joinedload(Order.lines))
_BY_ID = _WITH_LINES.where(Order.id == bindparam("of"))
_BY_TOKEN = _WITH_LINES.where(Order.token == bindparam("of"))
_LOCK = _BY_ID.with_for_update(of=Order).execution_options(populate_existing=True)


def order_of_return(return_token: str) -> Any | None:
    """(id, token, attempt_id, provider, provider_order_id) of the order whose payment the provider sends somebody back from."""
    found = db.rows(
        "SELECT o.id, o.token, a.id AS attempt_id, a.provider, a.provider_order_id FROM payment_attempt a"
        " JOIN payment p ON p.id = a.payment_id JOIN orders o ON o.id = p.order_id WHERE a.return_token = :token",
        token=return_token,
    )
    return found[0] if found else None


def attempts(order_id: uuid.UUID) -> list[Any]:
    """(id, provider, provider_order_id, receipt, state, is_held) of each try to pay an order, the first first. `is_held`: whether
    the order's lock lives, the grace left aside."""
    return db.rows(
        "SELECT a.id, a.provider, a.provider_order_id, a.receipt, a.state, EXISTS (SELECT FROM stock_lock l"
        "  WHERE l.order_id = p.order_id AND l.state = 'held' AND l.expires_at > statement_timestamp()) AS is_held"
        " FROM payment_attempt a JOIN payment p ON p.id = a.payment_id WHERE p.order_id = :id ORDER BY a.position",
        id=order_id,
    )


def order_by_place_key(key: uuid.UUID) -> Order | None:
    found = db.scalar("SELECT id FROM orders WHERE place_key = :key", key=key)  # nearly always there is none
    return db.session.get(Order, found) if found else None


def find_for_guest(*, number: str, email: str = "", phone: str = "") -> Order | None:
    """The order with this number or reference, if e-mail or phone fit too (N22)."""
    statement = (
        select(Order)
        .where((Order.number == number) | (Order.reference == number))
        .where(Order.email_index.in_(_indexes(email)) | Order.phone_index.in_(_indexes(phone)))
    )
    return db.session.scalars(statement).one_or_none()


def _indexes(value: str) -> list[bytes]:
    return crypto.blind_indexes(value) if value else []


def expired_unpaid(*, is_released: bool, limit: int = 200) -> list[uuid.UUID]:
    """Unpaid orders past their time that hold nothing any more; where nobody has released (`is_released` false) also those
    that hold what is free to others already."""
    found = db.rows(
        "SELECT o.id FROM orders o WHERE o.state = 'pending' AND o.expires_at <= now()"
        " AND NOT EXISTS (SELECT 1 FROM stock_lock l WHERE l.order_id = o.id AND l.state = 'held'"
        "  AND (:is_released OR l.is_paying OR l.expires_at > now() - make_interval(secs => :grace)))"
        " ORDER BY o.expires_at LIMIT :limit",
        is_released=is_released,
        grace=GRACE_SECONDS,
        limit=limit,
    )
    return [row[0] for row in found]


def timeline(order_id: uuid.UUID) -> list[OrderEvent]:
    return list(
        db.session.scalars(
            select(OrderEvent).where(OrderEvent.order_id == order_id).order_by(OrderEvent.created_at, OrderEvent.id)
        )
    )


def references_of(order_id: uuid.UUID) -> set[str]:
    """What the bank or the courier calls the money that has come by hand for an order."""
    found = db.rows(
        "SELECT facts ->> 'reference' FROM order_event WHERE order_id = :id AND kind = 'money_arrived'", id=order_id
    )
    return {row[0] for row in found}


ROW = (
    "SELECT o.id, o.number, o.reference, o.state, o.created_at, o.currency, o.total_minor, o.country, o.payment_method,"
    " o.address, p.state AS payment_state, p.state = 'open' AND p.received_minor > 0 AS is_part_paid,"
    " (SELECT count(*) FROM order_line l WHERE l.order_id = o.id) AS lines"
    " FROM orders o LEFT JOIN payment p ON p.order_id = o.id"
)


def page(*, state: str | None = None, before: Any = None, limit: int = 50) -> list[Any]:
    """Orders for the back office, newest first, in one query with what a row shows; `before` is (created_at, id) of the last row."""
    return db.rows(
        _typed(
            f"{ROW} WHERE (CAST(:state AS text) IS NULL OR o.state = :state)"
            " AND (CAST(:at AS timestamptz) IS NULL OR (o.created_at, o.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
            " ORDER BY o.created_at DESC, o.id DESC LIMIT :limit"
        ),
        state=state,
        at=before[0] if before else None,
        id=before[1] if before else None,
        limit=limit,
    )


def matching(label: str, *, email: str = "", phone: str = "", limit: int = 50) -> list[Any]:
    """The same rows for one number or reference, or for one customer's address or phone, newest first."""
    return db.rows(
        _typed(
            f"{ROW} WHERE o.number = :label OR o.reference = :label OR o.email_index = ANY(:email) OR o.phone_index = ANY(:phone)"
            " ORDER BY o.created_at DESC, o.id DESC LIMIT :limit"
        ),
        label=label,
        email=_indexes(email),
        phone=_indexes(phone),
        limit=limit,
    )


@dataclass(frozen=True, slots=True)
class History:
    """A page of a customer's orders; `lines` of a row are (name, picture) of its first few, `count` is how many there are."""

    rows: list[Any]
    has_more: bool


STATES_OF_VIEW = {
    "": None,
    "open": ["pending", "on_hold"],
    "done": ["confirmed"],
    "cancelled": ["cancelled", "expired"],
}


def history(
    customer_id: uuid.UUID,
    *,
    view: str = "",
    sought: str = "",
    before: tuple[datetime, uuid.UUID] | None = None,
    limit: int = 10,
) -> History:
    """What this customer ordered, newest first, in one statement; orders that a later one replaced are left out. `sought` is a part
    of a product's name, as the order has it."""
    rows = db.rows(
        "SELECT o.id, o.number, o.reference, o.state, o.created_at, o.currency, o.total_minor, p.state AS payment_state,"
        " (SELECT jsonb_agg(jsonb_build_array(l.name, l.picture) ORDER BY l.position) FROM order_line l"
        "  WHERE l.order_id = o.id AND l.position <= 3) AS lines, (SELECT count(*) FROM order_line l WHERE l.order_id = o.id) AS count"
        " FROM orders o LEFT JOIN payment p ON p.order_id = o.id WHERE o.customer_id = :customer"
        " AND o.cancel_reason IS DISTINCT FROM 'replaced'"
        " AND (CAST(:states AS text[]) IS NULL OR o.state = ANY(CAST(:states AS text[])))"
        " AND (:sought = '' OR EXISTS (SELECT FROM order_line l WHERE l.order_id = o.id AND strpos(lower(l.name), lower(:sought)) > 0))"
        " AND (CAST(:at AS timestamptz) IS NULL OR (o.created_at, o.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY o.created_at DESC, o.id DESC LIMIT :limit",
        customer=customer_id,
        states=STATES_OF_VIEW[view],
        sought=sought,
        at=before[0] if before else None,
        id=before[1] if before else None,
        limit=limit + 1,
    )
    return History(rows[:limit], len(rows) > limit)


def everything_of(customer_id: uuid.UUID) -> list[Order]:
    """All orders of a customer with their lines, the first first."""
    return _everything(Order.customer_id == customer_id)


def everything_of_guest(email: str, *, since: datetime | None) -> list[Order]:
    """The same of who ordered under an address without an account, from a moment on."""
    return _everything(of_guest(email, since=since))


def _everything(which: ColumnElement[bool]) -> list[Order]:
    return list(db.session.scalars(_WITH_LINES.where(which).order_by(Order.created_at, Order.id)).unique())


def of_guest(email: str, *, since: datetime | None) -> ColumnElement[bool]:
    """A part of another statement: the orders under an address without an account, from a moment on."""
    theirs = Order.customer_id.is_(None) & Order.email_index.in_(crypto.blind_indexes(email))
    return theirs if since is None else theirs & (Order.created_at >= since)


SINCE = "(CAST(:since AS timestamptz) IS NULL OR o.created_at >= :since)"  # the same in SQL, of the order `o`


# Of a capture `m`: authorised money lapses with its attempt.
_STILL_THERE = (
    "(m.state = 'captured' OR m.state = 'authorized' AND EXISTS (SELECT FROM payment_attempt a"
    " WHERE a.id = m.attempt_id AND a.state NOT IN ('captured', 'closed')))"
)


def under_way(whose: str) -> str:
    """SQL: whether anything is still going on with an order of somebody's, told by SQL on the order `o`. Money may come late for
    one that has expired, and what came for one that is over has to go back; goods need an address for `:delivery_days` after they
    were paid."""
    return f"""
EXISTS (SELECT FROM orders o WHERE {whose} AND (
  o.state NOT IN ('confirmed', 'cancelled', 'expired')
  OR o.state = 'expired' AND coalesce(o.closed_at, o.expires_at) > now() - interval '30 days'
  OR o.state = 'confirmed' AND o.confirmed_at > now() - make_interval(days => :delivery_days)
    AND EXISTS (SELECT FROM payment p WHERE p.order_id = o.id AND p.state <> 'refunded')
  OR EXISTS (SELECT FROM refund_request q WHERE q.order_id = o.id AND q.state = 'open')
  OR EXISTS (SELECT FROM payment p JOIN refund r ON r.payment_id = p.id
    WHERE p.order_id = o.id AND (r.state IN ('waiting', 'requested', 'pending') OR {FAILED}))
  OR o.state <> 'confirmed' AND EXISTS (SELECT FROM payment p JOIN payment_capture m ON m.payment_id = p.id
    WHERE p.order_id = o.id AND {_STILL_THERE} AND m.amount_minor > greatest(m.refunded_minor,
      (SELECT coalesce(sum(r.amount_minor), 0) FROM refund r WHERE r.capture_id = m.id AND r.state = 'succeeded'))
      + (SELECT coalesce(sum(d.amount_minor), 0) FROM payment_dispute d WHERE d.capture_id = m.id AND d.state = 'lost'))))
"""  # noqa: S608 - our own words  # nosec B608


UNDER_WAY = under_way("o.customer_id = c.id")  # of the customer `c` of another statement


def _typed(sql: str) -> Any:
    return text(sql).columns(address=EncryptedJSON)


def today(since: datetime) -> tuple[int, list[tuple[str, int]]]:
    """(orders placed since then, [(currency, minor units sold since then)]); money may come days after the order."""
    placed = db.scalar("SELECT count(*) FROM orders WHERE created_at >= :since", since=since)
    sold = db.rows(
        "SELECT currency, sum(total_minor)::bigint FROM orders WHERE created_at >= :since - interval '5 days'"
        " AND confirmed_at >= :since AND state = 'confirmed' GROUP BY currency ORDER BY 2 DESC",
        since=since,
    )
    return placed, [(row[0], row[1]) for row in sold]


def faults() -> dict[str, int]:
    """The order invariants of `shop audit`."""
    return {
        # an order that was put on hold after it was paid, for a dispute, has sold its goods like any other
        "paid_without_stock": db.scalar(
            "SELECT count(DISTINCT o.id) FROM orders o JOIN (SELECT order_id, variant_id, sum(quantity) AS quantity"
            "  FROM order_line GROUP BY 1, 2) l ON l.order_id = o.id LEFT JOIN (SELECT m.order_id, s.variant_id,"
            "  -sum(m.on_hand_delta) AS sold FROM stock_movement m JOIN stock_item s ON s.id = m.stock_item_id"
            "  WHERE m.kind = 'sell' GROUP BY 1, 2) m"
            " ON m.order_id = o.id AND m.variant_id = l.variant_id"
            " WHERE (o.state = 'confirmed' OR o.state = 'on_hold' AND o.confirmed_at IS NOT NULL)"
            " AND coalesce(m.sold, 0) <> l.quantity"
        ),
        "totals_mismatch": db.scalar(
            "SELECT count(*) FROM orders o LEFT JOIN (SELECT order_id, sum(total_minor) AS total, sum(subtotal_minor) AS subtotal,"
            "  sum(discount_minor) AS discount, sum(tax_added_minor) AS added FROM order_line GROUP BY 1) l ON l.order_id = o.id"
            " LEFT JOIN payment p ON p.order_id = o.id LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount_minor,"
            "  min(currency) AS currency, max(currency) AS other FROM payment_capture WHERE is_applied GROUP BY 1) c"
            "  ON c.payment_id = p.id"
            " WHERE o.total_minor <> l.total + o.shipping_minor + o.shipping_tax_minor OR o.subtotal_minor <> l.subtotal"
            " OR o.discount_minor <> l.discount OR o.tax_added_minor <> l.added + o.shipping_tax_minor OR l.order_id IS NULL"
            " OR p.amount_minor <> o.total_minor OR p.currency <> o.currency"
            " OR c.amount_minor <> CASE WHEN p.paid_at IS NULL THEN p.received_minor ELSE o.total_minor END"
            " OR c.currency <> o.currency OR c.other <> o.currency"
        ),
    }
