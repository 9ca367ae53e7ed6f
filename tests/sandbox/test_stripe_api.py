"""The sandbox's Stripe, spoken to over HTTP: parameters, sessions, idempotency, refunds, balance, disputes, the page."""

import threading
import time

import pytest
import requests

from tests.sandbox.conftest import DEADLINE, STRIPE_KEY
from tools.webforms import form_to

LINE = {
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "myr",
    "line_items[0][price_data][unit_amount]": "5000",
    "line_items[0][price_data][product_data][name]": "Order R-1",
}
BODY = {
    "mode": "payment",
    "success_url": "http://shop.example/back?a=1",
    "cancel_url": "http://shop.example/cancel",
    "client_reference_id": "R-1",
    "metadata[receipt]": "R-1",
    "payment_intent_data[metadata][receipt]": "R-1",
    **LINE,
}


class Stripe:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.url = f"{sandbox.url}/stripe/v1"

    def call(self, method, path, data=None, *, key=None, **options):
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"} | ({"Idempotency-Key": key} if key else {})
        where = {"params": data} if method == "GET" else {"data": data}
        return requests.request(
            method, f"{self.url}{path}", timeout=DEADLINE, **({"headers": headers} | where | options)
        )

    def get(self, path, **params):
        answer = self.call("GET", path, params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self, **changes):
        answer = self.call("POST", "/checkout/sessions", BODY | changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pay(self, session, outcome="succeed", **fields):
        return self.sandbox.control("POST", "/stripe/pay", {"session_id": session["id"], "outcome": outcome, **fields})

    def paid(self, **changes):
        """The PaymentIntent of a paid session, its charge expanded."""
        return self.pay(self.session(**changes))["payment_intent"]

    def refund(self, intent, key=None, **data):
        return self.call("POST", "/refunds", {"payment_intent": intent["id"], **data}, key=key)

    def error(self, answer, status=400):
        assert answer.status_code == status, answer.text
        return answer.json()["error"]


@pytest.fixture
def stripe(sandbox):
    return Stripe(sandbox)


def control(sandbox, path, body):
    """A control call that may be refused."""
    return requests.post(f"{sandbox.url}/_sandbox/stripe{path}", json=body, timeout=DEADLINE)


# -- who calls, and what they send


def test_the_key_is_a_bearer_token_or_the_name_of_basic_auth(stripe):
    assert stripe.call("GET", "/events", headers={}, auth=(STRIPE_KEY, "")).status_code == 200
    for wrong in ({"headers": {}}, {"headers": {"Authorization": "Bearer no"}}, {"headers": {}, "auth": ("no", "")}):
        assert stripe.error(stripe.call("GET", "/events", **wrong), 401)["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"color": "red"}, "color", "parameter_unknown"),
        ({"line_items[0][price_data][colour]": "red"}, "line_items[price_data][colour]", "parameter_unknown"),
        ({"metadata[a][b]": "1"}, "metadata[a]", None),
        ({"expires_at": "soon"}, "expires_at", "parameter_invalid_integer"),
        ({"customer_email": "aina@localhost"}, "customer_email", "email_invalid"),
        ({"mode": ""}, "mode", "parameter_missing"),
        ({"success_url": "ftp://x"}, "success_url", "url_invalid"),
        ({"line_items[0][price_data][unit_amount]": "199"}, "line_items", "amount_too_small"),
        ({"line_items[0][price_data][currency]": "xxx"}, "line_items[0][price_data][currency]", None),
        ({"line_items[0][price_data][currency]": "kwd"} | {"line_items[0][price_data][unit_amount]": "5001"}, "line_items", None),
    ],
)  # fmt: skip
def test_what_stripe_does_not_take_is_refused_and_nothing_is_made(stripe, changes, param, code):
    error = stripe.error(stripe.call("POST", "/checkout/sessions", BODY | changes, key="k-1"))
    assert (
        error["param"].replace("[0]", "") if code == "parameter_unknown" else error["param"],
        error.get("code"),
    ) == (param, code)
    assert stripe.get("/checkout/sessions")["data"] == []
    assert (
        stripe.call("POST", "/checkout/sessions", BODY, key="k-1").status_code == 200
    )  # nothing was kept under the key


