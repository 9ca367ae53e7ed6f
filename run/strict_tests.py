"""A pytest plugin: only a run in which everything ran counts as passed, and the last line says how much that was.

A skipped, deselected or expected-to-fail test makes the run fail, unless tests were picked by name on purpose.
"""

from __future__ import annotations

import pytest

OUTCOMES = ("passed", "failed", "error", "skipped", "deselected", "xfailed", "xpassed")
NOT_RUN = ("skipped", "deselected", "xfailed", "xpassed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turns a run that left something out into a failed one."""
    if (
        exitstatus == pytest.ExitCode.OK
        and _is_whole(session.config)
        and any(_counts(session.config)[name] for name in NOT_RUN)
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Prints the counts as the very last line."""
    if _is_whole(config) and not hasattr(config, "workerinput"):
        counts = _counts(config)
        print("tests: " + ", ".join(f"{counts[name]} {name}" for name in OUTCOMES))


def _is_whole(config: pytest.Config) -> bool:
    """Whether this is the run of `make test`."""
    return bool(config.getoption("--whole"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole", action="store_true", help="fail if anything was skipped, deselected or expected to fail"
    )


def _counts(config: pytest.Config) -> dict[str, int]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    stats = reporter.stats if reporter is not None else {}
    return {
        name: len(
            [
                report
                for report in stats.get(name, [])
                if getattr(report, "when", "call") != "teardown" or name != "passed"
            ]
        )
        for name in OUTCOMES
    }
