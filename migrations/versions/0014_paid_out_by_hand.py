"""a kind of difference: payments that were paid out by hand, which no statement names"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BEFORE = (
    "adjustment", "amount_differs", "capture_unposted", "captured_twice", "currency_differs", "fee_differs", "fee_unposted",
    "foreign_payment", "missed_payment", "money_unused", "not_settled", "over_refunded", "paid_without_capture",
    "payout_differs", "refund_amount_differs", "refund_state_differs", "refund_unknown_here", "refund_unknown_there",
    "refund_unposted", "row_differs", "settled_amount_differs", "settled_twice", "settled_unknown", "unknown_there",
)  # fmt: skip


def upgrade() -> None:
    _allow((*BEFORE, "paid_out_by_hand"))


def downgrade() -> None:
    """Those that were found since become what they were before: not paid out."""
    op.execute("DELETE FROM difference d WHERE kind = 'paid_out_by_hand' AND EXISTS (SELECT 1 FROM difference o"
               " WHERE o.kind = 'not_settled' AND o.provider = d.provider AND o.subject = d.subject)")  # fmt: skip
    op.execute("UPDATE difference SET kind = 'not_settled' WHERE kind = 'paid_out_by_hand'")
    _allow(BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    words = ", ".join(f"'{kind}'" for kind in sorted(kinds))
    op.drop_constraint(op.f("ck_difference_kind"), "difference", type_="check")
    op.create_check_constraint(op.f("ck_difference_kind"), "difference", f"kind IN ({words})")
