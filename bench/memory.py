"""How large one web worker has become after ten thousand requests, and whether it still grows."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import flood, pages, stand
from bench.stand import Stand
from bench.table import Row


def measure(at: Stand, *, requests: int, tell: Callable[[str], Any]) -> list[Row]:
    """A server of its own with one worker; every kind of page in turn."""
    tell(f"memory after {requests:,} requests")
    at.serve("single", workers=1)
    works = [pages.home(at), pages.category(at), pages.product(at), pages.search(at, at.shop, products="1,000")]
    mixed = [random.choice(random.choice(works).requests) for _ in range(requests // 2)]
    worker = at.workers_of("single")[0]
    wrong: list[str] = []
    sizes = []
    for _ in range(2):
        job = {"port": at.ports["single"], "connections": 4, "requests": mixed, "expect": [200], "marker": "</html>"}
        wrong += flood.Result(**stand.run("bench.flood", job)).wrong
        sizes.append(resident(worker))
    at.stop("single")
    name = f"one web worker after {requests:,} requests"
    return [
        Row(
            name,
            f"{sizes[0]:.0f} MiB after half of them",
            sizes[1],
            120,
            90,
            unit="MiB",
            is_ceiling=True,
            wrong=tuple(wrong[:3]),
        ),
        Row(f"{name}: growth in the second half", "", sizes[1] / sizes[0] - 1, 0.05, is_ceiling=True),
    ]


def resident(pid: int) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)
