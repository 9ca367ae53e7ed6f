"""A browser is found or unpacked; none is an error, never a skipped test."""

from pathlib import Path

import pytest

from run import browser, environment
from run.problem import Problem


def test_a_browser_that_starts_is_found() -> None:
    assert browser.find().exists()


def test_the_packed_browser_is_unpacked_once_and_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    home = tmp_path / "a home with spaces"
    found = browser.find(home)
    assert found == home / "chromium" / "chromium"
    written = found.stat().st_mtime_ns
    assert browser.find(home).stat().st_mtime_ns == written


def test_no_browser_is_an_error_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\necho 'install it with a package manager'\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    with pytest.raises(Problem, match="install chromium"):
        browser.find(tmp_path)
