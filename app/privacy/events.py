from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class RequestsDue(Event):
    """On `day` (UTC, as 2026-11-26) requests about personal data wait that are to be answered within `days`, or are overdue."""

    name = "privacy.requests_due"
    day: str
    days: int
