"""what outlives a field key that was rotated: its blind indexes and seals; a document's buyer may be encrypted with a new key"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

FINAL = (
    "CREATE OR REPLACE FUNCTION document_is_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN{}"
    " RAISE EXCEPTION 'a document that was issued is never changed or deleted' USING ERRCODE = 'restrict_violation';"
    " END $$"
)
BUT_A_NEW_KEY = """
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'buyer' = to_jsonb(OLD) - 'buyer' AND split_part(NEW.buyer, '.', 1) <> split_part(OLD.buyer, '.', 1) THEN
      RETURN NEW;  -- the same words, encrypted with a new key
    END IF;
  END IF;
"""


def upgrade() -> None:
    op.create_table(
        "kept_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("derived", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_key")),
    )
    op.execute(FINAL.format(BUT_A_NEW_KEY))


def downgrade() -> None:
    if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM kept_key)")):
        raise RuntimeError(
            "Keys were rotated: without the table kept_key the seals of the audit and the codes of gift cards and staff could"
            " not be checked any more. Nothing was changed by this step; restore a backup from before the rotation instead."
        )
    op.execute(FINAL.format(""))
    op.drop_table("kept_key")
