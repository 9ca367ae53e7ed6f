"""SQLite behind one connection and one lock: many short transactions, all of them still there after a kill -9.

WAL with `synchronous=NORMAL` keeps every committed transaction when the process dies; only a power cut may take
the last ones, and a sandbox may lose those.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row
FILE = "sandbox-2.sqlite3"  # the number is the schema's: an older file stays as it is, and a new one is begun
# The exclusive lock keeps a second sandbox out of the same folder; it ends with the process, however that ends.
_PRAGMAS = (
    "busy_timeout = 2000",
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS orders (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL DEFAULT 'razorpay',
  extra TEXT NOT NULL DEFAULT '{}', amount INTEGER NOT NULL, amount_paid INTEGER NOT NULL DEFAULT 0,
  currency TEXT NOT NULL, receipt TEXT, status TEXT NOT NULL DEFAULT 'created', attempts INTEGER NOT NULL DEFAULT 0,
  notes TEXT NOT NULL DEFAULT '{}', capture_mode TEXT NOT NULL DEFAULT 'automatic',
  automatic_minutes INTEGER NOT NULL DEFAULT 15, manual_minutes INTEGER NOT NULL DEFAULT 7200,
  refund_speed TEXT NOT NULL DEFAULT 'normal', created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS orders_receipt ON orders (receipt);
CREATE INDEX IF NOT EXISTS orders_intent ON orders (json_extract(extra, '$.intent')) WHERE provider = 'stripe';
CREATE TABLE IF NOT EXISTS payment (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL DEFAULT 'razorpay',
  extra TEXT NOT NULL DEFAULT '{}', order_id TEXT NOT NULL REFERENCES orders (id),
  amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, captured INTEGER NOT NULL DEFAULT 0,
  amount_refunded INTEGER NOT NULL DEFAULT 0 CHECK (amount_refunded BETWEEN 0 AND amount), method TEXT NOT NULL,
  instrument TEXT NOT NULL DEFAULT '{}', email TEXT, contact TEXT, description TEXT, notes TEXT NOT NULL DEFAULT '{}',
  failure TEXT,
  created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS payment_order ON payment (order_id);
CREATE TABLE IF NOT EXISTS refund (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL DEFAULT 'razorpay',
  extra TEXT NOT NULL DEFAULT '{}', payment_id TEXT NOT NULL REFERENCES payment (id),
  amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, receipt TEXT,
  notes TEXT NOT NULL DEFAULT '{}', speed TEXT NOT NULL DEFAULT 'normal', source TEXT NOT NULL,
  idempotency_key TEXT, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS refund_payment ON refund (payment_id);
CREATE TABLE IF NOT EXISTS dispute (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL DEFAULT 'razorpay',
  extra TEXT NOT NULL DEFAULT '{}', payment_id TEXT NOT NULL REFERENCES payment (id),
  amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
  respond_by REAL NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS document (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, kind TEXT NOT NULL, source TEXT,
  payout TEXT, body TEXT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS document_kind ON document (kind, seq);
CREATE INDEX IF NOT EXISTS document_source ON document (source);
CREATE TABLE IF NOT EXISTS idempotency (
  key TEXT PRIMARY KEY, payment_id TEXT NOT NULL, body TEXT NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, order_id TEXT NOT NULL, payment_id TEXT NOT NULL, refund_id TEXT,
  amount INTEGER NOT NULL, currency TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS journal_order ON journal (order_id);
CREATE TABLE IF NOT EXISTS settlement (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, currency TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS settled (
  seq INTEGER PRIMARY KEY, settlement_id TEXT NOT NULL, journal INTEGER UNIQUE, entity_id TEXT NOT NULL, type TEXT NOT NULL,
  debit INTEGER NOT NULL, credit INTEGER NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, fee INTEGER NOT NULL,
  payment_id TEXT, order_id TEXT, created_at REAL NOT NULL, settled_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS settled_at ON settled (settled_at);
CREATE INDEX IF NOT EXISTS settled_entity ON settled (entity_id);
CREATE TABLE IF NOT EXISTS timer (
  seq INTEGER PRIMARY KEY, due_at REAL NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timer_due ON timer (due_at);
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL DEFAULT 'razorpay', name TEXT NOT NULL,
  order_id TEXT NOT NULL, body BLOB NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
  seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL REFERENCES event (id), url TEXT NOT NULL, secret TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS delivery_open ON delivery (seq) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS attempt (
  seq INTEGER PRIMARY KEY, delivery INTEGER NOT NULL REFERENCES delivery (seq), number INTEGER NOT NULL,
  at REAL NOT NULL, status INTEGER, error TEXT, milliseconds INTEGER NOT NULL);
"""
_TABLES = (
    "settled",
    "settlement",
    "attempt",
    "delivery",
    "event",
    "timer",
    "journal",
    "idempotency",
    "document",
    "dispute",
    "refund",
    "payment",
    "orders",
)


class Transaction:
    """What one request changes. Functions given to `after_commit` run once it is safe on disk."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        self.hooks: list[Callable[[], object]] = []

    def execute(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        return self._db.execute(sql, tuple(values))

    def one(self, sql: str, values: Iterable[Any] = ()) -> Row | None:
        row: Row | None = self._db.execute(sql, tuple(values)).fetchone()
        return row

    def all(self, sql: str, values: Iterable[Any] = ()) -> list[Row]:
        return self._db.execute(sql, tuple(values)).fetchall()

    def insert(self, table: str, **columns: Any) -> int:
        """Inserts one row; returns its sequence number."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        cursor = self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))  # noqa: S608  # nosec B608
        return int(cursor.lastrowid or 0)

    def after_commit(self, hook: Callable[[], object]) -> None:
        self.hooks.append(hook)


class Store:
    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / FILE, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            tx = Transaction(self._db)
            try:
                yield tx
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        for hook in tx.hooks:
            hook()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Several reads of one moment."""
        with self._lock:
            yield Transaction(self._db)

    def setting(self, name: str, default: str) -> str:
        with self.reading() as tx:
            row = tx.one("SELECT value FROM setting WHERE name = ?", (name,))
        return row["value"] if row else default

    def set_setting(self, name: str, value: str) -> None:
        with self.transaction() as tx:
            tx.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))

    def clear(self) -> None:
        """Forgets all orders, money and events; settings stay."""
        with self.transaction() as tx:
            for table in _TABLES:
                tx.execute(f"DELETE FROM {table}")  # noqa: S608  # nosec B608

    def close(self) -> None:
        """For the end of the process: keeps the lock, so that background threads wait for it instead of failing."""
        self._lock.acquire()
        self._db.close()
