"""A device with passkeys, in software: it makes and uses them as browsers and security keys do (WebAuthn level 3), and lies
wherever a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, MAY_BACK_UP, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


def to_text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Key:
    private: ec.EllipticCurvePrivateKey
    credential_id: bytes
    user_handle: bytes
    count: int = 0


@dataclass
class Authenticator:
    """`counts`: whether each use is counted, as security keys do; what is synchronised between devices never is."""

    origin: str = "http://localhost"
    counts: bool = True
    keys: list[Key] = field(default_factory=list)

    def create(self, options: dict[str, Any], *, flags: int = PRESENT | VERIFIED, **lies: Any) -> str:
        """The JSON of what `navigator.credentials.create` answers."""
        key = Key(ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(32), to_bytes(options["user"]["id"]))
        key.credential_id = lies.get("credential_id", key.credential_id)
        self.keys.append(key)
        attested = bytes(16) + len(key.credential_id).to_bytes(2, "big") + key.credential_id + self._cose(key)
        rp_id = lies.get("rp_id", options["rp"]["id"])
        data = self._data(rp_id, flags | ATTESTED, key.count) + attested
        response = {
            "clientDataJSON": self._said("webauthn.create", options, lies),
            "attestationObject": to_text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            "transports": ["internal", "hybrid"],
        }
        return self._credential(key, response)

    def get(
        self, options: dict[str, Any], *, key: Key | None = None, flags: int = PRESENT | VERIFIED, **lies: Any
    ) -> str:
        """The JSON of what `navigator.credentials.get` answers, with the newest key unless another is named."""
        allowed = {to_bytes(each["id"]) for each in options["allowCredentials"]}
        key = key or next(each for each in reversed(self.keys) if not allowed or each.credential_id in allowed)
        key.count += 1 if self.counts else 0
        said = self._said("webauthn.get", options, lies)
        data = self._data(lies.get("rp_id", options["rpId"]), flags, lies.get("count", key.count))
        signed = data + hashlib.sha256(to_bytes(said)).digest()
        signer = lies.get("signer", key).private
        handle = lies.get("user_handle", key.user_handle)
        response = {
            "clientDataJSON": said,
            "authenticatorData": to_text(data),
            "signature": to_text(signer.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": None if handle is None else to_text(handle),
        }
        return self._credential(key, response)

    def _said(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> str:
        said = {
            "type": lies.get("kind", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
        }
        return to_text(json.dumps(said).encode())

    @staticmethod
    def _data(rp_id: str, flags: int, count: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + count.to_bytes(4, "big")

    @staticmethod
    def _cose(key: Key) -> bytes:
        point = key.private.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})

    @staticmethod
    def _credential(key: Key, response: dict[str, Any]) -> str:
        name = to_text(key.credential_id)
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": response, "clientExtensionResults": {}}
        )
