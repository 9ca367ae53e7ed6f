from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarResult, Select, and_, func, select, text
from sqlalchemy.orm import aliased, load_only
from sqlalchemy.sql.elements import ColumnElement

from app.accounts import rules as staff_rules
from app.accounts.models import Staff, StaffRole
from app.accounts.queries import SignedIn, telling
from app.accounts.queries.telling import Reader
from app.api_keys import rules
from app.api_keys.errors import BadKey
from app.api_keys.models import ApiKey, ApiKeySecret
from app.core import crypto, db, networks
from app.core.networks import Network

OF_STAFF = load_only(Staff.email, Staff.role, Staff.is_active)  # not what they sign in with


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(SignedIn):
    """A program that asks with a key, for the member of staff who was shown its secret. Its `rights` are those scopes of the
    key that they hold themselves now; `is_stale` asks to note the use. It has no session: `session_id` is its secret's."""

    key_id: uuid.UUID
    signing_secret: str | None


def program(key: str, *, address: str | None) -> Program:
    """Who asks with this key. Raises BadKey for one that was never given, is over, or is not meant for this address."""
    public_id = rules.public_id_of(key)
    found = _found(public_id) if public_id else None
    if found is None:
        raise BadKey("unknown")
    if not hmac.compare_digest(found.secret.secret_hash, rules.hashed(key)):
        raise BadKey("wrong secret")
    if over := _why_over(found):
        raise BadKey(over)
    if found.key.networks and not networks.include(found.key.networks, address):
        raise BadKey("address")
    held = staff_rules.rights_of(found.staff.role, found.role_rights)
    return Program(
        session_id=found.secret.id,
        staff_id=found.staff.id,
        email=found.staff.email,
        role=found.staff.role,
        has_passed=True,
        is_enrolled=True,
        has_codes=True,
        is_stale=found.is_stale,
        is_fresh=False,
        rights=held.intersection(found.key.scopes),
        key_id=found.key.id,
        signing_secret=found.secret.signing_secret,
    )


@dataclass(frozen=True, slots=True)
class _Found:
    secret: ApiKeySecret
    key: ApiKey
    staff: Staff
    role_rights: list[str] | None
    now: datetime

    @property
    def is_stale(self) -> bool:
        used = self.secret.last_used_at
        return used is None or (self.now - used).total_seconds() > rules.USED_MINUTES * 60


def _found(public_id: str) -> _Found | None:
    statement = (
        select(ApiKeySecret, ApiKey, Staff, StaffRole.rights, func.clock_timestamp())
        .join(ApiKey, ApiKey.id == ApiKeySecret.key_id)
        .join(Staff, Staff.id == ApiKeySecret.staff_id)
        .outerjoin(StaffRole, StaffRole.id == Staff.role_id)
        .where(ApiKeySecret.public_id == public_id)
        .options(OF_STAFF)
        .execution_options(populate_existing=True)
    )
    row: Any = db.session.execute(statement).one_or_none()
    return _Found(*row) if row else None


def _why_over(found: _Found) -> str:
    if found.key.revoked_at is not None:
        return "revoked"
    if found.key.expires_at <= found.now:
        return "expired"
    if found.secret.ends_at is not None and found.secret.ends_at <= found.now:
        return "replaced"
    return "" if found.staff.is_active else "its maker has left"


@dataclass(frozen=True, slots=True)
class Shown:
    """A key as the staff see it, and who answers for its newest secret; `lost` are the scopes that they do not hold themselves
    any more."""

    id: uuid.UUID
    name: str
    scopes: list[str]
    networks: list[Network]
    created_at: datetime
    expires_at: datetime
    state: str  # active, expired, revoked, resting (who answers for it has left)
    staff_id: uuid.UUID
    email: str
    lost: list[str]
    last_used_at: datetime | None


def keys(*, before: uuid.UUID | None = None, limit: int) -> list[Shown]:
    """Newest first, by key; those that are over too."""
    return _shown(*([ApiKey.id < before] if before else []), limit=limit)


def key(key_id: uuid.UUID) -> Shown | None:
    found = _shown(ApiKey.id == key_id, limit=1)
    return found[0] if found else None


