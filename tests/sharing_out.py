"""How the workers of pytest-xdist share the suite: by file, what takes longest first, and a stand is put up once.

The tests of these folders share a shop whose every part is a process of its own; each worker with one of their files
would put up another. They begin first: whoever is handed minutes of work last keeps all others waiting.
"""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

STANDS = ("tests/browser", "tests/races")
# Few tests that take long: by their number they would begin last.
LONG = (
    "tests/attacks/test_forms.py",
    "tests/run/test_make_run.py",
    "tests/customers/test_key_rotation.py",
    "tests/reconciliation/test_differences.py",
    "tests/run/test_servers.py",
    "tests/attacks/test_stored_xss.py",
    "tests/privacy/test_erasure.py",
    "tests/attacks/test_json.py",
)


def unit_of(nodeid: str) -> str:
    """What has to run in one worker: the file of the test, or its whole folder."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((stand for stand in STANDS if file.is_relative_to(stand)), str(file))


def longest_first(items: list[pytest.Item]) -> None:
    """The stands, the files that are known to take long, then those with many tests; the order within a unit stays."""
    sizes: dict[str, int] = {}
    for item in items:
        sizes[unit_of(item.nodeid)] = sizes.get(unit_of(item.nodeid), 0) + 1
    ranks = {unit: rank for rank, unit in enumerate((*STANDS, *LONG))}
    items.sort(
        key=lambda item: (ranks.get(unit_of(item.nodeid), len(ranks)), -sizes[unit_of(item.nodeid)])
    )  # files with as many tests as another do not mix: they were collected one after the other


class ByStand(LoadScopeScheduling):
    """`--dist loadfile`, with these units and the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        super().__init__(config, log)  # type: ignore[arg-type]
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)
