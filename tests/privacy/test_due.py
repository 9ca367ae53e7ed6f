"""Staff hear of requests about personal data before the law is late: each day once, and nothing of whose they are (DAT-04)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask

from app import jobs, schedule
from app.core import clock, crypto, db
from app.core.transaction import in_transaction, transaction
from app.privacy import flows
from app.privacy.actions import requests
from tests.notifications.post_office import PostOffice, body_of
from tests.staff import StaffMember, hire

SUBJECT = "Requests about personal data wait for an answer"


@pytest.fixture
def staff(shop: Flask, merchant: StaffMember) -> list[str]:
    """The addresses of those who see such requests; there are others."""
    told = [merchant, hire(shop, "mei@example.com", role="manager")]
    told.append(hire(shop, "ravi@example.com", rights=["privacy.change", "stock.view"]))
    hire(shop, "agent@example.com", role="support")
    hire(shop, "gone@example.com", role="owner")
    with transaction():
        db.rows(
            "UPDATE staff SET is_active = false WHERE email_index = :gone RETURNING id",
            gone=crypto.blind_index("gone@example.com"),
        )
    return sorted(each.email for each in told)


def ask(kind: str, *, days: float, email: str = "aina@example.com") -> None:
    """A request that is due in so many days."""
    with transaction():
        row = requests.open_request(
            kind, email, customer_id=None, proof="mail", note="Secret matter", by="staff:1", days=21
        )
        db.rows(
            "UPDATE data_request SET due_at = now() + make_interval(secs => :s) WHERE id = :id RETURNING id",
            id=row.id,
            s=days * 86400,
        )


def the_hour_strikes() -> None:
    """As the worker does when cron says so."""
    schedule.tick("privacy.flows.tell_due")
    jobs.finish()


def told(office: PostOffice) -> list[str]:
    letters = [(str(mail["Subject"]), to) for mail, (_from, to) in zip(office.mails, office.envelopes, strict=True)]
    office.mails.clear()
    office.envelopes.clear()
    assert {subject for subject, _to in letters} <= {SUBJECT}
    return sorted(address for _subject, to in letters for address in to)


def events() -> int:
    found: int = db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'privacy.requests_due'")
    db.release()
    return found


def test_whoever_sees_them_is_told_once_a_day(
    staff: list[str], office: PostOffice, drain_all: Callable[[], None]
) -> None:
    ask("access", days=4.9)
    ask("correction", days=-1)
    ask("objection", days=-30)
    ask("deletion", days=5.1)
    the_hour_strikes()
    drain_all()
    text = body_of(office.mails[0], "plain")
    assert "2 requests should have been answered already." in text
    assert "1 request has to be answered within 5 days." in text
    assert ": http://localhost/admin/privacy\r\n" in text
    assert "admin/privacy" in body_of(office.mails[0], "html")
    for secret in ("aina", "Secret", db.scalar("SELECT reference FROM data_request LIMIT 1")):
        assert secret not in text
    db.release()
    assert told(office) == staff
    the_hour_strikes()
    drain_all()
    assert told(office) == []
    in_transaction(partial(requests.tell_due, clock.now().date() + timedelta(days=1), days=5))
    drain_all()
    assert told(office) == staff


def test_nothing_is_due_and_nobody_is_told(staff: list[str], office: PostOffice, drain_all: Callable[[], None]) -> None:
    the_hour_strikes()
    ask("access", days=5.1)
    the_hour_strikes()
    assert events() == 0
    ask("correction", days=1)
    the_hour_strikes()
    with transaction():
        db.rows("UPDATE data_request SET state = 'done', closed_at = now() RETURNING id")
    drain_all()
    assert (events(), told(office)) == (1, [])


def test_the_days_are_a_setting(make_shop: Callable[..., Flask]) -> None:
    make_shop(PRIVACY_REMIND_DAYS="9")
    ask("access", days=8.9)
    the_hour_strikes()
    assert events() == 1


def test_four_clocks_at_once_are_one(staff: list[str], office: PostOffice, drain_all: Callable[[], None]) -> None:
    ask("access", days=1)
    barrier, errors = threading.Barrier(4), list[BaseException]()

    def strike() -> None:
        try:
            barrier.wait()
            flows.tell_due()
        except BaseException as error:
            errors.append(error)
        finally:
            db.forget()

    threads = [threading.Thread(target=strike) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert events() == 1
    drain_all()
    assert told(office) == staff


def test_a_full_mailbox_keeps_nobody_else_waiting(
    staff: list[str], office: PostOffice, drain_all: Callable[[], None]
) -> None:
    ask("access", days=1)
    the_hour_strikes()
    office.refuse["mei"] = "452 4.2.2 mailbox full"
    drain_all()
    assert told(office) == [each for each in staff if each != "mei@example.com"]
    office.refuse.clear()
    drain_all()
    assert told(office) == ["mei@example.com"]
    drain_all()
    assert told(office) == []
