from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.core import db
from app.reconciliation.models import Difference, ReconciliationRun
from app.reconciliation.queries.checks import local_findings
from app.reconciliation.rules import LONGEST_LISTING_DAYS

__all__ = ["local_findings"]


def lock_difference(difference_id: uuid.UUID) -> Difference | None:
    statement = select(Difference).where(Difference.id == difference_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def difference(difference_id: uuid.UUID) -> Difference | None:
    return db.session.get(Difference, difference_id)


def known_captures(provider: str, ids: Sequence[str]) -> dict[str, Any]:
    """Captures of ours by the provider's payment id."""
    found = db.rows(
        "SELECT c.provider_payment_id, c.id, c.attempt_id, p.order_id, c.state, c.amount_minor, c.currency, c.fee_minor,"
        " EXISTS (SELECT 1 FROM provider_transaction t WHERE t.provider = c.provider AND t.payment_ref = c.provider_payment_id"
        "  AND t.kind = 'charge') AS is_settled"
        " FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " WHERE c.provider = :provider AND c.provider_payment_id = ANY(:ids)",
        provider=provider,
        ids=list(ids),
    )
    return {row.provider_payment_id: row for row in found}


def known_attempts(provider: str, ids: Sequence[str]) -> dict[str, Any]:
    """(id, order_id) of our attempts by the provider's order id."""
    found = db.rows(
        "SELECT a.provider_order_id, a.id, p.order_id FROM payment_attempt a JOIN payment p ON p.id = a.payment_id"
        " WHERE a.provider = :provider AND a.provider_order_id = ANY(:ids)",
        provider=provider,
        ids=list(ids),
    )
    return {row.provider_order_id: row for row in found}


def orders_of_receipts(provider: str, receipts: Sequence[str]) -> dict[str, str]:
    """The provider's order ids by our receipts."""
    found = db.rows(
        "SELECT receipt, provider_order_id FROM payment_attempt"
        " WHERE provider = :provider AND receipt = ANY(:receipts) AND provider_order_id IS NOT NULL",
        provider=provider,
        receipts=list(receipts),
    )
    return {row.receipt: row.provider_order_id for row in found}


def known_refunds(provider: str, *, ids: Sequence[str], own_ids: Sequence[uuid.UUID]) -> list[Any]:
    """Refunds of ours by the provider's id, or by our own id out of the key they were asked for with."""
    return db.rows(
        "SELECT r.id, r.provider_refund_id, r.state, r.amount_minor, r.currency, r.capture_id, p.order_id"
        " FROM refund r JOIN payment p ON p.id = r.payment_id JOIN payment_capture c ON c.id = r.capture_id AND c.provider = :provider"
        " WHERE r.provider_refund_id = ANY(:ids) OR r.id = ANY(:own)",
        provider=provider,
        ids=list(ids),
        own=list(own_ids),
    )


def captures_between(provider: str, since: datetime, until: datetime) -> list[Any]:
    """What we say that the provider took in that time, with the order to ask about it there."""
    return db.rows(
        "SELECT c.id, c.provider_payment_id, c.amount_minor, c.currency, c.attempt_id, c.created_at, p.order_id, a.provider_order_id"
        " FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN payment_attempt a ON a.id = c.attempt_id"
        " WHERE c.provider = :provider AND c.state IN ('captured', 'refunded') AND c.created_at >= :since AND c.created_at < :until"
        " ORDER BY c.created_at",
        provider=provider,
        since=since,
        until=until,
    )


def refunds_between(provider: str, since: datetime, until: datetime) -> list[Any]:
    """What we say that the provider gave back in that time."""
    return db.rows(
        "SELECT r.id, r.provider_refund_id, r.amount_minor, r.currency, r.created_at, r.capture_id, c.provider_payment_id, p.order_id"
        " FROM refund r JOIN payment p ON p.id = r.payment_id JOIN payment_capture c ON c.id = r.capture_id AND c.provider = :provider"
        " WHERE r.state = 'succeeded' AND r.to_account_id IS NULL"
        " AND r.created_at >= :since AND r.created_at < :until ORDER BY r.created_at",
        provider=provider,
        since=since,
        until=until,
    )


def statement_through(provider: str) -> datetime | None:
    """Up to when a provider's statement is stored; None before the first row."""
    found: datetime | None = db.scalar("SELECT through FROM statement_progress WHERE provider = :p", p=provider)
    return found


def oldest_open(provider: str, kinds: Sequence[str]) -> datetime | None:
    """When the oldest open difference of these kinds happened, as far back as providers are asked."""
    found: datetime | None = db.scalar(
        "SELECT min(happened_at) FROM difference WHERE state = 'open' AND provider = :provider AND kind = ANY(:kinds)"
        " AND happened_at > now() - make_interval(days => :days)",
        provider=provider,
        kinds=list(kinds),
        days=LONGEST_LISTING_DAYS,
    )
    return found


def page(*, state: str, kind: str = "", before: Any = None, limit: int = 50) -> list[Any]:
    """Differences for the back office, the latest first; `before` is (opened_at, id) of the last row."""
    return db.rows(
        "SELECT d.id, d.kind, d.provider, d.subject, d.order_id, d.currency, d.found_currency, d.expected_minor, d.found_minor,"
        " d.state, d.opened_at, d.happened_at, coalesce(o.number, o.reference) AS order_label FROM difference d"
        " LEFT JOIN orders o ON o.id = d.order_id WHERE (d.state = 'open') = :is_open AND (:kind = '' OR d.kind = :kind)"
        " AND (CAST(:at AS timestamptz) IS NULL OR (d.opened_at, d.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY d.opened_at DESC, d.id DESC LIMIT :limit",
        is_open=state == "open",
        kind=kind,
        at=before[0] if before else None,
        id=before[1] if before else None,
        limit=limit,
    )


def open_by_kind() -> list[Any]:
    """(kind, count) of what is open, the most first."""
    return db.rows(
        "SELECT kind, count(*) AS count FROM difference WHERE state = 'open' GROUP BY kind ORDER BY 2 DESC, 1"
    )


def last_runs(*, limit: int = 10) -> list[ReconciliationRun]:
    statement = select(ReconciliationRun).order_by(ReconciliationRun.started_at.desc()).limit(limit)
    return list(db.session.scalars(statement))


def last_balances() -> ReconciliationRun | None:
    """The latest finished run of the shop, with the trial balance as it was then."""
    statement = (
        select(ReconciliationRun)
        .where(ReconciliationRun.provider == "shop", ReconciliationRun.state == "done")
        .order_by(ReconciliationRun.started_at.desc())
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def statement_page(*, before: Any = None, limit: int = 50) -> list[Any]:
    """Rows of the providers' statements, the latest first; `before` is (settled_at, id) of the last row."""
    return db.rows(
        "SELECT t.id, t.provider, t.transaction_id, t.kind, t.currency, t.gross_minor, t.fee_minor, t.net_minor, t.payment_ref,"
        " t.refund_ref, t.payout_ref, t.settled_at FROM provider_transaction t"
        " WHERE (CAST(:at AS timestamptz) IS NULL OR (t.settled_at, t.id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"
        " ORDER BY t.settled_at DESC, t.id DESC LIMIT :limit",
        at=before[0] if before else None,
        id=before[1] if before else None,
        limit=limit,
    )


def alerts() -> Any:
    """(differences that are open, of those payments of nobody's, providers whose webhooks are silent, seconds since when)."""
    return db.rows(
        "SELECT (SELECT count(*) FROM difference WHERE state = 'open') AS differences,"
        " (SELECT count(*) FROM difference WHERE state = 'open'"
        "  AND kind IN ('missed_payment', 'foreign_payment', 'money_unused')) AS orphans,"
        " (SELECT string_agg(provider, ', ' ORDER BY provider) FROM webhook_silence WHERE ended_at IS NULL) AS silent,"
        " (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - began_at)), 0) FROM webhook_silence"
        "  WHERE ended_at IS NULL) AS seconds"
    )[0]


def webhook_health() -> list[Any]:
    """For each provider that took money or told something lately: its last webhook, and payments of the last day."""
    return db.rows(
        "WITH taken AS (SELECT provider, count(*) AS payments FROM payment_capture"
        "  WHERE created_at >= now() - interval '24 hours' AND captured_at IS NOT NULL AND attempt_id IS NOT NULL GROUP BY 1),"
        " told AS (SELECT provider, max(created_at) AS at, count(*) AS notices FROM payment_notice"
        "  WHERE created_at >= now() - interval '7 days' GROUP BY 1)"
        " SELECT coalesce(taken.provider, told.provider) AS provider, coalesce(payments, 0) AS payments, told.at,"
        " coalesce(notices, 0) AS notices"
        " FROM taken FULL JOIN told ON told.provider = taken.provider ORDER BY 1"
    )


def silent_providers(*, hours: int, grace_minutes: int) -> list[str]:
    """Providers that took money in the last hours, some minutes ago at least, and told nothing in all that time."""
    found = db.rows(
        "SELECT DISTINCT c.provider FROM payment_capture c WHERE c.captured_at IS NOT NULL AND c.attempt_id IS NOT NULL"
        " AND c.created_at >= now() - make_interval(hours => :hours) AND c.created_at < now() - make_interval(mins => :minutes)"
        " AND NOT EXISTS (SELECT 1 FROM payment_notice n WHERE n.created_at >= now() - make_interval(hours => :hours)"
        "  AND n.provider = c.provider) ORDER BY 1",
        hours=hours,
        minutes=grace_minutes,
    )
    return [row[0] for row in found]
