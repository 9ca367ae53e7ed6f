"""where a customer's sign-in was tried from, sessions whose place counts no more, and who gave up which address

Added beside a running shop. Addresses that were given up before are known again by the mail that told them, as long as that is kept.
Of two accounts that had one address, each may have asked for the same.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KINDS = "'many_accounts', 'new_place', 'pace', 'stolen_token', 'copied_passkey'"
WRONG = sa.text("address_index IS NOT NULL AND NOT was_right")
TOLD = sa.text("told_at IS NOT NULL")
NEWEST = sa.text("created_at DESC")


def upgrade() -> None:
    op.add_column("customer_sign_in", sa.Column("address", sa.Text(), nullable=True))
    op.add_column("customer_sign_in", sa.Column("address_index", sa.LargeBinary(), nullable=True))
    op.add_column("customer_sign_in", sa.Column("told_at", MOMENT, nullable=True))
    op.create_index("ix_customer_sign_in_wrong", "customer_sign_in", ["address_index", NEWEST], postgresql_where=WRONG)
    op.create_index("ix_customer_sign_in_told", "customer_sign_in", ["address_index"], postgresql_where=TOLD)
    op.add_column(
        "customer_session", sa.Column("is_trusted", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    _allow(f"{KINDS}, 'many_customers'")
    _one_open_for("email_index", "kind", "customer_id")
    op.add_column("customer_former_email", sa.Column("email_index", sa.LargeBinary(), nullable=True))
    op.create_index("ix_customer_former_email_email_index", "customer_former_email", ["email_index"])
    op.execute(
        "UPDATE customer_former_email f SET email_index = m.recipient_index FROM mail_message m"
        " WHERE m.topic = 'customer.email_changed:' || f.id"
    )


def _allow(kinds: str) -> None:
    op.drop_constraint("ck_staff_alert_kind", "staff_alert")
    op.create_check_constraint(op.f("ck_staff_alert_kind"), "staff_alert", f"kind IN ({kinds})")


def _one_open_for(*columns: str) -> None:
    op.drop_index("uq_data_request_open", table_name="data_request")
    op.create_index(
        "uq_data_request_open",
        "data_request",
        list(columns),
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
        postgresql_nulls_not_distinct=True,
    )


def downgrade() -> None:
    _one_open_for("email_index", "kind")
    op.drop_index("ix_customer_former_email_email_index", table_name="customer_former_email")
    op.drop_column("customer_former_email", "email_index")
    op.execute("DELETE FROM staff_alert WHERE kind = 'many_customers'")
    _allow(KINDS)
    op.drop_column("customer_session", "is_trusted")
    op.drop_index("ix_customer_sign_in_told", table_name="customer_sign_in")
    op.drop_index("ix_customer_sign_in_wrong", table_name="customer_sign_in")
    for name in ("told_at", "address_index", "address"):
        op.drop_column("customer_sign_in", name)