@pytest.mark.parametrize(("minutes", "status"), [(29, 400), (31, 200), (23 * 60, 200), (25 * 60, 400)])
def test_a_session_lives_half_an_hour_to_a_day(stripe, minutes, status):
    answer = stripe.call("POST", "/checkout/sessions", BODY | {"expires_at": int(time.time()) + minutes * 60})
    assert answer.status_code == status


def test_unknown_objects_and_addresses_are_404(stripe):
    assert stripe.error(stripe.call("GET", "/checkout/sessions/cs_test_x"), 404)["code"] == "resource_missing"
    assert stripe.error(stripe.call("GET", "/charges/ch_x"), 404)["code"] == "resource_missing"
    assert "Unrecognized" in stripe.error(stripe.call("GET", "/customers"), 404)["message"]


# -- sessions and intents


def test_an_intent_is_made_with_the_first_try_and_kept(stripe):
    session = stripe.session()
    assert (session["status"], session["payment_status"], session["payment_intent"]) == ("open", "unpaid", None)
    declined = stripe.pay(session, "decline", reason="insufficient_funds")
    intent = declined["payment_intent"]
    assert (declined["status"], intent["status"]) == ("open", "requires_payment_method")
    assert intent["last_payment_error"]["decline_code"] == "insufficient_funds"
    assert intent["latest_charge"]["status"] == "failed"
    paid = stripe.pay(session)
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert (paid["payment_intent"]["id"], paid["payment_intent"]["status"]) == (intent["id"], "succeeded")
    assert paid["payment_intent"]["amount_received"] == 5000
    assert paid["payment_intent"]["metadata"] == {"receipt": "R-1"}
    account = stripe.sandbox.ledger("R-1")
    assert (account["captured"], account["captures"], account["order_ids"]) == (5000, 1, [session["id"]])
    assert [payment["status"] for payment in account["payments"]] == ["failed", "succeeded"]


def test_a_session_that_is_over_takes_no_money(stripe, sandbox):
    session = stripe.session()
    assert stripe.call("POST", f"/checkout/sessions/{session['id']}/expire").json()["status"] == "expired"
    assert control(sandbox, "/pay", {"session_id": session["id"]}).status_code == 400
    assert "expired" in stripe.error(stripe.call("POST", f"/checkout/sessions/{session['id']}/expire"))["message"]
    paid = stripe.session()
    stripe.pay(paid)
    assert control(sandbox, "/pay", {"session_id": paid["id"]}).status_code == 400
    assert "complete" in stripe.error(stripe.call("POST", f"/checkout/sessions/{paid['id']}/expire"))["message"]
    assert sandbox.ledger("R-1")["captured"] == 5000


def test_ending_a_session_cancels_its_intent(stripe):
    session = stripe.session()
    intent = stripe.pay(session, "challenge")["payment_intent"]
    assert intent["status"] == "requires_action"
    stripe.call("POST", f"/checkout/sessions/{session['id']}/expire")
    canceled = stripe.get(f"/payment_intents/{intent['id']}")
    assert canceled["status"] == "canceled"
    assert canceled["canceled_at"] is not None


def test_the_clock_ends_sessions_and_answers_for_banks(stripe, sandbox):
    waiting, processing, refused = (stripe.session() for _ in range(3))
    stripe.pay(processing, "process", after_seconds=60)
    stripe.pay(refused, "process", after_seconds=60, ends_well=False)
    sandbox.advance(25 * 3600)
    shown = [stripe.get(f"/checkout/sessions/{each['id']}") for each in (waiting, processing, refused)]
    assert [each["status"] for each in shown] == ["expired", "complete", "complete"]
    assert [each["payment_status"] for each in shown] == ["unpaid", "paid", "unpaid"]


