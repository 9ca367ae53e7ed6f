"""notices about one payment are found by it"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_payment_notice_payment", "payment_notice", ["provider", sa.text("(facts ->> 'provider_payment_id')")]
    )


def downgrade() -> None:
    op.drop_index("ix_payment_notice_payment", "payment_notice")
