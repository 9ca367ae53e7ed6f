"""Chargebacks (N23, P26): the order waits, nothing is refunded meanwhile, evidence is collected, and the end is recorded."""

import hashlib
import hmac
import json
import uuid

import pytest

from app.core import db
from app.core.transaction import transaction
from app.returns import flows as returns
from tests import shop as shops
from tests.bank import STRIPE, WEBHOOK_SECRETS
from tests.flows.providers import PayPalShopper, StripeShopper, deliver, paypal, razorpay, stripe
from tests.flows.shopper import Shopper, money
from tests.returns.counter import ask_form, buy, order_of, payment_state, provider_payment, send, states, timeline
from tests.shop import add_product, faults


def state_of(token):
    found = db.scalar("SELECT state FROM orders WHERE token = :token", token=token)
    db.release()
    return found


@pytest.fixture
def tell(shop):
    """Post the notice that Razorpay would about a dispute or a refund."""

    def post(event, *, payment=None, event_id=None, **entities):
        payload = {kind: {"entity": entity} for kind, entity in entities.items()}
        payload["payment"] = {"entity": {"id": payment or provider_payment()}}
        body = json.dumps({"event": event, "payload": payload}).encode()
        headers = {
            "X-Razorpay-Signature": hmac.new(WEBHOOK_SECRETS[0].encode(), body, hashlib.sha256).hexdigest(),
            "X-Razorpay-Event-Id": event_id or f"evt_{uuid.uuid4().hex}",
        }
        answer = shop.test_client().post("/api/payments/webhook", data=body, headers=headers)
        assert answer.status_code == 200, answer.text

    return post


@pytest.fixture
def disputed(shopper, bank, tell, drain):
    """A paid order that the customer's bank disputes: (token, the dispute's id)."""
    token = buy(shopper, (add_product(), 1))
    drain()
    dispute = bank.control("POST", "/disputes", {"payment_id": provider_payment()})
    tell("payment.dispute.created", dispute=dispute)
    drain()
    return token, dispute["id"]


class StripeDisputes:
    """At Stripe: `open` and `decide` are what the bank does there, `letters` is what Stripe posts about it."""

    word, make_shopper = "product_not_received", StripeShopper

    def __init__(self, bank):
        self.control = bank.control
        self.key = {"Authorization": f"Bearer {STRIPE['secret_key']}"}
        self.bank = bank

    def open(self):
        charges = self.bank.session.get(f"{self.bank.url}/stripe/v1/charges", headers=self.key, timeout=10).json()
        charge = charges["data"][0]["id"]
        return self.control("POST", "/stripe/disputes", {"charge": charge, "reason": self.word})["id"]

    def decide(self, dispute, outcome):
        self.control("POST", f"/stripe/disputes/{dispute}", {"outcome": outcome})


class PayPalDisputes:
    """The same at PayPal."""

    word, make_shopper = "merchandise_or_service_not_received", PayPalShopper

    def __init__(self, bank):
        self.bank = bank

    def open(self):
        [account] = self.bank.ledger()["receipts"].values()
        capture = account["payments"][0]["id"]
        return self.bank.control("POST", "/paypal/disputes", {"capture_id": capture})["dispute_id"]

    def decide(self, dispute, outcome):
        favour = "SELLER" if outcome == "won" else "BUYER"
        self.bank.control("POST", f"/paypal/disputes/{dispute}", {"outcome": f"RESOLVED_{favour}_FAVOUR"})


class RazorpayDisputes:
    """The same at Razorpay."""

    word = "goods_not_received"

    def __init__(self, bank):
        self.bank = bank

    def make_shopper(self, client, bank):
        return CardShopper(client, bank)

    def open(self):
        return self.bank.control("POST", "/disputes", {"payment_id": provider_payment()})["id"]

    def decide(self, dispute, outcome):
        self.bank.control("POST", f"/disputes/{dispute}", {"status": outcome})


class CardShopper(Shopper):
    def buy(self, variant_id):
        token = self.order(variant_id)
        self.pay(token)
        return token


