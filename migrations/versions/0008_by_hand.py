"""paying by hand: orders that were promised, refunds that staff send"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("refund", sa.Column("is_by_hand", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_index(
        "ix_refund_by_hand", "refund", ["created_at"], postgresql_where=sa.text("is_by_hand AND state = 'pending'")
    )
    op.create_index(
        "ix_payment_attempt_by_hand",
        "payment_attempt",
        ["created_at"],
        postgresql_where=sa.text("provider = 'manual' AND state IN ('created', 'open')"),
    )


def downgrade() -> None:
    op.drop_index("ix_payment_attempt_by_hand", "payment_attempt")
    op.drop_index("ix_refund_by_hand", "refund")
    op.drop_column("refund", "is_by_hand")
    op.drop_column("orders", "promised_at")
