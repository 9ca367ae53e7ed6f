"""The 15-minute lock: freed on time, kept while money is under way, held again without loss."""

import logging
from types import SimpleNamespace

import pytest

from app import schedule
from app.core import db
from app.core.transaction import transaction
from app.orders import flows
from app.orders.actions import BANK_WAIT_MINUTES
from app.stock import queries as stock
from app.stock.actions import goods
from app.stock.errors import BelowLocked
from tests.flows.shopper import Shopper, money
from tests.shop import add_product, faults, stock_row
from tools.webforms import form_to


def available(variant_id):
    found = stock.availability([variant_id]).get(variant_id, stock.NONE).total
    db.release()
    return found


def test_an_expired_lock_nobody_pays_for_is_free_at_once(shop, shopper, bank, run_out):
    """No worker has been there: the next buyer's place-order takes it over in its own transaction."""
    shirt = add_product(stock_of={"KB": 1})
    first = shopper.order(shirt)
    assert available(shirt) == 0
    run_out(first, seconds=1)
    assert available(shirt) == 1
    second = Shopper(shop.test_client(), bank).order(shirt)
    assert second != first
    assert stock_row(shirt) == (1, 1)
    assert faults() == {}


def test_the_release_pass_frees_each_unit_once(shopper, run_out):
    """S8: running it any number of times returns every unit at most once."""
    shirt = add_product(stock_of={"KB": 2})
    run_out(shopper.order(shirt, 2))
    assert [flows.release_pass(trigger="test").done for _ in range(3)] == [1, 0, 0]
    assert stock_row(shirt) == (2, 0)
    assert faults() == {}


def three_run_out(shop, bank, run_out):
    """Variants and tokens of three orders whose time is over: the first for longest, the last has been sent to the bank."""
    variants = [add_product(stock_of={"KB": 1}) for _ in range(3)]
    shoppers = [Shopper(shop.test_client(), bank) for _ in variants]
    tokens = [each.order(variant) for each, variant in zip(shoppers, variants, strict=True)]
    shoppers[-1].hand_over(tokens[-1])
    for token, seconds in zip(tokens, (300, 200, 100), strict=True):
        run_out(token, seconds)
    with transaction():
        db.rows("UPDATE orders SET expires_at = now() - interval '1 minute' RETURNING 1")
    return variants, tokens


def states(tokens):
    found = {row[0]: row[1] for row in db.rows("SELECT token, state FROM orders")}
    db.release()
    return [found[token] for token in tokens]


def assert_all_but_the_first_went(variants, tokens, caplog):
    assert [stock_row(each)[1] for each in variants[1:]] == [0, 0]
    assert states(tokens) == ["pending", "expired", "expired"]
    bad = db.scalar("SELECT id FROM stock_item WHERE variant_id = :id", id=variants[0])
    run = stock.last_cleanup()
    db.release()
    assert (run.finished_at is not None, run.released, run.failed) == (True, 2, 1)
    assert [record.item for record in caplog.records if hasattr(record, "item")] == [str(bad)]


def test_a_bad_stock_row_is_set_aside_and_the_pass_goes_on(shop, bank, run_out, caplog):
    """More is held than the row says: it can be freed by nobody, and holds up nobody else's stock, question or order."""
    variants, tokens = three_run_out(shop, bank, run_out)
    with transaction():
        db.rows("UPDATE stock_item SET locked = 0 WHERE variant_id = :id RETURNING 1", id=variants[0])
    with caplog.at_level(logging.ERROR):
        tally = flows.release_pass(trigger="test")
    assert (tally.done, tally.failed) == (2, 1)
    assert_all_but_the_first_went(variants, tokens, caplog)


@pytest.mark.usefixtures("impatient")
def test_a_stock_row_that_somebody_keeps_is_set_aside_for_this_pass(shop, bank, run_out, somebody, caplog):
    variants, tokens = three_run_out(shop, bank, run_out)
    somebody.execute("SELECT id FROM stock_item WHERE variant_id = %s FOR UPDATE", [variants[0]])
    with caplog.at_level(logging.ERROR):
        tally = flows.release_pass(trigger="test")
    assert (tally.done, tally.failed) == (2, 1)
    assert_all_but_the_first_went(variants, tokens, caplog)
    somebody.rollback()
    tally = flows.release_pass(trigger="test")
    assert (tally.done, tally.failed) == (1, 0)
    assert states(tokens) == ["expired"] * 3
    assert faults() == {}


