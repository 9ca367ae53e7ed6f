"""the books: a ledger that is only added to; statements of providers, reconciliation runs and differences"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BALANCED = """
CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  entry uuid;
BEGIN
  IF TG_TABLE_NAME = 'ledger_entry' THEN
    entry := NEW.id;
    IF NOT EXISTS (SELECT 1 FROM ledger_line WHERE entry_id = entry) THEN
      RAISE EXCEPTION 'ledger entry % has no lines', entry
        USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_ledger_entry_balanced';
    END IF;
  ELSE
    entry := NEW.entry_id;
  END IF;
  IF EXISTS (SELECT 1 FROM ledger_line WHERE entry_id = entry GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
    RAISE EXCEPTION 'ledger entry % does not add up to zero', entry
      USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_ledger_line_balanced';
  END IF;
  RETURN NULL;
END $$
"""
APPEND_ONLY = """
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _ledger()
    op.create_index("ix_payment_attempt_created_at", "payment_attempt", ["created_at"])
    op.create_index("ix_payment_capture_created_at", "payment_capture", ["created_at"])
    _statements()
    _runs()
    _differences()
    op.create_table(
        "webhook_silence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("began_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_silence")),
    )
    op.create_index(
        "uq_webhook_silence_open",
        "webhook_silence",
        ["provider"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _ledger() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_table", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("sequence", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("occurred_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('capture', 'credit', 'dispute', 'fee', 'payout', 'refund', 'refund_reversed', 'sale', 'write_off')",
            name=op.f("ck_ledger_entry_kind"),
        ),
        sa.CheckConstraint("sequence > 0", name=op.f("ck_ledger_entry_sequence")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("source_table", "source_id", "kind", "sequence", name="uq_ledger_entry_source"),
    )
    op.create_index("ix_ledger_entry_order_id", "ledger_entry", ["order_id"])
    op.create_index("ix_ledger_entry_occurred_at", "ledger_entry", [sa.text("occurred_at DESC"), sa.text("id DESC")])
    op.create_table(
        "ledger_line",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_line_amount")),
        sa.CheckConstraint(
            "account IN ('bank', 'customer_credit', 'customer_refunds', 'disputes', 'payment_fees', 'sales',"
            " 'shipping_income', 'suspense', 'tax_payable', 'write_off') OR account ~ '^provider_clearing:[a-z]+$'",
            name=op.f("ck_ledger_line_account"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_line_currency")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_ledger_line_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "account", "currency", name=op.f("pk_ledger_line")),
    )
    op.create_index("ix_ledger_line_account_currency", "ledger_line", ["account", "currency"])
    op.execute(BALANCED)
    op.execute(APPEND_ONLY)
    for table in ("ledger_entry", "ledger_line"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER ck_{table}_balanced AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )


def _statements() -> None:
    op.create_table(
        "provider_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("payment_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("refund_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("payout_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("settled_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('adjustment', 'charge', 'dispute', 'fee', 'payout', 'refund')",
            name=op.f("ck_provider_transaction_kind"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_transaction")),
        sa.UniqueConstraint("provider", "transaction_id", name=op.f("uq_provider_transaction_provider_transaction_id")),
    )
    op.create_index("ix_provider_transaction_payment_ref", "provider_transaction", ["provider", "payment_ref"])
    op.create_index(
        "ix_provider_transaction_refund_ref",
        "provider_transaction",
        ["provider", "refund_ref"],
        postgresql_where=sa.text("refund_ref <> ''"),
    )
    op.create_index("ix_provider_transaction_payout_ref", "provider_transaction", ["provider", "payout_ref"])
    op.create_index(
        "ix_provider_transaction_settled_at",
        "provider_transaction",
        [sa.text("settled_at DESC"), sa.text("id DESC")],
    )
    op.create_table(
        "statement_progress",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("through", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_statement_progress")),
    )


def _runs() -> None:
    counts = ("payments", "refunds", "statement_rows", "found", "opened", "closed")
    op.create_table(
        "reconciliation_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in counts),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("balances", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("started_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('done', 'failed', 'running')", name=op.f("ck_reconciliation_run_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_run")),
    )
    op.create_index(
        "uq_reconciliation_run_running",
        "reconciliation_run",
        ["provider"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_index("ix_reconciliation_run_started_at", "reconciliation_run", [sa.text("started_at DESC")])
    op.create_index("ix_reconciliation_run_provider", "reconciliation_run", ["provider", sa.text("started_at DESC")])


def _differences() -> None:
    references = {
        "order_id": "orders",
        "attempt_id": "payment_attempt",
        "capture_id": "payment_capture",
        "refund_id": "refund",
    }
    op.create_table(
        "difference",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in references),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("found_currency", sa.Text(), server_default="", nullable=False),
        sa.Column("expected_minor", sa.BigInteger(), nullable=False),
        sa.Column("found_minor", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", MOMENT, nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("last_run_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("closed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('adjustment', 'amount_differs', 'capture_unposted', 'captured_twice', 'currency_differs',"
            " 'fee_differs', 'fee_unposted', 'foreign_payment', 'missed_payment', 'money_unused', 'not_settled',"
            " 'over_refunded', 'paid_without_capture', 'payout_differs', 'refund_amount_differs', 'refund_state_differs',"
            " 'refund_unknown_here', 'refund_unknown_there', 'refund_unposted', 'row_differs', 'settled_amount_differs',"
            " 'settled_twice', 'settled_unknown', 'unknown_there')",
            name=op.f("ck_difference_kind"),
        ),
        sa.CheckConstraint("state IN ('accepted', 'gone', 'open', 'repaired')", name=op.f("ck_difference_state")),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_difference_closed_at")),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_difference_{name}"))
            for name, table in references.items()
        ),
        sa.ForeignKeyConstraint(["last_run_id"], ["reconciliation_run.id"], name=op.f("fk_difference_last_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_difference")),
        sa.UniqueConstraint("kind", "provider", "subject", name=op.f("uq_difference_kind_provider_subject")),
    )
    op.create_index(
        "ix_difference_state_opened_at", "difference", ["state", sa.text("opened_at DESC"), sa.text("id DESC")]
    )
    op.create_index("ix_difference_opened_at", "difference", [sa.text("opened_at DESC"), sa.text("id DESC")])


def downgrade() -> None:
    for table in ("webhook_silence", "difference", "reconciliation_run", "statement_progress", "provider_transaction"):
        op.drop_table(table)
    op.drop_index("ix_payment_capture_created_at", table_name="payment_capture")
    op.drop_index("ix_payment_attempt_created_at", table_name="payment_attempt")
    op.drop_table("ledger_line")
    op.drop_table("ledger_entry")
    op.execute("DROP FUNCTION ledger_is_balanced, ledger_is_append_only")
