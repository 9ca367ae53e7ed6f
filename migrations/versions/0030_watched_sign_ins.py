"""where a customer's sign-in was tried from, and sessions whose place counts no more

Added beside a running shop.
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
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


def _allow(kinds: str) -> None:
    op.drop_constraint("ck_staff_alert_kind", "staff_alert")
    op.create_check_constraint(op.f("ck_staff_alert_kind"), "staff_alert", f"kind IN ({kinds})")


def downgrade() -> None:
    op.execute("DELETE FROM staff_alert WHERE kind = 'many_customers'")
    _allow(KINDS)
    op.drop_column("customer_session", "is_trusted")
    op.drop_index("ix_customer_sign_in_told", table_name="customer_sign_in")
    op.drop_index("ix_customer_sign_in_wrong", table_name="customer_sign_in")
    for name in ("told_at", "address_index", "address"):
        op.drop_column("customer_sign_in", name)
