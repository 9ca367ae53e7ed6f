"""`/api/cron/stock-cleanup` for staff, `/api/stock/unlock` for whoever holds the lock (CHK-10 to CHK-12)."""

import re
import uuid

from app.core import db
from tests.flows.shopper import Shopper
from tests.program import program
from tests.shop import add_product, faults, stock_row
from tests.staff import hire

CLEANUP, UNLOCK = "/api/cron/stock-cleanup", "/api/stock/unlock"


def token_of(client):
    return re.search(r'name="csrf-token" content="([^"]+)"', client.get("/track").text)[1]


def headers_of(client):
    return {"X-CSRF-Token": token_of(client)}


def refused(answer, status, code=None):
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    if code:
        assert answer.json["code"] == code
    return True


def test_strangers_are_told_to_sign_in_before_anything_else(app):
    """X4, X6: 401 with and without a CSRF token, and for what is not there."""
    client = app.test_client()
    assert refused(client.get(CLEANUP), 401)
    assert refused(client.post(CLEANUP), 401)
    assert refused(client.post(CLEANUP, headers=headers_of(client)), 401)
    assert refused(client.get("/api/cron/no-such-job"), 401)
    assert refused(client.get("/api/health/detailed"), 401)


def test_a_password_alone_opens_no_endpoint(member):
    """X4."""
    member.give_password()
    assert refused(member.client.get(CLEANUP), 403, "code_required")
    assert refused(member.client.post(CLEANUP), 403)
    assert refused(member.client.get("/api/health/detailed"), 403)


def test_the_clean_up_reports_before_and_after_it_ran(merchant, shopper, run_out):
    before = merchant.client.get(CLEANUP).json
    assert (before["enabled"], before["last_run"], before["released_count"]) == (True, None, 0)
    shirt = add_product(stock_of={"KB": 1})
    run_out(shopper.order(shirt))
    assert merchant.client.get(CLEANUP).json["expired_locks"] == 1
    assert refused(merchant.client.post(CLEANUP), 400, "csrf")
    answer = merchant.client.post(CLEANUP, headers=headers_of(merchant.client))
    assert (answer.status_code, answer.json) == (200, {"released": 1, "waiting": 0, "failed": 0})
    after = merchant.client.get(CLEANUP).json
    assert after["last_run"] is not None
    assert (after["released_count"], after["released_last_24h"], after["expired_locks"]) == (1, 1, 0)
    assert stock_row(shirt) == (1, 0)
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'stock.cleaned_up'") == 1


def test_the_schedule_can_be_switched_off_and_that_is_said(make_app):
    off = hire(make_app(STOCK_CLEANUP_ENABLED="false")).sign_in()
    answer = off.client.get(CLEANUP).json
    assert (answer["enabled"], answer["next_run"], answer["is_late"]) == (False, None, False)
    assert off.client.post(CLEANUP, headers=headers_of(off.client)).status_code == 200


def test_own_lock_is_given_up_and_only_once(shopper):
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt, 2)
    client = shopper.client
    assert refused(client.post(UNLOCK, json={"order": token}), 400, "csrf")
    assert stock_row(shirt) == (2, 2)
    answer = client.post(UNLOCK, json={"order": token}, headers=headers_of(client))
    assert (answer.status_code, answer.json) == (200, {"order": token, "released": True})
    assert stock_row(shirt) == (2, 0)
    again = client.post(UNLOCK, data={"order": token, "csrf_token": token_of(client)})
    assert again.json == {"order": token, "released": False}
    assert db.scalar("SELECT actor FROM order_event WHERE kind = 'hold_released'") == "customer"
    assert faults() == {}


def test_x7_nobody_gives_up_what_is_not_theirs(shop, shopper, bank):
    """X7: with the right token in another session, by id, by number, by nonsense: there is no such order."""
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt, 2)
    other = Shopper(shop.test_client(), bank)
    other.add(add_product("Other"))
    order_id, reference = db.rows("SELECT id, reference FROM orders")[0]
    stranger = shop.test_client()
    for client in (other.client, stranger):
        for said in (token, str(order_id), reference, str(uuid.uuid4()), "x" * 22, "' OR 1=1 --"):
            assert refused(client.post(UNLOCK, json={"order": said}, headers=headers_of(client)), 404)
    for said in (str(order_id), reference, token.swapcase()):
        assert refused(shopper.client.post(UNLOCK, json={"order": said}, headers=headers_of(shopper.client)), 404)
    assert stock_row(shirt) == (2, 2)


def test_a_cookie_counts_for_nothing_beside_a_token(shop, shopper):
    """No CSRF token is asked for beside a token, so no guest may be known by a cookie there: neither beside a good one of
    the staff nor beside a bad one."""
    shirt = add_product(stock_of={"KB": 2})
    token = shopper.order(shirt, 2)
    me = program(shop).sign_in(hire(shop))
    for bearer, status in ((me.access, 404), ("x.y.z", 401)):
        headers = {"Authorization": f"Bearer {bearer}"}
        assert refused(shopper.client.post(UNLOCK, json={"order": token}, headers=headers), status)
        assert refused(shopper.client.post("/api/checkout/intent", json={}, headers=headers), 401)
    assert stock_row(shirt) == (2, 2)
    answer = shopper.client.post(UNLOCK, json={"order": token}, headers=headers_of(shopper.client))
    assert answer.json["released"] is True


def test_what_says_nothing_is_422_and_what_is_no_json_400(shopper):
    client = shopper.client
    shopper.add(add_product())
    for body in ({}, [], {"order": None}, {"order": 7}, {"order": ["x"]}, {"order": ""}, "text", None):
        assert refused(client.post(UNLOCK, json=body, headers=headers_of(client)), 422, "order_missing"), body
    headers = {**headers_of(client), "Content-Type": "application/json"}
    assert refused(client.post(UNLOCK, data=b"{", headers=headers), 400)


def test_a_paid_order_holds_nothing_to_give_up(shopper):
    token = shopper.order(add_product())
    shopper.pay(token)
    answer = shopper.client.post(UNLOCK, json={"order": token}, headers=headers_of(shopper.client))
    assert refused(answer, 409, "not_payable")


def test_money_that_was_taken_meanwhile_wins(shopper, bank):
    """The provider is asked first: a lock behind a payment is sold, not given up."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"])
    answer = shopper.client.post(UNLOCK, json={"order": token}, headers=headers_of(shopper.client))
    assert refused(answer, 409, "not_payable")
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (0, 0)
