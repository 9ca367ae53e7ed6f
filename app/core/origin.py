"""Where the work at hand comes from: a browser's address and name, the request's id, a program's key. Noted by the web layer for each
request, read by what keeps a record of acts (audit, sign-ins). Commands and the worker come from nowhere."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Origin:
    address: str | None = None
    agent: str = ""
    request_id: str = ""
    api_key: str = ""  # the id of the key that a program asks with


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def note(origin: Origin) -> None:
    _origin.set(origin)


def current() -> Origin:
    return _origin.get()
