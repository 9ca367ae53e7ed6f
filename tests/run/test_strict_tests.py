"""`make test` passes only when everything ran: the plugin that sees to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from run.environment import PROJECT

PASSING = "def test_one(): pass\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_two(): pass\n"
EXPECTED = "import pytest\n@pytest.mark.xfail\ndef test_two(): assert False\n"


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "run.strict_tests", "-p", "no:cacheprovider", "--whole", *options]
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT)}
    return subprocess.run([*command, "."], cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_run_that_passed_ends_with_its_counts(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "test_it.py").write_text(PASSING)
    result = run(tmp_path, *options)
    assert result.returncode == 0
    counts = "tests: 1 passed, 0 failed, 0 error, 0 skipped, 0 deselected, 0 xfailed, 0 xpassed"
    assert result.stdout.splitlines()[-1] == counts


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (PASSING + SKIPPED, ()),
        (PASSING + EXPECTED, ()),
        (PASSING + "def test_two(): pass\n", ("-k", "one")),
        (PASSING + SKIPPED, ("-n", "2")),
    ],
)
def test_a_run_that_left_something_out_fails(tmp_path: Path, content: str, options: tuple[str, ...]) -> None:
    (tmp_path / "test_it.py").write_text(content)
    assert run(tmp_path, *options).returncode == 1
