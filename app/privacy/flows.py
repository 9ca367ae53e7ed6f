"""Forgetting by the clock: customers who wished it once their time of grace is over (DAT-07), and all that has stayed long
enough (DAT-05). Anonymising a copy (DAT-06) is in `anonymising.py`."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial

from app.cart import queries as cart
from app.core import clock, db
from app.core.settings import Privacy, Retention, Settings
from app.core.transaction import in_transaction
from app.privacy import actions, anonymising, queries
from app.privacy.actions import requests
from app.privacy.errors import NotTheOwner, NotThisDatabase, SeveralKeys, StillUnderWay
from app.privacy.inventory import ORDER_SWEEPS, SWEEPS

log = logging.getLogger(__name__)

A_BATCH = 1000  # rows of one transaction: nobody waits long for them

_keep = Retention()
_remind_days = Privacy.remind_days


def configure(settings: Settings) -> None:
    """Called once by the factory."""
    global _keep, _remind_days
    _keep, _remind_days = settings.retention, settings.privacy.remind_days


def erase_closed() -> None:
    """One transaction each: a customer is forgotten whole or not at all. Who has an order under way is left for later."""
    due = queries.due(delivery_days=_keep.delivery_days)
    db.release()
    for customer_id in due:
        _erase(customer_id)


def _erase(customer_id: uuid.UUID) -> None:
    try:
        visitor = in_transaction(partial(actions.erase, customer_id, keep=_keep))
    except StillUnderWay:
        return
    if visitor is not None:
        cart.cool(visitor)
        log.info("customer erased", extra={"customer": str(customer_id)})


def erase_guest(request_id: uuid.UUID, *, by: str) -> int:
    """Now. Returns how many orders know nobody any more; see `actions.erase_guest`."""
    visitors, forgotten = in_transaction(partial(actions.erase_guest, request_id, by=by, keep=_keep))
    for visitor in visitors:
        cart.cool(visitor)
    return forgotten


def tell_due() -> None:
    """Each hour, so that a clock that stood still costs no day. Days are those of UTC: in Malaysia they begin at eight."""
    in_transaction(partial(requests.tell_due, clock.now().date(), days=_remind_days))


def forget_old() -> int:
    """All that is old, in batches of a transaction each. Two at once share the work; one that is killed loses a batch. Returns how
    many rows."""
    gone: Counter[str] = Counter()
    for rule in SWEEPS:
        gone[rule.table] += _all(partial(actions.sweep, rule, keep=_keep, limit=A_BATCH))
    for place in range(len(ORDER_SWEEPS)):
        gone["orders"] += _all(partial(actions.forget_old_orders, place, keep=_keep, limit=A_BATCH))
    gone["order_line"] += _all(partial(actions.forget_old_measures, keep=_keep, limit=A_BATCH))
    if gone.total():
        log.info("old data forgotten", extra={"rows": dict(+gone)})
    return gone.total()


def anonymise(*, database: str, seed: int, tell: Callable[[str], object]) -> None:
    """Replace everybody in a copy, connected as the owner of its tables. `database` has to be its name, literally. Raises
    NotThisDatabase, NotTheOwner or SeveralKeys, and then nothing has changed."""
    if anonymising.database_name() != database:
        raise NotThisDatabase()
    if not anonymising.is_owner():
        raise NotTheOwner()
    if len(anonymising.keys()) > 1:
        raise SeveralKeys()
    in_transaction(partial(anonymising.replace_everybody, seed=seed, tell=tell))
    anonymising.reclaim()
    db.release()


def _all(batch: Callable[[], int]) -> int:
    total = 0
    while True:
        done = in_transaction(batch)
        total += done
        if done < A_BATCH:
            return total
