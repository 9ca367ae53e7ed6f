"""count products that are alike together"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "search_document",
        sa.Column(
            "profile", sa.BigInteger(), sa.Computed("hash_array_extended(facets, 0)", persisted=True), nullable=False
        ),
    )
    op.execute("ALTER TABLE search_document SET (toast_tuple_target = 512)")


def downgrade() -> None:
    op.execute("ALTER TABLE search_document RESET (toast_tuple_target)")
    op.drop_column("search_document", "profile")
