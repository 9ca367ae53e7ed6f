"""the newsletter: who wants it, by address, with an account or without one"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")
WAYS_BEFORE = "way IN ('registration', 'preferences', 'link', 'api')"
WAYS = "way IN ('api', 'checkout', 'link', 'newsletter', 'preferences', 'registration', 'staff')"

CONSENT_IS_KEPT = """
CREATE OR REPLACE FUNCTION consent_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW IS DISTINCT FROM OLD
      AND to_jsonb(NEW) - '{customer_id,subscriber_id}'::text[] = to_jsonb(OLD) - '{customer_id,subscriber_id}'::text[]
      AND (NEW.customer_id IS NULL OR NEW.customer_id IS NOT DISTINCT FROM OLD.customer_id)
      AND (NEW.subscriber_id IS NULL OR NEW.subscriber_id IS NOT DISTINCT FROM OLD.subscriber_id)
    THEN
      RETURN NEW;  -- whose it was may be forgotten
    END IF;
  END IF;
  RAISE EXCEPTION 'consents are only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
CONSENT_WAS_KEPT = """
CREATE OR REPLACE FUNCTION consent_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF to_jsonb(NEW) - 'customer_id' = to_jsonb(OLD) - 'customer_id' AND NEW.customer_id IS NULL THEN
      RETURN NEW;  -- whose it was may be forgotten
    END IF;
  END IF;
  RAISE EXCEPTION 'consents are only added to' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def upgrade() -> None:
    _subscribers()
    _move_in()
    _consents()


def _subscribers() -> None:
    op.create_table(
        "newsletter_subscriber",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_index", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, server_default=NOW, nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=True),
        sa.Column("mailed_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, server_default=NOW, nullable=False),
        sa.CheckConstraint("state IN ('confirmed', 'left', 'pending')", name=op.f("ck_newsletter_subscriber_state")),
        sa.CheckConstraint(WAYS, name=op.f("ck_newsletter_subscriber_way")),
        sa.CheckConstraint("(letter_id IS NULL) = (mailed_at IS NULL)", name=op.f("ck_newsletter_subscriber_letter")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_newsletter_subscriber")),
        sa.UniqueConstraint("email_index", name=op.f("uq_newsletter_subscriber_email_index")),
    )
    latest = [sa.text("since DESC"), sa.text("id DESC")]
    op.create_index("ix_newsletter_subscriber_since", "newsletter_subscriber", latest)
    op.create_index("ix_newsletter_subscriber_state_since", "newsletter_subscriber", ["state", *latest])


def _move_in() -> None:
    """Customers who want the news: their address, and how they said so last."""
    op.execute(
        "INSERT INTO newsletter_subscriber (id, email, email_index, state, locale, way, version, since)"
        " SELECT gen_random_uuid(), c.email, c.email_index, 'confirmed', c.locale, coalesce(k.way, 'preferences'),"
        " coalesce(k.version, 'before 2026-11-26'), p.updated_at"
        " FROM notification_preference p JOIN customer c ON c.id = p.customer_id LEFT JOIN LATERAL"
        " (SELECT way, version FROM consent WHERE customer_id = c.id AND channel = 'email' AND purpose = 'marketing' AND is_given"
        " ORDER BY created_at DESC, id DESC LIMIT 1) k ON true"
        " WHERE p.channel = 'email' AND p.type = 'marketing' AND p.enabled"
    )
    op.execute("DELETE FROM notification_preference WHERE channel = 'email' AND type = 'marketing'")
    op.create_check_constraint(
        op.f("ck_notification_preference_news"), "notification_preference", "channel <> 'email' OR type <> 'marketing'"
    )


def _consents() -> None:
    op.add_column("consent", sa.Column("subscriber_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_consent_subscriber_id"),
        "consent",
        "newsletter_subscriber",
        ["subscriber_id"],
        ["id"],
        ondelete="SET NULL",
    )
    op.create_check_constraint(
        op.f("ck_consent_news"), "consent", "subscriber_id IS NULL OR (channel = 'email' AND purpose = 'marketing')"
    )
    op.create_index(
        "ix_consent_subscriber_id", "consent", ["subscriber_id"], postgresql_where=sa.text("subscriber_id IS NOT NULL")
    )
    _swap_ways(WAYS)
    op.execute(CONSENT_IS_KEPT)


def _swap_ways(rule: str) -> None:
    op.drop_constraint("ck_consent_way", "consent")
    op.create_check_constraint(op.f("ck_consent_way"), "consent", rule)


def downgrade() -> None:
    """Whoever has no account loses the news, for there is nowhere to keep that; so do consents given in ways there were not."""
    op.execute(CONSENT_WAS_KEPT)
    op.execute("ALTER TABLE consent DISABLE TRIGGER USER")
    op.execute("DELETE FROM consent WHERE way IN ('newsletter', 'checkout', 'staff') AND customer_id IS NULL")
    op.execute("UPDATE consent SET way = 'preferences' WHERE way IN ('newsletter', 'checkout', 'staff')")
    op.execute("ALTER TABLE consent ENABLE TRIGGER USER")
    _swap_ways(WAYS_BEFORE)
    op.drop_column("consent", "subscriber_id")
    op.drop_constraint("ck_notification_preference_news", "notification_preference")
    op.execute(
        "INSERT INTO notification_preference (customer_id, channel, type, enabled, updated_at)"
        " SELECT c.id, 'email', 'marketing', s.state = 'confirmed', s.since FROM newsletter_subscriber s"
        " JOIN customer c ON c.email_index = s.email_index"
    )
    op.drop_table("newsletter_subscriber")