def test_a_lock_with_an_open_payment_waits_for_the_providers_answer(shop, shopper, bank, run_out):
    """S6, rule 7: unknown answer, the lock stays; "not paid", it is freed."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    shopper.hand_over(token)
    run_out(token)
    assert available(shirt) == 0
    bank.fault("status", status=502, count=3, path="/v1/orders/**")
    assert flows.release_pass(trigger="test").waiting == 1
    assert stock_row(shirt) == (1, 1)
    bank.control("DELETE", "/faults")
    assert flows.release_pass(trigger="test").done == 1
    assert stock_row(shirt) == (1, 0)
    assert faults() == {}


def test_f3_a_lock_is_kept_once_while_the_bank_is_busy(shopper, bank, run_out):
    """The payment is pending at the bank: ten minutes more, as long as it may be so there, and then the goods are free."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    bank.pay(shopper.hand_over(token).fields["order_id"], "late", late_seconds=24 * 3600)
    run_out(token)
    for _ in range(2):  # asking again changes nothing
        flows.release_pass(trigger="test")
        kept = db.scalar(
            "SELECT extract(epoch FROM expires_at - clock_timestamp())::int FROM stock_lock WHERE state = 'held'"
        )
        assert (BANK_WAIT_MINUTES - 1) * 60 < kept <= BANK_WAIT_MINUTES * 60
        assert (stock_row(shirt), notes("kept_for_bank")) == ((1, 1), 1)
    run_out(token)
    flows.release_pass(trigger="test")
    assert (stock_row(shirt), notes("kept_for_bank"), notes("hold_expired")) == ((1, 0), 1, 1)
    assert faults() == {}


def notes(kind):
    found = db.scalar("SELECT count(*) FROM order_event WHERE kind = :kind", kind=kind)
    db.release()
    return found


