"""S7, P1, P3, P17: the same payment told by everybody at once is one payment, one sale, one order at the provider."""

import hashlib
import hmac
import json

import pytest

from app.core import db, outbox
from app.orders import flows
from chaos import races, verdict
from chaos.buyer import Buyer, token_of
from tests import shop


def opened(stand, number, variant):
    """A buyer with an order for the variant, and its token."""
    buyer = races.prepared(stand, [number], variant)[0]
    return buyer, token_of(buyer.place())


def at_the_bank(buyer, token, bank):
    assert buyer.press_pay(token).status_code == 303
    return buyer.hand_over(token, bank.url).fields


def webhook(stand, paid, provider_order, *, event_id):
    """What Razorpay would post, as (body, headers)."""
    entity = {"id": paid["razorpay_payment_id"], "order_id": provider_order}
    body = json.dumps({"event": "payment.captured", "payload": {"payment": {"entity": entity}}}).encode()
    secret = stand.settings.razorpay.webhook_secrets[0].encode()
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return body, {"X-Razorpay-Signature": signature, "X-Razorpay-Event-Id": event_id}


def notify(stand, number, notice):
    """Post it as the provider does, with a connection of its own, to one of the web processes."""
    body, headers = notice
    buyer = Buyer(stand, number)
    return buyer.session.post(buyer.host + "/api/payments/webhook", data=body, headers=headers, timeout=30)


def paid_once(token, variant):
    """One transition, one sale, one number, whatever was told how often."""
    events = db.rows(
        "SELECT e.name, count(*) FROM outbox_event e JOIN orders o ON o.id::text = e.payload->>'order_id' WHERE o.token = :token"
        " AND e.name IN ('order.paid', 'payment.received') GROUP BY 1 ORDER BY 1",
        token=token,
    )
    sales = db.scalar(
        "SELECT count(*) FROM stock_movement m JOIN orders o ON o.id = m.order_id WHERE o.token = :token AND kind = 'sell'",
        token=token,
    )
    state = db.rows("SELECT state, number IS NOT NULL FROM orders WHERE token = :token", token=token)[0]
    db.release()
    assert (dict(map(tuple, events)), sales, tuple(state)) == (
        {"order.paid": 1, "payment.received": 1},
        1,
        ("confirmed", True),
    )


@pytest.mark.parametrize("way", races.WAYS)
def test_expiry_against_money(stand, bank, way):
    """S7: eight forced races each; paid and sold, or released and refunded, never paid and released."""
    shirt = shop.add_product(stock_of={"KB": 1})
    rival = races.prepared(stand, [300], shirt)[0]
    outcome = races.Outcome()
    for number in range(301, 309):
        outcome.add(races.expiry_against_money(stand, bank, Buyer(stand, number), rival, shirt, way=way))
    assert (outcome.wrongs, outcome.sold + outcome.refused) == ([], 8)
    assert (stand.faults(), stand.accidents(), verdict.wrongs(bank.ledger())) == ({}, 0, [])


def test_return_webhook_and_poller_at_once(stand, bank):
    """P1: any interleaving is one paid transition, one sale."""
    shirt = shop.add_product(stock_of={"KB": 9})
    for number in range(400, 405):
        buyer, token = opened(stand, number, shirt)
        fields = at_the_bank(buyer, token, bank)
        paid = bank.pay(fields["order_id"])
        notice = webhook(stand, paid, fields["order_id"], event_id=f"evt_{token}")

        def notified(notice=notice, number=number):
            answer = notify(stand, number + 1, notice)
            outbox.drain()
            return answer

        def returned(buyer=buyer, fields=fields, paid=paid):
            return buyer.come_back(fields["callback_url"], paid)

        answers = races.at_once([returned, notified, lambda: flows.reconcile(everything=True), returned])
        assert [getattr(answer, "status_code", answer) for answer in answers[:2]] == [303, 200]
        paid_once(token, shirt)
    assert (stand.faults(), stand.accidents(), verdict.wrongs(bank.ledger())) == ({}, 0, [])


def test_the_same_webhook_seventy_times(stand, bank):
    """P3: all get 2xx, one has an effect, although four workers look at the same time."""
    shirt = shop.add_product(stock_of={"KB": 2})
    buyer, token = opened(stand, 420, shirt)
    fields = at_the_bank(buyer, token, bank)
    notice = webhook(stand, bank.pay(fields["order_id"]), fields["order_id"], event_id="evt_seventy")
    answers = races.at_once([lambda n=n: notify(stand, n, notice) for n in range(70)])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 70
    races.at_once([outbox.drain] * 4)
    assert db.scalar("SELECT count(*) FROM payment_notice WHERE event_id = 'evt_seventy'") == 1
    paid_once(token, shirt)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_two_clicks_on_pay_are_one_order_at_the_provider(stand, bank):
    shirt = shop.add_product(stock_of={"KB": 9})
    for number in range(430, 435):
        buyer, token = opened(stand, number, shirt)
        other = Buyer(stand, number + 1)
        other.session.cookies = buyer.session.cookies
        answers = races.at_once([lambda each=each, token=token: each.press_pay(token) for each in (buyer, other)])
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses in ([303, 303], [303, 409])
        receipts = [account for receipt, account in bank.ledger().items() if receipt.startswith(reference_of(token))]
        assert [len(account["order_ids"]) for account in receipts] == [1]


def reference_of(token):
    found = db.scalar("SELECT reference FROM orders WHERE token = :token", token=token)
    db.release()
    return found


def test_the_same_click_on_place_order_at_once_is_one_order(stand):
    """C1: three times the same form, over three web processes."""
    shirt = shop.add_product(stock_of={"KB": 9})
    buyer = races.prepared(stand, [440], shirt)[0]
    clicks = [buyer]
    for number in (441, 442):
        again = Buyer(stand, number)
        again.session.cookies, again.review = buyer.session.cookies, buyer.review
        clicks.append(again)
    answers = races.at_once([each.place for each in clicks])
    assert len({token_of(answer) for answer in answers}) == 1
    assert races.holdings(shirt) == (1, 9, 1)
