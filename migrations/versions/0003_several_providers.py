"""several providers: where an attempt's page opens, which bank, what the provider keeps"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_attempt", sa.Column("page_url", sa.Text(), server_default="", nullable=False))
    op.add_column("payment_attempt", sa.Column("bank", sa.Text(), server_default="", nullable=False))
    op.add_column("payment_capture", sa.Column("fee_minor", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("payment_capture", "fee_minor")
    op.drop_column("payment_attempt", "bank")
    op.drop_column("payment_attempt", "page_url")