def test_the_release_pass_settles_what_was_paid(shopper, bank, run_out):
    """S6: the webhook was lost, the money is there: sold, not released."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    bank.pay(shopper.hand_over(token).fields["order_id"])
    run_out(token)
    flows.release_pass(trigger="test")
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_late_money_takes_the_stock_again_when_there_is_some(shopper, bank, run_out):
    """S5."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    run_out(token)
    flows.release_pass(trigger="test")
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    assert "is confirmed" in shopper.heading(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_late_money_for_what_is_sold_goes_back_once(shop, shopper, bank, run_out, drain):
    """S4: one full refund, automatically; stock never negative; the page says refund."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    run_out(token)
    flows.release_pass(trigger="test")
    winner = Shopper(shop.test_client(), bank)
    winning = winner.order(shirt)
    winner.pay(winning)
    late = bank.pay(form.fields["order_id"])
    for _ in range(2):
        shopper.come_back(form.fields["callback_url"], late)
        drain()
        flows.reconcile(everything=True)
    assert "refund" in shopper.heading(token).lower()
    assert "is confirmed" in winner.heading(winning)
    assert money(bank) == (2 * 19700, 19700)
    assert db.scalar("SELECT state FROM refund") == "succeeded"
    assert faults() == {}


def test_n24_a_count_is_never_corrected_below_what_is_held(shopper):
    shirt = add_product(stock_of={"KB": 5})
    shopper.order(shirt, 2)
    item = db.scalar("SELECT id FROM stock_item")
    with pytest.raises(BelowLocked), transaction():
        goods.adjust(item, -4, reason="counted", actor="staff:1")
    assert stock_row(shirt) == (5, 2)
    with transaction():
        goods.adjust(item, -3, reason="counted", actor="staff:1")
    assert stock_row(shirt) == (2, 2)
    assert db.scalar("SELECT count(*) FROM stock_movement WHERE kind = 'adjust'") == 1
    assert faults() == {}


def test_a_failed_payment_keeps_the_lock_for_another_try(shopper, bank, drain):
    """S9, PAY-25: same order, same lock, a new attempt on the list."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "failed")
    answer = shopper.client.post(form.fields["callback_url"], data={"error[code]": "BAD_REQUEST_ERROR"})
    assert answer.location == f"/checkout/pay/{token}?left=1"
    assert "did not go through" in shopper.get(answer.location)
    assert stock_row(shirt) == (1, 1)
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert db.rows("SELECT position, state FROM payment_attempt ORDER BY position") == [(1, "failed"), (2, "captured")]
    assert faults() == {}


def test_more_time_and_its_limit(shopper, make_app):
    shirt = add_product(stock_of={"KB": 5})
    token = shopper.order(shirt)
    for expected in [303] * 10 + [409]:
        form = form_to(shopper.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}")
        answer = shopper.client.post(f"/checkout/pay/{token}/extend", data={"csrf_token": form.fields["csrf_token"]})
        assert answer.status_code == expected


def test_a_scarce_line_is_renewed_only_once(shopper):
    token = shopper.order(add_product(stock_of={"KB": 1}))
    csrf = form_to(shopper.get(f"/checkout/pay/{token}"), f"/checkout/pay/{token}").fields["csrf_token"]
    answers = [shopper.client.post(f"/checkout/pay/{token}/extend", data={"csrf_token": csrf}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    assert "last one" in answers[1].text


def test_an_expired_lock_is_held_again_without_loss(shop, shopper, bank, run_out):
    """UX 2.1.5: same order, same token, nothing emptied."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    run_out(token)
    page = shopper.get(f"/checkout/pay/{token}")
    assert "Try to hold them again" in page
    assert 'id="pay"' not in page
    again = form_to(page, f"/checkout/pay/{token}/hold")
    assert shopper.client.post(again.action, data=again.filled()).status_code == 303
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert faults() == {}


def test_holding_again_what_others_bought_says_so(shop, shopper, bank, run_out):
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    run_out(token)
    Shopper(shop.test_client(), bank).order(shirt)
    csrf = shopper.csrf()
    answer = shopper.client.post(f"/checkout/pay/{token}/hold", data={"csrf_token": csrf})
    assert answer.status_code == 409
    assert "Reserved by other shoppers" in answer.text
    assert shopper.client.post(f"/checkout/pay/{token}", data={"csrf_token": csrf}).status_code == 409
    assert faults() == {}


def two_lines_run_out(shop, shopper, bank, run_out):
    """An order of three shirts and a scarf whose lock ran out, and somebody took two of the shirts. Returns its token."""
    shirt, scarf = add_product(stock_of={"KB": 3}), add_product("Selendang", stock_of={"KB": 2})
    shopper.add(scarf)
    token = shopper.order(shirt, 3)
    run_out(token)
    Shopper(shop.test_client(), bank).order(shirt, 2)
    return token


def press_hold(shopper, token):
    answer = shopper.post(f"/checkout/pay/{token}/hold")
    assert answer.status_code == 409
    assert "Not everything can be held again" in answer.text
    return answer.text


def shirts_line():
    found = db.scalar("SELECT l.id FROM cart_line l JOIN cart c ON c.id = l.cart_id WHERE l.quantity = 3")
    db.release()
    return f"/cart/lines/{found}"


def test_what_is_left_can_be_kept_when_not_all_can_be_held_again(shop, shopper, bank, run_out):
    """UX 2.1.5, partly: as on the review page, and from there it is ordered anew."""
    token = two_lines_run_out(shop, shopper, bank, run_out)
    page = press_hold(shopper, token)
    assert "You wanted 3, only 1 can be had." in page
    line = shirts_line()
    assert page.count('action="/cart/lines/') == 1  # the scarf is there
    answer = shopper.client.post(line, data=form_to(page, line).filled())
    assert (answer.status_code, answer.location) == (303, "/checkout/review")
    answer = shopper.place(shopper.get(answer.location))
    assert answer.status_code == 303
    anew = answer.location.rsplit("/", 1)[-1]
    assert anew != token
    shopper.pay(anew)
    assert "is confirmed" in shopper.heading(anew)
    assert "is cancelled" in shopper.heading(token)
    assert faults() == {}


def test_what_cannot_be_held_again_can_be_removed(shop, shopper, bank, run_out):
    token = two_lines_run_out(shop, shopper, bank, run_out)
    page = press_hold(shopper, token)
    line = shirts_line()
    answer = shopper.client.post(line, data=form_to(page, line).filled(remove="1"))
    assert (answer.status_code, answer.location) == (303, "/checkout/review")
    assert db.scalar("SELECT count(*) FROM cart_line l JOIN cart c ON c.id = l.cart_id WHERE c.visitor = (SELECT visitor"
                     " FROM orders WHERE token = :token)", token=token) == 1  # fmt: skip
    assert shopper.place(shopper.get(answer.location)).status_code == 303
    assert faults() == {}


def test_a_stranger_with_the_link_is_told_and_offered_no_line_of_the_cart(shop, shopper, bank, run_out):
    token = two_lines_run_out(shop, shopper, bank, run_out)
    page = press_hold(Shopper(shop.test_client(), bank), token)
    assert "only 1 left" in page
    assert "/cart/lines/" not in page


def test_a_click_in_the_grace_still_counts(shopper, bank, run_out):
    """UX 2.1.2: ten seconds, while nobody else has taken the unit."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    run_out(token, seconds=5)
    assert flows.release_pass(trigger="test").done == 0
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)


def test_an_unpaid_order_expires(shopper, run_out):
    """ORD-20."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    run_out(token)
    with transaction():
        db.rows("UPDATE orders SET expires_at = now() - interval '1 minute' RETURNING 1")
    flows.release_pass(trigger="test")
    assert "is cancelled" in shopper.heading(token)
    assert stock_row(shirt) == (1, 0)


def test_an_unpaid_order_expires_without_the_clean_up_too(shop, shopper, bank, run_out):
    """STOCK_CLEANUP_ENABLED stops the release of stock, not the end of an order: not before its own time, and not while only
    the bank knows."""
    shirt = add_product(stock_of={"KB": 2})
    left_behind = shopper.order(shirt)
    at_the_bank = Shopper(shop.test_client(), bank)
    paying = at_the_bank.order(shirt)
    at_the_bank.hand_over(paying)
    for token in (left_behind, paying):
        run_out(token)
    a_minute_without_clean_up()
    assert states([left_behind, paying]) == ["pending", "pending"]
    assert stock_row(shirt) == (2, 2)
    with transaction():
        db.rows("UPDATE orders SET expires_at = now() - interval '1 minute' RETURNING 1")
    for _ in range(2):
        a_minute_without_clean_up()
    assert states([left_behind, paying]) == ["expired", "pending"]
    assert stock_row(shirt) == (2, 1)
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'order.expired'") == 1
    assert faults() == {}


def a_minute_without_clean_up():
    """What the clock runs each minute for orders where STOCK_CLEANUP_ENABLED is false."""
    off = SimpleNamespace(cleanup_enabled=False)
    for line in schedule.SCHEDULE:
        if line.when(off) and line.seconds == 60 and line.name.startswith("orders."):
            line.action()


def test_cancel_frees_at_once_and_late_money_goes_back(shopper, bank, drain):
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    shopper.post(f"/checkout/pay/{token}/cancel")
    assert stock_row(shirt) == (1, 0)
    shopper.come_back(form.fields["callback_url"], bank.pay(form.fields["order_id"]))
    drain()
    assert "refund" in shopper.heading(token).lower()
    assert money(bank) == (19700, 19700)
    assert faults() == {}


def test_paid_twice_at_the_provider_goes_back_once(shopper, bank, drain):
    """P11: first money wins, the further capture is refunded once."""
    shirt = add_product(stock_of={"KB": 3})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "twice", force=True)
    flows.reconcile(everything=True)
    drain()
    assert "is confirmed" in shopper.heading(token)
    assert money(bank) == (2 * 19700, 19700)
    assert stock_row(shirt) == (2, 0)
    assert faults() == {}


def test_a_wrong_amount_pays_nothing_and_goes_back(shopper, bank, drain):
    """P7."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], amount=100)
    flows.reconcile(everything=True)
    drain()
    assert "is pending" in shopper.heading(token)
    assert money(bank) == (100, 100)
    assert stock_row(shirt) == (1, 1)
    assert faults() == {}


def test_an_authorised_payment_is_captured_when_stock_is_held(shopper, bank):
    """P21, P12."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    form = shopper.hand_over(token)
    bank.pay(form.fields["order_id"], "authorized")
    flows.reconcile(everything=True)
    assert "is confirmed" in shopper.heading(token)
    assert money(bank) == (19700, 0)
    assert faults() == {}


@pytest.mark.parametrize("status", [429, 500, 502])
def test_after_the_providers_failure_the_next_click_pays(shopper, bank, status):
    """P18: it was answered, so nobody has to wait for the answer."""
    token = shopper.order(add_product(stock_of={"KB": 1}))
    bank.fault("status", status=status, method="POST", path="/v1/orders", count=1)
    assert shopper.press_pay(token).status_code == 503
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    assert [len(account["order_ids"]) for account in bank.ledger()["receipts"].values()] == [1]


def test_the_provider_down_keeps_the_order_and_creates_one_order_there(shopper, bank):
    """P17, P18: answer lost after the act, then looked up by receipt, never created twice."""
    shirt = add_product(stock_of={"KB": 1})
    token = shopper.order(shirt)
    bank.fault("act_then_drop", method="POST", path="/v1/orders", count=1)
    answer = shopper.press_pay(token)
    assert answer.status_code == 503
    assert "We hold your items" in answer.text
    shopper.pay(token)
    assert "is confirmed" in shopper.heading(token)
    receipts = bank.ledger()["receipts"]
    assert [len(account["order_ids"]) for account in receipts.values()] == [1]
    assert faults() == {}
