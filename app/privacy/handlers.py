"""What is written to staff about requests: how many wait, and where. Nothing of whose they are. Talks to the network: called with no
transaction open, at least once."""

from __future__ import annotations

from functools import partial

from app.accounts.queries import telling
from app.notifications import flows, letters
from app.notifications.flows import Mail
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
    mail = partial(Mail, topic, "requests_due", locale=letters.LANGUAGES[0], order_id=None, values=values)
    flows.send_each([partial(mail, recipient=email) for email in telling.emails_of_holders(RIGHT)])
