"""Time. Aware UTC everywhere; lock expiry uses the database's clock, never this one."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current moment as aware UTC, by this machine's clock."""
    return datetime.now(UTC)
