"""Time. Aware UTC everywhere. What runs out, is held or counts as fresh goes by the database's clock (`db.now()`), never this one."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def now() -> datetime:
    """The current moment as aware UTC, by this machine's clock."""
    return datetime.now(UTC)


def zone(name: str | None, *, default: ZoneInfo) -> ZoneInfo:
    """The time zone of an IANA name; `default` for none, and for one that this machine's data do not know any more."""
    try:
        return ZoneInfo(name) if name else default
    except ZoneInfoNotFoundError:
        return default