def test_lists_are_paged_newest_first_and_filtered(stripe):
    made = [stripe.session(client_reference_id=f"R-{number}") for number in range(3)]
    first = stripe.get("/checkout/sessions", limit=2)
    assert ([each["id"] for each in first["data"]], first["has_more"]) == ([made[2]["id"], made[1]["id"]], True)
    rest = stripe.get("/checkout/sessions", starting_after=made[1]["id"])
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([made[0]["id"]], False)
    assert [each["id"] for each in stripe.get("/checkout/sessions", ending_before=made[1]["id"])["data"]] == [
        made[2]["id"]
    ]
    intent = stripe.pay(made[0])["payment_intent"]["id"]
    assert [each["id"] for each in stripe.get("/checkout/sessions", payment_intent=intent)["data"]] == [made[0]["id"]]
    assert len(stripe.get("/checkout/sessions", status="open")["data"]) == 2
    assert stripe.get("/payment_intents", **{"created[gte]": int(time.time()) + 60})["data"] == []
    [found] = stripe.get("/payment_intents", **{"expand[]": "data.latest_charge.balance_transaction"})["data"]
    assert found["latest_charge"]["balance_transaction"]["fee"] == 150
    assert stripe.error(stripe.call("GET", "/charges", {"limit": "101"}))["param"] == "limit"


# -- idempotency


def test_one_key_gives_one_answer(stripe):
    first = stripe.call("POST", "/checkout/sessions", BODY, key="k-1")
    again = stripe.call("POST", "/checkout/sessions", BODY, key="k-1")
    assert again.json() == first.json()
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    other = stripe.error(stripe.call("POST", "/checkout/sessions", BODY | {"locale": "ms"}, key="k-1"))
    assert other["type"] == "idempotency_error"
    assert stripe.error(stripe.call("POST", "/refunds", {"charge": "ch_x"}, key="k-1"))["type"] == "idempotency_error"
    assert len(stripe.get("/checkout/sessions")["data"]) == 1


def test_after_a_day_a_key_acts_again(stripe, sandbox):
    intent = stripe.paid()
    first = stripe.refund(intent, key="r-1", amount=100).json()["id"]
    sandbox.advance(23 * 3600)
    assert stripe.refund(intent, key="r-1", amount=100).json()["id"] == first
    sandbox.advance(3600)
    assert stripe.refund(intent, key="r-1", amount=100).json()["id"] != first
    assert sandbox.ledger("R-1")["refunded"] == 200


@pytest.mark.parametrize(("acts", "refunded"), [(True, 100), (False, 0)])
def test_a_500_is_kept_too(stripe, sandbox, acts, refunded):
    intent = stripe.paid()
    sandbox.control("POST", "/stripe/breakdowns", {"act": acts})
    for _ in range(2):
        assert stripe.error(stripe.refund(intent, key="r-1", amount=100), 500)["type"] == "api_error"
    assert sandbox.ledger("R-1")["refunded"] == refunded
    assert stripe.refund(intent, key="r-2", amount=100).status_code == 200


def test_a_key_in_use_is_a_conflict(stripe, sandbox):
    intent = stripe.paid()
    sandbox.control(
        "POST", "/faults", {"method": "POST", "path": "/stripe/v1/refunds", "fault": "hang", "seconds": 1, "count": 1}
    )
    slow = threading.Thread(target=lambda: stripe.refund(intent, key="r-1", amount=100))
    slow.start()
    while not sandbox.ledger("R-1")["refunded"]:  # acted, and not answered yet
        pass
    assert stripe.error(stripe.refund(intent, key="r-1", amount=100), 409)["code"] == "idempotency_key_in_use"
    slow.join()
    assert stripe.refund(intent, key="r-1", amount=100).headers["Idempotent-Replayed"] == "true"
    assert sandbox.ledger("R-1")["refunded"] == 100


