"""Any number of generated products, customers and orders on top of the demo shop, for measuring.

Seeded: the same numbers on the same day make the same shop. Running again fills up to the numbers asked for. Rows go in by
COPY and by statements over millions of rows, past events and search handlers, but every invariant of `shop audit` holds:
stock counters are the sums of their movements, paid orders have their captures, numbers have no gaps.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from app.core import db
from app.core.transaction import transaction
from demo.bulk import orders as bulk_orders
from demo.bulk import products as bulk_products
from demo.bulk.tables import settle

PEOPLE_PER_ORDERS = 4


def fill(*, products: int, orders: int, customers: int = 0, tell: Callable[[str], object] = lambda _line: None) -> None:
    """Generate what is missing to these numbers. `tell` gets one line per step."""
    missing = products - db.scalar("SELECT count(*) FROM product")
    db.release()
    if missing > 0:
        _step(f"{missing} products", lambda: bulk_products.generate(missing), tell)
    missing = orders - db.scalar("SELECT count(*) FROM orders")
    db.release()
    if missing > 0:
        people = customers or max(1, orders // PEOPLE_PER_ORDERS)
        _step(f"{missing} orders of {people} customers", lambda: bulk_orders.generate(missing, customers=people), tell)
    _step("statistics", settle, tell)


def _step(what: str, work: Callable[[], None], tell: Callable[[str], object]) -> None:
    start = time.monotonic()
    if what == "statistics":
        work()
    else:
        with transaction():
            work()
    tell(f"{what}: {time.monotonic() - start:.1f} s")
