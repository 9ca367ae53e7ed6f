"""S15: the clock of web and worker ten minutes off, one that jumps, and the night when summer time begins. What is held, until when,
and what may be done with it, is decided by the database's clock: each story ends alike whatever ours says."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pyotp
import pytest
import requests
import time_machine

from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from app.stock import queries as stock
from tests.bank import STRIPE
from tests.flows.providers import StripeShopper, razorpay, stripe
from tests.flows.shopper import Shopper, provider_order_of
from tests.flows.test_recurring import Subscriber, offer
from tests.flows.test_value import apply
from tests.program import STATUS, VERIFY, program
from tests.shop import add_product, faults, open_shop, stock_row
from tests.staff import STEP, hire
from tests.value.cards import issue
from tools.webforms import form_to

BEHIND, AHEAD = timedelta(minutes=-10), timedelta(minutes=10)
HOLD = 15 * 60  # seconds, as is the default


@pytest.fixture
def shop(bank, usual_app):
    app = usual_app(**razorpay(bank))
    open_shop()
    return app


def shift(by):
    """The clock of this process goes on, so far from the right one."""
    return time_machine.travel(datetime.now(UTC) + by)


@pytest.fixture(params=[BEHIND, timedelta(0), AHEAD], ids=["behind", "right", "ahead"])
def shifted(request, shop):
    with shift(request.param):
        yield


@pytest.fixture
def summer_time_begins(shop, monkeypatch):
    """Ten seconds before a night loses an hour, for a process that lives by that zone: as far from the database as the day is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    last = datetime(2027, 3, 14, 1, 59, 50, tzinfo=ZoneInfo("America/New_York"))
    with time_machine.travel(last.astimezone(UTC)):
        yield
    monkeypatch.undo()
    time.tzset()


def seconds_left(of="stock_lock WHERE state = 'held'"):
    """Until it is over, by the database's clock."""
    found = db.scalar(f"SELECT extract(epoch FROM expires_at - clock_timestamp()) FROM {of}")
    db.release()
    return float(found)


def is_about(seconds, expected):
    return expected - 120 < seconds <= expected


def leave(seconds):
    """So much of the lock's time is left; it has run out when that is negative."""
    with transaction():
        db.rows(
            "UPDATE stock_lock SET expires_at = clock_timestamp() + make_interval(secs => :s) WHERE state = 'held' RETURNING id",
            s=seconds,
        )


def available(variant_id):
    found = stock.availability([variant_id]).get(variant_id, stock.NONE).total
    db.release()
    return found


def a_whole_story(shop, shopper, bank):
    """Placed, held, renewed, not released while it is held, paid; and another, let go, taken over, released, expired."""
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt)
    assert is_about(seconds_left(), HOLD)
    assert is_about(seconds_left("orders"), 60 * shop.config["SETTINGS"].unpaid_order_minutes)
    leave(9 * 60)
    page = shopper.get(f"/checkout/pay/{token}")
    assert 8 * 60_000 < int(page.partition('data-remaining-ms="')[2].partition('"')[0]) <= 9 * 60_000
    assert flows.release_pass(trigger="test").done == 0
    assert stock_row(shirt) == (2, 1)
    assert shopper.post(f"/checkout/pay/{token}/extend").status_code == 303
    assert is_about(seconds_left(), HOLD)
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)
    let_go(shop, bank, shirt)
    assert faults() == {}


def let_go(shop, bank, shirt):
    first, second = Shopper(shop.test_client(), bank), Shopper(shop.test_client(), bank)
    token = first.order(shirt)
    leave(9 * 60)
    assert second.add(shirt).status_code == 409
    leave(-1)
    assert available(shirt) == 1
    second.order(shirt)
    assert first.post(f"/checkout/pay/{token}/hold").status_code == 409
    leave(-60)
    assert flows.release_pass(trigger="test").done == 1
    assert stock_row(shirt) == (1, 0)
    expired = "SELECT count(*) FROM orders WHERE state = 'expired'"
    flows.expire_left_behind()
    assert db.scalar(expired) == 0
    with transaction():
        db.rows("UPDATE orders SET expires_at = clock_timestamp() WHERE state = 'pending' RETURNING id")
    flows.expire_left_behind()
    assert db.scalar(expired) == 2
    db.release()


@pytest.mark.usefixtures("shifted")
def test_s15_a_lock_is_held_renewed_released_and_expired_alike(shop, shopper, bank):
    a_whole_story(shop, shopper, bank)


@pytest.mark.usefixtures("summer_time_begins")
def test_s15_also_in_the_night_when_summer_time_begins(shop, shopper, bank):
    a_whole_story(shop, shopper, bank)


