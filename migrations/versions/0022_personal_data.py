"""personal data: consents, requests about them, terms accepted, orders that were forgotten, indexes for the sweeps"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")

CONSENT_IS_KEPT = """
CREATE FUNCTION consent_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'customer_id' = to_jsonb(OLD) - 'customer_id' AND NEW.customer_id IS NULL THEN
      RETURN NEW;  -- whose it was may be forgotten
    END IF;
  END IF;
  RAISE EXCEPTION 'consents are only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""

INDEXES = (
    ("ix_orders_unpaid_known", "orders", sa.text("coalesce(closed_at, created_at)"),
     "confirmed_at IS NULL AND state IN ('cancelled', 'expired') AND forgotten_at IS NULL"),
    ("ix_orders_erased_known", "orders", "confirmed_at",
     "confirmed_at IS NOT NULL AND visitor = 'erased' AND forgotten_at IS NULL"),
    ("ix_orders_paid_known", "orders", "confirmed_at", "confirmed_at IS NOT NULL AND forgotten_at IS NULL"),
    ("ix_recurring_order_closed_known", "recurring_order", "closed_at",
     "closed_at IS NOT NULL AND visitor <> 'erased'"),
    ("ix_value_account_spent_known", "value_account", "created_at", "balance_minor = 0 AND email_index IS NOT NULL"),
    ("ix_cart_done", "cart", "expires_at", "NOT is_open"),
    ("ix_audit_entry_address_known", "audit_entry", "created_at", "address IS NOT NULL"),
    ("ix_staff_session_expires_at", "staff_session", "expires_at", None),
    ("ix_staff_device_expires_at", "staff_device", "expires_at", None),
    ("ix_staff_invitation_expires_at", "staff_invitation", "expires_at", None),
    ("ix_customer_session_expires_at", "customer_session", "expires_at", None),
)  # fmt: skip


def upgrade() -> None:
    op.add_column("orders", sa.Column("terms_version", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("forgotten_at", MOMENT, nullable=True))
    # Orders of customers who were forgotten before: those that never came about know nobody any more.
    op.execute("UPDATE orders SET forgotten_at = clock_timestamp() WHERE visitor = 'erased' AND confirmed_at IS NULL")
    for name, table, column, where in INDEXES:
        op.create_index(name, table, [column], postgresql_where=sa.text(where) if where else None)
    _consents()
    _requests()


def _consents() -> None:
    op.create_table(
        "consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("is_given", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push')", name=op.f("ck_consent_channel")),
        sa.CheckConstraint("purpose IN ('marketing', 'alerts')", name=op.f("ck_consent_purpose")),
        sa.CheckConstraint("way IN ('registration', 'preferences', 'link', 'api')", name=op.f("ck_consent_way")),
        _of_customer("consent"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    op.create_index("ix_consent_customer_id_created_at", "consent", ["customer_id", "created_at"])
    # What was allowed before there were records: when, by the wording of then.
    op.execute(
        "INSERT INTO consent (id, customer_id, channel, purpose, is_given, version, way, created_at)"
        " SELECT gen_random_uuid(), customer_id, channel, type, true, 'before 2026-11-26', 'preferences', updated_at"
        " FROM notification_preference WHERE enabled AND type IN ('marketing', 'alerts')"
    )
    op.execute(CONSENT_IS_KEPT)
    op.execute(
        "CREATE TRIGGER consent_is_kept BEFORE UPDATE OR DELETE ON consent"
        " FOR EACH ROW EXECUTE FUNCTION consent_is_only_added_to()"
    )
    op.execute(
        "CREATE TRIGGER consent_is_not_emptied BEFORE TRUNCATE ON consent"
        " FOR EACH STATEMENT EXECUTE FUNCTION consent_is_only_added_to()"
    )


def _requests() -> None:
    op.create_table(
        "data_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('access', 'correction', 'deletion', 'objection')", name=op.f("ck_data_request_kind")
        ),
        sa.CheckConstraint("state IN ('done', 'open', 'refused', 'withdrawn')", name=op.f("ck_data_request_state")),
        sa.CheckConstraint(
            "proof IN ('account', 'document', 'mail', 'order', 'other')", name=op.f("ck_data_request_proof")
        ),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f("ck_data_request_closed")),
        sa.CheckConstraint("(email IS NULL) = (email_index IS NULL)", name=op.f("ck_data_request_email")),
        sa.CheckConstraint("state <> 'open' OR email_index IS NOT NULL", name=op.f("ck_data_request_whose")),
        _of_customer("data_request"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_request")),
        sa.UniqueConstraint("reference", name=op.f("uq_data_request_reference")),
    )
    for name, columns, where in (
        ("due_at", ["due_at", "id"], "state = 'open'"),
        ("closed_at", [sa.text("closed_at DESC"), sa.text("id DESC")], None),
        ("email_index", ["email_index", sa.text("created_at DESC")], None),
        ("customer_id", ["customer_id"], "customer_id IS NOT NULL"),
    ):
        op.create_index(
            f"ix_data_request_{name}", "data_request", columns, postgresql_where=sa.text(where) if where else None
        )
    op.create_index(
        "uq_data_request_open",
        "data_request",
        ["email_index", "kind"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _of_customer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id_customer"), ondelete="SET NULL"
    )


def downgrade() -> None:
    op.drop_table("data_request")
    op.drop_table("consent")
    op.execute("DROP FUNCTION consent_is_only_added_to")
    for name, table, _column, _where in INDEXES:
        op.drop_index(name, table)
    op.drop_column("orders", "forgotten_at")
    op.drop_column("orders", "terms_version")
