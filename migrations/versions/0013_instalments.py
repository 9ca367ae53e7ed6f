"""instalments: an order paid in several parts, and how much of its money has come"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _payments()
    op.create_table(
        "instalment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("remind_at", MOMENT, nullable=False),
        sa.Column("late_at", MOMENT, nullable=False),
        sa.Column("capture_id", sa.Uuid(), nullable=True),
        sa.Column("reminded_at", MOMENT, nullable=True),
        sa.Column("warned_at", MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('closed', 'open', 'paid')", name=op.f("ck_instalment_state")),
        sa.CheckConstraint("(state = 'paid') = (capture_id IS NOT NULL)", name=op.f("ck_instalment_capture")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_instalment_amount")),
        sa.CheckConstraint("position > 0", name=op.f("ck_instalment_position")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_instalment_payment_id")),
        sa.ForeignKeyConstraint(["capture_id"], ["payment_capture.id"], name=op.f("fk_instalment_capture_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment")),
        sa.UniqueConstraint("payment_id", "position", name=op.f("uq_instalment_payment_id_position")),
    )
    op.create_index("ix_instalment_capture_id", "instalment", ["capture_id"])
    for column, condition in (
        ("remind_at", "state = 'open' AND reminded_at IS NULL"),
        ("due_at", "state = 'open' AND warned_at IS NULL"),
        ("late_at", "state = 'open'"),
    ):
        op.create_index(f"ix_instalment_{column}", "instalment", [column], postgresql_where=sa.text(condition))


def _payments() -> None:
    op.add_column("payment", sa.Column("received_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payment", sa.Column("parts", sa.SmallInteger(), server_default="1", nullable=False))
    op.execute("UPDATE payment SET received_minor = amount_minor - value_minor WHERE paid_at IS NOT NULL")
    op.create_check_constraint(
        op.f("ck_payment_received"), "payment", "0 <= received_minor AND received_minor <= amount_minor - value_minor"
    )
    op.create_check_constraint(
        op.f("ck_payment_paid_whole"), "payment", "paid_at IS NULL OR received_minor = amount_minor - value_minor"
    )
    op.create_check_constraint(op.f("ck_payment_parts"), "payment", "parts > 0")
    for column in ("first_part", "last_part"):
        op.add_column("payment_attempt", sa.Column(column, sa.SmallInteger(), server_default="1", nullable=False))
    op.create_check_constraint(
        op.f("ck_payment_attempt_parts"), "payment_attempt", "0 < first_part AND first_part <= last_part"
    )
    op.add_column("payment_capture", sa.Column("part", sa.SmallInteger(), server_default="1", nullable=False))
    _applied_once_for("payment_id", "part")


def _applied_once_for(*columns: str) -> None:
    op.drop_index("uq_payment_capture_applied", table_name="payment_capture")
    op.create_index(
        "uq_payment_capture_applied",
        "payment_capture",
        list(columns),
        unique=True,
        postgresql_where=sa.text("is_applied AND attempt_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("instalment")
    _applied_once_for("payment_id")
    op.drop_column("payment_capture", "part")
    op.drop_constraint("ck_payment_attempt_parts", "payment_attempt")
    for column in ("first_part", "last_part"):
        op.drop_column("payment_attempt", column)
    for name in ("received", "paid_whole", "parts"):
        op.drop_constraint(f"ck_payment_{name}", "payment")
    op.drop_column("payment", "parts")
    op.drop_column("payment", "received_minor")
