"""What whoever runs the shop wants to know at a glance. Plain counts, no names."""

from __future__ import annotations

from app.core import db


def waiting() -> dict[str, float]:
    """Deliveries that wait or were given up, the age of the oldest in seconds, locks that are live or past their time."""
    found = db.rows(
        "SELECT count(*) FILTER (WHERE state = 'pending') AS pending, count(*) FILTER (WHERE state = 'dead') AS dead,"
        " coalesce(extract(epoch FROM clock_timestamp() - min(due_at) FILTER (WHERE state = 'pending')), 0) AS age"
        " FROM outbox_delivery WHERE state IN ('pending', 'dead')"
    )[0]
    locks = db.rows(
        "SELECT count(*) FILTER (WHERE expires_at > clock_timestamp()) AS live,"
        " count(*) FILTER (WHERE expires_at <= clock_timestamp()) AS expired FROM stock_lock WHERE state = 'held'"
    )[0]
    return {
        "outbox_pending": float(found.pending),
        "outbox_dead": float(found.dead),
        "outbox_oldest_seconds": max(0.0, float(found.age)),
        "stock_locks_live": float(locks.live),
        "stock_locks_expired": float(locks.expired),
    }
