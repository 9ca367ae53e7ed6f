"""`make lint` and `make test`: every check runs, so that one look shows all that is wrong.

python -m run.checks lint    ruff, its formatter, import contracts, types, bandit
python -m run.checks tests   the same, then the whole suite
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from run import environment

BIN = environment.PROJECT / ".venv" / "bin"
LINT = {
    "style": ["ruff", "check", "--quiet", "--output-format", "concise", "."],
    "format": ["ruff", "format", "--check", "--quiet", "--output-format", "concise", "."],
    "imports": ["lint-imports", "--no-cache"],
    "types": ["mypy", "--no-error-summary"],
    "security": ["bandit", "--quiet", "--configfile", "pyproject.toml", "-ll", "--recursive", "."],
}
# One worker more than the two processors it is made for: some tests wait for a process that starts, or a storm to pass.
WHOLE_SUITE = ["pytest", "--whole", "--quiet", "-n", "3", "--dist", "loadfile"]


def main(purpose: str) -> int:
    """0 only if every check ran and passed."""
    with ThreadPoolExecutor() as side_by_side:
        passed = dict(zip(LINT, side_by_side.map(_passes, LINT, LINT.values()), strict=True))
    if purpose == "tests":
        passed["tests"] = _passes("tests", WHOLE_SUITE, is_quiet=False)
    failed = [name for name, has_passed in passed.items() if not has_passed]
    if failed:
        print(f"not passed: {', '.join(failed)}")
    return 1 if failed else 0


def _passes(name: str, command: list[str], *, is_quiet: bool = True) -> bool:
    """Runs a check; what a passing quiet one says is not worth reading."""
    begun = time.monotonic()
    result = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=environment.PROJECT,
        stdout=subprocess.PIPE if is_quiet else None,
        stderr=subprocess.STDOUT if is_quiet else None,
        env={**os.environ, "PATH": f"{BIN}:{os.environ.get('PATH', os.defpath)}"},
    )
    passes = result.returncode == 0
    if is_quiet:
        verdict = f"{name}: {'passed' if passes else 'FAILED'} in {time.monotonic() - begun:.1f} s\n"
        sys.stdout.write(verdict if passes else verdict + result.stdout.decode(errors="replace"))
        sys.stdout.flush()
    return passes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
