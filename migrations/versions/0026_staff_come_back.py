"""staff: links by mail to choose another password, when somebody signed in last, forms that were not sent"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")

# Sessions are forgotten after some weeks, what somebody did stays. Who joined has given no second factor yet.
SIGNED_IN = """
UPDATE staff SET signed_in_at = greatest(
  (SELECT max(passed_totp_at) FROM staff_session s WHERE s.staff_id = staff.id),
  (SELECT max(created_at) FROM audit_entry a WHERE a.actor = 'staff:' || staff.id AND a.action <> 'staff.joined')
)
"""


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

    op.create_table(
        "staff_kept_form",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_kept_form_staff_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_kept_form")),
    )
    op.create_index("ix_staff_kept_form_staff_id", "staff_kept_form", ["staff_id"])
    op.create_index("ix_staff_kept_form_expires_at", "staff_kept_form", ["expires_at"])
    op.add_column("staff", sa.Column("signed_in_at", MOMENT, nullable=True))
    op.execute(SIGNED_IN)


def downgrade() -> None:
    op.drop_column("staff", "signed_in_at")
    op.drop_table("staff_kept_form")
    op.drop_table("staff_reset")
