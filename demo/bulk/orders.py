"""Generated orders, made inside PostgreSQL: customers come by COPY (their data is encrypted here), the rest is statements.

An order with the number i has everything drawn from i: its customer, moment, fate and lines. Of a hundred, 92 are paid,
five expired unpaid, and three were cancelled after late money that went back. What was sold came with one opening delivery
per stock row, so that the counters end where they stood.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from sqlalchemy import text

from app.core import crypto, db
from demo.bulk import tables

TABLES = ("orders", "order_line", "order_event", "payment", "payment_attempt", "payment_capture", "refund", "stock_lock",
          "stock_movement", "ledger_entry", "ledger_line")  # fmt: skip
STEPS = files("demo.bulk").joinpath("orders.sql").read_text(encoding="utf-8").split(";\n\n")
FIRST = ("Aina", "Siti", "Farah", "Hui Min", "Mei Ling", "Kavitha", "Priya", "Ananya", "Nurul", "Zara", "Amir", "Farid", "Wei Jie",
         "Jun Hao", "Arjun", "Rohan", "Vikram", "Hafiz", "Iskandar", "Daniel")  # fmt: skip
LAST = ("Rahman", "Abdullah", "Ismail", "Tan", "Lim", "Wong", "Nair", "Menon", "Sharma", "Iyer", "Hassan", "Yusof", "Lee", "Chua",
        "Pillai", "Rao", "Gupta", "Osman", "Zainal", "Fernandez")  # fmt: skip
# (how many of ten, country, currency, phone prefix, (postcode, city, state))
MARKETS = (
    (7, "MY", "MYR", "+6012", (("50480", "Kuala Lumpur", "Kuala Lumpur"), ("15000", "Kota Bharu", "Kelantan"),
                               ("10200", "George Town", "Pulau Pinang"), ("80000", "Johor Bahru", "Johor"))),
    (2, "IN", "INR", "+9198", (("560001", "Bengaluru", "Karnataka"), ("400001", "Mumbai", "Maharashtra"),
                               ("682001", "Kochi", "Kerala"))),
    (1, "SG", "USD", "+6591", (("238801", "Singapore", "Singapore"),)),
)  # fmt: skip


def generate(count: int, *, customers: int) -> None:
    """Add `count` orders of `customers` people. In the caller's transaction; there must be products in stock."""
    tables.prepare()
    driver = db.session.connection()
    driver.exec_driver_sql(_PEOPLE)
    tables.copy("demo_person", _COLUMNS, _people(customers))
    first = db.scalar("SELECT count(*) FROM orders WHERE visitor LIKE 'demo-%'")
    values = {"first": first, "count": count, "customers": customers}
    with tables.without_indexes(TABLES, rows=count):
        for step in STEPS:
            db.session.execute(text(step), values if ":first" in step else {})


_COLUMNS = ("n", "email", "email_index", "phone", "phone_index", "address", "country", "currency", "locale")
_PEOPLE = """
    CREATE TEMP TABLE demo_person (n bigint, email text, email_index bytea, phone text, phone_index bytea, address text,
      country text, currency text, locale text) ON COMMIT DROP
"""


def _people(count: int) -> Iterator[tuple[Any, ...]]:
    markets = [market for market in MARKETS for _ in range(market[0])]
    for n in range(count):
        _share, country, currency, prefix, towns = markets[n % len(markets)]
        first, last = FIRST[n * 7 % len(FIRST)], LAST[n // len(FIRST) % len(LAST)]
        email = f"{first.replace(' ', '.').lower()}.{last.lower()}.{n}@example.com"
        phone = f"{prefix}{n % 100_000_000:08d}"
        postcode, city, state = towns[n // 10 % len(towns)]
        address = {"name": f"{first} {last}", "country": country, "postcode": postcode, "line1": f"{n % 400 + 1} Jalan Melur",
                   "line2": "", "city": city, "state": state}  # fmt: skip
        sealed = crypto.encrypt(json.dumps(address, ensure_ascii=False, sort_keys=True))
        locale = "ms" if country == "MY" and n % 3 else "en"
        yield (n, crypto.encrypt(email), crypto.blind_index(email), crypto.encrypt(phone), crypto.blind_index(phone), sealed,
               country, currency, locale)  # fmt: skip
