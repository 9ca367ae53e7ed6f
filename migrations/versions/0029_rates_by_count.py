"""delivery rates by the number of items

Added beside a running shop: old code leaves the column alone, and nothing costs more until a merchant says so.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipping_rate", sa.Column("item_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_shipping_rate_item"), "shipping_rate", "item_minor >= 0")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_shipping_rate_item"), "shipping_rate")
    op.drop_column("shipping_rate", "item_minor")
