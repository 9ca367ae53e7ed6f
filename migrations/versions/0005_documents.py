"""documents: invoices, receipts and credit notes, issued once and never changed"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("taxes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("buyer", sa.Text(), nullable=False),
        sa.Column("edition", sa.SmallInteger(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('invoice', 'receipt', 'credit_note')", name=op.f("ck_document_kind")),
        sa.CheckConstraint("(kind = 'credit_note') = (refund_id IS NOT NULL)", name=op.f("ck_document_refund")),
        sa.CheckConstraint("tax_minor >= 0 AND total_minor >= tax_minor", name=op.f("ck_document_amounts")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_document_order_id")),
        sa.ForeignKeyConstraint(["refund_id"], ["refund.id"], name=op.f("fk_document_refund_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("series", "number", name=op.f("uq_document_series_number")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_document_refund_id")),
    )
    op.create_index(
        "uq_document_order_id_kind",
        "document",
        ["order_id", "kind"],
        unique=True,
        postgresql_where=sa.text("refund_id IS NULL"),
    )
    op.create_index("ix_document_order_id_issued_at", "document", ["order_id", "issued_at"])
    op.execute(
        "CREATE FUNCTION document_is_final() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " RAISE EXCEPTION 'a document that was issued is never changed or deleted' USING ERRCODE = 'restrict_violation';"
        " END $$"
    )
    op.execute(
        "CREATE TRIGGER document_is_final BEFORE UPDATE OR DELETE ON document"
        " FOR EACH ROW EXECUTE FUNCTION document_is_final()"
    )
    op.execute(
        "CREATE TRIGGER document_is_never_emptied BEFORE TRUNCATE ON document"
        " FOR EACH STATEMENT EXECUTE FUNCTION document_is_final()"
    )


def downgrade() -> None:
    op.drop_table("document")
    op.execute("DROP FUNCTION document_is_final()")
