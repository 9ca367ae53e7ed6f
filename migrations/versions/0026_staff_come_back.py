"""staff: links by mail to choose another password"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "staff_reset",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("mailed_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("used_at IS NULL OR token IS NULL", name=op.f("ck_staff_reset_spent")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_reset")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_reset_token_hash")),
    )
    op.create_index("ix_staff_reset_email_index_created_at", "staff_reset", ["email_index", sa.text("created_at DESC")])
    op.create_index("ix_staff_reset_created_at", "staff_reset", ["created_at"])


def downgrade() -> None:
    op.drop_table("staff_reset")
