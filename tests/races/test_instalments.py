"""PAY-28 under race, with real processes: each part is paid once, and an order on a plan is paid or given back, never both."""

import pytest

from app.core import db, outbox
from app.core.transaction import in_transaction
from app.orders import flows
from app.orders.actions import by_hand
from chaos import races, verdict
from chaos.buyer import Buyer, token_of
from tests import shop
from tests.races.test_money import notify, reference_of, webhook


def in_parts(stand, number, variant, parts=3):
    """A buyer with an order in so many parts of which the first is paid, and its token."""
    buyer = races.prepared(stand, [number], variant)[0]
    buyer.parts = parts
    token = token_of(buyer.place())
    pay(stand, buyer, token)
    return buyer, token


def pay(stand, buyer, token):
    fields = at_the_bank(stand, buyer, token)
    assert buyer.come_back(fields["callback_url"], stand.bank.pay(fields["order_id"])).status_code == 303


def at_the_bank(stand, buyer, token, **chosen):
    assert buyer.press_pay(token, **chosen).status_code == 303
    return buyer.hand_over(token, stand.bank.url).fields


def standing(token):
    """(order's state, payment's state, received, applied captures, parts that are paid)"""
    row = db.rows(
        "SELECT o.state, p.state AS payment, p.received_minor, (SELECT count(*) FROM payment_capture c WHERE c.payment_id = p.id"
        "  AND c.is_applied) AS applied, (SELECT count(*) FROM instalment i WHERE i.payment_id = p.id AND i.state = 'paid') AS paid"
        " FROM orders o JOIN payment p ON p.order_id = o.id WHERE o.token = :token",
        token=token,
    )[0]
    db.release()
    return tuple(row)


def kept(bank, token):
    """What the provider holds of an order's money."""
    accounts = [each for receipt, each in bank.ledger().items() if receipt.startswith(reference_of(token))]
    return sum(account["net"] for account in accounts)


def end(order_id, *, by="staff:1"):
    """As somebody in the back office does it."""
    return in_transaction(lambda: by_hand.end_plan(order_id, actor=by))


@pytest.fixture(autouse=True)
def nobody_left_behind(stand):
    """What a test leaves on a plan is ended after it: the others look whether anybody was wronged."""
    yield
    found = db.rows("SELECT order_id FROM payment WHERE parts > 1 AND received_minor > 0 AND paid_at IS NULL")
    db.release()
    for row in found:
        end(row[0])
    settle_all()
    assert (stand.faults(), verdict.wrongs(stand.bank.ledger())) == ({}, [])


def settle_all():
    flows.reconcile(everything=True)
    outbox.drain()
    flows.reconcile(everything=True)
    outbox.drain()


def amounts(token):
    found = db.rows(
        "SELECT i.amount_minor FROM instalment i JOIN payment p ON p.id = i.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :token ORDER BY i.position",
        token=token,
    )
    db.release()
    return [row[0] for row in found]


def test_two_tabs_press_pay_for_the_same_part_at_once(stand, bank):
    shirt = shop.add_product(stock_of={"KB": 20})
    for number in range(1500, 1505):
        buyer, token = in_parts(stand, number, shirt)
        other = Buyer(stand, number + 1)
        other.session.cookies = buyer.session.cookies
        answers = races.at_once([lambda each=each, token=token: each.press_pay(token) for each in (buyer, other)])
        assert sorted(answer.status_code for answer in answers) in ([303, 303], [303, 409])
        receipts = [account for receipt, account in bank.ledger().items() if receipt.startswith(reference_of(token))]
        assert [len(account["order_ids"]) for account in receipts] == [1, 1]
    assert (stand.faults(), stand.accidents()) == ({}, 0)


@pytest.mark.parametrize("tabs", ["the same part", "a part and the rest"])
def test_a_part_that_is_paid_in_two_tabs_at_once_is_paid_once(stand, bank, tabs):
    """Both are captured, and the browsers, the webhook and the poller tell it in the same moment."""
    shirt = shop.add_product(stock_of={"KB": 20})
    for number in range(1520, 1525):
        buyer, token = in_parts(stand, number, shirt)
        parts = amounts(token)
        first = at_the_bank(stand, buyer, token)
        second = first if tabs == "the same part" else at_the_bank(stand, buyer, token, rest="1")
        other = Buyer(stand, number + 1)
        paid = [bank.pay(fields["order_id"]) for fields in (first, second)]
        notice = webhook(stand, paid[1], second["order_id"], event_id=f"evt_{token}")

        def notified(notice=notice, number=number):
            answer = notify(stand, number + 2, notice)
            outbox.drain()
            return answer

        answers = races.at_once(
            [
                lambda: buyer.come_back(first["callback_url"], paid[0]),  # noqa: B023
                lambda: other.come_back(second["callback_url"], paid[1]),  # noqa: B023
                notified,
                lambda: flows.reconcile(everything=True),
            ]
        )
        assert [getattr(answer, "status_code", answer) for answer in answers[:3]] == [303, 303, 200]
        settle_all()
        state, payment, received, applied, paid_parts = standing(token)
        if tabs == "the same part":
            assert (state, payment, applied, paid_parts, received) == ("pending", "open", 2, 2, parts[0] + parts[1])
        else:
            assert (state, payment, applied, paid_parts) in (("pending", "open", 2, 2), ("confirmed", "paid", 2, 3))
            assert received == sum(parts[:paid_parts])
        assert kept(bank, token) == received
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_the_last_part_against_cancelling(stand, bank):
    """Confirmed with all its money, or cancelled with none of it."""
    shirt = shop.add_product(stock_of={"KB": 20})
    for number in range(1540, 1550):
        buyer, token = in_parts(stand, number, shirt, parts=2)
        fields = at_the_bank(stand, buyer, token)
        other = Buyer(stand, number + 1)
        other.session.cookies = buyer.session.cookies
        page = f"/checkout/pay/{token}"
        paid = bank.pay(fields["order_id"])
        form = other.get(page)
        assert form.status_code == 200
        races.at_once(
            [
                lambda: buyer.come_back(fields["callback_url"], paid),  # noqa: B023
                lambda: other.send(page, f"{page}/cancel"),  # noqa: B023
            ]
        )
        settle_all()
        state, payment, received, _applied, _paid = standing(token)
        if state == "confirmed":
            assert (payment, kept(bank, token)) == ("paid", received)
        else:
            assert (state, payment, kept(bank, token)) == ("cancelled", "refunded", 0)
    assert (stand.faults(), stand.accidents(), verdict.wrongs(bank.ledger())) == ({}, 0, [])


def test_two_members_of_staff_end_a_plan_at_once(stand, bank):
    shirt = shop.add_product(stock_of={"KB": 20})
    for number in range(1560, 1565):
        _buyer, token = in_parts(stand, number, shirt)
        order_id = db.scalar("SELECT id FROM orders WHERE token = :token", token=token)
        db.release()
        ended = races.at_once([lambda n=n, order_id=order_id: end(order_id, by=f"staff:{n}") for n in range(4)])
        assert sorted(ended) == [False, False, False, True]
        settle_all()
        assert standing(token)[:2] == ("cancelled", "refunded")
        assert kept(bank, token) == 0
        made = db.scalar(
            "SELECT count(*) FROM refund r JOIN payment p ON p.id = r.payment_id WHERE p.order_id = :id", id=order_id
        )
        db.release()
        assert made == 1
    assert (stand.faults(), stand.accidents()) == ({}, 0)
