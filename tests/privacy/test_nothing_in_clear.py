"""Done-when 3 of issue 4: after a full run the dump of the database, the logs, Redis and the files have nobody's e-mail, phone, address,
name, password, session, link, TOTP secret or card number in clear, in any usual shape.
"""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import pytest

from app.core import cache, db
from app.core.settings import Settings
from app.core.transaction import transaction
from tests.customers.patron import Patron
from tests.privacy.story import Human, everything
from tests.privacy.traces import dump, files_below, redis_heap, server_logs, shapes, traces
from tests.staff import StaffMember


def heap(settings: Settings, log: io.StringIO) -> dict[str, bytes]:
    return {
        "dump": dump(settings.database_url),
        "log": log.getvalue().encode(),
        **server_logs(),
        "Redis": redis_heap(),
        **files_below(Path(settings.home)),
    }


def test_nothing_is_kept_in_clear(patron: Patron, merchant: StaffMember, settings: Settings, log: io.StringIO) -> None:
    human = Human()
    everything(patron, merchant, human)
    assert len(human.secrets) >= 14
    found = heap(settings, log)
    assert traces(found, human.wanted()) == []
    for place in ("dump", "log", "Redis"):
        assert len(found[place]) > 100, f"{place} was not looked at"
    assert "KEDAI_TEST_LOGS" not in os.environ or b"database system is ready" in found["log of postgres"]
    assert b"it broke" in found["log"]
    assert b"the database refused" in found["log"]
    seen_to_fail(settings, log, human)


def seen_to_fail(settings: Settings, log: io.StringIO, human: Human) -> None:
    """One column in clear, one key, one line, one file, and the scan tells which."""
    with transaction():
        db.rows("UPDATE orders SET phone = :phone RETURNING id", phone="+60198746153")
        db.rows("UPDATE staff SET totp_secret = :secret RETURNING id", secret=human.secrets["TOTP secret"])
    cache.client().set("careless", base64.b64encode(b"x" + human.name.encode()))
    log.write(human.password.upper())
    path = Path(settings.home) / "careless.txt"
    path.write_text(human.line1.encode().hex())
    try:
        assert set(traces(heap(settings, log), human.wanted())) >= {
            "Redis: name",
            "dump: TOTP secret",
            "dump: phone",
            "dump: phone without the country",
            "file careless.txt: street",
            "log: password",
        }
    finally:
        path.unlink()


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("after", [b"", b"z", b"zz"])
def test_a_value_is_found_wherever_in_a_base64_text_it_begins(before: bytes, after: bytes) -> None:
    coded = base64.b64encode(before + b"Zulfadhli.Wrenford@x.example" + after)
    assert any(form in coded for form in shapes("Zulfadhli.Wrenford@x.example"))
