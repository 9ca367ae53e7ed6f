"""payments started by programs: each under a key of theirs"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_attempt", sa.Column("key", sa.Uuid(), nullable=True))
    op.create_index(
        "uq_payment_attempt_key",
        "payment_attempt",
        ["payment_id", "key"],
        unique=True,
        postgresql_where=sa.text("key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_payment_attempt_key", "payment_attempt")
    op.drop_column("payment_attempt", "key")
