"""made to measure: what may be, profiles of customers, the measures of a cart line and of an order line"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
NO = sa.text("false")


def upgrade() -> None:
    _products()
    _profiles()
    _cart_lines()
    _order_lines()


def _products() -> None:
    op.add_column("product", sa.Column("tailored_as", sa.Text(), nullable=True))
    op.add_column("product", sa.Column("is_tailored_only", sa.Boolean(), server_default=NO, nullable=False))
    op.add_column("product", sa.Column("tailoring_days", sa.SmallInteger(), nullable=True))
    for name, condition in (
        ("tailored_as", "tailored_as IN ('top', 'bottom', 'full')"),
        ("tailored_unit", "tailored_as IS NULL OR unit = 'piece'"),
        ("tailoring_days", "(tailored_as IS NULL) = (tailoring_days IS NULL)"),
        ("tailoring_days_possible", "tailoring_days BETWEEN 1 AND 90"),
        ("tailored_only", "tailored_as IS NOT NULL OR NOT is_tailored_only"),
    ):
        op.create_check_constraint(op.f(f"ck_product_{name}"), "product", condition)


def _profiles() -> None:
    op.create_table(
        "measurement_profile",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("measures", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=NO, nullable=False),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.Column("updated_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("unit IN ('cm', 'in')", name=op.f("ck_measurement_profile_unit")),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
            name=op.f("fk_measurement_profile_customer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurement_profile")),
    )
    op.create_index(
        "ix_measurement_profile_customer_id_created_at", "measurement_profile", ["customer_id", "created_at"]
    )
    op.create_index(
        "uq_measurement_profile_default",
        "measurement_profile",
        ["customer_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )


def _cart_lines() -> None:
    op.add_column("cart_line", sa.Column("fitting", sa.Text(), nullable=True))
    op.add_column("cart_line", sa.Column("fitting_key", sa.Text(), server_default="", nullable=False))
    op.add_column("cart_line", sa.Column("profile_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_cart_line_profile_id"),
        "cart_line",
        "measurement_profile",
        ["profile_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_check_constraint(op.f("ck_cart_line_fitting"), "cart_line", "(fitting IS NULL) = (fitting_key = '')")
    op.create_check_constraint(op.f("ck_cart_line_profile"), "cart_line", "profile_id IS NULL OR fitting IS NOT NULL")
    op.create_index(
        "ix_cart_line_profile_id", "cart_line", ["profile_id"], postgresql_where=sa.text("profile_id IS NOT NULL")
    )
    op.create_unique_constraint(
        op.f("uq_cart_line_cart_id_variant_id_fitting_key"), "cart_line", ["cart_id", "variant_id", "fitting_key"]
    )
    op.drop_constraint("uq_cart_line_cart_id_variant_id", "cart_line")


def _order_lines() -> None:
    op.add_column("order_line", sa.Column("fitting", sa.Text(), nullable=True))
    op.add_column("order_line", sa.Column("fitting_key", sa.Text(), server_default="", nullable=False))
    op.create_check_constraint(op.f("ck_order_line_fitting"), "order_line", "(fitting IS NULL) = (fitting_key = '')")
    op.create_index("ix_order_line_fitting", "order_line", ["order_id"], postgresql_where=sa.text("fitting_key <> ''"))


def downgrade() -> None:
    op.drop_index("ix_order_line_fitting", "order_line")
    op.drop_column("order_line", "fitting")
    op.drop_column("order_line", "fitting_key")
    op.execute("DELETE FROM cart_line WHERE fitting_key <> ''")  # two lines of a variant there cannot be any more
    op.create_unique_constraint(op.f("uq_cart_line_cart_id_variant_id"), "cart_line", ["cart_id", "variant_id"])
    op.drop_constraint("uq_cart_line_cart_id_variant_id_fitting_key", "cart_line")
    for column in ("profile_id", "fitting", "fitting_key"):
        op.drop_column("cart_line", column)
    op.drop_table("measurement_profile")
    for column in ("tailored_as", "is_tailored_only", "tailoring_days"):
        op.drop_column("product", column)
