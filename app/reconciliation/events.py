import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class ReconciliationRequested(Event):
    """Somebody wants to know now, not in the night."""

    name = "reconciliation.requested"
    request_id: uuid.UUID
    actor: str


@dataclass(frozen=True, slots=True)
class DifferencesFound(Event):
    """A run has found differences that were not open before."""

    name = "reconciliation.differences_found"
    run_id: uuid.UUID
    count: int


@dataclass(frozen=True, slots=True)
class WebhooksFellSilent(Event):
    """Payments come, and the provider does not tell of them any more (P6)."""

    name = "webhooks.fell_silent"
    silence_id: uuid.UUID
    provider: str
