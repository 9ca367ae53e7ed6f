"""After a full run the dump of the database, the logs, Redis and the files have nobody's e-mail, phone, address,
name, password, session, link, TOTP secret, token, key, code, measure or card number in clear, in any usual shape. The run is one of
the shop's own processes, as the Procfile starts them, with all that they and their libraries say at DEBUG.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.core import cache, db
from app.core.settings import Settings
from app.core.transaction import transaction
from tests import shop as shops
from tests.bank import Bank
from tests.customers.patron import Patron
from tests.flows.providers import razorpay
from tests.notifications.carrier import Carrier
from tests.notifications.post_office import PostOffice
from tests.privacy.human import Human
from tests.privacy.processes import OURS, Processes
from tests.privacy.story import everything
from tests.privacy.traces import dump, files_below, redis_heap, server_logs, shapes, traces
from tests.staff import StaffMember
from tools.webforms import form_to


@pytest.fixture
def shop(
    environment: dict[str, str], database: None, bank: Bank, office: PostOffice, carrier: Carrier
) -> Iterator[Processes]:
    """Web, worker and cron instead of an application in this process."""
    shops.open_shop()
    settings = {**environment, "MAIL_URL": office.url, **razorpay(bank), **carrier.settings, "LOG_LEVEL": "DEBUG"}
    with Processes(settings) as processes:
        yield processes


@pytest.fixture
def drain_all(shop: Processes, make_due: Callable[[], None]) -> Callable[[], None]:
    """The worker does it, and we wait."""

    def wait() -> None:
        make_due()
        shop.wait_for_worker()

    return wait


def heap(settings: Settings, log: io.StringIO) -> dict[str, bytes]:
    return {
        "dump": dump(settings.database_url),
        "log": log.getvalue().encode(),
        **server_logs(),
        "Redis": redis_heap(),
        **files_below(Path(settings.home)),
    }


def test_nothing_is_kept_in_clear(
    shop: Processes, patron: Patron, merchant: StaffMember, carrier: Carrier, *, settings: Settings, log: io.StringIO
) -> None:
    human = Human()
    everything(patron, merchant, human, carrier)
    break_down(patron, human, settings)
    assert len(human.secrets) >= 50
    found = heap(settings, log)
    assert traces(found, human.wanted()) == []
    for place in ("dump", "log", "Redis"):
        assert len(found[place]) > 100, f"{place} was not looked at"
    assert "KEDAI_TEST_LOGS" not in os.environ or b"database system is ready" in found["log of postgres"]
    assert b"it broke" in found["log"]
    assert b"the database refused" in found["log"]
    assert "unexpected error" in shop.log_of("web")
    assert "delivery failed" in shop.log_of("worker")
    for name in OURS:
        assert b'"level": "debug"' in found[f"file logs/{name}.log"], f"{name} did not say all"
    seen_to_fail(settings, log, human)


def break_down(patron: Patron, human: Human, settings: Settings) -> None:
    """A page and a job that fail in their own processes, with somebody's values in hand."""
    page = "/account/addresses/new"
    form = form_to(patron.get(page), "/account/addresses")
    with psycopg.connect(settings.migrations_database_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE customer_address RENAME TO gone")
        try:
            answer = patron.client.post("/account/addresses", data=form.filled(**human.address))
        finally:
            owner.execute("ALTER TABLE gone RENAME TO customer_address")
    assert answer.status_code == 500
    patron.sign_out()
    mailbox = human.email.partition("@")[0]
    patron.office.refuse[mailbox] = f"452 4.2.2 <{human.email}>: {human.name} is over quota"
    patron.ask_for_link()
    patron.deliver()
    patron.office.refuse.clear()
    human.secrets["link that came late"] = patron.link().rsplit("/", 1)[-1]


def seen_to_fail(settings: Settings, log: io.StringIO, human: Human) -> None:
    """One column in clear, one key, one line, one file, and the scan tells which."""
    with transaction():
        db.rows("UPDATE orders SET phone = :phone RETURNING id", phone="+60198746153")
        db.rows("UPDATE staff SET totp_secret = :secret RETURNING id", secret=human.secrets["TOTP secret"])
    cache.client().set("careless", base64.b64encode(b"x" + human.name.encode()))
    log.write(human.password.upper())
    path = Path(settings.home) / "careless.txt"
    told = ("a measure as stored", "API key", "refresh token of a customer", "code by SMS for the number (#)")
    path.write_text(f"{human.line1.encode().hex()} {[human.secrets[each] for each in told]}")
    try:
        assert set(traces(heap(settings, log), human.wanted())) >= {
            "Redis: name",
            "dump: TOTP secret",
            "dump: phone",
            "dump: phone without the country",
            "file careless.txt: street",
            *(f"file careless.txt: {each}" for each in told),
            "log: password",
        }
    finally:
        path.unlink()


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("after", [b"", b"z", b"zz"])
def test_a_value_is_found_wherever_in_a_base64_text_it_begins(before: bytes, after: bytes) -> None:
    coded = base64.b64encode(before + b"Zulfadhli.Wrenford@x.example" + after)
    assert any(form in coded for form in shapes("Zulfadhli.Wrenford@x.example"))
