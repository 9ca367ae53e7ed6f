"""P14: many clicks at the same moment, two people at two desks, and equal refunds that are both meant."""

from collections import Counter
from functools import partial

import pyotp
import requests

from app.accounts import actions as accounts
from app.core import db, outbox
from app.core.ids import new_id
from app.core.transaction import in_transaction
from app.payments.errors import AlreadyRefunded
from app.payments.models import Refund
from app.returns import actions as returns
from app.returns.errors import AlreadyDecided, AmountChanged, NotRefundable
from app.returns.rules import Wish
from chaos import races
from chaos.buyer import token_of
from tests import shop
from tests.races.test_money import at_the_bank
from tools.webforms import form_to, forms_of


def bought(stand, bank, number, *, units=9):
    """The order id and total of a paid order."""
    buyer = races.prepared(stand, [number], shop.add_product(stock_of={"KB": units}))[0]
    token = token_of(buyer.place())
    fields = at_the_bank(buyer, token, bank)
    buyer.come_back(fields["callback_url"], bank.pay(fields["order_id"]))
    row = db.rows("SELECT id, total_minor, state FROM orders WHERE token = :token", token=token)[0]
    db.release()
    assert row.state == "confirmed"
    return row.id, row.total_minor


def click(order_id, amount, *, key, by="staff:1", above=None):
    """The refund as it was left."""
    wanted = returns.RefundOrder(
        wish=Wish(amount_minor=amount), reason="goodwill", by=by, key=key, accept_minor=amount, above=above
    )
    [refund] = in_transaction(partial(returns.refund_lines, order_id, wanted))
    db.session.expunge(refund)
    return refund


def refunded(bank, order_id):
    """What the bank gave back for an order."""
    reference = db.scalar("SELECT reference FROM orders WHERE id = :id", id=order_id)
    db.release()
    return sum(each["refunded"] for receipt, each in bank.ledger().items() if receipt.startswith(reference))


def refunds_at(bank, order_id):
    reference = db.scalar("SELECT reference FROM orders WHERE id = :id", id=order_id)
    db.release()
    return [
        refund for receipt, each in bank.ledger().items() if receipt.startswith(reference) for refund in each["refunds"]
    ]


def kinds(results):
    return Counter(type(each).__name__ for each in results)


def test_p14_twenty_clicks_never_pass_what_is_left(stand, bank):
    """Each wants a third of the order: two or three can, and all of them together no unit more than was paid."""
    order_id, total = bought(stand, bank, 500)
    third = total // 3
    results = races.at_once([partial(click, order_id, third, key=new_id()) for _ in range(20)])
    assert kinds(results)["Refund"] == 3
    assert all(isinstance(each, AmountChanged | NotRefundable | Refund) for each in results)
    races.at_once([outbox.drain] * 4)
    assert refunded(bank, order_id) == 3 * third
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_p14_a_click_sent_twenty_times_is_one_refund(stand, bank):
    order_id, total = bought(stand, bank, 510)
    key = new_id()
    results = races.at_once([partial(click, order_id, 100, key=key) for _ in range(20)])
    assert len({each.id for each in results}) == 1
    races.at_once([outbox.drain] * 4)
    assert refunded(bank, order_id) == 100 < total
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_p14_two_equal_refunds_that_are_both_meant_both_happen(stand, bank):
    order_id, _total = bought(stand, bank, 520)
    results = races.at_once([partial(click, order_id, 500, key=new_id(), by=f"staff:{n}") for n in range(2)])
    assert kinds(results) == {"Refund": 2}
    races.at_once([outbox.drain] * 4)
    assert refunded(bank, order_id) == 1000
    assert sorted(each["amount"] for each in refunds_at(bank, order_id)) == [500, 500]
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_a_refund_is_decided_once_by_whoever_is_first(stand, bank):
    order_id, total = bought(stand, bank, 530)
    refund = click(order_id, total, key=new_id(), above=0)
    assert refund.state == "waiting"
    verbs = [returns.approve, returns.reject] * 5
    results = races.at_once(
        [partial(in_transaction, partial(verb, refund.id, by=f"staff:{n + 2}")) for n, verb in enumerate(verbs)]
    )
    assert kinds(results) == {"Refund": 1, AlreadyDecided.__name__: 9}
    outbox.drain()
    state = db.scalar("SELECT state FROM refund WHERE id = :id", id=refund.id)
    db.release()
    assert refunded(bank, order_id) == (total if state == "succeeded" else 0)
    assert state in ("succeeded", "rejected")
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_a_failed_refund_is_asked_for_again_once(stand, bank):
    order_id, total = bought(stand, bank, 540)
    bank.control("POST", "/refunds", {"status": "pending", "count": 1})
    refund = click(order_id, total, key=new_id())
    outbox.drain()
    bank.control("POST", f"/refunds/{refunds_at(bank, order_id)[0]['id']}", {"status": "failed"})
    races.flows.reconcile(everything=True)
    outbox.drain()
    results = races.at_once(
        [partial(in_transaction, partial(returns.retry, refund.id, by="staff:1")) for _ in range(10)]
    )
    assert kinds(results) == {"Refund": 1, AlreadyRefunded.__name__: 9}
    races.at_once([outbox.drain] * 4)
    assert refunded(bank, order_id) == total
    assert (stand.faults(), stand.accidents()) == ({}, 0)


class Desk:
    """A member of staff at a browser, over HTTP to one of the web processes."""

    def __init__(self, stand, email):
        new = in_transaction(partial(accounts.create_staff, email, role="owner", issuer="Murni Batik"))
        self.base, self.session = stand.environ["BASE_URL"], requests.Session()
        self.session.trust_env = False
        self.fill("/admin/login", email=email, password=new.password)
        secret = new.otpauth_url.partition("secret=")[2].partition("&")[0]
        self.fill("/admin/totp", code=pyotp.TOTP(secret).now())

    def fill(self, path, **typed):
        form = form_to(self.session.get(self.base + path, timeout=30).text, path)
        answer = self.session.post(
            self.base + form.action, data=form.filled(**typed), allow_redirects=False, timeout=30
        )
        assert answer.status_code == 303, answer.text

    def preview(self, order_id, **chosen):
        """The form below the preview, filled in."""
        page = self.session.get(
            f"{self.base}/admin/orders/{order_id}/refund", params={**chosen, "preview": 1}, timeout=30
        )
        return next(form for form in forms_of(page.text) if "accept" in form.fields)

    def press(self, form):
        return self.session.post(self.base + form.action, data=form.filled(), allow_redirects=False, timeout=30)


def test_p14_two_admins_press_refund_everything_at_once(stand, bank):
    """Over HTTP, each ten times: one of them is first, the other one reads what happened."""
    order_id, total = bought(stand, bank, 550)
    desks = [Desk(stand, f"desk-{n}@example.com") for n in range(2)]
    presses = [partial(desk.press, desk.preview(order_id, everything=1)) for desk in desks]
    answers = races.at_once(presses * 5)
    assert sorted({answer.status_code for answer in answers}) == [303, 409]
    assert Counter(answer.status_code for answer in answers) == {303: 5, 409: 5}
    races.at_once([outbox.drain] * 4)
    assert refunded(bank, order_id) == total
    assert len(refunds_at(bank, order_id)) == 1
    assert (stand.faults(), stand.accidents()) == ({}, 0)
