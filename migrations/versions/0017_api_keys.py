"""API keys of programs: scopes, secrets with overlap, nonces of signed requests; what a key did is found in the audit"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
KEY = "(facts ->> 'api_key')"


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("networks", postgresql.ARRAY(postgresql.CIDR()), server_default="{}", nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ending_told_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("length(trim(name)) BETWEEN 1 AND 60", name=op.f("ck_api_key_name")),
        sa.CheckConstraint(
            r"array_to_string(scopes, ' ') ~ '^[a-z_]+\.[a-z]+( [a-z_]+\.[a-z]+)*$'", name=op.f("ck_api_key_scopes")
        ),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_key_expires_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    alive = {"postgresql_where": sa.text("revoked_at IS NULL")}
    op.create_index("uq_api_key_name", "api_key", [sa.text("lower(name)")], unique=True, **alive)
    op.create_index("ix_api_key_expires_at", "api_key", ["expires_at"], **alive)
    op.create_table(
        "api_key_secret",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("public_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signing_secret", sa.Text(), nullable=True),
        sa.Column("ends_at", MOMENT, nullable=True),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("public_id ~ '^[2-9a-z]{12}$'", name=op.f("ck_api_key_secret_public_id")),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("ck_api_key_secret_secret_hash")),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name=op.f("fk_api_key_secret_key_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_api_key_secret_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key_secret")),
        sa.UniqueConstraint("public_id", name=op.f("uq_api_key_secret_public_id")),
    )
    newest = {"postgresql_where": sa.text("ends_at IS NULL")}
    op.create_index("uq_api_key_secret_newest", "api_key_secret", ["key_id"], unique=True, **newest)
    op.create_index("ix_api_key_secret_key_id", "api_key_secret", ["key_id"])
    op.create_index("ix_api_key_secret_staff_id", "api_key_secret", ["staff_id"])
    op.create_table(
        "api_key_nonce",
        sa.Column("secret_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("length(nonce) BETWEEN 16 AND 64", name=op.f("ck_api_key_nonce_nonce")),
        sa.ForeignKeyConstraint(
            ["secret_id"], ["api_key_secret.id"], name=op.f("fk_api_key_nonce_secret_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("secret_id", "nonce", name=op.f("pk_api_key_nonce")),
    )
    op.create_index("ix_api_key_nonce_created_at", "api_key_nonce", ["created_at"])
    op.create_index(
        "ix_audit_entry_api_key",
        "audit_entry",
        [sa.text(KEY), sa.text("created_at DESC"), sa.text("id DESC")],
        postgresql_where=sa.text(f"{KEY} IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entry_api_key", "audit_entry")
    op.drop_table("api_key_nonce")
    op.drop_table("api_key_secret")
    op.drop_table("api_key")
