"""roles and rights of staff, invitations, where a sign-in came from; the audit is only added to, and sealed into a chain"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
NEWEST = [sa.text("created_at DESC"), sa.text("id DESC")]
ROLE = (
    "role IN ('owner', 'manager', 'support', 'fulfilment', 'catalogue', 'finance', 'agent', 'custom')"
    " AND (role = 'custom') = (role_id IS NOT NULL)"
)
APPEND_ONLY = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_entry' THEN
    IF to_jsonb(NEW) - 'address' = to_jsonb(OLD) - 'address' THEN
      RETURN NEW;  -- an address may be forgotten, or encrypted with a new key
    END IF;
  END IF;
  RAISE EXCEPTION 'the audit is only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def upgrade() -> None:
    _roles()
    _invitations()
    for table in ("staff_session", "login_attempt", "audit_entry"):
        op.add_column(table, sa.Column("address", sa.Text(), nullable=True))
    for table in ("login_attempt", "audit_entry"):
        op.add_column(table, sa.Column("address_index", sa.LargeBinary(), nullable=True))
    for table in ("staff_session", "login_attempt"):
        op.add_column(table, sa.Column("agent", sa.Text(), server_default="", nullable=False))
    op.add_column("staff_session", sa.Column("place_index", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("blocked_told_at", MOMENT, nullable=True))
    op.drop_constraint("ck_login_attempt_kind", "login_attempt")
    kinds = "kind IN ('password', 'code', 'trusted', 'own', 'again')"
    op.create_check_constraint(op.f("ck_login_attempt_kind"), "login_attempt", kinds)
    _devices()
    _alerts()
    op.create_index("ix_login_attempt_created_at", "login_attempt", NEWEST)
    op.create_index("ix_login_attempt_address", "login_attempt", ["address_index", *NEWEST])
    wrong = {"postgresql_where": sa.text("NOT was_right")}
    op.create_index("ix_login_attempt_wrong", "login_attempt", ["address_index", NEWEST[0]], **wrong)
    _audit()


def _devices() -> None:
    op.create_table(
        "staff_device",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_device_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_device")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_device_token_hash")),
    )
    op.create_index("ix_staff_device_staff_id", "staff_device", ["staff_id"])


def _alerts() -> None:
    op.create_table(
        "staff_alert",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("address_index", sa.LargeBinary(), nullable=True),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("kind IN ('many_accounts', 'new_place', 'pace')", name=op.f("ck_staff_alert_kind")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_alert_staff_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_alert")),
    )
    newest = sa.text("created_at DESC")
    op.create_index("ix_staff_alert_created_at", "staff_alert", [newest])
    op.create_index("ix_staff_alert_address_index", "staff_alert", ["address_index", newest])
    op.create_index("ix_staff_alert_staff_id", "staff_alert", ["staff_id"])


def _roles() -> None:
    op.create_table(
        "staff_role",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rights", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("length(trim(name)) BETWEEN 1 AND 60", name=op.f("ck_staff_role_name")),
        sa.CheckConstraint(
            r"array_to_string(rights, ' ') ~ '^([a-z_]+\.[a-z]+( |$))*$'", name=op.f("ck_staff_role_rights")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_role")),
    )
    op.create_index("uq_staff_role_name", "staff_role", [sa.text("lower(name)")], unique=True)
    op.add_column("staff", sa.Column("role_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_staff_role_id"), "staff", "staff_role", ["role_id"], ["id"])
    op.create_index("ix_staff_role_id", "staff", ["role_id"])
    op.drop_constraint("ck_staff_role", "staff")
    op.create_check_constraint(op.f("ck_staff_role"), "staff", ROLE)


def _invitations() -> None:
    op.create_table(
        "staff_invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("mail_token", sa.Text(), nullable=True),
        sa.Column("mail_number", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("accepted_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(ROLE, name=op.f("ck_staff_invitation_role")),
        sa.CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name=op.f("ck_staff_invitation_end")),
        sa.ForeignKeyConstraint(["role_id"], ["staff_role.id"], name=op.f("fk_staff_invitation_role_id")),
        sa.ForeignKeyConstraint(["invited_by"], ["staff.id"], name=op.f("fk_staff_invitation_invited_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_invitation_token_hash")),
    )
    op.create_index(
        "uq_staff_invitation_open",
        "staff_invitation",
        ["email_index"],
        unique=True,
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_index("ix_staff_invitation_created_at", "staff_invitation", [sa.text("created_at DESC")])
    op.create_index("ix_staff_invitation_role_id", "staff_invitation", ["role_id"])


def _audit() -> None:
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("audit_entry", sa.Column("before", jsonb, nullable=True))
    op.add_column("audit_entry", sa.Column("after", jsonb, nullable=True))
    op.add_column("audit_entry", sa.Column("request_id", sa.Text(), server_default="", nullable=False))
    op.add_column("audit_entry", sa.Column("mac", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_audit_entry_created_at", "audit_entry")
    op.drop_index("ix_audit_entry_object", "audit_entry")
    op.create_index("ix_audit_entry_created_at", "audit_entry", NEWEST)
    op.create_index("ix_audit_entry_actor", "audit_entry", ["actor", *NEWEST])
    op.create_index("ix_audit_entry_area", "audit_entry", [sa.text("split_part(action, '.', 1)"), *NEWEST])
    op.create_index("ix_audit_entry_object", "audit_entry", ["object_id", *NEWEST])
    op.create_index("ix_audit_entry_address", "audit_entry", ["address_index", *NEWEST])
    op.create_table(
        "audit_seal",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["audit_entry.id"], name=op.f("fk_audit_seal_entry_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_audit_seal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_audit_seal_entry_id")),
    )
    op.execute(APPEND_ONLY)
    for table in ("audit_entry", "audit_seal"):
        op.execute(
            f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_is_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
        )


def downgrade() -> None:
    for table in ("audit_entry", "audit_seal"):
        op.execute(f"DROP TRIGGER {table}_is_kept ON {table}")
        op.execute(f"DROP TRIGGER {table}_is_not_emptied ON {table}")
    op.execute("DROP FUNCTION audit_is_append_only")
    op.drop_table("audit_seal")
    for name in ("created_at", "actor", "area", "object", "address"):
        op.drop_index(f"ix_audit_entry_{name}", "audit_entry")
    op.create_index("ix_audit_entry_created_at", "audit_entry", ["created_at"])
    op.create_index("ix_audit_entry_object", "audit_entry", ["object_kind", "object_id"])
    for name in ("before", "after", "request_id", "mac"):
        op.drop_column("audit_entry", name)
    op.drop_index("ix_login_attempt_created_at", "login_attempt")
    op.drop_index("ix_login_attempt_address", "login_attempt")
    op.drop_index("ix_login_attempt_wrong", "login_attempt")
    for table in ("staff_session", "login_attempt"):
        op.drop_column(table, "agent")
    for table in ("login_attempt", "audit_entry"):
        op.drop_column(table, "address_index")
    for table in ("staff_session", "login_attempt", "audit_entry"):
        op.drop_column(table, "address")
    op.drop_column("staff_session", "place_index")
    op.drop_column("staff", "blocked_told_at")
    op.execute("DELETE FROM login_attempt WHERE kind NOT IN ('password', 'code')")
    op.drop_constraint("ck_login_attempt_kind", "login_attempt")
    op.create_check_constraint(op.f("ck_login_attempt_kind"), "login_attempt", "kind IN ('password', 'code')")
    op.drop_table("staff_alert")
    op.drop_table("staff_device")
    op.drop_table("staff_invitation")
    op.execute("DELETE FROM staff WHERE role <> 'owner'")  # there is no other role: better out than promoted
    op.drop_constraint("ck_staff_role", "staff")
    op.create_check_constraint(op.f("ck_staff_role"), "staff", "role IN ('owner')")
    op.drop_index("ix_staff_role_id", "staff")
    op.drop_constraint("fk_staff_role_id", "staff", type_="foreignkey")
    op.drop_column("staff", "role_id")
    op.drop_table("staff_role")
