"""sessions of programs, whose tokens rotate, of staff and of customers; an alert for a token that comes twice"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OWNERS = ("staff", "customer")
KINDS = "'many_accounts', 'new_place', 'pace'"


def upgrade() -> None:
    for owner in OWNERS:
        session, spent = f"{owner}_session", f"{owner}_spent_token"
        op.add_column(session, sa.Column("is_program", sa.Boolean(), server_default=sa.text("false"), nullable=False))
        op.create_table(
            spent,
            sa.Column("token_hash", sa.LargeBinary(), nullable=False),
            sa.Column("session_id", sa.Uuid(), nullable=False),
            sa.Column(
                "spent_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
            ),
            sa.ForeignKeyConstraint(
                ["session_id"], [f"{session}.id"], name=op.f(f"fk_{spent}_session_id_{session}"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("token_hash", name=op.f(f"pk_{spent}")),
        )
        op.create_index(f"ix_{spent}_session_id", spent, ["session_id"])
    _kinds(f"{KINDS}, 'stolen_token'")


def downgrade() -> None:
    op.execute("DELETE FROM staff_alert WHERE kind = 'stolen_token'")
    _kinds(KINDS)
    for owner in OWNERS:
        op.drop_table(f"{owner}_spent_token")
        # what was a program's token must not become a cookie's
        op.execute(f"DELETE FROM {owner}_session WHERE is_program")  # nosec B608
        op.drop_column(f"{owner}_session", "is_program")


def _kinds(kinds: str) -> None:
    op.drop_constraint(op.f("ck_staff_alert_kind"), "staff_alert", type_="check")
    op.create_check_constraint(op.f("ck_staff_alert_kind"), "staff_alert", f"kind IN ({kinds})")
