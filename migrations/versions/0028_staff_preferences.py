"""staff: how the back office looks to them

Added beside a running shop: old code knows nothing of it, and a new member of staff begins with nothing chosen.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

CHECKS = {
    "language": "language IN ('en', 'ms')",
    "timezone": "length(timezone) BETWEEN 1 AND 60",
    "theme": "theme IN ('device', 'light', 'dark')",
    "density": "density IN ('cosy', 'compact')",
}


def upgrade() -> None:
    for name in ("language", "timezone", "theme"):
        op.add_column("staff", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("staff", sa.Column("density", sa.Text(), server_default="cosy", nullable=False))
    for name, allowed in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_staff_{name}"), "staff", allowed)


def downgrade() -> None:
    for name in CHECKS:
        op.drop_column("staff", name)
