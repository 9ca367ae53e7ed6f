"""Time. Aware UTC everywhere. What runs out, is held or counts as fresh goes by the database's clock (`db.now()`), never this one."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment as aware UTC, by this machine's clock."""
    return datetime.now(UTC)
