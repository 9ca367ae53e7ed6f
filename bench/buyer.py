"""A shopper over plain HTTP, several at once: each page is fetched, each form is sent as the page offers it.

    python -m bench.buyer < job.json > result.json

A job names `port`, `buyers` (at once), `paths` (product pages, one purchase each) and `until`: "confirmed" for the whole
purchase, paid at the provider's own pages, or "review" to stop before “Place order” and hand over what would be sent.
"""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.flood import content_length

CONTACT = {"email": "aina@example.com", "phone": "+60 12-345 6789"}
ADDRESS = {"name": "Aina Rahman", "country": "MY", "postcode": "50480", "line1": "12 Jalan Kiara", "city": "Kuala Lumpur",
           "state": "Kuala Lumpur"}  # fmt: skip
INPUT = re.compile(r"<input ([^>]*)>")
ATTRIBUTE = re.compile(r'([a-z_-]+)(?:="([^"]*)")?')


class Unexpected(Exception):
    """An answer that a shopper should not get."""


@dataclass
class Answer:
    status: int
    location: str
    text: str


@dataclass
class Browser:
    """Keep-alive connections and cookies of one visitor, at an address of their own."""

    port: int
    address: str = field(
        default_factory=lambda: f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"
    )
    cookies: dict[str, str] = field(default_factory=dict)
    lines: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=dict)

    async def get(self, url: str) -> str:
        answer = await self.ask("GET", url)
        if answer.status != 200:
            raise Unexpected(f"GET {url}: {answer.status}")
        return answer.text

    async def post(self, url: str, fields: dict[str, str], *, expect: int = 303) -> Answer:
        answer = await self.ask("POST", url, urlencode(fields))
        if answer.status != expect:
            raise Unexpected(f"POST {url}: {answer.status} {answer.text[:2000]}")
        return answer

    async def ask(self, method: str, url: str, body: str = "") -> Answer:
        parts = urlsplit(url)
        port = parts.port or self.port
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        reader, writer = await self._line(port)
        writer.write(self.request(method, path, body, port=port))
        head = await reader.readuntil(b"\r\n\r\n")
        text = (await reader.readexactly(content_length(head[:-4]))).decode()
        status, headers = int(head[9:12]), head.decode("latin-1").split("\r\n")[1:]
        location = ""
        for header in headers:
            name, _, value = header.partition(": ")
            if name.lower() == "set-cookie" and port == self.port:
                key, _, content = value.split(";", 1)[0].partition("=")
                self.cookies[key] = content
            elif name.lower() == "location":
                location = value
        return Answer(status, location, text)

    def request(self, method: str, path: str, body: str = "", *, port: int = 0) -> bytes:
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port or self.port}",
            f"X-Forwarded-For: {self.address}",
        ]
        if self.cookies and port in (0, self.port):
            lines.append("Cookie: " + "; ".join(f"{key}={value}" for key, value in self.cookies.items()))
        if method == "POST":
            lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body.encode())}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    async def _line(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port not in self.lines:
            self.lines[port] = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        return self.lines[port]

    def close(self) -> None:
        for _reader, writer in self.lines.values():
            writer.close()


def form(text: str, action: str) -> tuple[str, dict[str, str]]:
    """Where the form leads whose action is this or starts so, and the controls it sends as loaded."""
    start = text.find(f'action="{action}"')
    if start < 0:
        start = text.find(f'action="{action}')
    if start < 0:
        raise Unexpected(f"no form to {action} in {text[:2000]}")
    target = html.unescape(text[start + 8 : text.index('"', start + 8)])
    fields = {}
    for tag in INPUT.findall(text, start, text.index("</form>", start)):
        given = {name: html.unescape(value) for name, value in ATTRIBUTE.findall(tag)}
        if "name" in given and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            fields[given["name"]] = given.get("value", "")
    return target, fields


async def to_review(browser: Browser, path: str) -> tuple[str, dict[str, str]]:
    """From the product's page to the form of “Place order”."""
    action, fields = form(await browser.get(path), "/cart/lines")
    answer = await browser.post(action, fields)
    await browser.get(answer.location)
    action, fields = form(await browser.get("/checkout/contact"), "/checkout/contact")
    answer = await browser.post(action, {**fields, **CONTACT})
    action, fields = form(await browser.get(answer.location), "/checkout/delivery")
    answer = await browser.post(action, {**fields, **ADDRESS})
    if "/checkout/review" not in answer.location:
        raise Unexpected(f"the address led to {answer.location}")
    return form(await browser.get(answer.location), "/checkout/orders")


async def to_confirmed(browser: Browser, path: str) -> None:
    action, fields = await to_review(browser, path)
    pay_page = (await browser.post(action, fields)).location
    action, fields = form(await browser.get(pay_page), pay_page)
    hand_over = (await browser.post(action, fields)).location
    action, fields = form(await browser.get(hand_over), "http")
    provider_page = (await browser.post(action, fields, expect=200)).text
    there, fields = form(provider_page, "/pay/")
    provider = urlsplit(action)
    paid = await browser.post(
        f"{provider.scheme}://{provider.netloc}{there}", {**fields, "action": "succeed"}, expect=200
    )
    action, fields = form(paid.text, "http")
    answer = await browser.post(action, fields)
    if "confirmed" not in (await browser.get(answer.location)).split("</title>", 1)[0].lower():
        raise Unexpected("the order is not confirmed")


async def work(job: dict[str, Any]) -> dict[str, Any]:
    waiting = list(job["paths"])
    found: dict[str, Any] = {"milliseconds": [], "wrong": [], "forms": []}

    async def buy() -> None:
        while waiting:
            path, browser, begun = waiting.pop(), Browser(job["port"]), time.perf_counter()
            try:
                if job["until"] == "review":
                    action, fields = await to_review(browser, path)
                    found["forms"].append(browser.request("POST", action, urlencode(fields)).decode())
                else:
                    await to_confirmed(browser, path)
            except (Unexpected, OSError, asyncio.IncompleteReadError) as error:
                found["wrong"].append(f"{type(error).__name__}: {error}")
            finally:
                browser.close()
            found["milliseconds"].append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*(buy() for _ in range(job["buyers"])))
    found["elapsed"] = time.perf_counter() - begun
    if len(found["wrong"]) > 3:
        found["wrong"] = [*found["wrong"][:3], f"and {len(found['wrong']) - 3} more"]
    return found


if __name__ == "__main__":
    json.dump(asyncio.run(work(json.load(sys.stdin))), sys.stdout)
