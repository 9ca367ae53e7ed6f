"""Personal data at rest: AES-256-GCM per value with a key id, and a keyed blind index for look-ups.

Key derivation is HKDF-SHA256 from `FIELD_KEY` (or `SECRET_KEY` when unset). Stored text: `<key id>.<base64 nonce+ciphertext>`.
"""

import base64
import hashlib
import hmac
import json
import os
import unicodedata
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

KEY_ID = "1"
_keys: dict[str, bytes] = {}
_index_key = b""
_seal_key = b""


def configure(secret: str) -> None:
    """Derive the field key and the index key. Called once by the factory."""
    global _index_key, _seal_key
    _keys[KEY_ID] = _derive(secret, b"kedai field encryption")
    _index_key = _derive(secret, b"kedai blind index")
    _seal_key = _derive(secret, b"kedai audit seal")


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())


def encrypt(plain: str) -> str:
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(_keys[KEY_ID]).encrypt(nonce, plain.encode(), None)
    return f"{KEY_ID}.{base64.b64encode(sealed).decode()}"


def decrypt(stored: str) -> str:
    """Raises cryptography's InvalidTag when the value was tampered with or belongs to another key."""
    key_id, _, body = stored.partition(".")
    sealed = base64.b64decode(body)
    return AESGCM(_keys[key_id]).decrypt(sealed[:12], sealed[12:], None).decode()


def blind_index(value: str) -> bytes:
    """A keyed fingerprint of an e-mail, a phone number or a token: equal for equal values, useless without the key."""
    normal = unicodedata.normalize("NFC", value).strip().casefold()
    return hmac.new(_index_key, normal.encode(), hashlib.sha256).digest()


def seal(content: bytes) -> bytes:
    """A keyed fingerprint of a record that nobody may change: the database alone cannot make another that fits."""
    return hmac.new(_seal_key, content, hashlib.sha256).digest()


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
