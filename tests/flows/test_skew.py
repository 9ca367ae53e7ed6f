"""J11: how far our clock is from the providers' and the database's, learnt from their answers, told to whoever can set it."""

from __future__ import annotations

import logging
import re
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from app.core import cache, skew
from tests.bank import ROOT
from tests.shop import add_product, faults
from tests.staff import hire

HERE = socket.gethostname()
OFF = "A clock is off"


@pytest.fixture(autouse=True)
def told_at_once(monkeypatch):
    """What earlier tests have told is not what Redis, emptied since, still knows."""
    monkeypatch.setattr(skew, "AGAIN_SECONDS", 0.0)


def gauge(shop, source):
    """In seconds; None while nothing is known."""
    text = shop.test_client().get("/metrics").text
    found = re.search(rf'^clock_difference_seconds{{machine="{HERE}",source="{source}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else None


def overview(member):
    return member.get("/admin/")


def test_j11_answers_by_a_clock_that_is_right_are_known_and_nobody_is_warned(shop, shopper, merchant):
    assert gauge(shop, "razorpay") is None
    shopper.pay(shopper.order(add_product()))
    assert abs(gauge(shop, "razorpay")) < 30
    assert abs(gauge(shop, "database")) < 30
    assert OFF not in overview(merchant)


@pytest.mark.parametrize("off", [(-240, "about 4 minutes ahead of"), (120, "about 2 minutes behind")])
def test_j11_a_difference_is_a_figure_a_warning_and_a_line_in_the_log(shop, shopper, merchant, caplog, off):
    seconds, words = off
    shopper.bank.fault("wrong_date", path="/v1/**", seconds=seconds)
    with caplog.at_level(logging.WARNING):
        shopper.pay(shopper.order(add_product()))
    assert abs(gauge(shop, "razorpay") + seconds) < 30
    page = overview(merchant)
    assert OFF in page
    assert f"Clock of {HERE}: {words} Razorpay" in page
    assert "timedatectl set-ntp true" in page
    assert OFF not in merchant.client.get("/admin/", headers={"HX-Request": "true", "X-Tick": "1"}).text
    lines = [record for record in caplog.records if record.message == "the clock is off"]
    assert {record.source for record in lines} == {"razorpay"}
    assert faults() == {}


def test_j11_it_goes_when_the_clock_is_right_again(shop, shopper, merchant, bank):
    bank.fault("wrong_date", path="/v1/**", seconds=300)
    shopper.hand_over(token := shopper.order(add_product()))
    assert OFF in overview(merchant)
    bank.control("DELETE", "/faults")
    shopper.pay(token)
    assert OFF not in overview(merchant)


def test_j11_whoever_cannot_set_a_clock_is_not_told(shop, shopper, bank):
    bank.fault("wrong_date", path="/v1/**", seconds=300)
    shopper.hand_over(shopper.order(add_product()))
    packer = hire(shop, "packer@example.com", role="fulfilment").sign_in()
    assert OFF not in overview(packer)


@pytest.mark.parametrize("date", ["yesterday", "Thu, 99 Nov 2026 18:54:58 GMT", "\u00ff" * 300, "0"])
def test_j11_a_date_that_is_none_says_nothing_and_fails_no_payment(shop, shopper, bank, merchant, date):
    bank.fault("wrong_date", path="/v1/**", date=date)
    token = shopper.order(add_product())
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert gauge(shop, "razorpay") is None
    assert OFF not in overview(merchant)


def test_j11_our_clock_against_the_databases(shop, merchant):
    """Locks go by the database's: nobody is signed out, and the page says which clock it is."""
    for minutes, words in (
        (10, "about 10 minutes ahead of the database"),
        (-10, "about 10 minutes behind the database"),
    ):
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
            assert words in overview(merchant)
            assert abs(gauge(shop, "database") - minutes * 60) < 30


def test_j11_what_one_process_learns_every_other_tells(shop, settings):
    code = (
        "import sys, time; from app.core import cache, skew; cache.connect(sys.argv[1]);"
        " skew.note('razorpay', 'Thu, 01 Jan 1970 00:00:00 GMT', at=200.5)"
    )
    subprocess.run([sys.executable, "-c", code, settings.redis_url], cwd=ROOT, check=True, timeout=60)
    assert gauge(shop, "razorpay") == 200.0


def test_j11_what_is_old_or_cannot_be_read_is_not_told(shop, monkeypatch, merchant):
    skew.note("razorpay", "Thu, 01 Jan 1970 00:00:00 GMT", at=999.0)
    monkeypatch.setattr(skew, "KEPT_SECONDS", -1)
    assert gauge(shop, "razorpay") is None
    assert cache.client().hgetall("skew") == {}


def test_j11_redis_is_told_once_a_minute(shop, bank, monkeypatch):
    monkeypatch.setattr(skew, "AGAIN_SECONDS", 60.0)
    monkeypatch.setattr(skew, "_told", {})
    at = [1000.0, 1001.0, 1003.0, 1100.0, 1101.0]
    kept = []
    for each in at:
        skew.note("razorpay", "Thu, 01 Jan 1970 00:00:00 GMT", at=each)
        kept.append(skew.noted()[0].seconds)
    assert kept == [999.5, 999.5, 999.5, 1099.5, 1099.5]
