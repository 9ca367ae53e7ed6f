"""Codes of an authenticator app, by the database's clock, in the caller's transaction; and codes that its clock is off by.

Whoever types one of those hears it: else they would type right-looking codes until the account waits. It makes guessing no
easier (ADR 0034): the try counts, a code of the past opens nothing, and one of the future is spent before it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, update

from app.accounts import rules
from app.accounts.models import Staff
from app.core import db


@dataclass
class Clock:
    """What a refused code says about the clock that showed it: by how many 30-second steps it is ahead (negative: behind); 0:
    nothing. `is_first`: its authenticator is being set up, by somebody who is shown the secret."""

    steps: int = 0
    is_first: bool = False


def accept(person: Staff, plain: str, clock: Clock | None = None) -> bool:
    """Whether it is a code of a locked person. Only a step later than the last accepted one counts, decided by the UPDATE
    itself: twenty at once are one. `clock` is told of a wrong one that another time would make right."""
    if not rules.is_totp_code(plain):
        return False
    now = db.now()
    step = rules.matching_step(person.totp_secret, plain, at=now)
    if step is not None:
        return _use_up(person, step, confirm=True)
    if clock is not None:
        clock.steps = rules.drift(person.totp_secret, plain, at=now)
        clock.is_first = person.totp_confirmed_at is None
        if clock.steps > 0 and not clock.is_first:
            _use_up(person, int(now.timestamp()) // rules.STEP_SECONDS + clock.steps)
    return False


def _use_up(person: Staff, step: int, *, confirm: bool = False) -> bool:
    """No code up to this step is good any more. False when that was so before."""
    confirmed_at = func.coalesce(Staff.totp_confirmed_at, func.clock_timestamp())
    used = (
        update(Staff)
        .where(Staff.id == person.id, Staff.last_totp_step < step)
        .values(last_totp_step=step, **({"totp_confirmed_at": confirmed_at} if confirm else {}))
        .returning(Staff.id)
    )
    return db.session.scalar(used.execution_options(synchronize_session=False)) is not None
