"""What whoever runs the shop wants to know at a glance. Plain counts, no names."""

from __future__ import annotations

import resource
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from app.core import db
from app.payments import queries as payments
from app.reconciliation import queries as reconciliation
from app.reconciliation.rules import success_rate
from app.stock import queries as stock


def waiting() -> dict[str, float]:
    """Deliveries that wait or were given up, the age of the oldest in seconds, locks that are live or past their time."""
    found = db.rows(
        "SELECT count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'dead') AS dead,"
        " coalesce(extract(epoch FROM clock_timestamp() - min(due_at) FILTER (WHERE state = 'pending')), 0) AS age"
        " FROM outbox_delivery WHERE state IN ('pending', 'dead')"
    )[0]
    locks = stock.lock_counts()
    return {
        "outbox_pending": float(found.pending),
        "outbox_dead": float(found.dead),
        "outbox_oldest_seconds": max(0.0, float(found.age)),
        "stock_locks_live": float(locks["active"]),
        "stock_locks_expired": float(locks["expired"]),
        **money(),
    }


def money() -> dict[str, float]:
    """Tries of the last day that were paid or failed and the share that was paid (PAY-33; absent while nobody tries), open
    differences, payments of nobody's, and for how long a provider has been silent (P6)."""
    captured, failed = payments.ended_attempts(hours=24)
    rate = success_rate(captured, failed)
    alerts = reconciliation.alerts()
    return {
        "payments_paid_24h": float(captured),
        "payments_failed_24h": float(failed),
        **({} if rate is None else {"payments_success_ratio": rate}),
        "differences_open": float(alerts.differences),
        "payments_orphaned": float(alerts.orphans),
        "webhooks_silent_seconds": float(alerts.seconds),
    }


def database() -> dict[str, Any]:
    """Size, connections in use and allowed, version; what our role may do: change `rows` only, or all as `owner` or `superuser`."""
    found = db.rows(
        "SELECT pg_database_size(current_database()) AS size_bytes, current_setting('server_version') AS version,"
        " current_setting('max_connections')::int AS connections_allowed,"
        " (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,"
        " CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 'superuser'"
        "  WHEN EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND pg_has_role(tableowner, 'USAGE')) THEN 'owner'"
        "  ELSE 'rows' END AS role"
    )[0]
    return dict(found._asdict())


def orders_by_state() -> dict[str, int]:
    return {
        row.state: row.n for row in db.rows("SELECT state, count(*) AS n FROM orders GROUP BY state ORDER BY state")
    }


def last_cleanup() -> dict[str, Any] | None:
    """The latest pass of the stock release; None before the first."""
    found = stock.last_cleanup()
    return {name: _plain(value) for name, value in found._asdict().items()} if found else None


def resident_bytes() -> int:
    """Memory of this process: now, where the system tells, else at its largest."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
