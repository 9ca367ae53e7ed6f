"""What is written to staff about requests: how many wait, and where. Nothing of whose they are. Talks to the network: called with no
transaction open, at least once."""

from __future__ import annotations

from functools import partial

from app.accounts.queries import telling
from app.notifications import flows
from app.privacy import queries
from app.privacy.events import RequestsDue

RIGHT = "privacy.view"  # of the page that the mail leads to


def tell_requests_due(event: RequestsDue) -> None:
    """One mail a day to each of them; none when all was answered meanwhile."""
    due = queries.requests_due(days=event.days)
    if not any(due):
        return
    values = {"overdue": due.overdue, "soon": due.soon, "days": event.days}
    topic = f"{event.name}:{event.day}"
    told = telling.holders(RIGHT)
    flows.send_each([partial(flows.to_staff, to, topic, "requests_due", **values) for to in told])