@pytest.mark.parametrize("make", [RazorpayDisputes, StripeDisputes, PayPalDisputes])
def test_p6_a_dispute_whose_webhooks_are_lost_is_found_by_asking(make, bank, make_app, letters, drain):
    first = {RazorpayDisputes: "razorpay", StripeDisputes: "stripe", PayPalDisputes: "paypal"}[make]
    shop = make_app(**razorpay(bank), **stripe(bank), **paypal(bank), PAYMENT_PROVIDER=first)
    shops.open_shop()
    where = make(bank)
    token = where.make_shopper(shop.test_client(), bank).buy(add_product())
    drain()
    for event in ("payment.dispute.*", "charge.dispute.*", "CUSTOMER.DISPUTE.*"):
        bank.control("POST", "/webhooks", {"event": event, "drop": True})
    dispute = where.open()
    assert state_of(token) == "confirmed"
    for _ in range(2):
        assert returns.find_disputes().failed == 0
        drain()
    found = db.rows("SELECT provider_dispute_id, state, reason FROM payment_dispute")
    assert [tuple(row) for row in found] == [(dispute, "open", where.word)]
    assert state_of(token) == "on_hold"
    assert timeline(token).count("dispute_open") == 1
    where.decide(dispute, "won")
    returns.look_around(everything=True)
    drain()
    assert state_of(token) == "confirmed"
    asked_again(dispute)
    assert returns.find_disputes().failed == 0
    assert [letter for letter in letters.received if b".dispute." in letter["body"].lower()] == []
    assert (timeline(token).count("dispute_won"), faults()) == (1, {})


def asked_again(dispute):
    """As if some hours had gone by since a decided dispute was looked at."""
    with transaction():
        db.rows("UPDATE payment_dispute SET ask_at = now() WHERE provider_dispute_id = :id RETURNING 1", id=dispute)
    db.forget()


def test_a_provider_that_does_not_list_its_disputes_keeps_no_other_from_being_asked(bank, make_app, drain):
    shop = make_app(**razorpay(bank), **stripe(bank), PAYMENT_PROVIDER="stripe")
    shops.open_shop()
    where = StripeDisputes(bank)
    token = where.make_shopper(shop.test_client(), bank).buy(add_product())
    drain()
    where.open()
    bank.fault("status", status=502, path="/v1/disputes")
    tally = returns.find_disputes()
    assert (tally.waiting, state_of(token)) == (1, "on_hold")


@pytest.fixture(params=[StripeDisputes, PayPalDisputes])
def elsewhere(request, bank, make_app, letters, drain):
    """(where, its shopper, the token of a disputed order, the dispute's id), with the notice of it delivered."""
    shop = make_app(**razorpay(bank), **stripe(bank), **paypal(bank), PAYMENT_PROVIDER="stripe")
    shops.open_shop()
    where = request.param(bank)
    shopper = where.make_shopper(shop.test_client(), bank)
    token = shopper.buy(add_product())
    drain()
    dispute = where.open()
    tell_of_disputes(shopper, letters)
    drain()
    return where, shopper, token, dispute


def tell_of_disputes(shopper, letters, *, least=1):
    """Deliver what was posted about disputes so far, at least so many notices, each of them twice."""

    def posted():
        return [letter for letter in letters.received if b".dispute." in letter["body"].lower()]

    while len(posted()) < least:
        letters.wait_for(len(letters.received) + 1)
    for letter in [*posted(), *posted()]:
        assert deliver(shopper, letter).status_code == 200


def test_n23_a_dispute_elsewhere_is_won_and_the_order_goes_on(elsewhere, letters, drain):
    where, shopper, token, dispute = elsewhere
    found = db.rows("SELECT provider_dispute_id, state, amount_minor, reason FROM payment_dispute")
    assert [tuple(row) for row in found] == [(dispute, "open", 19700, where.word)]
    assert state_of(token) == "on_hold"
    where.decide(dispute, "won")
    tell_of_disputes(shopper, letters, least=2)
    drain()
    assert (state_of(token), payment_state(token)) == ("confirmed", "paid")
    assert [kind for kind in timeline(token) if "dispute" in kind or "hold" in kind] == [
        "dispute_open", "put_on_hold", "dispute_won", "taken_off_hold",
    ]  # fmt: skip
    assert faults() == {}


