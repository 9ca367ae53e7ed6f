"""Posting, in the caller's transaction: the fact and its entry are committed together or not at all.

Everything may be posted again: an entry is known by its source, and the second time nothing happens.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from app.books import queries, rules
from app.books.rules import Entry
from app.core import db
from app.core.ids import new_id
from app.core.money import Money

# One statement for any number of entries: those whose source has none yet, and their lines.
POST = """
    WITH given AS (
      SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), CAST(:tables AS text[]), CAST(:sources AS text[]),
        CAST(:sequences AS smallint[]), CAST(:orders AS uuid[]), CAST(:moments AS timestamptz[]))
      AS g(id, kind, source_table, source_id, sequence, order_id, occurred_at)),
    entry AS (
      INSERT INTO ledger_entry (id, kind, source_table, source_id, sequence, order_id, occurred_at)
      SELECT id, kind, source_table, source_id, sequence, order_id, coalesce(occurred_at, clock_timestamp()) FROM given
      ON CONFLICT ON CONSTRAINT uq_ledger_entry_source DO NOTHING RETURNING id),
    written AS (
      INSERT INTO ledger_line (entry_id, account, currency, amount_minor)
      SELECT entry.id, line.account, line.currency, line.minor
      FROM unnest(CAST(:line_ids AS uuid[]), CAST(:accounts AS text[]), CAST(:currencies AS text[]), CAST(:minors AS bigint[]))
        AS line(entry_id, account, currency, minor)
      JOIN entry ON entry.id = line.entry_id)
    SELECT count(*) FROM entry
"""


def post(*entries: Entry) -> int:
    """Write entries, in one statement. How many were new: those whose source was posted before change nothing.

    Raises Unbalanced; the database refuses the same at the commit. An entry of nothing but zeros is left out.
    """
    checked = [(new_id(), entry, its) for entry in entries if (its := rules.checked(entry.lines))]
    if not checked:
        return 0
    lines = [(entry_id, line) for entry_id, _entry, those in checked for line in those]
    written: int = db.scalar(
        POST,
        ids=[entry_id for entry_id, _entry, _lines in checked],
        **_columns([entry for _id, entry, _lines in checked]),
        line_ids=[entry_id for entry_id, _line in lines],
        accounts=[line.account for _id, line in lines],
        currencies=[line.currency for _id, line in lines],
        minors=[line.minor for _id, line in lines],
    )
    return written


def _columns(entries: Sequence[Entry]) -> dict[str, list[object]]:
    return {
        "kinds": [entry.kind for entry in entries],
        "tables": [entry.source_table for entry in entries],
        "sources": [str(entry.source_id) for entry in entries],
        "sequences": [entry.sequence for entry in entries],
        "orders": [entry.order_id for entry in entries],
        "moments": [entry.occurred_at for entry in entries],
    }


def post_fee(capture_id: uuid.UUID, *, order_id: uuid.UUID, provider: str, fee: Money) -> bool:
    """The provider keeps `fee` of a capture, all told: what differs from the fees posted so far is posted now."""
    posted, corrections = queries.fees_of(capture_id)
    rest = Money(fee.minor - posted, fee.currency)
    lines = rules.transfer(rest, debit=rules.PAYMENT_FEES, credit=rules.clearing(provider))
    return bool(post(Entry("fee", lines, "payment_capture", capture_id, corrections + 1, order_id)))


def post_refund(refund_id: uuid.UUID, *, order_id: uuid.UUID, provider: str, amount: Money, of_sale: bool) -> bool:
    """Money has gone back: of a paid order (`of_sale`), or what was in suspense because it paid none."""
    debit = rules.CUSTOMER_REFUNDS if of_sale else rules.SUSPENSE
    lines = rules.transfer(amount, debit=debit, credit=rules.clearing(provider))
    return bool(post(Entry("refund", lines, "refund", refund_id, order_id=order_id)))


def reverse_refund(refund_id: uuid.UUID, *, order_id: uuid.UUID, of_sale: bool) -> bool:
    """A refund that counted as done has failed after all. Nothing to do for one that never was posted. What went out of
    suspense comes back as a refund, if it is `of_sale` by now: the sale has made it one."""
    posted = queries.lines_of("refund", source_table="refund", source_id=refund_id)
    lines = rules.reversed_lines(rules.sold_lines(posted) if of_sale else posted)
    return bool(post(Entry("refund_reversed", lines, "refund", refund_id, order_id=order_id)))


def post_statement_row(row_id: uuid.UUID, *, kind: str, provider: str, net: Money, at: datetime) -> bool:
    """A row of a provider's statement that no payment tells of: a payout (`net` went to the bank), a fee, or a dispute
    (`net` is negative for what the provider took)."""
    clearing = rules.clearing(provider)
    if kind == "payout":
        lines = rules.transfer(net, debit=rules.BANK, credit=clearing)
    else:
        lines = rules.transfer(net, debit=clearing, credit={"fee": rules.PAYMENT_FEES, "dispute": rules.DISPUTES}[kind])
    return bool(post(Entry(kind, lines, "provider_transaction", row_id, occurred_at=at)))


def write_off(difference_id: uuid.UUID, *, provider: str, loss: Money, order_id: uuid.UUID | None) -> bool:
    """Somebody accepts that a provider holds `loss` less than the books say (negative: more)."""
    lines = rules.transfer(loss, debit=rules.WRITE_OFF, credit=rules.clearing(provider))
    return bool(post(Entry("write_off", lines, "difference", difference_id, order_id=order_id)))
