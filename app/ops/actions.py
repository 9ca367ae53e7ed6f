"""What running the shop writes down."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from urllib.parse import urlsplit

from app.core import db
from app.core.ids import new_id

MOST_KINDS = 1000


@dataclass(frozen=True)
class Violation:
    """Something a page wanted and the policy refused, in the browser's words."""

    directive: str
    blocked: str
    page: str
    source: str

    def plain(self) -> Violation:
        """Without queries, tokens and excess length: nobody's data, and few kinds."""
        return Violation(self.directive[:60], *(_place(each) for each in (self.blocked, self.page, self.source)))

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256("\n".join(astuple(self)).encode()).digest()[:16]


def note_violations(violations: Sequence[Violation]) -> None:
    """Count each kind; new kinds are taken until there are MOST_KINDS, then only known ones are counted."""
    has_room = (db.scalar("SELECT count(*) FROM csp_report") or 0) < MOST_KINDS
    for each in {violation.plain() for violation in violations}:
        known = db.scalar(
            "UPDATE csp_report SET count = count + 1, last_seen_at = clock_timestamp()"
            " WHERE fingerprint = :fingerprint RETURNING 1",
            fingerprint=each.fingerprint,
        )
        if not known and has_room:
            _add(each)


def _add(violation: Violation) -> None:
    db.rows(
        "INSERT INTO csp_report (id, fingerprint, directive, blocked, page, source)"
        " VALUES (:id, :fingerprint, :directive, :blocked, :page, :source)"
        " ON CONFLICT (fingerprint) DO UPDATE SET count = csp_report.count + 1, last_seen_at = clock_timestamp()",
        id=new_id(),
        fingerprint=violation.fingerprint,
        directive=violation.directive,
        blocked=violation.blocked,
        page=violation.page,
        source=violation.source,
    )


def _place(address: str) -> str:
    """Scheme, host and path; path pieces that look like tokens are left out."""
    try:
        url = urlsplit(address.replace("\0", ""))
        host = url.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    path = "/".join("…" if len(piece) > 20 and "." not in piece else piece for piece in url.path.split("/"))
    text = f"{url.scheme}://{host}{path}" if host else f"{url.scheme}:" if url.scheme else path
    return text.encode(errors="replace").decode()[:200]
