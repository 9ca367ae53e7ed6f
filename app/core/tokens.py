"""How programs prove a sign-in: access tokens (JWT) that say which session to look at, and tokens that renew it.

An access token opens nothing by itself: whoever takes one looks the session up at each request, so what has ended has ended.
Its algorithm is ours to say and not the token's (RFC 8725, 3.1); its key is derived from `SECRET_KEY`, for this alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core import clock, db
from app.core.ids import new_id
from app.core.settings import Settings
from app.core.settings.tokens import AccessTokens

ALGORITHM = "HS256"
ACCESS, CHALLENGE = "at+jwt", "challenge+jwt"  # the header's `typ`: one is never taken for the other (RFC 8725, 3.11)
REQUIRED = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"]
LEEWAY = timedelta(seconds=10)  # between the clocks of two servers
LONGEST = 2000
GRACE_SECONDS = 10

_known: AccessTokens
_keys: Mapping[str, bytes] = {}  # by key id; the first one signs, all of them are believed
_renewal_keys: tuple[bytes, ...] = ()  # likewise


@dataclass(frozen=True, slots=True)
class Claims:
    kind: str  # `staff` or `customer`
    owner_id: uuid.UUID
    session_id: uuid.UUID
    is_challenge: bool  # the password was given, a code is not yet
    issued_at: datetime


def configure(settings: Settings) -> None:
    global _known, _keys, _renewal_keys
    _known = settings.access_tokens
    secrets = (settings.secret_key, *settings.secret_key_fallbacks)
    keys = [_derived(secret, b"kedai access token") for secret in secrets]
    _keys = {hashlib.sha256(key).hexdigest()[:8]: key for key in keys}
    _renewal_keys = tuple(_derived(secret, b"kedai renewal token") for secret in secrets)


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())


def access_seconds() -> int:
    return _known.minutes * 60


def issue(kind: str, owner_id: uuid.UUID, session_id: uuid.UUID, *, challenge_minutes: int | None = None) -> str:
    """An access token; or a challenge, which is good for giving the code and nothing else."""
    import jwt  # noqa: PLC0415 - three megabytes that only programs need

    now, key_id = clock.now(), next(iter(_keys))
    claims = {
        "iss": _known.issuer,
        "aud": _known.audience,
        "sub": f"{kind}:{owner_id}",
        "sid": str(session_id),
        "jti": str(new_id()),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(minutes=challenge_minutes or _known.minutes),
    }
    header = {"kid": key_id, "typ": CHALLENGE if challenge_minutes else ACCESS}
    return jwt.encode(claims, _keys[key_id], algorithm=ALGORITHM, headers=header)


def read(token: str) -> Claims | None:
    """What a token says that was signed here and is good now; None for everything else."""
    return _read(token)


def was_issued(token: str) -> bool:
    """Whether a token was signed here, good still or expired: whoever sends it has not guessed it."""
    return _read(token, verify_exp=False) is not None


def _read(token: str, *, verify_exp: bool = True) -> Claims | None:
    import jwt  # noqa: PLC0415 - three megabytes that only programs need

    if len(token) > LONGEST:
        return None
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(
            token,
            _keys[header["kid"]],
            algorithms=[ALGORITHM],
            issuer=_known.issuer,
            audience=_known.audience,
            leeway=LEEWAY,
            options={"require": REQUIRED, "verify_exp": verify_exp},
        )
        return _told(header["typ"], claims)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):  # nonsense comes in every shape
        return None


def _told(kind_of_token: str, claims: dict[str, Any]) -> Claims:
    """Raises ValueError, TypeError or KeyError for claims that no token of ours has."""
    kind, _, owner_id = claims["sub"].partition(":")
    return Claims(
        kind=kind,
        owner_id=uuid.UUID(owner_id),
        session_id=uuid.UUID(str(claims["sid"])),
        is_challenge={ACCESS: False, CHALLENGE: True}[kind_of_token],
        issued_at=datetime.fromtimestamp(claims["iat"], UTC),
    )


def is_access_token(text: str) -> bool:
    """Whether it is shaped like one, whatever it is worth: three parts with dots between them."""
    return text.count(".") == 2


def hashed(token: str) -> bytes:
    """What tables keep of a token. It has 256 random bits: a plain hash cannot be turned around."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


class Session(Protocol):
    """A row that the token of a program renews."""

    id: Any
    token_hash: Any


def renew(session: Session, spent: type[Any], presented: bytes) -> str | None:
    """The token that follows the one with the hash `presented`, which brought this session, locked: now the only one that
    is good. None for one that was spent before: there are two of it, and one is a thief's.

    The next token follows from the last by a key. So whoever asks twice at once, or never got the answer, gets the same
    token again, for a few seconds and as long as it was not used itself: there are never two that are good.
    """
    if session.token_hash == presented:
        return advance(session, spent)
    for key in _renewal_keys:  # another process may have advanced it, which has the new key already
        following = _following(presented, key)
        if session.token_hash == hashed(following):
            return following if _was_just_spent(spent, presented) else None
    return None


def advance(session: Session, spent: type[Any]) -> str:
    """Spend the token that brings this session, locked. Returns the next one."""
    following = _following(session.token_hash, _renewal_keys[0])
    db.session.add(spent(token_hash=session.token_hash, session_id=session.id))
    session.token_hash = hashed(following)
    return following


def _following(token_hash: bytes, key: bytes) -> str:
    raw = hmac.new(key, token_hash, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _was_just_spent(spent: type[Any], token_hash: bytes) -> bool:
    return bool(
        db.scalar(
            f"SELECT spent_at > clock_timestamp() - make_interval(secs => :grace) FROM {spent.__tablename__}"  # noqa: S608  # nosec B608
            " WHERE token_hash = :hash",
            grace=GRACE_SECONDS,
            hash=token_hash,
        )
    )
