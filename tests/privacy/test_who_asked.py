"""SEC-44: the log line of each request says who asked, by id, and from which network; nothing else of them (DAT-03)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.core import crypto, db
from tests.api_keys import id_of, make_key
from tests.customers.patron import Patron
from tests.staff import StaffMember

CLEANUP = "/api/cron/stock-cleanup"


def last(log: io.StringIO) -> dict[str, Any]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return next(each for each in reversed(found) if each["message"] == "request")


def test_what_staff_look_at_is_theirs(merchant: StaffMember, log: io.StringIO) -> None:
    merchant.sign_in()
    merchant.client.environ_base["REMOTE_ADDR"] = "203.0.113.77"
    merchant.get("/admin/staff")
    line, me = last(log), db.scalar("SELECT id FROM staff WHERE email_index = :i", i=crypto.blind_index(merchant.email))
    assert (line["method"], line["path"]) == ("GET", "/admin/staff")
    assert (line["actor"], line["ip"]) == (f"staff:{me}", "203.0.113.…")
    for secret in ("203.0.113.77", merchant.email, "nadhirah"):
        assert secret not in json.dumps(line)


def test_a_program_by_its_key_and_by_its_key_alone(merchant: StaffMember, log: io.StringIO) -> None:
    program = make_key(merchant.sign_in(), "stock.view")
    assert program.get(CLEANUP).status_code == 200
    assert last(log)["actor"] == f"key:{id_of(program)}"
    program.key = program.key[:-1] + ("a" if program.key[-1] != "a" else "b")
    assert program.get(CLEANUP).status_code == 401
    assert last(log)["actor"] is None


def test_a_customer_and_a_stranger(aina: Patron, log: io.StringIO) -> None:
    aina.client.environ_base["REMOTE_ADDR"] = "2001:db8:1:2::3"
    aina.get("/account/")
    line = last(log)
    assert (line["actor"], line["ip"]) == (f"customer:{aina.id}", "2001:0db8:0001:…")
    assert aina.email not in json.dumps(line)
    aina.client.application.test_client().get("/account/")
    assert last(log)["actor"] is None


@pytest.mark.parametrize("path", ["/", "/health/live", "/admin/login"])
def test_nothing_is_asked_for_the_logs_sake(path: str, shop: Any, log: io.StringIO) -> None:
    shop.test_client().get(path)
    assert last(log)["actor"] is None
