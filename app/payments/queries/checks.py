"""The payment invariants of `shop audit`, and what the books lack."""

from __future__ import annotations

from app.core import db


def faults() -> dict[str, int]:
    """The payment invariants of `shop audit`."""
    return {
        # money taken that neither pays an order nor is (being) returned in full, nor was lost to a dispute
        "orphan_payments": db.scalar(
            "SELECT count(*) FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id"
            " LEFT JOIN (SELECT capture_id, sum(amount_minor) AS amount FROM refund"
            "  WHERE state IN ('requested', 'pending', 'succeeded') GROUP BY 1) r ON r.capture_id = c.id"
            " WHERE c.state = 'captured' AND NOT (c.is_applied"
            "  AND (o.state IN ('confirmed', 'on_hold') OR o.state = 'pending' AND p.parts > 1))"
            " AND c.amount_minor > greatest(c.refunded_minor, coalesce(r.amount, 0)) + (SELECT coalesce(sum(d.amount_minor), 0)"
            "  FROM payment_dispute d WHERE d.capture_id = c.id AND d.state = 'lost')"
        ),
        # in another currency than the order's nothing pays it: there all of it is too much
        "double_captures": db.scalar(
            "SELECT count(DISTINCT p.id) FROM payment p"
            " JOIN (SELECT payment_id, upper(currency) AS currency, sum(amount_minor) AS amount FROM payment_capture"
            "  WHERE state IN ('captured', 'refunded') GROUP BY 1, 2) c ON c.payment_id = p.id"
            " LEFT JOIN (SELECT payment_id, upper(currency) AS currency, sum(amount_minor) AS amount FROM refund"
            "  WHERE state IN ('requested', 'pending', 'succeeded') GROUP BY 1, 2) r"
            "  ON r.payment_id = p.id AND r.currency = c.currency"
            " WHERE c.amount - coalesce(r.amount, 0) > CASE WHEN c.currency = p.currency THEN p.amount_minor ELSE 0 END"
        ),
        "over_refunds": db.scalar(
            "SELECT count(*) FROM payment_capture c LEFT JOIN (SELECT capture_id, sum(amount_minor) AS amount FROM refund"
            "  WHERE state NOT IN ('failed', 'rejected') GROUP BY 1) r ON r.capture_id = c.id"
            " WHERE c.refunded_minor > c.amount_minor OR c.amount_minor < coalesce(r.amount, 0)"
        ),
    }


def instalment_faults() -> dict[str, int]:
    """The invariant of instalments."""
    return {
        # plans that are not their order's sum, that count money which has not come, or that are over before their time
        "instalments_mismatch": db.scalar(
            "SELECT count(*) FROM payment p JOIN orders o ON o.id = p.order_id LEFT JOIN (SELECT payment_id, count(*) AS parts,"
            "  sum(amount_minor) AS amount, coalesce(sum(amount_minor) FILTER (WHERE state = 'paid'), 0) AS paid,"
            "  bool_or(state <> 'paid') AS is_open, bool_or(state = 'closed') AS is_closed FROM instalment GROUP BY 1) i"
            "  ON i.payment_id = p.id"
            " LEFT JOIN (SELECT payment_id, sum(amount_minor) AS amount FROM payment_capture"
            "  WHERE is_applied AND attempt_id IS NOT NULL AND state IN ('captured', 'refunded') GROUP BY 1) c ON c.payment_id = p.id"
            " WHERE p.received_minor <> coalesce(c.amount, 0) OR (p.parts > 1) <> (i.parts IS NOT NULL)"
            " OR i.parts <> p.parts OR i.amount <> p.amount_minor - p.value_minor OR i.paid <> p.received_minor"
            " OR (i.is_open AND p.paid_at IS NOT NULL) OR (i.is_closed AND o.state IN ('pending', 'confirmed'))"
        ),
    }


def unposted() -> dict[str, int]:
    """Captures, refunds and fees that the books lack, for `shop audit`."""
    return {"ledger_missing": sum(db.scalar(f"SELECT count(*) FROM ({sql}) m") for sql in UNPOSTED.values())}  # nosec B608


# What the books lack, by kind: captures, refunds (counted without those reversed) and fees.
UNPOSTED = {
    "capture_unposted": (
        "SELECT c.id AS capture_id, NULL::uuid AS refund_id, p.order_id, c.provider, c.provider_payment_id AS subject,"
        " c.created_at AS happened_at, c.currency, c.amount_minor AS expected, 0::bigint AS found"
        " FROM payment_capture c JOIN payment p ON p.id = c.payment_id WHERE c.state IN ('captured', 'refunded')"
        " AND NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.source_table = 'payment_capture' AND e.source_id = c.id::text"
        "  AND e.kind = 'capture')"
    ),
    "refund_unposted": (
        "SELECT r.capture_id, r.id AS refund_id, p.order_id, c.provider, r.id::text AS subject, r.created_at AS happened_at,"
        " r.currency, CASE r.state WHEN 'succeeded' THEN r.amount_minor ELSE 0 END AS expected,"
        " (f.posted - f.reversed) * r.amount_minor AS found"
        " FROM refund r JOIN payment p ON p.id = r.payment_id JOIN payment_capture c ON c.id = r.capture_id"
        " CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE e.kind = 'refund') AS posted,"
        "  count(*) FILTER (WHERE e.kind = 'refund_reversed') AS reversed"
        "  FROM ledger_entry e WHERE e.source_table = 'refund' AND e.source_id = r.id::text) f"
        " WHERE (r.state = 'succeeded')::int <> f.posted - f.reversed"
    ),
    "fee_unposted": (
        "SELECT c.id AS capture_id, NULL::uuid AS refund_id, p.order_id, c.provider, c.provider_payment_id AS subject,"
        " c.created_at AS happened_at, c.currency, c.fee_minor AS expected, coalesce(f.posted, 0)::bigint AS found"
        " FROM payment_capture c JOIN payment p ON p.id = c.payment_id"
        " LEFT JOIN (SELECT e.source_id, sum(l.amount_minor) AS posted FROM ledger_entry e JOIN ledger_line l ON l.entry_id = e.id"
        "  WHERE e.source_table = 'payment_capture' AND l.account = 'payment_fees' GROUP BY 1) f"
        " ON f.source_id = c.id::text WHERE c.fee_minor <> coalesce(f.posted, 0)"
    ),
}
