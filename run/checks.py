"""`make lint` and `make test`: every check runs, so that one look shows all that is wrong.

python -m run.checks lint    ruff, its formatter, import contracts, types
python -m run.checks tests   the same, then the whole suite
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from run import environment

BIN = environment.PROJECT / ".venv" / "bin"
LINT = {
    "style": ["ruff", "check", "--quiet", "--output-format", "concise", "."],
    "format": ["ruff", "format", "--check", "--quiet", "--output-format", "concise", "."],
    "imports": ["lint-imports", "--no-cache"],
    "types": ["mypy", "--no-error-summary"],
}


def main(purpose: str) -> int:
    """0 only if every check ran and passed."""
    failed = [name for name, command in LINT.items() if not _passes(name, command)]
    if purpose == "tests" and not _passes(
        "tests", ["pytest", "--whole", "--quiet", "-n", "2", "--dist", "loadfile"], is_quiet=False
    ):
        failed.append("tests")
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
        print(f"{name}: {'passed' if passes else 'FAILED'} in {time.monotonic() - begun:.1f} s", flush=True)
        if not passes:
            sys.stdout.buffer.write(result.stdout)
            sys.stdout.flush()
    return passes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
