"""Answers of browsers, bent at random: believed or refused, and nothing breaks."""

from __future__ import annotations

import json
import random
import secrets
import subprocess
import sys
from collections.abc import Callable

import cbor2
import pytest

from app.core import passkeys
from app.core.passkeys import NotBelieved, Party
from app.passkeys import rules
from tests.authenticator import Authenticator, to_bytes, to_text

PARTY = Party("localhost", "http://localhost", "Murni Batik")
CHALLENGE = secrets.token_bytes(32)


@pytest.fixture(scope="module")
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture(scope="module")
def made(device: Authenticator) -> str:
    options = passkeys.creation_options(
        PARTY, challenge=CHALLENGE, user_handle=b"h" * 32, email="a@example.com", name="A", known=()
    )
    return device.create(options)


@pytest.fixture(scope="module")
def used(device: Authenticator, made: str) -> str:
    return device.get(passkeys.request_options(PARTY, challenge=CHALLENGE))


def outcomes(look: Callable[[str], object], text: str, part: str) -> list[bool]:
    """Whether each of many bent copies of an answer was believed; `part` of its response is bent."""
    dice, believed = random.Random(part), []
    for _ in range(1500):
        content = json.loads(text)
        raw = bytearray(to_bytes(content["response"][part]))
        for _times in range(dice.choice((1, 1, 2, 8))):
            raw[dice.randrange(len(raw))] ^= dice.randrange(1, 256)
        if dice.random() < 0.3:
            raw = raw[: dice.randrange(len(raw))]
        if bytes(raw) == to_bytes(content["response"][part]):
            continue
        content["response"][part] = to_text(bytes(raw))
        try:
            look(json.dumps(content))
            believed.append(True)
        except NotBelieved:
            believed.append(False)
    return believed


def created(text: str) -> object:
    return passkeys.created(passkeys.read(text), party=PARTY, challenge=CHALLENGE)


@pytest.mark.parametrize("part", ["attestationObject", "clientDataJSON"])
def test_bent_answers_to_make_one(made: str, part: str) -> None:
    """Some still are passkeys, as nobody signs for what is made; the others are refused."""
    assert created(made)
    assert False in outcomes(created, made, part)


@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
def test_bent_answers_to_use_one(made: str, used: str, part: str) -> None:
    known = passkeys.created(passkeys.read(made), party=PARTY, challenge=CHALLENGE)

    def look(text: str) -> object:
        return passkeys.used(passkeys.read(text), party=PARTY, challenge=CHALLENGE, public_key=known.public_key)

    assert look(used)
    assert True not in outcomes(look, used, part)


@pytest.mark.parametrize("form", ["packed", "tpm", "fido-u2f", "apple", "android-key", "android-safetynet", "other"])
def test_statements_about_the_maker_that_nobody_asked_for(made: str, form: str) -> None:
    content = json.loads(made)
    attested = cbor2.loads(to_bytes(content["response"]["attestationObject"]))
    for statement in (
        {},
        {"alg": -7, "sig": b"x"},
        {"alg": -7, "sig": b"x", "x5c": [b"x"]},
        {"ver": "2.0", "x5c": [b""]},
    ):
        attested |= {"fmt": form, "attStmt": statement}
        content["response"]["attestationObject"] = to_text(cbor2.dumps(attested))
        with pytest.raises(NotBelieved):
            created(json.dumps(content))


def test_algorithms_that_were_not_offered(made: str) -> None:
    content = json.loads(made)
    attested = cbor2.loads(to_bytes(content["response"]["attestationObject"]))
    attested["authData"] = attested["authData"].replace(cbor2.dumps({3: -7})[1:], cbor2.dumps({3: -47})[1:][:2])
    content["response"]["attestationObject"] = to_text(cbor2.dumps(attested))
    with pytest.raises(NotBelieved):
        created(json.dumps(content))


@pytest.mark.parametrize(
    ("known", "given", "copied"),
    [(0, 0, False), (0, 1, False), (1, 2, False), (1, 1, True), (2, 1, True), (1, 0, True)],
)
def test_counters(known: int, given: int, copied: bool) -> None:
    assert rules.is_copied(known, given) is copied


def test_the_library_is_not_loaded_by_asking() -> None:
    """It takes 16 MiB: a process whose page to sign in is only looked at does without."""
    code = (
        "import sys; from app import factory; from app.core import passkeys; factory.import_models();"
        "passkeys.request_options(passkeys.Party('localhost', 'http://localhost', ''), challenge=b'x');"
        "print('webauthn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("ways", [[[]], [{}], [None, "usb"], "usb", {"usb": 1}, [["usb"]]])
def test_ways_to_reach_it_that_are_none(made: str, ways: object) -> None:
    content = json.loads(made)
    content["response"]["transports"] = ways
    found = passkeys.created(passkeys.read(json.dumps(content)), party=PARTY, challenge=CHALLENGE)
    assert found.transports == (["usb"] if ways == [None, "usb"] else [])


def test_names_of_keys_that_are_too_long() -> None:
    options = passkeys.creation_options(
        PARTY, challenge=CHALLENGE, user_handle=b"h" * 32, email="a@example.com", name="A", known=()
    )
    assert created(Authenticator().create(options, credential_id=b"x" * 1023))
    with pytest.raises(NotBelieved):
        created(Authenticator().create(options, credential_id=b"x" * 1024))
