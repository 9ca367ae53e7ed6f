from datetime import UTC, datetime, timedelta
from importlib.util import find_spec, module_from_spec

import pyotp
import pytest
from argon2 import Type

from app.accounts import rules

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NOW = datetime(2026, 5, 4, 10, 0, 15, tzinfo=UTC)


def code_at(seconds):
    return pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(("seconds", "steps"), [(0, 0), (-30, -1), (30, 1)])
def test_a_code_counts_one_step_early_or_late(seconds, steps):
    """ASVS 39: a window of one step."""
    now = int(NOW.timestamp()) // 30
    assert rules.matching_step(SECRET, code_at(seconds), at=NOW) == now + steps


@pytest.mark.parametrize("seconds", [-60, 60, 3600])
def test_a_code_of_another_time_does_not(seconds):
    assert rules.matching_step(SECRET, code_at(seconds), at=NOW) is None


@pytest.mark.parametrize("typed", ["123456", "123 456", " 123-456 ", "123\u00a0456"])
def test_a_code_may_be_typed_with_gaps(typed):
    assert rules.plain_code(typed) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "１２３４５６", "١٢٣٤٥٦", "+12345"])
def test_only_six_ascii_digits_are_a_code(typed):
    assert not rules.is_totp_code(rules.plain_code(typed))


def test_backup_codes_have_fifty_bits():
    """X3."""
    assert 10**rules.BACKUP_LENGTH >= 2**50
    assert rules.is_backup_code(rules.plain_code("1234 5678 9012 3456"))
    assert rules.grouped("1234567890123456") == "1234 5678 9012 3456"


@pytest.mark.parametrize("password", ["Password123!", "P@ssw0rd1234", "Qwertyuiop1!", "Iloveyou123!"])
def test_a_common_password_is_none_however_it_is_dressed_up(password):
    """SEC-07, ASVS 6.2.4: twelve characters, a capital letter, a number and a symbol, and guessed at once."""
    assert rules.password_fault(password, email="siti.batik@example.com") == "common"


@pytest.mark.parametrize("password", ["Batik-and-canting-7", "  Kain pérang 1 — ✨ ", "Trombone7!lagoon" + "x" * 200])
def test_a_password_that_is_good(password):
    assert rules.password_fault(password, email="siti.batik@example.com") is None


def test_a_password_is_hashed_at_the_cost_that_owasp_asks():
    """ASVS: argon2id with 19 MiB and two passes at the least. Read anew, as the suite itself hashes at a lower cost."""
    spec = find_spec("app.core.passwords")
    shipped = module_from_spec(spec)
    spec.loader.exec_module(shipped)
    hasher = shipped._hasher
    assert (hasher.type, hasher.memory_cost >= 19 * 1024, hasher.time_cost >= 2) == (Type.ID, True, True)
    assert f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost}," in hasher.hash("a password")