def _shown(*where: ColumnElement[bool], limit: int) -> list[Shown]:
    of_all = aliased(ApiKeySecret)
    used = select(func.max(of_all.last_used_at)).where(of_all.key_id == ApiKey.id).scalar_subquery()
    newest = and_(ApiKeySecret.key_id == ApiKey.id, ApiKeySecret.ends_at.is_(None))
    statement = (
        select(ApiKey, Staff, StaffRole.rights, used, func.clock_timestamp())
        .join(ApiKeySecret, newest)
        .join(Staff, Staff.id == ApiKeySecret.staff_id)
        .outerjoin(StaffRole, StaffRole.id == Staff.role_id)
        .where(*where)
        .options(OF_STAFF)
        .order_by(ApiKey.id.desc())
        .limit(limit)
    )
    return [_as_shown(*row) for row in db.session.execute(statement)]


def _as_shown(key: ApiKey, staff: Staff, role_rights: list[str] | None, used: datetime | None, now: datetime) -> Shown:
    held = staff_rules.rights_of(staff.role, role_rights)
    state = "resting" if not staff.is_active else "active"
    state = "revoked" if key.revoked_at else "expired" if key.expires_at <= now else state
    return Shown(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        networks=key.networks,
        created_at=key.created_at,
        expires_at=key.expires_at,
        state=state,
        staff_id=staff.id,
        email=staff.email,
        lost=sorted(set(key.scopes) - held),
        last_used_at=used,
    )


@dataclass(frozen=True, slots=True)
class ShownSecret:
    public_id: str
    email: str
    created_at: datetime
    ends_at: datetime | None
    is_over: bool
    signs: bool
    last_used_at: datetime | None


def secrets_of(key_id: uuid.UUID) -> list[ShownSecret]:
    """The latest first; of those that are over the last few."""
    statement = (
        select(
            ApiKeySecret.public_id,
            Staff.email,
            ApiKeySecret.created_at,
            ApiKeySecret.ends_at,
            func.coalesce(ApiKeySecret.ends_at <= func.clock_timestamp(), text("false")),
            ApiKeySecret.signing_secret.is_not(None),
            ApiKeySecret.last_used_at,
        )
        .join(Staff, Staff.id == ApiKeySecret.staff_id)
        .where(ApiKeySecret.key_id == key_id)
        .order_by(ApiKeySecret.id.desc())
        .limit(10)
    )
    return [ShownSecret(*row) for row in db.session.execute(statement)]


def lock_key(key_id: uuid.UUID) -> ApiKey | None:
    return _locked(select(ApiKey).where(ApiKey.id == key_id)).one_or_none()


def lock_secrets(key_id: uuid.UUID) -> Sequence[ApiKeySecret]:
    return _locked(select(ApiKeySecret).where(ApiKeySecret.key_id == key_id).order_by(ApiKeySecret.id)).all()


def lock_ending(*, days: int) -> Sequence[ApiKey]:
    """Keys that run out within so many days, and nobody was told."""
    soon = func.clock_timestamp() + func.make_interval(0, 0, 0, days)
    where = (ApiKey.revoked_at.is_(None), ApiKey.ending_told_at.is_(None))
    ahead = (ApiKey.expires_at > func.clock_timestamp(), ApiKey.expires_at < soon)
    return _locked(select(ApiKey).where(*where, *ahead).order_by(ApiKey.id)).all()


def _locked(statement: Select[Any]) -> ScalarResult[Any]:
    return db.session.scalars(statement.with_for_update().execution_options(populate_existing=True))


def lock_name(name: str) -> None:
    """Let keys of one name be made one after the other. Until the end of the transaction."""
    db.lock_words([f"api key {index.hex()}" for index in crypto.blind_indexes(name)])


def is_taken(name: str) -> bool:
    taken = select(ApiKey.id).where(func.lower(ApiKey.name) == func.lower(name), ApiKey.revoked_at.is_(None))
    return db.session.scalar(taken) is not None


def names_of(key_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """For a page that names several: one question for all of them."""
    wanted = set(key_ids)
    if not wanted:
        return {}
    return {row[0]: row[1] for row in db.session.execute(select(ApiKey.id, ApiKey.name).where(ApiKey.id.in_(wanted)))}


def to_tell(key_id: uuid.UUID) -> list[Reader]:
    """Those who answer for a key's secrets that still work, and the shop's owners."""
    rows = db.rows(
        "SELECT DISTINCT id FROM (SELECT id FROM staff WHERE role = :owner UNION ALL SELECT staff_id FROM api_key_secret"
        " WHERE key_id = :key AND (ends_at IS NULL OR ends_at > clock_timestamp())) told",
        owner=staff_rules.OWNER,
        key=key_id,
    )
    return telling.readers((row[0] for row in rows), only_active=True)
