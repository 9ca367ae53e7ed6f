"""Many visitors who have just opened a page: their cookie and their form token.

python -m bench.sessions < job.json > result.json      (job: `port`, `count`)
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bench.buyer import Browser, form


async def work(job: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for _ in range(job["count"]):
        browser = Browser(job["port"])
        _action, fields = form(await browser.get("/track"), "/track")
        found.append(("; ".join(f"{name}={value}" for name, value in browser.cookies.items()), fields["csrf_token"]))
        browser.close()
    return found


if __name__ == "__main__":
    json.dump(asyncio.run(work(json.load(sys.stdin))), sys.stdout)
