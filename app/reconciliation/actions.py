"""Verbs of the reconciliation, in the caller's transaction: runs, differences, rows of statements, silences."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from app.audit import actions as audit
from app.books import actions as books
from app.books import queries as book_queries
from app.core import clock, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.money import Money
from app.payments import queries as payment_queries
from app.payments.actions import postings
from app.payments.gateway import ProviderTransaction
from app.reconciliation import queries
from app.reconciliation.errors import AlreadyClosed, AlreadyRunning
from app.reconciliation.events import DifferencesFound, ReconciliationRequested, WebhooksFellSilent
from app.reconciliation.models import Difference, ReconciliationRun
from app.reconciliation.rules import KINDS, POSTED_ROWS, Finding

ABANDONED = "2 hours"  # a run that old was cut off with its process


def request(*, actor: str) -> None:
    """Let the worker reconcile as soon as it can."""
    outbox.record(ReconciliationRequested(new_id(), actor))
    audit.record("books.reconciliation_requested", actor=actor, object_kind="books", object_id="all")


def start_run(provider: str, *, trigger: str, since: datetime, until: datetime) -> uuid.UUID:
    """Raises AlreadyRunning while another process is at the same provider; one that was cut off is no hindrance."""
    db.rows(
        "UPDATE reconciliation_run SET state = 'failed', error = 'cut off', finished_at = clock_timestamp()"
        " WHERE provider = :provider AND state = 'running' AND started_at < clock_timestamp() - CAST(:age AS interval) RETURNING id",
        provider=provider,
        age=ABANDONED,
    )
    statement = (
        insert(ReconciliationRun)
        .values(id=new_id(), provider=provider, trigger=trigger, since=since, until=until)
        .on_conflict_do_nothing()
        .returning(ReconciliationRun.id)
    )
    run_id = db.session.scalar(statement)
    if run_id is None:
        raise AlreadyRunning()
    return run_id


def fail_run(run_id: uuid.UUID, *, error: str) -> None:
    run = db.session.get_one(ReconciliationRun, run_id)
    run.state, run.error, run.finished_at = "failed", error[:500], clock.now()


def finish_run(
    run_id: uuid.UUID, *, payments: int = 0, refunds: int = 0, statement_rows: int = 0, with_balances: bool = False
) -> None:
    run = db.session.get_one(ReconciliationRun, run_id)
    run.payments, run.refunds, run.statement_rows = payments, refunds, statement_rows
    if with_balances:
        run.balances = [asdict(balance) for balance in book_queries.balances()]
    run.state, run.finished_at = "done", clock.now()


# What was accepted stays so until its amounts change; what was repaired or gone and is found again is open again.
KEEPS = "(d.state = 'accepted' AND (d.expected_minor, d.found_minor) = (excluded.expected_minor, excluded.found_minor))"
RECORD = f"""
    WITH given AS (SELECT * FROM jsonb_to_recordset(CAST(:findings AS jsonb)) AS g(id uuid, kind text, provider text, subject text,
      order_id uuid, attempt_id uuid, capture_id uuid, refund_id uuid, currency text, found_currency text, expected bigint,
      found bigint, happened_at timestamptz)),
    before AS (SELECT d.id FROM difference d JOIN given g USING (kind, provider, subject) WHERE d.state = 'open'),
    noted AS (
      INSERT INTO difference AS d (id, kind, provider, subject, order_id, attempt_id, capture_id, refund_id, currency, found_currency,
        expected_minor, found_minor, happened_at, last_run_id)
      SELECT id, kind, provider, subject, order_id, attempt_id, capture_id, refund_id, currency, found_currency, expected, found,
        happened_at, :run FROM given
      ON CONFLICT (kind, provider, subject) DO UPDATE SET last_run_id = excluded.last_run_id,
        expected_minor = excluded.expected_minor, found_minor = excluded.found_minor, currency = excluded.currency,
        found_currency = excluded.found_currency,
        opened_at = CASE WHEN d.state = 'open' OR {KEEPS} THEN d.opened_at ELSE clock_timestamp() END,
        closed_at = CASE WHEN {KEEPS} THEN d.closed_at END,
        state = CASE WHEN {KEEPS} THEN d.state ELSE 'open' END
      RETURNING d.id, d.state)
    SELECT count(*) FROM noted WHERE state = 'open' AND id NOT IN (SELECT id FROM before)
