"""Verbs of keys, in the caller's transaction, each noted in the audit and told by mail. Nobody gives a key what they do not
hold themselves."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from app.accounts.queries import SignedIn
from app.api_keys import queries, rules
from app.api_keys.errors import KeyOver, NameTaken, NotHeld, RotatedMeanwhile
from app.api_keys.events import ApiKeyChanged, ApiKeyEnding
from app.api_keys.models import ApiKey, ApiKeyNonce, ApiKeySecret
from app.api_keys.rules import Secret
from app.audit import actions as audit
from app.core import clock, db, outbox
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.networks import Network

ENDING_DAYS = 7


@dataclass(frozen=True, slots=True)
class NewKey:
    """What was asked for. `signs`: one of the scopes opens what has to be signed."""

    name: str
    scopes: Sequence[str]
    networks: Sequence[Network]
    expires_at: datetime
    signs: bool


def create(new: NewKey, *, by: SignedIn) -> tuple[uuid.UUID, Secret]:
    """Returns the key's id and its secret, in clear for the only time. Raises NameTaken, NotHeld."""
    _demand_held(new.scopes, by)
    queries.lock_name(new.name)
    if queries.is_taken(new.name):
        raise NameTaken()
    key = ApiKey(
        id=new_id(),
        name=new.name,
        scopes=sorted(new.scopes),
        networks=list(new.networks),
        expires_at=new.expires_at,
    )
    db.session.add(key)
    db.session.flush()
    secret = _give_secret(key, by, signs=new.signs)
    after = {"scopes": key.scopes, "networks": [str(each) for each in new.networks], **_until(key)}
    _note("created", key, by=by, after=after, secret=secret.public_id)
    return key.id, secret


def rotate(
    key_id: uuid.UUID,
    *,
    instead_of: str,
    overlap_hours: int,
    expires_at: datetime,
    signs: bool,
    by: SignedIn,
) -> Secret:
    """Another secret, for which `by` answers from now on; the old one works for `overlap_hours` more. `instead_of` is the
    public id of the secret that the page showed as the newest: a form sent twice rotates once.

    Raises KeyOver for a revoked one (one that ran out lives again), RotatedMeanwhile, NotHeld, NotFound.
    """
    key = _key(key_id)
    _demand_held(key.scopes, by)
    newest = next(each for each in queries.lock_secrets(key.id) if each.ends_at is None)
    if newest.public_id != instead_of:
        raise RotatedMeanwhile()
    overlap_end: datetime = db.scalar("SELECT clock_timestamp() + make_interval(hours => :h)", h=overlap_hours)
    newest.ends_at = min(overlap_end, key.expires_at)  # no longer than it would have worked
    db.session.flush()
    before = _until(key)
    key.expires_at, key.ending_told_at = expires_at, None
    secret = _give_secret(key, by, signs=signs)
    facts = {"secret": secret.public_id, "instead_of": instead_of, "overlap_hours": overlap_hours}
    _note("rotated", key, by=by, before=before, after=_until(key), **facts)
    return secret


def end_secret(key_id: uuid.UUID, public_id: str, *, by: SignedIn) -> bool:
    """One that was replaced stops working now. False when it does already. Raises NotFound, also for the newest one: then
    the whole key has to be revoked."""
    key = _key(key_id)
    secret = next((each for each in queries.lock_secrets(key.id) if each.public_id == public_id), None)
    if secret is None or secret.ends_at is None:
        raise NotFound()
    now: datetime = db.scalar("SELECT clock_timestamp()")
    if secret.ends_at <= now:
        return False
    before, secret.ends_at = {"ends_at": secret.ends_at.isoformat()}, now
    audit.record(
        "api_key.secret_ended",
        actor=by.actor,
        object_kind="api_key",
        object_id=key.id,
        before=before,
        after={"ends_at": now.isoformat()},
        name=key.name,
        secret=public_id,
    )
    return True


def revoke(key_id: uuid.UUID, *, by: SignedIn) -> None:
    """From now on none of its secrets opens anything. Whoever looks after keys may revoke any. Raises KeyOver, NotFound."""
    key = _key(key_id)
    key.revoked_at = clock.now()
    _note("revoked", key, by=by, before={"revoked": False}, after={"revoked": True})


def _key(key_id: uuid.UUID) -> ApiKey:
    key = queries.lock_key(key_id)
    if key is None:
        raise NotFound()
    if key.revoked_at is not None:
        raise KeyOver()
    return key


def _demand_held(scopes: Sequence[str], by: SignedIn) -> None:
    if not by.rights.issuperset(scopes):
        raise NotHeld()


def _give_secret(key: ApiKey, by: SignedIn, *, signs: bool) -> Secret:
    secret = rules.new_secret(signs=signs)
    db.session.add(
        ApiKeySecret(
            id=new_id(),
            key_id=key.id,
            staff_id=by.staff_id,
            public_id=secret.public_id,
            secret_hash=rules.hashed(secret.key),
            signing_secret=secret.signing,
        )
    )
    return secret


def _until(key: ApiKey) -> dict[str, str]:
    return {"expires_at": key.expires_at.isoformat()}


def _note(what: str, key: ApiKey, *, by: SignedIn, **facts: Any) -> None:
    outbox.record(ApiKeyChanged(key.id, new_id(), what, by.staff_id))
    audit.record(f"api_key.{what}", actor=by.actor, object_kind="api_key", object_id=key.id, name=key.name, **facts)


def note_used(secret_id: uuid.UUID) -> None:
    used = update(ApiKeySecret).where(ApiKeySecret.id == secret_id).values(last_used_at=func.clock_timestamp())
    db.session.execute(used)


def spend_nonce(secret_id: uuid.UUID, nonce: str) -> bool:
    """Whether this word comes for the first time with this secret: of many at once, one."""
    spent = insert(ApiKeyNonce).values(secret_id=secret_id, nonce=nonce).on_conflict_do_nothing()
    return db.session.scalar(spent.returning(ApiKeyNonce.nonce)) is not None


def tell_ending() -> None:
    """Announce each key that runs out within days, once."""
    for key in queries.lock_ending(days=ENDING_DAYS):
        key.ending_told_at = clock.now()
        outbox.record(ApiKeyEnding(key.id, new_id()))


def forget_nonces(*, limit: int = 5000) -> bool:
    """Delete those that no signature could bring any more, at most so many. Returns whether more may be left."""
    gone: int = db.scalar(
        "WITH gone AS (DELETE FROM api_key_nonce WHERE (secret_id, nonce) IN (SELECT secret_id, nonce FROM api_key_nonce"
        " WHERE created_at < clock_timestamp() - make_interval(hours => :hours) LIMIT :limit) RETURNING 1)"
        " SELECT count(*) FROM gone",
        hours=rules.NONCE_HOURS,
        limit=limit,
    )
    return gone >= limit
