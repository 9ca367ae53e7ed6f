"""Verbs of passkeys, in the caller's transaction: ask a browser, take its answer, once; add, rename, remove.

What is refused is answered by a value, not by an error: an error would roll back that the question was answered.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert

from app.core import clock, db
from app.core import passkeys as ceremony
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.passkeys import Answer, NotBelieved, Party
from app.passkeys import queries, rules
from app.passkeys.errors import TooManyPasskeys
from app.passkeys.models import Owner, Passkey, PasskeyChallenge

Verdict = Literal["right", "wrong", "copied"]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, by which browser (`bound_to`, a fingerprint of its session) and where."""

    answer: Answer
    bound_to: bytes
    party: Party


def ask_to_add(owner: Owner, purpose: str, *, party: Party, bound_to: bytes, email: str, name: str) -> dict[str, Any]:
    """What a browser is asked when a passkey is to be made, for one that has none of this account's yet. Raises
    TooManyPasskeys."""
    known = queries.of(owner)
    if len(known) >= rules.MOST:
        raise TooManyPasskeys(most=rules.MOST)
    handle = known[0].user_handle if known else secrets.token_bytes(32)
    challenge = _ask(purpose, bound_to=bound_to, user_handle=handle)
    return ceremony.creation_options(
        party, challenge=challenge, user_handle=handle, email=email, name=name, known=_described(known)
    )


def ask_to_use(purpose: str, *, party: Party, bound_to: bytes, owner: Owner | None = None) -> dict[str, Any]:
    """What a browser is asked when a passkey is to be used: one of `owner`, or whosever it is."""
    challenge = _ask(purpose, bound_to=bound_to)
    return ceremony.request_options(party, challenge=challenge, known=_described(queries.of(owner)) if owner else ())


def _described(known: list[Passkey]) -> list[tuple[bytes, list[str]]]:
    return [(each.credential_id, each.transports) for each in known]


def _ask(purpose: str, *, bound_to: bytes, user_handle: bytes | None = None) -> bytes:
    asked = PasskeyChallenge(
        id=new_id(),
        challenge=secrets.token_bytes(32),
        purpose=purpose,
        bound_to=bound_to,
        user_handle=user_handle,
        expires_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, rules.CHALLENGE_MINUTES),
    )
    db.session.add(asked)
    db.session.flush()
    return asked.challenge


def _answered(given: Given, purpose: str) -> PasskeyChallenge | None:
    """What this answers, if it was asked of this browser, for this and lately: the DELETE decides, twenty at once are one."""
    gone = (
        delete(PasskeyChallenge)
        .where(PasskeyChallenge.challenge == given.answer.challenge, PasskeyChallenge.purpose == purpose)
        .where(PasskeyChallenge.bound_to == given.bound_to, PasskeyChallenge.expires_at > func.clock_timestamp())
        .returning(PasskeyChallenge)
    )
    return db.session.scalars(gone, execution_options={"synchronize_session": False}).one_or_none()


def use(given: Given, purpose: str, *, owner: Owner | None) -> Verdict:
    """Whether it is a passkey of `owner`, who is locked; None is nobody, and the same work. From here on its counter stands
    where the answer says. `copied`: the answer is right, but its counter went back, so another device has the key too."""
    asked, passkey = _answered(given, purpose), queries.lock_by_credential(given.answer.credential_id)
    if asked is None or passkey is None or owner is None or not _is_by(passkey, owner, given.answer, purpose):
        return "wrong"
    try:
        found = ceremony.used(given.answer, party=given.party, challenge=asked.challenge, public_key=passkey.public_key)
    except NotBelieved:
        return "wrong"
    if rules.is_copied(passkey.sign_count, found.sign_count):
        return "copied"
    passkey.sign_count, passkey.is_backed_up, passkey.last_used_at = found.sign_count, found.is_backed_up, clock.now()
    return "right"


def _is_by(passkey: Passkey, owner: Owner, answer: Answer, purpose: str) -> bool:
    """Where nobody was named, the authenticator has to say whom it takes its owner for."""
    is_named = answer.user_handle == passkey.user_handle or (
        answer.user_handle is None and purpose not in rules.SIGN_IN
    )
    return Owner(passkey.staff_id, passkey.customer_id) == owner and is_named


def add(owner: Owner, given: Given, purpose: str, *, name: str) -> Passkey | None:
    """A new passkey of `owner`, who is locked; None for an answer that is not believed, or a passkey that is known."""
    asked = _answered(given, purpose)
    if asked is None or asked.user_handle is None or queries.count(owner) >= rules.MOST:
        return None
    try:
        made = ceremony.created(given.answer, party=given.party, challenge=asked.challenge)
    except NotBelieved:
        return None
    added = insert(Passkey).values(
        id=new_id(),
        staff_id=owner.staff_id,
        customer_id=owner.customer_id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        user_handle=asked.user_handle,
        sign_count=made.sign_count,
        transports=made.transports,
        is_backed_up=made.is_backed_up,
        name=name,
    )
    return db.session.scalars(added.on_conflict_do_nothing().returning(Passkey)).one_or_none()


def rename(owner: Owner, passkey_id: uuid.UUID, name: str) -> None:
    """Raises NotFound, also for another's."""
    _own(owner, passkey_id).name = name


def remove(owner: Owner, passkey_id: uuid.UUID) -> None:
    """Raises NotFound, also for another's."""
    db.session.delete(_own(owner, passkey_id))


def _own(owner: Owner, passkey_id: uuid.UUID) -> Passkey:
    passkey = queries.lock_one(owner, passkey_id)
    if passkey is None:
        raise NotFound()
    return passkey


def remove_all(owner: Owner) -> int:
    """Returns how many there were."""
    gone = delete(Passkey).where(queries.belongs_to(owner)).returning(Passkey.id)
    return len(list(db.session.scalars(gone, execution_options={"synchronize_session": False})))


def forget_old() -> None:
    """What browsers were asked and never answered."""
    db.session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at < func.now()))