def test_n23_a_dispute_elsewhere_is_lost_and_found_by_asking(elsewhere, drain):
    where, shopper, token, dispute = elsewhere
    where.decide(dispute, "lost")
    returns.look_around(everything=True)
    drain()
    assert (state_of(token), payment_state(token)) == ("confirmed", "refunded")
    assert "refund" in shopper.heading(token)
    assert faults() == {}


def test_p26_a_dispute_puts_the_order_on_hold_and_blocks_refunds(disputed, merchant, shopper, bank, drain):
    token, dispute = disputed
    assert state_of(token) == "on_hold"
    assert "on hold" in shopper.heading(token)
    page = merchant.get(f"/admin/orders/{order_of(token)}")
    assert "disputes this payment" in page
    assert "/refund?" not in page
    answer = merchant.client.get(
        f"/admin/orders/{order_of(token)}/refund", query_string={"everything": 1, "preview": 1}
    )
    assert answer.status_code == 422
    assert "has not decided a dispute" in answer.text
    assert dispute in page
    assert "goods_not_received" in merchant.get("/admin/refunds")
    assert (states(), money(bank)[1], faults()) == ([], 0, {})


def test_p26_a_form_that_was_open_before_the_dispute_sends_nothing(merchant, shopper, bank, tell, drain):
    token = buy(shopper, (add_product(), 1))
    page = ask_form(merchant, token, everything=1)
    tell("payment.dispute.created", dispute=bank.control("POST", "/disputes", {"payment_id": provider_payment()}))
    drain()
    answer = send(merchant, page)
    assert answer.status_code == 409
    assert (states(), money(bank)[1]) == ([], 0)


def test_a_dispute_that_is_won_lets_the_order_go_on(disputed, shopper, bank, tell, drain):
    token, dispute = disputed
    for status in ("under_review", "won"):
        tell(f"payment.dispute.{status}", dispute=bank.control("POST", f"/disputes/{dispute}", {"status": status}))
        drain()
    assert (state_of(token), payment_state(token)) == ("confirmed", "paid")
    assert "is confirmed" in shopper.heading(token)
    assert [kind for kind in timeline(token) if "dispute" in kind or "hold" in kind] == [
        "dispute_open", "put_on_hold", "dispute_under_review", "dispute_won", "taken_off_hold",
    ]  # fmt: skip
    assert faults() == {}


def test_a_dispute_that_is_lost_is_money_gone(disputed, shopper, bank, drain):
    """Found by asking, without a webhook."""
    token, dispute = disputed
    bank.control("POST", f"/disputes/{dispute}", {"status": "lost"})
    returns.look_around(everything=True)
    drain()
    assert (state_of(token), payment_state(token)) == ("confirmed", "refunded")
    assert "refund" in shopper.heading(token)
    captured, gone = money(bank)
    assert captured == gone
    assert faults() == {}


def test_a_dispute_about_a_second_payment_that_is_lost_leaves_the_paid_order_alone(shopper, bank, drain):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    for _ in range(2):
        shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured", force=True))
    drain()
    second = db.scalar("SELECT provider_payment_id FROM payment_capture WHERE NOT is_applied")
    db.release()
    dispute = bank.control("POST", "/disputes", {"payment_id": second})["id"]
    bank.control("POST", f"/disputes/{dispute}", {"status": "lost"})
    returns.look_at_dispute("razorpay", dispute)
    drain()
    assert (state_of(token), payment_state(token)) == ("confirmed", "paid")
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_a_dispute_about_money_that_pays_nothing_is_shown_with_its_order(shopper, merchant, bank, drain):
    token = shopper.order(add_product())
    form = shopper.hand_over(token)
    shopper.post(f"/checkout/pay/{token}/cancel")
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"], "captured"))
    payment = db.scalar("SELECT provider_payment_id FROM payment_capture WHERE NOT is_applied")
    db.release()
    dispute = bank.control("POST", "/disputes", {"payment_id": payment})["id"]
    returns.look_at_dispute("razorpay", dispute)
    assert state_of(token) == "cancelled"
    assert dispute in merchant.get(f"/admin/orders/{order_of(token)}")


