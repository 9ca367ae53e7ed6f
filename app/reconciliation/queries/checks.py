"""Our own rows held against each other and against the stored statements. Each check is one statement; all are bounded.

Columns of every check: provider, subject, happened_at, currency, expected, found, order_id, attempt_id, capture_id, refund_id,
found_currency.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from app.core import db
from app.payments.queries.checks import UNPOSTED
from app.reconciliation.rules import WITHOUT_ITEMS, Finding

MOST = 1000  # of a kind in one run: somebody who has a thousand of them does not need the next
TAKEN = "c.state IN ('captured', 'refunded') AND c.created_at >= :since"
OF_CAPTURE = "p.order_id, c.attempt_id, c.id AS capture_id, NULL::uuid AS refund_id"
OF_NOTHING = "NULL::uuid AS order_id, NULL::uuid AS attempt_id, NULL::uuid AS capture_id, NULL::uuid AS refund_id"
CAPTURE = "payment_capture c JOIN payment p ON p.id = c.payment_id"
CHARGE = (
    "provider_transaction t JOIN payment_capture c ON c.provider = t.provider AND c.provider_payment_id = t.payment_ref"
)
UNDER_WAY = (
    "coalesce((SELECT sum(r.amount_minor) FROM refund r WHERE r.capture_id = c.id"
    " AND r.state IN ('requested', 'pending', 'succeeded')), 0)"
)
LOST = "coalesce((SELECT sum(d.amount_minor) FROM payment_dispute d WHERE d.capture_id = c.id AND d.state = 'lost'), 0)"
KEPT = f"c.amount_minor - greatest(c.refunded_minor, {UNDER_WAY}) - {LOST}"
SURPLUS = (
    f"SELECT c.provider, c.provider_payment_id AS subject, c.created_at AS happened_at, c.currency, 0 AS expected, {KEPT} AS found,"
    f" {OF_CAPTURE}, '' AS found_currency FROM {CAPTURE} JOIN orders o ON o.id = p.order_id"
    f" WHERE c.state = 'captured' AND c.created_at >= :since AND (NOT c.is_applied OR o.state = 'cancelled') AND"
    f" {KEPT} > 0 AND"  # nosec B608
)
PAID_WITH_ANOTHER = "EXISTS (SELECT 1 FROM payment_capture a WHERE a.payment_id = c.payment_id AND a.is_applied AND o.state <> 'cancelled')"

UNSETTLED = (
    "SELECT c.provider, c.provider_payment_id AS subject, c.created_at AS happened_at, c.currency, c.amount_minor AS expected,"
    f" 0 AS found, {OF_CAPTURE}, '' AS found_currency FROM {CAPTURE} JOIN statement_progress s ON s.provider = c.provider"
    f" WHERE {TAKEN} AND c.captured_at >= s.since AND c.captured_at < s.through - make_interval(days => :settled_within)"
    " AND NOT EXISTS (SELECT 1 FROM provider_transaction t WHERE t.provider = c.provider AND t.kind = 'charge'"
    "  AND t.payment_ref = c.provider_payment_id)"  # nosec B608
)
PAID_OUT_SINCE = (  # in whatever currency: a provider may have changed the money into the account's own before
    f"EXISTS (SELECT 1 FROM provider_transaction o WHERE o.provider = c.provider AND o.provider = '{WITHOUT_ITEMS}'"
    " AND o.kind = 'payout' AND o.payout_ref = '' AND o.net_minor > 0 AND o.settled_at >= c.captured_at"
    " AND NOT EXISTS (SELECT 1 FROM provider_transaction b WHERE b.provider = o.provider"
    "  AND b.transaction_id = o.transaction_id || '-returned'))"  # nosec B608
)

CHECKS: Mapping[str, str] = {
    "paid_without_capture": (
        "SELECT coalesce(a.provider, '') AS provider, o.reference AS subject, o.created_at AS happened_at, o.currency,"
        " o.total_minor AS expected, 0 AS found, o.id AS order_id, a.id AS attempt_id, NULL::uuid AS capture_id,"
        " NULL::uuid AS refund_id, '' AS found_currency FROM orders o JOIN payment p ON p.order_id = o.id"
        " LEFT JOIN LATERAL (SELECT id, provider FROM payment_attempt WHERE payment_id = p.id ORDER BY position DESC LIMIT 1) a ON true"
        " WHERE o.created_at >= :since AND o.state IN ('confirmed', 'on_hold') AND a.id IS NOT NULL AND NOT EXISTS"
        " (SELECT 1 FROM payment_capture c WHERE c.payment_id = p.id AND c.is_applied AND c.state IN ('captured', 'refunded'))"
    ),
    "captured_twice": f"{SURPLUS} {PAID_WITH_ANOTHER}",
    "money_unused": f"{SURPLUS} NOT {PAID_WITH_ANOTHER}",
    "over_refunded": (
        "SELECT * FROM (SELECT c.provider, c.provider_payment_id AS subject, c.created_at AS happened_at, c.currency,"
        " c.amount_minor AS expected, greatest(c.refunded_minor, (SELECT coalesce(sum(r.amount_minor), 0) FROM refund r"
        f"  WHERE r.capture_id = c.id AND r.state = 'succeeded')) AS found, {OF_CAPTURE}, '' AS found_currency"
        f" FROM {CAPTURE} WHERE {TAKEN}) f WHERE found > expected"  # nosec B608
    ),
    "not_settled": f"{UNSETTLED} AND NOT {PAID_OUT_SINCE}",
    "paid_out_by_hand": f"{UNSETTLED} AND {PAID_OUT_SINCE}",
    "settled_amount_differs": (
        "SELECT c.provider, t.transaction_id AS subject, t.settled_at AS happened_at, c.currency, c.amount_minor AS expected,"
        f" t.gross_minor AS found, {OF_CAPTURE}, t.currency AS found_currency FROM {CHARGE}"
        " JOIN payment p ON p.id = c.payment_id WHERE t.kind = 'charge' AND t.settled_at >= :since"
        " AND (t.gross_minor, t.currency) <> (c.amount_minor, c.currency)"
        " UNION ALL SELECT c.provider, t.transaction_id, t.settled_at, r.currency, -r.amount_minor, t.gross_minor, p.order_id,"
        " c.attempt_id, c.id, r.id, t.currency FROM provider_transaction t JOIN refund r ON r.provider_refund_id = t.refund_ref"
        " JOIN payment_capture c ON c.id = r.capture_id AND c.provider = t.provider JOIN payment p ON p.id = c.payment_id"
        " WHERE t.kind = 'refund' AND t.settled_at >= :since AND (t.gross_minor, t.currency) <> (-r.amount_minor, r.currency)"  # nosec B608
    ),
    "settled_unknown": (
        "SELECT t.provider, t.transaction_id AS subject, t.settled_at AS happened_at, t.currency, 0 AS expected,"
        f" t.gross_minor AS found, {OF_NOTHING}, '' AS found_currency FROM provider_transaction t WHERE t.settled_at >= :since AND"
        " (t.kind = 'charge' AND NOT EXISTS (SELECT 1 FROM payment_capture c WHERE c.provider = t.provider"
        "   AND c.provider_payment_id = t.payment_ref)"
        "  OR t.kind = 'refund' AND NOT EXISTS (SELECT 1 FROM refund r WHERE r.provider_refund_id = t.refund_ref))"  # nosec B608
    ),
    "settled_twice": (
        "SELECT t.provider, t.kind || ':' || greatest(t.payment_ref, t.refund_ref) AS subject, max(t.settled_at) AS happened_at,"
        f" max(t.currency) AS currency, 1 AS expected, count(*) AS found, {OF_NOTHING}, '' AS found_currency"
        " FROM provider_transaction t WHERE t.kind IN ('charge', 'refund') AND t.settled_at >= :since"
        " GROUP BY t.provider, t.kind, CASE t.kind WHEN 'charge' THEN t.payment_ref ELSE t.refund_ref END,"
        " greatest(t.payment_ref, t.refund_ref) HAVING count(*) > 1"  # nosec B608
    ),
    "fee_differs": (
        "SELECT c.provider, t.transaction_id AS subject, t.settled_at AS happened_at, c.currency, c.fee_minor AS expected,"
        f" t.fee_minor AS found, {OF_CAPTURE}, '' AS found_currency FROM {CHARGE} JOIN payment p ON p.id = c.payment_id"
        " WHERE t.kind = 'charge' AND t.settled_at >= :since AND t.currency = c.currency AND t.fee_minor <> c.fee_minor"  # nosec B608
    ),
    "row_differs": (
        "SELECT t.provider, t.transaction_id AS subject, t.settled_at AS happened_at, t.currency,"
        f" t.gross_minor - t.fee_minor AS expected, t.net_minor AS found, {OF_NOTHING}, '' AS found_currency"
        " FROM provider_transaction t WHERE t.settled_at >= :since AND t.kind <> 'payout' AND t.net_minor <> t.gross_minor - t.fee_minor"  # nosec B608
    ),
    "payout_differs": (
        "SELECT t.provider, t.payout_ref AS subject, max(t.settled_at) AS happened_at, t.currency,"
        " coalesce(sum(t.net_minor) FILTER (WHERE t.kind <> 'payout'), 0)::bigint AS expected,"
        f" coalesce(sum(t.net_minor) FILTER (WHERE t.kind = 'payout'), 0)::bigint AS found, {OF_NOTHING}, '' AS found_currency"
        " FROM provider_transaction t WHERE t.payout_ref <> '' AND t.settled_at >= :since GROUP BY t.provider, t.payout_ref, t.currency"
        " HAVING coalesce(sum(t.net_minor) FILTER (WHERE t.kind <> 'payout'), 0)"
        "  <> coalesce(sum(t.net_minor) FILTER (WHERE t.kind = 'payout'), 0)"  # nosec B608
    ),
    # what takes back a refund that failed later is explained
    "adjustment": (
        "SELECT t.provider, t.transaction_id AS subject, t.settled_at AS happened_at, t.currency, 0 AS expected,"
        f" t.net_minor AS found, {OF_NOTHING}, '' AS found_currency FROM provider_transaction t"
        " WHERE t.kind = 'adjustment' AND t.settled_at >= :since AND NOT EXISTS (SELECT 1 FROM payment_capture c"
        "  JOIN refund r ON r.capture_id = c.id AND r.state = 'failed' AND r.amount_minor = t.net_minor"
        "  WHERE c.provider = t.provider AND c.provider_payment_id = t.payment_ref)"  # nosec B608
    ),
    **{
        kind: f"SELECT u.*, NULL::uuid AS attempt_id, '' AS found_currency FROM ({sql}) u WHERE u.happened_at >= :since"  # nosec B608
        for kind, sql in UNPOSTED.items()
    },
}


def local_findings(*, since: datetime, settled_within: int) -> Iterator[Finding]:
    """What every check finds in what happened since then; captures are waited for `settled_within` days."""
    for kind, sql in CHECKS.items():
        values = {"since": since} | ({"settled_within": settled_within} if ":settled_within" in sql else {})
        for row in db.rows(f"{sql} ORDER BY happened_at DESC LIMIT {MOST}", **values):
            yield Finding(
                kind=kind,
                provider=row.provider,
                subject=row.subject,
                happened_at=row.happened_at,
                currency=row.currency,
                expected=int(row.expected),
                found=int(row.found),
                found_currency=row.found_currency,
                order_id=row.order_id,
                attempt_id=row.attempt_id,
                capture_id=row.capture_id,
                refund_id=row.refund_id,
            )