"""  # noqa: S608  # nosec B608


def record(run_id: uuid.UUID, findings: Sequence[Finding]) -> int:
    """Write down what a run found: each difference is one row, however often it is found. How many are newly open."""
    unique = {(each.kind, each.provider, each.subject): each for each in findings}
    rows = [{"id": new_id(), **asdict(each)} for each in unique.values()]
    opened: int = db.scalar(RECORD, findings=_json(rows), run=run_id) if rows else 0
    run = db.session.get_one(ReconciliationRun, run_id)
    run.found += len(rows)
    run.opened += opened
    if opened:
        outbox.record(DifferencesFound(run_id, opened))
    return opened


def close_gone(run_id: uuid.UUID, *, kinds: Sequence[str], since: datetime, provider: str = "") -> int:
    """Differences of these kinds that a run looked for and did not find any more. Those older than `since` it did not
    look for. How many were closed."""
    closed = db.rows(
        "UPDATE difference SET state = 'gone', closed_at = clock_timestamp(), closed_by = 'system'"
        " WHERE state = 'open' AND kind = ANY(:kinds) AND happened_at >= :since AND last_run_id <> :run"
        " AND (:provider = '' OR provider = :provider) RETURNING id",
        kinds=list(kinds),
        since=since,
        run=run_id,
        provider=provider,
    )
    db.session.get_one(ReconciliationRun, run_id).closed += len(closed)
    return len(closed)


def store_rows(provider: str, rows: Sequence[ProviderTransaction], *, since: datetime, through: datetime) -> int:
    """Keep rows of a statement and post those that no payment tells of. The same rows again change nothing. How many are new."""
    new = _stored(provider, rows)
    for stored in new:
        if stored.kind in POSTED_ROWS:
            books.post_statement_row(
                stored.id,
                kind=stored.kind,
                provider=provider,
                net=Money(stored.net_minor, stored.currency),
                at=stored.settled_at,
            )
    _learn_fees(provider, [stored for stored in new if stored.kind == "charge" and stored.fee_minor])
    db.rows(
        "INSERT INTO statement_progress AS s (provider, since, through) VALUES (:provider, :since, :through)"
        " ON CONFLICT (provider) DO UPDATE SET through = greatest(s.through, excluded.through) RETURNING provider",
        provider=provider,
        since=since,
        through=through,
    )
    return len(new)


STORE = """
    INSERT INTO provider_transaction (id, provider, transaction_id, kind, currency, gross_minor, fee_minor, net_minor, payment_ref,
      refund_ref, payout_ref, settled_at)
    SELECT uuidv7(), :provider, id, kind, currency, gross_minor, fee_minor, net_minor, payment_id, refund_id, payout_id, settled_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id text, kind text, currency text, gross_minor bigint, fee_minor bigint,
      net_minor bigint, payment_id text, refund_id text, payout_id text, settled_at timestamptz)
    ON CONFLICT (provider, transaction_id) DO NOTHING
    RETURNING id, kind, currency, fee_minor, net_minor, payment_ref, settled_at
"""


def _stored(provider: str, rows: Sequence[ProviderTransaction]) -> list[Any]:
    """Those that were not stored yet."""
    return db.rows(STORE, provider=provider, rows=_json([asdict(row) for row in rows])) if rows else []


def _learn_fees(provider: str, charges: Sequence[Any]) -> None:
    """Some providers tell their fee with the statement only. One that was told before, and differs, is a difference."""
    known = queries.known_captures(provider, [row.payment_ref for row in charges])
    without = {known[row.payment_ref].id: row for row in charges if _lacks_fee(known.get(row.payment_ref), row)}
    for capture in payment_queries.lock_captures(list(without)) if without else ():
        postings.note_fee(capture, without[capture.id].fee_minor)


def _lacks_fee(capture: Any, row: Any) -> bool:
    return capture is not None and capture.fee_minor == 0 and capture.currency == row.currency


def lock_open(difference_id: uuid.UUID) -> Difference:
    """Raises NotFound, or AlreadyClosed when somebody else was faster or it is gone."""
    found = queries.lock_difference(difference_id)
    if found is None:
        raise NotFound()
    if found.state != "open":
        raise AlreadyClosed()
    return found


def close(difference: Difference, *, how: str, actor: str, reason: str) -> None:
    """It is dealt with: repaired, or accepted as it is. The next run opens it again if it finds it again."""
    was = difference.state
    difference.state = "accepted" if how in ("accept", "write_off") else "repaired"
    difference.closed_at, difference.closed_by, difference.reason = clock.now(), actor, reason[:500]
    audit.record(
        f"difference.{how}",
        actor=actor,
        object_kind="difference",
        object_id=difference.id,
        before={"state": was},
        after={"state": difference.state},
        kind=difference.kind,
        subject=difference.subject,
        expected_minor=difference.expected_minor,
        found_minor=difference.found_minor,
        currency=difference.currency,
    )


def write_off(difference: Difference) -> None:
    """The provider will never have what the books say: the rest leaves its account."""
    if "write_off" not in KINDS[difference.kind].repairs:
        return
    loss = Money(difference.expected_minor - difference.found_minor, difference.currency)
    books.write_off(difference.id, provider=difference.provider, loss=loss, order_id=difference.order_id)


def begin_silence(provider: str) -> bool:
    """A provider tells nothing any more. Announced once, until it speaks again."""
    found = db.rows(
        "INSERT INTO webhook_silence (id, provider) VALUES (:id, :provider)"
        " ON CONFLICT (provider) WHERE ended_at IS NULL DO NOTHING RETURNING id",
        id=new_id(),
        provider=provider,
    )
    for row in found:
        outbox.record(WebhooksFellSilent(row.id, provider))
    return bool(found)


def end_silences(*, still_silent: Sequence[str]) -> int:
    """Providers that have told something since."""
    ended = db.rows(
        "UPDATE webhook_silence SET ended_at = clock_timestamp() WHERE ended_at IS NULL AND provider <> ALL(:silent)"
        " AND EXISTS (SELECT 1 FROM payment_notice n WHERE n.provider = webhook_silence.provider AND n.created_at > began_at)"
        " RETURNING id",
        silent=list(still_silent),
    )
    return len(ended)


def _json(rows: Sequence[dict[str, object]]) -> str:
    return json.dumps(rows, default=str)
