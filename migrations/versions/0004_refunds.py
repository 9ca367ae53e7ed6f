"""refunds by line, approval, a customer's wish, disputes"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _widen_refund()
    _widen_neighbours()
    _create_refund_line()
    _create_refund_request()
    _create_payment_dispute()


def _widen_refund() -> None:
    op.add_column("refund", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.add_column("refund", sa.Column("source", sa.Text(), server_default="shop", nullable=False))
    op.add_column("refund", sa.Column("requested_by", sa.Text(), server_default="system", nullable=False))
    op.add_column("refund", sa.Column("decided_by", sa.Text(), nullable=True))
    op.add_column("refund", sa.Column("decided_at", MOMENT, nullable=True))
    op.add_column("refund", sa.Column("key", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_refund_state"), "refund")
    op.create_check_constraint(
        op.f("ck_refund_state"),
        "refund",
        "state IN ('failed', 'pending', 'rejected', 'requested', 'succeeded', 'waiting')",
    )
    op.create_check_constraint(op.f("ck_refund_source"), "refund", "source IN ('shop', 'provider')")
    op.create_check_constraint(
        op.f("ck_refund_two_people"), "refund", "decided_by IS NULL OR decided_by <> requested_by"
    )
    op.create_check_constraint(
        op.f("ck_refund_unsent"), "refund", "state NOT IN ('waiting', 'rejected') OR provider_refund_id IS NULL"
    )
    op.create_unique_constraint(op.f("uq_refund_key"), "refund", ["key"])
    op.create_index("ix_refund_capture_id", "refund", ["capture_id"])
    op.create_index("ix_refund_created_at", "refund", [sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_index("ix_refund_state_created_at", "refund", ["state", sa.text("created_at DESC"), sa.text("id DESC")])


def _widen_neighbours() -> None:
    op.add_column("payment_capture", sa.Column("refunds_asked", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("payment_capture", sa.Column("refunds_ask_at", MOMENT, nullable=True))
    op.create_index(
        "ix_payment_capture_refunds_ask_at",
        "payment_capture",
        ["refunds_ask_at"],
        postgresql_where=sa.text("refunds_ask_at IS NOT NULL"),
    )
    op.add_column("stock_movement", sa.Column("source_id", sa.Uuid(), nullable=True))
    op.create_index(
        "uq_stock_movement_restock",
        "stock_movement",
        ["source_id", "stock_item_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'restock'"),
    )


def _create_refund_line() -> None:
    op.create_table(
        "refund_line",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("wants_restock", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("restocked", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("kind IN ('amount', 'goods', 'shipping')", name=op.f("ck_refund_line_kind")),
        sa.CheckConstraint("(kind = 'goods') = (order_line_id IS NOT NULL)", name=op.f("ck_refund_line_line")),
        sa.CheckConstraint(
            "CASE kind WHEN 'goods' THEN quantity > 0 ELSE quantity = 0 END", name=op.f("ck_refund_line_quantity")
        ),
        sa.CheckConstraint("restocked >= 0 AND restocked <= quantity", name=op.f("ck_refund_line_restocked")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_refund_line_amount")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_line_refund_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_line.id"], name=op.f("fk_refund_line_order_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_line")),
        sa.UniqueConstraint(
            "refund_id",
            "kind",
            "order_line_id",
            name=op.f("uq_refund_line_refund_id_kind_order_line_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_refund_line_order_line_id", "refund_line", ["order_line_id"])


def _create_refund_request() -> None:
    op.create_table(
        "refund_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "state IN ('accepted', 'declined', 'open', 'waiting')", name=op.f("ck_refund_request_state")
        ),
        sa.CheckConstraint(
            "reason IN ('changed_mind', 'damaged', 'goodwill', 'never_arrived', 'not_as_described', 'other', 'wrong_item')",
            name=op.f("ck_refund_request_reason"),
        ),
        sa.CheckConstraint(
            "(state IN ('waiting', 'accepted')) = (refund_id IS NOT NULL)", name=op.f("ck_refund_request_refund")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_refund_request_order_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_refund_request_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_request")),
    )
    op.create_index(
        "uq_refund_request_unanswered",
        "refund_request",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'waiting')"),
    )
    op.create_index("ix_refund_request_order_id", "refund_request", ["order_id", sa.text("created_at DESC")])
    op.create_index("ix_refund_request_refund_id", "refund_request", ["refund_id"])
    op.create_index(
        "ix_refund_request_open", "refund_request", ["created_at", "id"], postgresql_where=sa.text("state = 'open'")
    )
    op.create_table(
        "refund_request_line",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_refund_request_line_quantity")),
        sa.ForeignKeyConstraint(["request_id"], ["refund_request.id"], name=op.f("fk_refund_request_line_request_id")),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_line.id"], name=op.f("fk_refund_request_line_order_line_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "order_line_id", name=op.f("pk_refund_request_line")),
    )


def _create_payment_dispute() -> None:
    op.create_table(
        "payment_dispute",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("capture_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_dispute_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("respond_by", MOMENT, nullable=True),
        sa.Column("ask_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "state IN ('closed', 'lost', 'open', 'under_review', 'won')", name=op.f("ck_payment_dispute_state")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_dispute_amount")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_dispute_payment_id")),
        sa.ForeignKeyConstraint(["capture_id"], ["payment_capture.id"], name=op.f("fk_payment_dispute_capture_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_dispute")),
        sa.UniqueConstraint(
            "provider", "provider_dispute_id", name=op.f("uq_payment_dispute_provider_provider_dispute_id")
        ),
    )
    op.create_index("ix_payment_dispute_payment_id", "payment_dispute", ["payment_id"])
    op.create_index(
        "ix_payment_dispute_ask_at",
        "payment_dispute",
        ["ask_at"],
        postgresql_where=sa.text("state IN ('open', 'under_review')"),
    )


def downgrade() -> None:
    for table in ("payment_dispute", "refund_request_line", "refund_request", "refund_line"):
        op.drop_table(table)
    op.drop_index("uq_stock_movement_restock", table_name="stock_movement")
    op.drop_column("stock_movement", "source_id")
    op.drop_index("ix_payment_capture_refunds_ask_at", table_name="payment_capture")
    op.drop_column("payment_capture", "refunds_ask_at")
    op.drop_column("payment_capture", "refunds_asked")
    for index in ("ix_refund_state_created_at", "ix_refund_created_at", "ix_refund_capture_id"):
        op.drop_index(index, table_name="refund")
    op.drop_constraint(op.f("uq_refund_key"), "refund")
    for check in ("ck_refund_unsent", "ck_refund_two_people", "ck_refund_source", "ck_refund_state"):
        op.drop_constraint(op.f(check), "refund")
    op.execute("UPDATE refund SET state = 'failed' WHERE state IN ('waiting', 'rejected')")
    op.create_check_constraint(
        op.f("ck_refund_state"), "refund", "state IN ('failed', 'pending', 'requested', 'succeeded')"
    )
    for column in ("key", "decided_at", "decided_by", "requested_by", "source", "note"):
        op.drop_column("refund", column)
