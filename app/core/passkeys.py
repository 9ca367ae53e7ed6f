"""Passkeys (WebAuthn level 3): what a browser is asked, and whether to believe its answer (ADR 0021). Knows no accounts.

What browsers are asked is a few lines of JSON, put together here: the library that checks answers takes 16 MiB, so it is
imported with the first answer, and not by every process whose page to sign in is looked at.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

TIMEOUT_MS = 5 * 60 * 1000
LONGEST_ANSWER = 16 * 1024  # characters
LONGEST_ID = 1023  # bytes (WebAuthn 4, "Credential ID")
ALGORITHMS = (-8, -7, -257)  # EdDSA, ES256, RS256, as COSE numbers them: every authenticator has one of them
TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})

# What the library lets through from below when the bytes of an answer are nonsense.
MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, UnsupportedAlgorithm, ValueError)

Known = Iterable[tuple[bytes, Sequence[str]]]  # (credential id, transports)


class NotBelieved(Exception):
    """No answer to what was asked, not by whom it should be, or not given here."""


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks: a passkey is made for `id`, a host name, and used at `origin` alone."""

    id: str
    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sent, taken apart and not believed yet."""

    content: dict[str, Any]
    credential_id: bytes
    challenge: bytes
    user_handle: bytes | None
    is_framed: bool  # asked inside a page of somebody else


@dataclass(frozen=True, slots=True)
class Created:
    credential_id: bytes
    public_key: bytes  # COSE
    sign_count: int
    transports: list[str]
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class Used:
    sign_count: int
    is_backed_up: bool


def creation_options(
    party: Party, *, challenge: bytes, user_handle: bytes, email: str, name: str, known: Known
) -> dict[str, Any]:
    """`PublicKeyCredentialCreationOptionsJSON`. The passkey has to be found without a name typed, and to ask for finger, face
    or PIN: so it is two factors at once. Which make it is, is nobody's business here."""
    return {
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": _text(user_handle), "name": email, "displayName": name},
        "challenge": _text(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in ALGORITHMS],
        "timeout": TIMEOUT_MS,
        "excludeCredentials": _described(known),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def request_options(party: Party, *, challenge: bytes, known: Known = ()) -> dict[str, Any]:
    """`PublicKeyCredentialRequestOptionsJSON`; without `known` any passkey made for the party will do."""
    return {
        "rpId": party.id,
        "challenge": _text(challenge),
        "timeout": TIMEOUT_MS,
        "allowCredentials": _described(known),
        "userVerification": "required",
    }


def read(text: str) -> Answer:
    """Take the JSON of a `PublicKeyCredential` apart. Raises NotBelieved for what is none."""
    if len(text) > LONGEST_ANSWER:
        raise NotBelieved("too long")
    try:
        content = json.loads(text)
        response = content["response"]
        said = json.loads(_bytes(response["clientDataJSON"]))
        handle = response.get("userHandle")
        return Answer(
            content,
            credential_id=_bytes(content["id"]),
            challenge=_bytes(said["challenge"]),
            user_handle=None if handle is None else _bytes(handle),
            is_framed=said.get("crossOrigin", False) is not False,
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise NotBelieved("no credential") from error


def created(answer: Answer, *, party: Party, challenge: bytes) -> Created:
    """A new passkey, made here and now by a person who was recognised. Raises NotBelieved."""
    from webauthn import verify_registration_response  # noqa: PLC0415 - see above
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    if answer.is_framed:
        raise NotBelieved("framed")
    try:
        found = verify_registration_response(
            credential=answer.content,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in ALGORITHMS],
        )
    except (WebAuthnException, *MALFORMED) as error:
        raise NotBelieved(type(error).__name__) from error
    if not 0 < len(found.credential_id) <= LONGEST_ID:
        raise NotBelieved("too long")
    said = answer.content["response"].get("transports")
    transports = sorted(each for each in TRANSPORTS if each in said) if isinstance(said, list) else []
    return Created(
        found.credential_id, found.credential_public_key, found.sign_count, transports, found.credential_backed_up
    )


def used(answer: Answer, *, party: Party, challenge: bytes, public_key: bytes) -> Used:
    """A passkey that we know, used here and now by a person who was recognised. Raises NotBelieved. The counter is the
    caller's to compare."""
    from webauthn import verify_authentication_response  # noqa: PLC0415 - see above
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    if answer.is_framed:
        raise NotBelieved("framed")
    try:
        found = verify_authentication_response(
            credential=answer.content,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, *MALFORMED) as error:
        raise NotBelieved(type(error).__name__) from error
    return Used(found.new_sign_count, found.credential_backed_up)


def prepare() -> None:
    """Import the library before a transaction opens."""
    import webauthn  # noqa: F401, PLC0415 - see above


def _described(known: Known) -> list[dict[str, Any]]:
    return [{"type": "public-key", "id": _text(key), "transports": list(ways)} for key, ways in known]


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