def test_what_was_lost_cannot_be_refunded_too(merchant, shopper, bank, tell, drain):
    token = buy(shopper, (add_product(), 2))
    drain()
    dispute = bank.control("POST", "/disputes", {"payment_id": provider_payment(), "amount": 18900})
    tell("payment.dispute.created", dispute=dispute)
    bank.control("POST", f"/disputes/{dispute['id']}", {"status": "lost"})
    tell("payment.dispute.lost", dispute=dispute)
    drain()
    assert payment_state(token) == "paid"
    send(merchant, ask_form(merchant, token, everything=1))
    drain()
    captured, gone = money(bank)
    assert captured == gone
    assert payment_state(token) == "refunded"
    assert faults() == {}


def test_late_and_doubled_notices_change_nothing(disputed, shopper, bank, tell, drain):
    token, dispute = disputed
    bank.control("POST", f"/disputes/{dispute}", {"status": "won"})
    for _ in range(3):
        tell("payment.dispute.created", dispute={"id": dispute})  # an old notice: the provider is asked, and says won
        drain()
    assert state_of(token) == "confirmed"
    assert timeline(token).count("dispute_won") == 1
    assert db.scalar("SELECT count(*) FROM payment_dispute") == 1


def test_disputes_about_nothing_of_ours_are_left_alone(shopper, bank, tell, drain):
    token = buy(shopper, (add_product(), 1))
    drain()
    tell("payment.dispute.created", dispute={"id": "disp_unknown0000000"})
    tell("payment.dispute.created", payment="pay_unknown00000000", dispute={"id": "disp_unknown0000000"})
    tell("payment.dispute.created", dispute="nonsense")
    drain()
    assert (state_of(token), db.scalar("SELECT count(*) FROM payment_dispute")) == ("confirmed", 0)
    assert faults() == {}


def test_the_evidence_is_one_bundle(disputed, merchant):
    token, dispute = disputed
    page = merchant.get(f"/admin/orders/{order_of(token)}/evidence")
    for text in ("Aina Rahman", "Kemeja Teluk", "12 Jalan Kiara", dispute, "disputes"):
        assert text in page, text
    answer = merchant.client.get(f"/admin/orders/{order_of(token)}/evidence.json")
    assert "attachment" in answer.headers["Content-Disposition"]
    found = answer.json
    assert (found["customer"]["email"], found["tracking"]) == ("aina@example.com", [])
    assert len(found["placed_from"]) == 64
    assert [each["state"] for each in found["disputes"]] == ["open"]
    assert {"placed", "paid", "dispute_open"} <= {each["what"] for each in found["timeline"]}


def test_a_double_notice_of_a_dashboard_refund_counts_once(shopper, bank, tell, drain):
    token = buy(shopper, (add_product(), 1))
    drain()
    made = bank.control("POST", "/dashboard/refunds", {"payment_id": provider_payment(), "amount": 700})
    for event_id in ("evt_a", "evt_a", "evt_b"):
        tell("refund.processed", refund=made, event_id=event_id)
    drain()
    assert states() == [("succeeded", 700)]
    assert timeline(token).count("refund_found") == 1
    assert faults() == {}


def test_p16_a_notice_that_a_refund_failed_after_it_had_succeeded(merchant, shopper, bank, tell, drain):
    token = buy(shopper, (add_product(), 1))
    send(merchant, ask_form(merchant, token, everything=1))
    drain()
    refund = bank.control(
        "POST", f"/refunds/{db.scalar('SELECT provider_refund_id FROM refund')}", {"status": "failed"}
    )
    tell("refund.failed", refund=refund)
    drain()
    assert [state for state, _ in states()] == ["failed"]
    assert payment_state(token) == "paid"
    assert faults() == {}
