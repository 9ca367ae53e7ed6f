"""customers: accounts, their sessions, what is asked for by mail, address book, wishes, preferences"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
NO = sa.text("false")
YES = sa.text("true")


def upgrade() -> None:
    _customers()
    _sessions()
    _requests()
    _sign_ins()
    _addresses()
    _wishes()
    _preferences()
    _cart_notices()
    op.create_foreign_key(op.f("fk_orders_customer_id_customer"), "orders", "customer", ["customer_id"], ["id"])
    op.create_index("ix_orders_cart_id", "orders", ["cart_id"], postgresql_where=sa.text("cart_id IS NOT NULL"))
    op.create_index("ix_mail_message_recipient_index", "mail_message", ["recipient_index"])
    _recurring_orders()


def _customers() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("email_verified_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=YES, nullable=False),
        sa.Column("blocked_told_at", MOMENT, nullable=True),
        sa.Column("closes_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("email_index", name=op.f("uq_customer_email_index")),
        sa.UniqueConstraint("visitor", name=op.f("uq_customer_visitor")),
    )
    op.create_index("ix_customer_phone_index", "customer", ["phone_index"])
    op.create_index(
        "ix_customer_closes_at", "customer", ["closes_at"], postgresql_where=sa.text("closes_at IS NOT NULL")
    )


def _sessions() -> None:
    op.create_table(
        "customer_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("is_kept", sa.Boolean(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("last_seen_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        _of_customer("customer_session"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_customer_session_token_hash")),
    )
    op.create_index("ix_customer_session_customer_id", "customer_session", ["customer_id"])


def _requests() -> None:
    op.create_table(
        "customer_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("old_email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("wants_news", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("next_path", sa.Text(), server_default="", nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("mailed_at", MOMENT, nullable=True),
        sa.Column("used_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('register', 'sign_in', 'reset', 'new_email')", name=op.f("ck_customer_request_kind")
        ),
        sa.CheckConstraint(
            "(kind = 'register') = (name IS NOT NULL AND password_hash IS NOT NULL)",
            name=op.f("ck_customer_request_registration"),
        ),
        sa.CheckConstraint("kind <> 'new_email' OR customer_id IS NOT NULL", name=op.f("ck_customer_request_owner")),
        _of_customer("customer_request"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_request")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_customer_request_token_hash")),
    )
    newest = sa.literal_column("created_at DESC")
    op.create_index("ix_customer_request_created_at", "customer_request", ["created_at"])
    op.create_index("ix_customer_request_email_index_created_at", "customer_request", ["email_index", newest])
    op.create_index("ix_customer_request_visitor_created_at", "customer_request", ["visitor", newest])
    op.create_index(
        "ix_customer_request_customer_id",
        "customer_request",
        ["customer_id"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )


def _sign_ins() -> None:
    op.create_table(
        "customer_sign_in",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("was_right", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("way IN ('password', 'link', 'reset', 'register')", name=op.f("ck_customer_sign_in_way")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_sign_in")),
    )
    op.create_index("ix_customer_sign_in_created_at", "customer_sign_in", ["created_at"])
    op.create_index(
        "ix_customer_sign_in_email_index_created_at",
        "customer_sign_in",
        ["email_index", sa.literal_column("created_at DESC")],
    )


def _addresses() -> None:
    op.create_table(
        "customer_address",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("is_default_shipping", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("is_default_billing", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        _of_customer("customer_address"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_address")),
    )
    op.create_index("ix_customer_address_customer_id_created_at", "customer_address", ["customer_id", "created_at"])
    for name in ("shipping", "billing"):
        op.create_index(
            f"uq_customer_address_{name}",
            "customer_address",
            ["customer_id"],
            unique=True,
            postgresql_where=sa.text(f"is_default_{name}"),
        )


def _wishes() -> None:
    op.create_table(
        "wish",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("was_sold_out", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("told_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["product.id"], name=op.f("fk_wish_product_id_product"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish")),
        sa.UniqueConstraint("visitor", "product_id", name=op.f("uq_wish_visitor_product_id")),
    )
    op.create_index("ix_wish_created_at", "wish", ["created_at"])
    op.create_index("ix_wish_product_id", "wish", ["product_id"])
    op.create_index("ix_wish_was_sold_out", "wish", ["product_id"], postgresql_where=sa.text("was_sold_out"))
    op.create_index("ix_wish_visitor_created_at", "wish", ["visitor", sa.literal_column("created_at DESC")])


def _preferences() -> None:
    op.create_table(
        "notification_preference",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms', 'push')", name=op.f("ck_notification_preference_channel")),
        sa.CheckConstraint("type IN ('order', 'marketing', 'alerts')", name=op.f("ck_notification_preference_type")),
        _of_customer("notification_preference"),
        sa.PrimaryKeyConstraint("customer_id", "channel", "type", name=op.f("pk_notification_preference")),
    )


def _cart_notices() -> None:
    op.create_table(
        "cart_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cart_notice")),
    )
    op.create_index("ix_cart_notice_created_at", "cart_notice", ["created_at"])
    op.create_index("ix_cart_notice_visitor", "cart_notice", ["visitor"])


def _recurring_orders() -> None:
    op.add_column("recurring_order", sa.Column("customer_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_recurring_order_customer_id_customer"), "recurring_order", "customer", ["customer_id"], ["id"]
    )
    op.create_index("ix_recurring_order_visitor", "recurring_order", ["visitor"])
    op.create_index(
        "ix_recurring_order_customer_id",
        "recurring_order",
        ["customer_id"],
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )


def _of_customer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id_customer"), ondelete="CASCADE"
    )


def downgrade() -> None:
    op.drop_index("ix_mail_message_recipient_index", table_name="mail_message")
    op.drop_index("ix_orders_cart_id", table_name="orders")
    op.drop_index("ix_recurring_order_visitor", table_name="recurring_order")
    op.drop_column("recurring_order", "customer_id")
    op.drop_constraint("fk_orders_customer_id_customer", "orders", type_="foreignkey")
    for table in (
        "notification_preference", "wish", "customer_address", "customer_sign_in", "customer_request", "customer_session",
        "customer", "cart_notice",
    ):  # fmt: skip
        op.drop_table(table)
