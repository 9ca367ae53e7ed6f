"""subscriptions: what may be subscribed to, orders that come again, and their turns"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
HOW_OFTEN = "period IN ('month', 'week') AND every BETWEEN 1 AND 12"


def upgrade() -> None:
    _plans()
    _orders()
    _cycles()


def _plans() -> None:
    op.create_table(
        "recurring_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("every", sa.SmallInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(HOW_OFTEN, name=op.f("ck_recurring_plan_how_often")),
        sa.ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("fk_recurring_plan_variant_id_variant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_plan")),
        sa.UniqueConstraint("variant_id", "period", "every", name=op.f("uq_recurring_plan_variant_id_period_every")),
    )
    op.create_index(
        "ix_recurring_plan_created_at",
        "recurring_plan",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
    )


def _orders() -> None:
    op.create_table(
        "recurring_order",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("over_reason", sa.Text(), nullable=True),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("every", sa.SmallInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("provider_plan_id", sa.Text(), nullable=True),
        sa.Column("provider_subscription_id", sa.Text(), nullable=True),
        sa.Column("page_url", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_for", sa.Text(), server_default="running", nullable=False),
        sa.Column("seen", sa.Text(), server_default="", nullable=False),
        sa.Column("asking_until", MOMENT, nullable=True),
        sa.Column("next_charge_at", MOMENT, nullable=True),
        sa.Column("ask_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "state IN ('active', 'cancelled', 'ended', 'past_due', 'paused', 'pending')",
            name=op.f("ck_recurring_order_state"),
        ),
        sa.CheckConstraint(
            "over_reason IS NULL OR over_reason IN"
            " ('at_provider', 'by_customer', 'by_staff', 'ended', 'not_started', 'unpaid')",
            name=op.f("ck_recurring_order_over_reason"),
        ),
        sa.CheckConstraint(
            "(closed_at IS NOT NULL) = (over_reason IS NOT NULL)", name=op.f("ck_recurring_order_closed")
        ),
        sa.CheckConstraint(
            "asked_for IN ('running', 'paused', 'cancelled')", name=op.f("ck_recurring_order_asked_for")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'cancelled') OR started_at IS NOT NULL", name=op.f("ck_recurring_order_started")
        ),
        sa.CheckConstraint("amount_minor > 0 AND quantity > 0", name=op.f("ck_recurring_order_amounts")),
        sa.CheckConstraint(HOW_OFTEN, name=op.f("ck_recurring_order_how_often")),
        sa.ForeignKeyConstraint(["variant_id"], ["variant.id"], name=op.f("fk_recurring_order_variant_id_variant")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_order")),
        sa.UniqueConstraint("key", name=op.f("uq_recurring_order_key")),
        sa.UniqueConstraint("token", name=op.f("uq_recurring_order_token")),
        sa.UniqueConstraint("receipt", name=op.f("uq_recurring_order_receipt")),
        sa.UniqueConstraint(
            "provider", "provider_subscription_id", name=op.f("uq_recurring_order_provider_provider_subscription_id")
        ),
    )
    newest = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("ix_recurring_order_created_at", "recurring_order", newest)
    op.create_index("ix_recurring_order_state_created_at", "recurring_order", ["state", *newest])
    op.create_index(
        "ix_recurring_order_ask_at", "recurring_order", ["ask_at"], postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.create_index(
        "ix_recurring_order_next_charge_at",
        "recurring_order",
        ["next_charge_at"],
        postgresql_where=sa.text("state IN ('active', 'past_due') AND next_charge_at IS NOT NULL"),
    )


def _cycles() -> None:
    op.create_table(
        "recurring_cycle",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recurring_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="locked", nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_charge_id", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "state IN ('charged', 'due', 'failed', 'locked', 'skipped')", name=op.f("ck_recurring_cycle_state")
        ),
        sa.CheckConstraint("position > 0", name=op.f("ck_recurring_cycle_position")),
        sa.CheckConstraint(
            "provider_charge_id IS NULL OR order_id IS NOT NULL", name=op.f("ck_recurring_cycle_charge")
        ),
        sa.CheckConstraint("state = 'skipped' OR order_id IS NOT NULL", name=op.f("ck_recurring_cycle_order")),
        sa.ForeignKeyConstraint(
            ["recurring_id"], ["recurring_order.id"], name=op.f("fk_recurring_cycle_recurring_id_recurring_order")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_recurring_cycle_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recurring_cycle")),
        sa.UniqueConstraint("recurring_id", "position", name=op.f("uq_recurring_cycle_recurring_id_position")),
        sa.UniqueConstraint("order_id", name=op.f("uq_recurring_cycle_order_id")),
        sa.UniqueConstraint(
            "provider", "provider_charge_id", name=op.f("uq_recurring_cycle_provider_provider_charge_id")
        ),
    )


def downgrade() -> None:
    for table in ("recurring_cycle", "recurring_order", "recurring_plan"):
        op.drop_table(table)
