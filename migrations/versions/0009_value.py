"""gift cards and store credit: accounts, what is held of them, their ledger; orders that they pay in part"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
ACCOUNTS = (
    "account IN ('bank', {}'customer_credit', 'customer_refunds', 'disputes', {}'payment_fees', 'sales',"
    " 'shipping_income', 'suspense', 'tax_payable', 'write_off') OR account ~ '^provider_clearing:[a-z]+$'"
)


def upgrade() -> None:
    _accounts()
    _holds()
    _entries()
    _payments()
    op.add_column(
        "checkout_session",
        sa.Column(
            "value_ids", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
    )
    op.drop_constraint("ck_ledger_line_account", "ledger_line")
    op.create_check_constraint(
        op.f("ck_ledger_line_account"), "ledger_line", ACCOUNTS.format("'breakage', ", "'goodwill', ")
    )


def _accounts() -> None:
    op.create_table(
        "value_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("code_index", sa.LargeBinary(), nullable=False),
        sa.Column("last_four", sa.Text(), nullable=False),
        sa.Column("mail_code", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(), nullable=True),
        sa.Column("locale", sa.Text(), server_default="en", nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('gift_card', 'store_credit')", name=op.f("ck_value_account_kind")),
        sa.CheckConstraint("state IN ('active', 'disabled')", name=op.f("ck_value_account_state")),
        sa.CheckConstraint("0 <= held_minor AND held_minor <= balance_minor", name=op.f("ck_value_account_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_value_account")),
        sa.UniqueConstraint("code_index", name=op.f("uq_value_account_code_index")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_value_account_batch_id_position")),
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("ix_value_account_created_at", "value_account", newest)
    op.create_index("ix_value_account_state_created_at", "value_account", ["state", *newest])
    op.create_index("ix_value_account_last_four", "value_account", ["last_four", *newest])
    op.create_index("ix_value_account_email_index", "value_account", ["email_index"])
    op.create_index(
        "ix_value_account_expires_at",
        "value_account",
        ["expires_at"],
        postgresql_where=sa.text("balance_minor > held_minor"),
    )


def _holds() -> None:
    op.create_table(
        "value_hold",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="held", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('held', 'released', 'spent')", name=op.f("ck_value_hold_state")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_value_hold_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["value_account.id"], name=op.f("fk_value_hold_account_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_value_hold_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_value_hold")),
    )
    op.create_index(
        "uq_value_hold_live",
        "value_hold",
        ["order_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('held', 'spent')"),
    )
    op.create_index("ix_value_hold_order_id", "value_hold", ["order_id"])
    op.create_index("ix_value_hold_account_id", "value_hold", ["account_id"])
    op.create_index("ix_value_hold_held", "value_hold", ["created_at"], postgresql_where=sa.text("state = 'held'"))


def _entries() -> None:
    op.create_table(
        "value_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("balance_delta", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("held_delta", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="system", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('adjust', 'expire', 'hold', 'issue', 'refund', 'release', 'spend')",
            name=op.f("ck_value_entry_kind"),
        ),
        sa.CheckConstraint("balance_delta <> 0 OR held_delta <> 0", name=op.f("ck_value_entry_delta")),
        sa.ForeignKeyConstraint(["account_id"], ["value_account.id"], name=op.f("fk_value_entry_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_value_entry")),
        sa.UniqueConstraint("account_id", "kind", "source_id", name=op.f("uq_value_entry_account_id_kind_source_id")),
    )
    op.create_index("ix_value_entry_account_id_created_at", "value_entry", ["account_id", "created_at", "id"])
    op.execute(
        "CREATE TRIGGER value_entry_is_kept BEFORE UPDATE OR DELETE ON value_entry"
        " FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()"
    )
    op.execute(
        "CREATE TRIGGER value_entry_is_not_emptied BEFORE TRUNCATE ON value_entry"
        " FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
    )


def _payments() -> None:
    op.add_column("payment", sa.Column("value_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_payment_value"), "payment", "0 <= value_minor AND value_minor <= amount_minor")
    op.alter_column("payment_capture", "attempt_id", nullable=True)
    op.create_check_constraint(
        op.f("ck_payment_capture_attempt"),
        "payment_capture",
        "(attempt_id IS NULL) = (provider IN ('gift_card', 'store_credit'))",
    )
    op.drop_index("uq_payment_capture_applied", table_name="payment_capture")
    op.create_index(
        "uq_payment_capture_applied",
        "payment_capture",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("is_applied AND attempt_id IS NOT NULL"),
    )
    op.add_column("refund", sa.Column("as_credit", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("refund", sa.Column("to_account_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_refund_to_account_id"), "refund", "value_account", ["to_account_id"], ["id"])
    op.drop_constraint("uq_refund_key", "refund")
    op.create_unique_constraint(op.f("uq_refund_key_capture_id"), "refund", ["key", "capture_id"])
    op.drop_constraint("ck_refund_line_quantity", "refund_line")
    op.create_check_constraint(
        op.f("ck_refund_line_quantity"),
        "refund_line",
        "CASE kind WHEN 'goods' THEN quantity >= 0 ELSE quantity = 0 END",
    )


def downgrade() -> None:
    op.drop_constraint("ck_refund_line_quantity", "refund_line")
    op.create_check_constraint(
        op.f("ck_refund_line_quantity"),
        "refund_line",
        "CASE kind WHEN 'goods' THEN quantity > 0 ELSE quantity = 0 END",
    )
    op.drop_constraint("uq_refund_key_capture_id", "refund")
    op.create_unique_constraint(op.f("uq_refund_key"), "refund", ["key"])
    op.drop_column("refund", "to_account_id")
    op.drop_column("refund", "as_credit")
    op.drop_index("uq_payment_capture_applied", table_name="payment_capture")
    op.create_index(
        "uq_payment_capture_applied",
        "payment_capture",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("is_applied"),
    )
    op.drop_constraint("ck_payment_capture_attempt", "payment_capture")
    op.alter_column("payment_capture", "attempt_id", nullable=False)
    op.drop_column("payment", "value_minor")
    op.drop_column("checkout_session", "value_ids")
    op.drop_constraint("ck_ledger_line_account", "ledger_line")
    op.create_check_constraint(op.f("ck_ledger_line_account"), "ledger_line", ACCOUNTS.format("", ""))
    for table in ("value_entry", "value_hold", "value_account"):
        op.drop_table(table)
