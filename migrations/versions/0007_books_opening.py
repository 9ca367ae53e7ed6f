"""post what the shop took and gave back before it kept books"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TAKEN = "c.state IN ('captured', 'refunded') AND c.captured_at IS NOT NULL"
ENTRY = "INSERT INTO ledger_entry (id, kind, source_table, source_id, order_id, occurred_at)"
LINES = "INSERT INTO ledger_line (entry_id, account, currency, amount_minor)"
CAPTURE = "payment_capture c JOIN payment p ON p.id = c.payment_id"
ORDER = "orders o JOIN payment p ON p.order_id = o.id JOIN payment_capture c ON c.payment_id = p.id AND c.is_applied"
REFUND = "refund r JOIN payment_capture c ON c.id = r.capture_id JOIN payment p ON p.id = r.payment_id"

STATEMENTS = (
    f"{ENTRY} SELECT uuidv7(), 'capture', 'payment_capture', c.id::text, p.order_id, c.captured_at FROM {CAPTURE} WHERE {TAKEN}",  # nosec B608
    f"{LINES} SELECT e.id, l.account, c.currency, l.sign * c.amount_minor FROM ledger_entry e"
    " JOIN payment_capture c ON c.id::text = e.source_id AND e.kind = 'capture'"
    " CROSS JOIN LATERAL (VALUES ('provider_clearing:' || c.provider, 1), ('suspense', -1)) l(account, sign)",  # nosec B608
    f"{ENTRY} SELECT uuidv7(), 'fee', 'payment_capture', c.id::text, p.order_id, c.captured_at FROM {CAPTURE}"
    f" WHERE {TAKEN} AND c.fee_minor <> 0",  # nosec B608
    f"{LINES} SELECT e.id, l.account, c.currency, l.sign * c.fee_minor FROM ledger_entry e"
    " JOIN payment_capture c ON c.id::text = e.source_id AND e.kind = 'fee'"
    " CROSS JOIN LATERAL (VALUES ('payment_fees', 1), ('provider_clearing:' || c.provider, -1)) l(account, sign)",  # nosec B608
    f"{ENTRY} SELECT uuidv7(), 'sale', 'orders', o.id::text, o.id, o.confirmed_at FROM {ORDER}"
    " WHERE o.confirmed_at IS NOT NULL",  # nosec B608
    f"{LINES} SELECT e.id, l.account, o.currency, l.minor FROM ledger_entry e JOIN orders o ON o.id = e.order_id"
    " CROSS JOIN LATERAL (VALUES ('suspense', o.total_minor), ('shipping_income', -o.shipping_minor),"
    "  ('tax_payable', -(o.tax_added_minor + o.tax_included_minor)),"
    "  ('sales', -(o.total_minor - o.shipping_minor - o.tax_added_minor - o.tax_included_minor))) l(account, minor)"
    " WHERE e.kind = 'sale' AND l.minor <> 0",  # nosec B608
    f"{ENTRY} SELECT uuidv7(), 'refund', 'refund', r.id::text, p.order_id, r.updated_at FROM {REFUND} WHERE r.state = 'succeeded'",  # nosec B608
    f"{LINES} SELECT e.id, l.account, r.currency, l.sign * r.amount_minor FROM ledger_entry e"
    " JOIN refund r ON r.id::text = e.source_id AND e.kind = 'refund' JOIN payment_capture c ON c.id = r.capture_id"
    " CROSS JOIN LATERAL (VALUES (CASE WHEN c.is_applied THEN 'customer_refunds' ELSE 'suspense' END, 1),"
    "  ('provider_clearing:' || c.provider, -1)) l(account, sign)",  # nosec B608
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    """The books go with their tables, one revision further down."""
