"""delivery rates by the number of items, and places to pick up from

Added beside a running shop: old code leaves the columns alone, and nothing costs more until a merchant says so. A place to pick
up from is to be offered only once no old code runs any more: it would take it for a way to deliver.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipping_rate", sa.Column("item_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint(op.f("ck_shipping_rate_item"), "shipping_rate", "item_minor >= 0")
    op.add_column("shipping_rate", sa.Column("pickup_at", JSONB(), nullable=True))
    op.add_column("shipping_rate", sa.Column("pickup_hours", JSONB(), nullable=True))
    together = "(pickup_at IS NULL) = (pickup_hours IS NULL)"
    op.create_check_constraint(op.f("ck_shipping_rate_pickup"), "shipping_rate", together)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_shipping_rate_pickup"), "shipping_rate")
    op.execute("DELETE FROM shipping_rate WHERE pickup_at IS NOT NULL")  # nothing else may take them for deliveries
    op.drop_column("shipping_rate", "pickup_hours")
    op.drop_column("shipping_rate", "pickup_at")
    op.drop_constraint(op.f("ck_shipping_rate_item"), "shipping_rate")
    op.drop_column("shipping_rate", "item_minor")