def test_s15_a_clock_that_jumps_between_the_steps(shop, shopper, bank):
    """Ten minutes back when placed, ten ahead when renewed and looked after, right again when paid: NTP was there."""
    shirt = add_product(stock_of={"KB": 2})
    with shift(BEHIND):
        token = shopper.order(shirt)
    with shift(AHEAD):
        assert flows.release_pass(trigger="test").done == 0
        assert is_about(seconds_left(), HOLD)
        assert shopper.post(f"/checkout/pay/{token}/extend").status_code == 303
        form = shopper.hand_over(token)
    assert is_about(seconds_left(), HOLD)
    with shift(BEHIND):
        assert flows.release_pass(trigger="test").done == 0
        answer = bank.pay(form.fields["order_id"])
    shopper.come_back(form.fields["callback_url"], answer)
    assert "is confirmed" in shopper.heading(token)
    assert (stock_row(shirt), faults()) == ((1, 0), {})


@pytest.fixture
def shop_with_stripe(bank, usual_app):
    app = usual_app(**razorpay(bank), **stripe(bank), PAYMENT_PROVIDER="stripe")
    open_shop()
    return app


@pytest.mark.parametrize("by", [BEHIND, timedelta(0), AHEAD])
def test_s15_stripes_page_is_open_as_long(shop_with_stripe, bank, by):
    """Stripe refuses a session that would end too soon by its own clock."""
    buyer = StripeShopper(shop_with_stripe.test_client(), bank)
    with shift(by):
        buyer.open_page(token := buyer.order(add_product()))
    session = provider_order_of(token)
    found = requests.get(
        f"{bank.url}/stripe/v1/checkout/sessions/{session}", auth=(STRIPE["secret_key"], ""), timeout=10
    ).json()
    assert 31 * 60 <= found["expires_at"] - found["created"] <= 41 * 60


@pytest.mark.usefixtures("shifted")
@pytest.mark.parametrize(("minutes", "status"), [(5, 303), (-5, 422)])
def test_s15_a_gift_card_pays_until_its_time_is_over(shopper, minutes, status):
    card = issue(3000)
    with transaction():
        db.rows(
            "UPDATE value_account SET expires_at = clock_timestamp() + make_interval(mins => :m) RETURNING id",
            m=minutes,
        )
    shopper.add(add_product())
    shopper.to_review()
    page = apply(shopper, card.code, status)
    if status == 303:
        answer = shopper.place(page)
        assert answer.status_code == 303
        shopper.pay(answer.location.rsplit("/", 1)[-1])
    assert db.scalar("SELECT sum(balance_minor) FROM value_account") == (0 if status == 303 else 3000)
    assert faults() == {}


@pytest.mark.usefixtures("shifted")
def test_s15_a_turn_of_a_subscription_is_held_until_a_day_after_its_charge(shopper, bank, drain):
    subscriber = Subscriber(shopper, bank)
    subscriber.start(offer(add_product(stock_of={"KB": 5})))
    subscriber.authorise()
    subscriber.follow()
    drain()
    subscriber.a_month_passes(in_seconds=48 * 3600 + 300)
    assert [each[0] for each in subscriber.turns()] == ["charged"]  # not yet: it is opened two days before
    subscriber.a_month_passes(in_seconds=48 * 3600 - 300)
    assert is_about(seconds_left(), 72 * 3600 - 300)
    assert faults() == {}


@pytest.mark.usefixtures("shifted")
def test_s15_staff_come_in_and_stay_fresh_as_long(shop):
    """One-time codes are those of the database's time, and how long ago one was given is measured by it: in pages and programs."""
    member = hire(shop)
    step = int(db.scalar("SELECT extract(epoch FROM clock_timestamp())")) // STEP
    db.release()
    totp = pyotp.TOTP(member.secret)
    member.give_password()
    assert member.give_code(totp.generate_otp(step)).status_code == 303
    me = program(shop)
    me.take(me.post(VERIFY, me.challenge(member), code=totp.generate_otp(step + 1)))
    for minutes, is_fresh in ((14, True), (16, False)):
        with transaction():
            db.rows(
                "UPDATE staff_session SET passed_totp_at = clock_timestamp() - make_interval(mins => :m) RETURNING id",
                m=minutes,
            )
        assert me.get(STATUS).json["is_fresh"] is is_fresh
        page = member.client.get("/admin/api-keys/new")
        assert (page.status_code == 200) is is_fresh
    assert form_to(member.get("/admin/totp?again=1"), "/admin/totp?again=1")
