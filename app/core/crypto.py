"""Personal data at rest: AES-256-GCM per value with a key id, and a keyed blind index for look-ups.

Keys are derived by HKDF-SHA256 from `FIELD_KEY` (or `SECRET_KEY` when unset) and from each of `FIELD_KEY_FALLBACKS`: the first
writes, all read. Stored text: `<key id>.<base64 nonce+ciphertext>`. How keys are rotated: `app/core/keyring.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

# Of a column of blind indexes, in its `info`: what it is where nothing beside it tells. LASTING: nobody knows the value any
# more. `<table>.<column>`: a copy of that index.
INDEX = "index"
LASTING = {INDEX: "lasting"}

FIRST_ID = "1"  # of values from before keys could be rotated: whichever key opens them


@dataclass(frozen=True, slots=True)
class FieldKey:
    """What is derived from one secret."""

    id: str
    cipher: AESGCM
    index: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class KeptKey:
    """What has to outlive its secret: blind indexes whose values nobody knows, and seals up to a position of the chain."""

    id: str
    index: bytes
    seal: bytes
    seals_until: int


_secrets: tuple[str, ...] = ()
_live: dict[str, FieldKey] = {}  # the first one writes
_load_kept: Callable[[], Sequence[KeptKey]] = tuple
_kept: Sequence[KeptKey] | None = None


def configure(*secrets: str, load_kept: Callable[[], Sequence[KeptKey]] = tuple) -> None:
    """Derive the keys of each secret; the first one writes. `load_kept` is asked once, when it is first needed."""
    global _secrets, _live, _load_kept, _kept
    if (secrets, load_kept) != (_secrets, _load_kept):
        keys = [_derived(secret) for secret in secrets]
        _secrets, _live, _load_kept, _kept = secrets, {key.id: key for key in keys}, load_kept, None


def _derived(secret: str) -> FieldKey:
    field = _derive(secret, b"kedai field encryption")
    return FieldKey(
        id=_derive(secret, b"kedai key id").hex()[:8],
        cipher=AESGCM(field),
        index=_derive(secret, b"kedai blind index"),
        seal=_derive(secret, b"kedai audit seal"),
    )


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())


def current() -> FieldKey:
    """The key that writes."""
    return next(iter(_live.values()))


def fallbacks() -> list[FieldKey]:
    """The keys that only read, as the settings name them."""
    return list(_live.values())[1:]


def kept() -> Sequence[KeptKey]:
    """Those whose secret has left the settings."""
    global _kept
    if _kept is None:
        _kept = [key for key in _load_kept() if key.id not in _live]
    return _kept


def encrypt(plain: str) -> str:
    key, nonce = current(), os.urandom(12)
    return f"{key.id}.{base64.b64encode(nonce + key.cipher.encrypt(nonce, plain.encode(), None)).decode()}"


def decrypt(stored: str) -> str:
    """Raises cryptography's InvalidTag when the value was tampered with or belongs to a key that is not known."""
    key_id, _, body = stored.partition(".")
    sealed = base64.b64decode(body)
    for key in _live.values() if key_id == FIRST_ID else [_live[key_id]] if key_id in _live else []:
        try:
            return key.cipher.decrypt(sealed[:12], sealed[12:], None).decode()
        except InvalidTag:
            continue
    raise InvalidTag


def blind_index(value: str) -> bytes:
    """A keyed fingerprint of an e-mail, a phone number or a token, to be stored: equal for equal values, useless without the
    key. What looks for it has to use `blind_indexes`."""
    return _index_by(current().index, value)


def blind_indexes(value: str) -> list[bytes]:
    """Its fingerprint under each key that may have written it, the newest first: to look for."""
    keys = [key.index for key in _live.values()] + [key.index for key in kept()]
    return [_index_by(key, value) for key in keys]


def _index_by(key: bytes, value: str) -> bytes:
    """Case aside, and nothing more: casefold would take ß for ss, and straße.de is somebody else's than strasse.de."""
    normal = unicodedata.normalize("NFC", value).strip().lower()
    return hmac.new(key, normal.encode(), hashlib.sha256).digest()


def seal(content: bytes) -> bytes:
    """A keyed fingerprint of a record that nobody may change: the database alone cannot make another that fits."""
    return _seal_by(current().seal, content)


def is_seal(given: bytes, content: bytes, *, position: int | None = None) -> bool:
    """Whether one of our keys made it. A key that was retired counts up to its last position alone: who stole it can neither
    add to the chain's end nor change what a newer key has sealed since."""
    keys = [key.seal for key in _live.values()]
    if position is not None:
        keys += [key.seal for key in kept() if position <= key.seals_until]
    return any(hmac.compare_digest(_seal_by(key, content), given) for key in keys)


def _seal_by(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, hashlib.sha256).digest()


class EncryptedText(TypeDecorator[str]):
    """A personal text column. Encrypted on the way in, decrypted on the way out; never searchable (see `blind_index`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else encrypt(value)

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        return None if value is None else decrypt(value)


UNREADABLE = "–"


class LenientText(EncryptedText):
    """The same for a column that others may write nonsense into: what cannot be decrypted reads as UNREADABLE."""

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Any) -> str | None:
        try:
            return super().process_result_value(value, dialect)
        except (InvalidTag, ValueError, KeyError):
            return UNREADABLE


class EncryptedJSON(TypeDecorator[dict[str, Any]]):
    """A personal record (an address, a contact) as one encrypted value. Replace it whole: changes inside go unnoticed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Any) -> str | None:
        return None if value is None else encrypt(json.dumps(value, ensure_ascii=False, sort_keys=True))

    def process_result_value(self, value: str | None, dialect: Any) -> dict[str, Any] | None:
        return None if value is None else json.loads(decrypt(value))
