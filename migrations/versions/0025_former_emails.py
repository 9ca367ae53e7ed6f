"""addresses that accounts had before: what came to them is forgotten with the account, and in the copy of somebody's data"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "customer_former_email",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("until", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_former_email_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_former_email")),
    )
    op.create_index("ix_customer_former_email_customer_id_until", "customer_former_email", ["customer_id", "until"])
    op.execute(
        "INSERT INTO customer_former_email (id, customer_id, email, until)"
        " SELECT id, customer_id, old_email, used_at FROM customer_request"
        " WHERE kind = 'new_email' AND old_email IS NOT NULL AND used_at IS NOT NULL"
    )
    op.drop_column("customer_request", "old_email")


def downgrade() -> None:
    op.add_column("customer_request", sa.Column("old_email", sa.Text(), nullable=True))
    op.execute(
        "UPDATE customer_request r SET old_email = f.email FROM customer_former_email f WHERE f.id = r.id AND r.kind = 'new_email'"
    )
    op.drop_table("customer_former_email")
