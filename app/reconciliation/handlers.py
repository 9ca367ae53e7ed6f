"""What the reconciliation does when somebody asks for it."""

from app.reconciliation import flows
from app.reconciliation.events import ReconciliationRequested


def reconcile(event: ReconciliationRequested) -> None:
    flows.reconcile(trigger=event.actor)
