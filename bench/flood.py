"""The load: one process, a few keep-alive connections, as many requests as the server answers. Every answer is checked.

    python -m bench.flood < job.json > result.json

A job names `port`, `connections`, `requests` (whole HTTP requests, taken in turn), either `seconds` or `once`, the allowed
statuses in `expect`, and a `marker` that each answer with the first of them must hold. `{visitor}` in a request becomes
another address each time: a thousand requests a second do not come from one visitor, and limits would see that.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any

PATIENCE_SECONDS = 30.0


@dataclass
class Result:
    """What came back. `elapsed` to the last answer, `last_good` to the last with the first expected status, in seconds."""

    elapsed: float = 0.0
    last_good: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    bytes: int = 0


class Flood:
    def __init__(self, job: dict[str, Any]) -> None:
        self.requests = [text.encode() for text in job["requests"]]
        self.expect: list[int] = job.get("expect") or [200]
        self.marker = job.get("marker", "").encode()
        self.seconds = job.get("seconds")
        self.port, self.connections = job["port"], job["connections"]
        self.result, self.seen = Result(), Counter[int]()
        self.numbers = count(job.get("first", 0))
        self.visitors = count(1)
        self.taken = 0

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        self.begun = time.perf_counter()
        self.ends = self.begun + self.seconds if self.seconds else float("inf")
        lines = [Line(self, loop.create_future()) for _ in range(self.connections)]
        for line in lines:
            await loop.create_connection(lambda line=line: line, "127.0.0.1", self.port)
        limit = (self.seconds or 300) + PATIENCE_SECONDS
        await asyncio.wait_for(asyncio.gather(*(line.done for line in lines)), limit)
        self.result.elapsed = time.perf_counter() - self.begun
        self.result.statuses = {str(status): number for status, number in self.seen.items()}
        return self.result

    def next_request(self) -> bytes | None:
        if time.perf_counter() >= self.ends or (self.seconds is None and self.taken >= len(self.requests)):
            return None
        self.taken += 1
        request = self.requests[next(self.numbers) % len(self.requests)]
        number = next(self.visitors)
        address = b"10.%d.%d.%d" % (number >> 16 & 255, number >> 8 & 255, number & 255)
        return request.replace(b"{visitor}", address)

    def note(self, status: int, answer: bytes, seconds: float) -> None:
        self.seen[status] += 1
        self.result.milliseconds.append(seconds * 1000)
        self.result.bytes = len(answer)
        is_good = status == self.expect[0]
        if is_good:
            self.result.last_good = time.perf_counter() - self.begun
        is_wrong = status not in self.expect or (is_good and self.marker not in answer)
        if is_wrong and len(self.result.wrong) < 3:
            self.result.wrong.append(f"{status}: {answer[:300].decode('utf-8', 'replace')}")


class Line(asyncio.Protocol):
    """One connection: a request, its whole answer, the next request."""

    def __init__(self, flood: Flood, done: asyncio.Future[None]) -> None:
        self.flood, self.done = flood, done
        self.data, self.needed = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send()

    def send(self) -> None:
        request = self.flood.next_request()
        if request is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.data, self.needed, self.sent = b"", 0, time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.data = self.data + data if self.data else data
        if not self.needed:
            head = self.data.find(b"\r\n\r\n")
            if head < 0:
                return
            self.needed = head + 4 + content_length(self.data[:head])
        if len(self.data) >= self.needed:
            self.flood.note(int(self.data[9:12]), self.data, time.perf_counter() - self.sent)
            self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.flood.result.wrong.append("the server closed the connection")
            self.done.set_result(None)


def content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(head[at + 17 :].split(b"\r\n", 1)[0])


def request(path: str, *, port: int, method: str = "GET", cookie: str = "", body: str | None = None) -> str:
    """A whole request of a visitor behind one proxy, who has no cookie unless one is given."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "X-Forwarded-For: {visitor}", "Accept: text/html"]
    if cookie:
        lines.append(f"Cookie: {cookie}")
    if body is not None:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body.encode())}"]
    return "\r\n".join(lines) + "\r\n\r\n" + (body or "")


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(Flood(json.load(sys.stdin)).run())), sys.stdout)
