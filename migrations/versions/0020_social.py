"""customers enter by way of a provider (OpenID Connect); staff may have a code sent by SMS"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.alter_column("customer", "password_hash", nullable=True)
    _flows()
    _identities()
    _requests()
    _swap("customer_sign_in", "way", "way IN ('password', 'link', 'reset', 'register', 'passkey', 'provider')")
    _sms_codes()


def _flows() -> None:
    op.create_table(
        "customer_oidc_flow",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=True),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("somebody", sa.Text(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("used_at IS NULL OR verifier IS NULL", name=op.f("ck_customer_oidc_flow_spent")),
        sa.CheckConstraint("somebody IS NULL OR used_at IS NOT NULL", name=op.f("ck_customer_oidc_flow_somebody")),
        _of("customer", "customer_oidc_flow"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_oidc_flow")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_customer_oidc_flow_state_hash")),
    )
    op.create_index("ix_customer_oidc_flow_created_at", "customer_oidc_flow", ["created_at"])
    for column in ("customer_id", "email_index"):
        op.create_index(
            f"ix_customer_oidc_flow_{column}",
            "customer_oidc_flow",
            [column],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def _identities() -> None:
    op.create_table(
        "customer_identity",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("identity_index", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        _of("customer", "customer_identity"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_identity")),
        sa.UniqueConstraint("identity_index", name=op.f("uq_customer_identity_identity_index")),
        sa.UniqueConstraint("customer_id", "provider", name=op.f("uq_customer_identity_customer_id_provider")),
    )


def _requests() -> None:
    op.add_column("customer_request", sa.Column("flow_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_customer_request_flow_id"),
        "customer_request",
        "customer_oidc_flow",
        ["flow_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(
        "ix_customer_request_flow_id",
        "customer_request",
        ["flow_id"],
        postgresql_where=sa.text("flow_id IS NOT NULL"),
    )
    _swap("customer_request", "kind", "kind IN ('register', 'sign_in', 'reset', 'new_email', 'connect')")
    op.create_check_constraint(
        op.f("ck_customer_request_flow"), "customer_request", "(kind = 'connect') = (flow_id IS NOT NULL)"
    )


def _swap(table: str, name: str, rule: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)


def _sms_codes() -> None:
    op.add_column("staff", sa.Column("phone", sa.Text(), nullable=True))
    op.add_column("staff", sa.Column("phone_confirmed_at", MOMENT, nullable=True))
    op.create_check_constraint(op.f("ck_staff_phone"), "staff", "(phone IS NULL) = (phone_confirmed_at IS NULL)")
    op.create_table(
        "staff_sms_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("purpose IN ('phone', 'sign_in')", name=op.f("ck_staff_sms_code_purpose")),
        sa.CheckConstraint("used_at IS NULL OR (code IS NULL AND phone IS NULL)", name=op.f("ck_staff_sms_code_spent")),
        _of("staff", "staff_sms_code"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_sms_code")),
    )
    op.create_index("ix_staff_sms_code_staff_id_created_at", "staff_sms_code", ["staff_id", "created_at"])
    op.create_index("ix_staff_sms_code_created_at", "staff_sms_code", ["created_at"])


def _of(owner: str, table: str) -> sa.ForeignKeyConstraint:
    column = f"{owner}_id"
    return sa.ForeignKeyConstraint([column], [f"{owner}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def downgrade() -> None:
    op.drop_table("staff_sms_code")
    for column in ("phone", "phone_confirmed_at"):
        op.drop_column("staff", column)
    op.execute("DELETE FROM customer_request WHERE kind = 'connect'")
    op.execute("DELETE FROM customer_sign_in WHERE way = 'provider'")
    op.drop_constraint("ck_customer_request_flow", "customer_request")
    op.drop_index("ix_customer_request_flow_id", "customer_request")
    op.drop_column("customer_request", "flow_id")
    _swap("customer_request", "kind", "kind IN ('register', 'sign_in', 'reset', 'new_email')")
    _swap("customer_sign_in", "way", "way IN ('password', 'link', 'reset', 'register', 'passkey')")
    op.drop_table("customer_identity")
    op.drop_table("customer_oidc_flow")
    op.execute(
        "UPDATE customer SET password_hash = '' WHERE password_hash IS NULL"
    )  # fits no password: a mailed link does
    op.alter_column("customer", "password_hash", nullable=False)