def test_an_answer_is_still_known_after_a_kill(start_sandbox):
    sandbox = start_sandbox()
    stripe = Stripe(sandbox)
    intent = stripe.paid()
    first = stripe.refund(intent, key="r-1", amount=100).json()
    sandbox.kill()
    sandbox.restart()
    assert stripe.refund(intent, key="r-1", amount=100).json() == first
    assert sandbox.ledger("R-1")["refunded"] == 100


# -- refunds


def test_parts_and_then_the_rest_and_never_more(stripe, sandbox):
    intent = stripe.paid()
    assert stripe.refund(intent, amount=2000, reason="requested_by_customer").json()["status"] == "succeeded"
    assert "greater than" in stripe.error(stripe.refund(intent, amount=3001))["message"]
    assert stripe.refund(intent).json()["amount"] == 3000
    assert stripe.error(stripe.refund(intent))["code"] == "charge_already_refunded"
    charge = stripe.get(f"/charges/{intent['latest_charge']['id']}")
    assert (charge["refunded"], charge["amount_refunded"]) == (True, 5000)
    assert len(stripe.get("/refunds", payment_intent=intent["id"])["data"]) == 2
    assert sandbox.ledger("R-1")["net"] == 0


@pytest.mark.parametrize(
    "data", [{"amount": 0}, {"amount": -5}, {"amount": "1.5"}, {"reason": "because"}, {"speed": "fast"}]
)
def test_odd_refunds_are_refused(stripe, sandbox, data):
    assert stripe.refund(stripe.paid(), **data).status_code == 400
    assert sandbox.ledger("R-1")["refunded"] == 0


def test_what_was_never_paid_is_not_refunded(stripe):
    intent = stripe.pay(stripe.session(), "decline")["payment_intent"]
    assert stripe.error(stripe.refund(intent))["param"] == "payment_intent"
    assert stripe.error(stripe.call("POST", "/refunds", {"payment_intent": "pi_x"}), 404)["code"] == "resource_missing"


def test_a_refund_that_does_not_arrive_gives_the_money_back(stripe, sandbox):
    intent = stripe.paid()
    refund = stripe.refund(intent).json()
    failed = sandbox.control("POST", f"/stripe/refunds/{refund['id']}", {"status": "failed"})
    assert failed["status"] == "failed"
    assert failed["failure_balance_transaction"].startswith("txn_")
    assert (sandbox.ledger("R-1")["refunded"], stripe.get(f"/charges/{refund['charge']}")["refunded"]) == (0, False)
    assert control(sandbox, f"/refunds/{refund['id']}", {"status": "succeeded"}).status_code == 400
    assert stripe.refund(intent).json()["amount"] == 5000


def test_a_refund_that_waits_for_the_customer_can_be_canceled(stripe, sandbox):
    intent = stripe.paid()
    sandbox.control("POST", "/stripe/refunds", {"status": "requires_action", "count": 1})
    refund = stripe.refund(intent, amount=100).json()
    assert stripe.call("POST", f"/refunds/{refund['id']}/cancel").json()["status"] == "canceled"
    assert stripe.call("POST", f"/refunds/{refund['id']}/cancel").status_code == 400
    assert sandbox.ledger("R-1")["refunded"] == 0


# -- the balance


