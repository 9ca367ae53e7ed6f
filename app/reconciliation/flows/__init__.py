"""The nightly comparison: statements first, then each provider's lists, then our own rows. Called with no transaction open.

Every step may run again: rows and differences are known by their names. A provider that does not answer ends its own run only.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core import db
from app.core.transaction import in_transaction
from app.payments import gateway
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.payments.providers.guarded import insisting
from app.reconciliation import actions, queries, rules
from app.reconciliation.errors import AlreadyRunning
from app.reconciliation.flows import compare
from app.reconciliation.flows.receipts import resolved
from app.reconciliation.rules import Finding

log = logging.getLogger(__name__)
A_BATCH = 500  # differences, or rows of a statement, in one transaction
SILENCE_HOURS = 6


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is compared. What is younger than the grace may still be on its way to us."""

    until: datetime
    since: datetime

    @classmethod
    def of_last_days(cls, days: int, *, grace_minutes: int = rules.GRACE_MINUTES) -> Window:
        until = db.now() - timedelta(minutes=grace_minutes)
        return cls(until, until - timedelta(days=days))


def reconcile(*, trigger: str, window: Window | None = None) -> int:
    """Compare everything with every provider that takes part. How many differences are newly open.

    Providers that do not answer, and runs of somebody else, are left out; the run's row says so.
    """
    window = window or Window.of_last_days(rules.LISTING_DAYS)
    opened = 0
    with insisting():
        for code in gateway.available():
            opened += _run(code, trigger, _reaching_back(code, window), _with_provider)
    longest = Window(window.until, window.until - timedelta(days=rules.LOCAL_DAYS))
    return opened + _run(rules.SHOP, trigger, longest, _with_ourselves)


def reconcile_nightly() -> None:
    """Once a day, by the schedule."""
    reconcile(trigger="schedule")


def watch_webhooks() -> None:
    """Every ten minutes: has a provider stopped telling us of payments that we find by asking (P6)?"""
    silent = queries.silent_providers(hours=SILENCE_HOURS, grace_minutes=rules.GRACE_MINUTES)
    db.release()
    silent = [code for code in silent if code not in rules.WITHOUT_WEBHOOKS]

    def note() -> None:
        actions.end_silences(still_silent=silent)
        for code in silent:
            actions.begin_silence(code)

    in_transaction(note)


def _reaching_back(code: str, window: Window) -> Window:
    """So far that the open differences are looked at again: they close when they are gone."""
    oldest = queries.oldest_open(code, rules.BY_LISTING)
    db.release()
    return Window(window.until, min(window.since, oldest - timedelta(minutes=1)) if oldest else window.since)


def _run(code: str, trigger: str, window: Window, work: Callable[[uuid.UUID, str, Window], int]) -> int:
    try:
        run_id = in_transaction(
            lambda: actions.start_run(code, trigger=trigger, since=window.since, until=window.until)
        )
    except AlreadyRunning:
        log.warning("somebody else reconciles", extra={"provider": code})
        return 0
    try:
        return work(run_id, code, window)
    except (ProviderUnavailable, ProviderRefused) as error:
        said = str(error.facts.get("reason") or error)
        in_transaction(lambda: actions.fail_run(run_id, error=said))
        return 0
    except Exception as error:
        said = type(error).__name__
        in_transaction(lambda: actions.fail_run(run_id, error=said))
        raise
    finally:
        db.forget()


def _with_provider(run_id: uuid.UUID, code: str, window: Window) -> int:
    rows = fetch_statement(code, until=window.until)
    payments = compare.payments(code, window.since, window.until)
    refunds = compare.refunds(code, window.since, window.until)
    kinds = (*payments.kinds, *refunds.kinds)
    opened = _record(run_id, [*payments.findings, *refunds.findings])

    def end() -> None:
        actions.close_gone(run_id, kinds=kinds, since=window.since, provider=code)
        actions.finish_run(run_id, payments=payments.count, refunds=refunds.count, statement_rows=rows)

    in_transaction(end)
    return opened


def _with_ourselves(run_id: uuid.UUID, code: str, window: Window) -> int:
    findings = list(queries.local_findings(since=window.since, settled_within=rules.SETTLED_WITHIN_DAYS))
    db.release()
    opened = _record(run_id, findings)

    def end() -> None:
        actions.close_gone(run_id, kinds=rules.LOCAL, since=window.since)
        actions.finish_run(run_id, with_balances=True)

    in_transaction(end)
    return opened


def _record(run_id: uuid.UUID, findings: Sequence[Finding]) -> int:
    opened = 0
    for start in range(0, len(findings), A_BATCH):
        batch = findings[start : start + A_BATCH]
        opened += in_transaction(lambda batch=batch: actions.record(run_id, batch))  # type: ignore[misc]
    return opened


def fetch_statement(code: str, *, until: datetime) -> int:
    """Store what a provider settled since we last looked, in pieces: cut off, the next run goes on. How many rows are new."""
    if not gateway.tells(code, "settlements"):
        return 0
    since = queries.statement_through(code) or until - timedelta(days=rules.STATEMENT_DAYS)
    db.release()
    stored = 0
    for start, end in rules.pieces(
        since - timedelta(days=rules.STATEMENT_OVERLAP_DAYS), until, days=rules.STATEMENT_PIECE_DAYS
    ):
        rows = resolved(code, gateway.bookkeeper(code).settlements(start, end))
        for first in range(0, max(len(rows), 1), A_BATCH):
            batch, last = rows[first : first + A_BATCH], first + A_BATCH >= len(rows)
            through = end if last else start
            stored += in_transaction(
                lambda batch=batch, through=through: actions.store_rows(code, batch, since=since, through=through)  # type: ignore[misc]
            )
    return stored
