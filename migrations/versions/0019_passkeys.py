"""passkeys of staff and customers, and what browsers are asked to sign"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    _passkeys()
    _challenges()
    _allow("login_attempt", "kind", "'password', 'code', 'trusted', 'own', 'again', 'passkey'")
    _allow("staff_alert", "kind", "'many_accounts', 'new_place', 'pace', 'stolen_token', 'copied_passkey'")
    _allow("customer_sign_in", "way", "'password', 'link', 'reset', 'register', 'passkey'")


def _passkeys() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_backed_up", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("num_nonnulls(staff_id, customer_id) = 1", name=op.f("ck_passkey_owner")),
        sa.CheckConstraint("length(credential_id) BETWEEN 1 AND 1023", name=op.f("ck_passkey_credential_id")),
        sa.CheckConstraint("length(user_handle) BETWEEN 1 AND 64", name=op.f("ck_passkey_user_handle")),
        sa.CheckConstraint("sign_count BETWEEN 0 AND 4294967295", name=op.f("ck_passkey_sign_count")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_passkey_staff_id_staff"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_passkey_customer_id_customer"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    for owner in ("staff_id", "customer_id"):
        where = sa.text(f"{owner} IS NOT NULL")
        op.create_index(f"ix_passkey_{owner}", "passkey", [owner], postgresql_where=where)


def _challenges() -> None:
    op.create_table(
        "passkey_challenge",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("bound_to", sa.LargeBinary(), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "purpose IN ('staff_sign_in', 'customer_sign_in', 'staff_second', 'staff_add', 'customer_add')",
            name=op.f("ck_passkey_challenge_purpose"),
        ),
        sa.CheckConstraint(
            "(purpose IN ('staff_add', 'customer_add')) = (user_handle IS NOT NULL)",
            name=op.f("ck_passkey_challenge_user_handle"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey_challenge")),
        sa.UniqueConstraint("challenge", name=op.f("uq_passkey_challenge_challenge")),
    )
    op.create_index("ix_passkey_challenge_expires_at", "passkey_challenge", ["expires_at"])


def _allow(table: str, column: str, words: str) -> None:
    op.drop_constraint(f"ck_{table}_{column}", table)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({words})")


def downgrade() -> None:
    op.execute("DELETE FROM login_attempt WHERE kind = 'passkey'")
    op.execute("DELETE FROM staff_alert WHERE kind = 'copied_passkey'")
    op.execute("DELETE FROM customer_sign_in WHERE way = 'passkey'")
    _allow("login_attempt", "kind", "'password', 'code', 'trusted', 'own', 'again'")
    _allow("staff_alert", "kind", "'many_accounts', 'new_place', 'pace', 'stolen_token'")
    _allow("customer_sign_in", "way", "'password', 'link', 'reset', 'register'")
    op.drop_table("passkey_challenge")
    op.drop_table("passkey")