def test_every_movement_has_its_line_and_a_payout_sums_them_up(stripe, sandbox):
    intent = stripe.paid()
    back = stripe.refund(intent, amount=1000).json()
    sandbox.control("POST", f"/stripe/refunds/{back['id']}", {"status": "failed"})
    sandbox.control("POST", "/stripe/fees", {"amount": 50})
    entries = stripe.get("/balance_transactions", limit=100)["data"]
    assert [(each["type"], each["amount"], each["fee"], each["net"]) for each in reversed(entries)] == [
        ("charge", 5000, 150, 4850),
        ("refund", -1000, 0, -1000),
        ("refund_failure", 1000, 0, 1000),
        ("stripe_fee", -50, 0, -50),
    ]
    payout = sandbox.control("POST", "/stripe/payouts", {"currency": "MYR"})
    assert payout["amount"] == 4850 - 50
    paid_out = stripe.get("/balance_transactions", payout=payout["id"], limit=100)["data"]
    assert sum(each["net"] for each in paid_out) == 0
    assert stripe.get(f"/balance_transactions/{payout['balance_transaction']}")["net"] == -4800
    assert [each["id"] for each in stripe.get("/payouts")["data"]] == [payout["id"]]
    assert control(sandbox, "/payouts", {"currency": "MYR"}).status_code == 400
    by_source = stripe.get("/balance_transactions", source=intent["latest_charge"]["id"])["data"]
    assert [each["type"] for each in by_source] == ["charge"]


def test_a_dispute_takes_the_money_and_gives_it_back_when_it_is_won(stripe, sandbox):
    charge = stripe.paid()["latest_charge"]["id"]
    dispute = sandbox.control("POST", "/stripe/disputes", {"charge": charge, "reason": "product_not_received"})
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 5000)
    assert stripe.error(stripe.call("POST", "/refunds", {"charge": charge}))["code"] == "charge_disputed"
    assert control(sandbox, "/disputes", {"charge": charge}).status_code == 400
    won = sandbox.control("POST", f"/stripe/disputes/{dispute['id']}", {"outcome": "won"})
    assert [each["net"] for each in won["balance_transactions"]] == [-6500, 5000]
    assert stripe.get(f"/disputes/{dispute['id']}") == won
    assert stripe.get("/disputes", charge=charge)["data"] == [won]


# -- the page


def press(session, action, **fields):
    shown = requests.get(session["url"], timeout=DEADLINE)
    form = form_to(shown.text, "/stripe/c/pay/")
    data = form.filled(action=action, **fields)
    return requests.post(session["url"], data=data, allow_redirects=False, timeout=DEADLINE)


def test_a_person_pays_and_comes_back(stripe):
    session = stripe.session()
    page = requests.get(session["url"], timeout=DEADLINE)
    assert "RM 50.00" in page.text
    assert "nonce-" in page.headers["Content-Security-Policy"]
    answer = press(session, "succeed", method="fpx")
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://shop.example/back?a=1")
    assert "already paid" in requests.get(f"{session['url']}", timeout=DEADLINE).text


def test_a_person_is_declined_and_tries_again(stripe, sandbox):
    session = stripe.session()
    answer = press(session, "decline", reason="expired_card")
    assert answer.status_code == 200
    assert "expired" in answer.text
    assert press(session, "succeed").status_code == 303
    assert sandbox.ledger("R-1")["captures"] == 1


def test_a_person_is_asked_by_the_bank(stripe, sandbox):
    session = stripe.session()
    assert "Complete authentication" in press(session, "challenge").text
    assert "unable to authenticate" in press(session, "refuse_challenge").text
    press(session, "challenge")
    assert press(session, "succeed").status_code == 303
    assert sandbox.ledger("R-1")["captured"] == 5000


def test_a_person_leaves(stripe, sandbox):
    session = stripe.session()
    answer = press(session, "close")
    assert (answer.status_code, answer.headers["Location"]) == (303, "http://shop.example/cancel")
    assert sandbox.ledger("R-1")["captured"] == 0
    stripe.call("POST", f"/checkout/sessions/{session['id']}/expire")
    assert "has expired" in requests.get(session["url"], timeout=DEADLINE).text


@pytest.mark.parametrize("data", [{}, {"action": "steal"}, {"action": "succeed", "method": "gold"}])
def test_other_buttons_do_nothing(stripe, sandbox, data):
    session = stripe.session()
    assert requests.post(session["url"], data=data, timeout=DEADLINE).status_code == 400
    assert sandbox.ledger("R-1")["captured"] == 0
