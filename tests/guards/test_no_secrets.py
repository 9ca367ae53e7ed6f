"""No secret lies in the repository (SEC-48). ruff (S105-S107) looks for passwords in code, this for keys by their form, in every
file: of providers, clouds, and whatever begins as a private key does. Keys of the sandbox and of tests are not live ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = {".git", ".venv", "node_modules", "instance", "dist", "__pycache__"} | {
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache",
}  # fmt: skip
BINARY = {
    ".png",
    ".jpg",
    ".jpeg",
    ".webp",
    ".avif",
    ".ico",
    ".woff2",
    ".ttf",
    ".otf",
    ".pdf",
    ".mo",
    ".gz",
    ".br",
    ".zip",
    ".pyc",
}
KEYS = {
    "Razorpay or Curlec, live": r"rzp_live_[A-Za-z0-9]{14}",
    "Stripe, live": r"\b[sr]k_live_[A-Za-z0-9]{16,}",
    "AWS": r"\b(AKIA|ASIA)[A-Z0-9]{16}\b",
    "Google": r"\bAIza[A-Za-z0-9_-]{35}",
    "GitHub": r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "GitLab": r"\bglpat-[A-Za-z0-9_-]{20}",
    "Slack": r"\bxox[abposr]-[A-Za-z0-9-]{20,}",
    "Twilio": r"\bSK[0-9a-f]{32}\b",
    "SendGrid": r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "npm": r"\bnpm_[A-Za-z0-9]{36}",
    "PyPI": r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{40,}",
    "Vault": r"\bhvs\.[A-Za-z0-9_-]{60,}",
    "Azure application": r"\b[A-Za-z0-9]{3}8Q~[A-Za-z0-9_.~-]{34}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}",
    "a private key": r"-----BEGIN (RSA |EC |OPENSSH |DSA |PGP )?PRIVATE KEY( BLOCK)?-----\s*[A-Za-z0-9+/=\s]{60,}",
}
_ANY = re.compile("|".join(f"({pattern})" for pattern in KEYS.values()))


def ours() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in NOT_OURS]
        yield from (Path(folder, name) for name in names if Path(name).suffix not in BINARY)


def found_in(text: str) -> list[str]:
    return [match[0] for match in _ANY.finditer(text)]


def test_no_key_lies_in_the_repository() -> None:
    files = list(ours())
    assert len(files) > 1000
    told = {
        path.relative_to(ROOT).as_posix(): found_in(path.read_text(encoding="utf-8", errors="replace"))
        for path in files
    }
    assert {name: [f"{key[:12]}…" for key in keys] for name, keys in told.items() if keys} == {}


def test_no_environment_file_lies_there_and_git_would_not_take_one() -> None:
    ignored = (ROOT / ".gitignore").read_text().split()
    assert ".env" in ignored
    assert ".env.*" in ignored
    assert "instance/" in ignored


@pytest.mark.parametrize(
    "key",
    [
        "rzp_" + "live_ILgsfZCZoFIKMb",
        "sk_" + "live_51H8xyzABCDEFGH0123",
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "-----BEGIN " + "EC PRIVATE KEY-----\n" + "MHcCAQEEIIGl" * 8,
        "eyJ" + "hbGciOiJIUzI1NiIsInR5cCI6.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFt.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV",
    ],
)
def test_a_key_would_be_found(key: str) -> None:
    assert len(found_in(f'KEY = "{key}"')) == 1


def test_what_stands_in_for_a_key_is_none() -> None:
    for word in (
        "rzp_test_0000000000",
        "sk_test_sandbox",
        "whsec_new,whsec_old",
        "rzp_live_x",
        "-----BEGIN PRIVATE KEY-----",
    ):
        assert found_in(word) == []
