"""Finding rows: by ids that strangers sent, and by ids of our own."""

from sandbox.errors import plain_error, unknown_id
from sandbox.ids import is_id
from sandbox.store import Row, Transaction

__all__ = ["Row", "found", "known"]
_PREFIXES = {"dispute": "disp", "orders": "order", "payment": "pay", "refund": "rfnd"}


def known(tx: Transaction, table: str, row_id: str) -> Row:
    """The row of an id from outside; raises the provider's refusal for a malformed or unknown one."""
    if not is_id(row_id, _PREFIXES[table]):
        raise plain_error(f"{row_id} is not a valid id")
    row = tx.one(f"SELECT * FROM {table} WHERE id = ?", (row_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise unknown_id()
    return row


def found(tx: Transaction, table: str, row_id: str) -> Row:
    """The row of an id of our own."""
    row = tx.one(f"SELECT * FROM {table} WHERE id = ?", (row_id,))  # noqa: S608  # nosec B608
    if row is None:
        raise LookupError(f"{table} {row_id} vanished")
    return row
