"""Mails that can be ended, the copy of one's data, and being forgotten (NOT-34, NOT-35, DAT-07, DAT-08)."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.core import crypto, db
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import transaction
from app.customers import queries as customers
from app.customers.queries import links
from app.documents.models import Document
from app.notifications import flows as notifications
from app.ops import audit
from app.orders import flows as orders
from app.privacy import flows as privacy
from app.privacy import rules
from app.recurring.actions import plans
from app.recurring.models import RecurringOrder
from app.search import actions as search
from app.value import actions as value
from app.value.actions import NewValue
from app.web.limits import limiter
from tests.customers.patron import LINK, PASSWORD, Patron
from tests.customers.test_orders_and_carts import buy, expire, quantities
from tests.flows.test_recurring import Subscriber
from tests.notifications.post_office import body_of
from tests.shop import ADDRESS, add_product, let_the_goods_arrive
from tools.webforms import form_to, heading_of

MakePatron = Callable[..., Patron]


def wish_for_something_sold_out(patron: Patron) -> object:
    """Returns the variant."""
    variant = add_product("Sarong", stock_of={"KB": 0})
    reindex()
    patron.post("/wishlist", product=db.scalar("SELECT product_id FROM variant WHERE id = :v", v=variant))
    notifications.tell_wishes()
    return variant


def reindex() -> None:
    with transaction():
        search.reindex_all()


def fill_the_shelf(variant: object) -> None:
    with transaction():
        db.rows("UPDATE stock_item SET on_hand = on_hand + 3 WHERE variant_id = :v RETURNING id", v=variant)
    reindex()
    notifications.tell_wishes()


def wants_alerts(patron: Patron) -> None:
    patron.submit("/account/preferences", "/account/preferences", **{"email-alerts": "y"})


def subjects(patron: Patron) -> list[str]:
    return [str(mail["Subject"]) for mail in patron.mails()]


def test_a_wish_that_is_back_is_told_once_to_who_wants_to_know(aina: Patron, mallory: Patron):
    wants_alerts(aina)
    variant = wish_for_something_sold_out(aina)
    mallory.post("/wishlist", product=db.scalar("SELECT product_id FROM variant WHERE id = :v", v=variant))
    notifications.tell_wishes()
    assert "Sarong can be had again" not in subjects(aina)
    fill_the_shelf(variant)
    notifications.tell_wishes()
    assert subjects(aina).count("Sarong can be had again") == 1
    assert "Sarong can be had again" not in subjects(mallory)


def sweep() -> None:
    """What the clock does."""
    with transaction():
        search.refresh_sold_out()
    notifications.tell_wishes()


def let_locks_run_out() -> None:
    with transaction():
        db.rows("UPDATE stock_lock SET expires_at = clock_timestamp() - interval '1 hour' RETURNING id")
        db.rows("UPDATE orders SET expires_at = clock_timestamp() - interval '1 hour' RETURNING id")
    orders.release_pass(trigger="schedule")


def test_what_others_hold_for_a_while_is_no_news(aina: Patron, make_patron: MakePatron):
    """Each checkout that is given up would be a mail to everybody else."""
    wants_alerts(aina)
    last = add_product("Sarong", stock_of={"KB": 1})
    reindex()
    aina.post("/wishlist", product=db.scalar("SELECT product_id FROM variant WHERE id = :v", v=last))
    buy(make_patron("other@example.com"), last)
    sweep()
    assert db.scalar("SELECT is_sold_out FROM search_document")
    let_locks_run_out()
    sweep()
    assert not db.scalar("SELECT is_sold_out FROM search_document")
    assert "Sarong can be had again" not in subjects(aina)


def test_what_is_gone_again_when_the_mail_would_leave_is_not_told(aina: Patron, make_patron: MakePatron):
    wants_alerts(aina)
    variant = wish_for_something_sold_out(aina)
    fill_the_shelf(variant)
    with transaction():
        db.rows("UPDATE stock_item SET safety = on_hand RETURNING id")
    assert "Sarong can be had again" not in subjects(aina)


def test_a_wish_is_told_of_once_a_week(aina: Patron):
    wants_alerts(aina)
    variant = wish_for_something_sold_out(aina)

    def sold_out_and_back() -> None:
        with transaction():
            db.rows("UPDATE stock_item SET on_hand = 0 RETURNING id")
        reindex()
        notifications.tell_wishes()
        fill_the_shelf(variant)

    fill_the_shelf(variant)
    sold_out_and_back()
    assert subjects(aina).count("Sarong can be had again") == 1
    with transaction():
        db.rows("UPDATE wish SET told_at = told_at - interval '8 days' RETURNING id")
    sold_out_and_back()
    assert subjects(aina).count("Sarong can be had again") == 2


def test_the_link_of_a_mail_ends_it_without_signing_in(aina: Patron, make_patron: MakePatron):
    wants_alerts(aina)
    variant = wish_for_something_sold_out(aina)
    fill_the_shelf(variant)
    [mail] = [each for each in aina.mails() if each["List-Unsubscribe"]]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = LINK.search(body_of(mail, "plain"))[1]
    assert str(mail["List-Unsubscribe"]) == f"<http://localhost{path}>"
    stranger = make_patron()
    stranger.get(path)
    assert db.scalar("SELECT enabled FROM notification_preference WHERE type = 'alerts'")  # looking changes nothing
    assert stranger.submit(path, path).status_code == 200
    assert not db.scalar("SELECT enabled FROM notification_preference WHERE type = 'alerts'")
    wants_alerts(aina)
    one_click = stranger.client.application.test_client().post(path, data={"List-Unsubscribe": "One-Click"})
    assert one_click.status_code == 200
    assert not db.scalar("SELECT enabled FROM notification_preference WHERE type = 'alerts'")
    for changed in (
        path[:-1] + ("0" if path[-1] != "0" else "1"),
        path.replace("alerts", "marketing"),
        path + "00",
        "/unsubscribe/x",
    ):
        assert stranger.client.get(changed).status_code == 404
        assert stranger.client.post(changed).status_code == 404


def test_the_programs_of_many_mailboxes_may_press_their_links(
    aina: Patron, mallory: Patron, make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
):
    """All from one address, without a cookie: each link has its own limit."""
    paths = [f"/unsubscribe/{links.unsubscribe_token(each.id, 'alerts')}" for each in (aina, mallory)]
    monkeypatch.setattr(limiter, "enabled", True)  # one for all shops of this process: put back afterwards
    program = make_app(RATE_LIMIT_ENABLED="true").test_client()
    one_click = {"List-Unsubscribe": "One-Click"}
    answers = [program.post(paths[0], data=one_click).status_code for _ in range(61)]
    assert answers == [200] * 60 + [429]
    assert program.post(paths[1], data=one_click).status_code == 200


def test_who_said_no_meanwhile_gets_none(aina: Patron):
    wants_alerts(aina)
    variant = wish_for_something_sold_out(aina)
    fill_the_shelf(variant)
    aina.submit("/account/preferences", "/account/preferences")
    form = form_to(aina.get("/account/preferences"), "/account/preferences")
    form.fields.pop("email-alerts", None)
    aina.client.post("/account/preferences", data=form.fields)
    assert "Sarong can be had again" not in subjects(aina)


def test_mails_of_a_contract_have_no_way_out(aina: Patron):
    assert all(mail["List-Unsubscribe"] is None for mail in aina.mails())


def export(patron: Patron) -> dict[str, str]:
    """The files of the zip."""
    answer = patron.submit("/account/data", "/account/data/export", current=PASSWORD)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Disposition"].startswith("attachment")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    return {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}


def test_a_copy_of_all_data_and_nobody_elses(aina: Patron, mallory: Patron):
    aina.submit("/account/addresses/new", "/account/addresses", **{**ADDRESS, "line1": "=HYPERLINK(1)"})
    shirt = add_product("Kemeja Teluk", stock_of={"KB": 9})
    buy(aina, shirt, 2)
    buy(mallory, shirt, 1)
    aina.post("/wishlist", product=db.scalar("SELECT product_id FROM variant"))
    files = export(aina)
    data = json.loads(files["data.json"])
    assert data["profile"][0]["email"] == aina.email
    assert [order["subtotal_minor"] for order in data["orders"]] == [2 * 18900]
    assert [line["quantity"] for line in data["order_lines"]] == [2]
    assert data["wishlist"] == [{"product": "Kemeja Teluk"}]
    assert data["addresses"][0]["line1"] == "=HYPERLINK(1)"
    assert next(csv.DictReader(io.StringIO(files["addresses.csv"])))["line1"] == "'=HYPERLINK(1)"
    assert "mallory" not in "".join(files.values())
    assert "password" not in "".join(files.values()).replace('"way": "password"', "").replace("password,", "")
    assert "argon2" not in "".join(files.values())


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", ' "=1', "'=1", "＝1"])
def test_cells_are_no_formulas(cell: str):
    assert rules.harmless(cell) == "'" + cell


def test_numbers_and_words_stay():
    assert [rules.harmless(each) for each in (-5, 0, "Aina", "", None, True)] == [-5, 0, "Aina", "", "", True]


def test_a_session_alone_carries_nothing_away(aina: Patron):
    for action in ("/account/data/export", "/account/data/close"):
        assert aina.post(action, current="Wrong-Word 1!").status_code == 422
        assert aina.post(action).status_code == 422
    assert db.scalar("SELECT closes_at FROM customer") is None


def let_the_grace_pass() -> None:
    with transaction():
        db.rows(
            "UPDATE customer SET closes_at = clock_timestamp() - interval '1 minute' WHERE closes_at IS NOT NULL RETURNING id"
        )


def long_ago(token: str) -> None:
    """No money comes for it any more."""
    with transaction():
        db.rows("UPDATE orders SET closed_at = closed_at - interval '31 days' WHERE token = :t RETURNING id", t=token)


def is_forgotten(patron: Patron) -> bool:
    """After the clock came by."""
    let_the_grace_pass()
    privacy.erase_closed()
    return patron.id is None


def close(patron: Patron) -> str:
    """Ask for the account to be deleted; returns the page that says so."""
    assert patron.submit("/account/data", "/account/data/close", current=PASSWORD).status_code == 303
    return patron.get("/account/data")


def test_an_order_that_late_money_may_confirm_is_waited_for(aina: Patron):
    token = buy(aina, add_product(), 1)
    form = aina.hand_over(token)
    expire(token)
    assert db.scalar("SELECT state FROM orders") == "expired"
    assert "What the deletion waits for" in close(aina)
    assert not is_forgotten(aina)
    aina.come_back(form.fields["callback_url"], aina.bank.pay(form.fields["order_id"], "captured"))
    aina.deliver()
    assert db.scalar("SELECT state FROM orders") == "confirmed"
    let_the_goods_arrive()
    assert "What the deletion waits for" not in aina.get("/account/data")
    assert is_forgotten(aina)


def test_money_that_has_to_go_back_is_waited_for(aina: Patron):
    """It came late, and the stock was gone."""
    token = buy(aina, add_product(), 1)
    form = aina.hand_over(token)
    expire(token)
    with transaction():
        db.rows("UPDATE stock_item SET safety = on_hand RETURNING id")
    aina.come_back(form.fields["callback_url"], aina.bank.pay(form.fields["order_id"], "captured"))
    assert db.rows("SELECT o.state, r.state FROM orders o, refund r") == [("cancelled", "requested")]
    with transaction():
        db.rows("UPDATE customer SET closes_at = now() RETURNING id")
    assert not is_forgotten(aina)
    aina.deliver()
    assert db.scalar("SELECT email_index FROM orders") == crypto.blind_index(aina.email)
    assert db.scalar("SELECT state FROM refund") == "succeeded"
    assert is_forgotten(aina)
    assert db.scalar("SELECT email_index FROM orders") != crypto.blind_index(aina.email)


def subscribe(patron: Patron, *, email: str | None = None) -> Subscriber:
    """With a first order that is paid."""
    sku = db.scalar("SELECT sku FROM variant WHERE id = :id", id=add_product("Sabun", stock_of={"KB": 5}))
    with transaction():
        plan_id = plans.add(sku, period="month", every=1, by="command")
    subscriber = Subscriber(patron, patron.bank).start(plan_id, email=email or patron.email)
    subscriber.authorise()
    subscriber.follow()
    patron.deliver()
    return subscriber


def test_a_subscription_is_waited_for_and_forgotten_too(aina: Patron):
    subscriber = subscribe(aina)
    page = close(aina)
    assert "A subscription of yours is running" in page
    assert f'href="/subscription/{subscriber.token}"' in page
    assert not is_forgotten(aina)
    subscriber.press("cancel")
    subscriber.follow()
    assert not is_forgotten(aina)  # the provider is looked at for some days more
    with transaction():
        db.rows("UPDATE recurring_order SET ask_at = NULL RETURNING id")
    let_the_goods_arrive()
    assert is_forgotten(aina)
    row = db.session.scalars(select(RecurringOrder)).one()
    assert (row.email, row.phone, row.address, row.customer_id, row.visitor) == ("", "", {}, None, "erased")
    assert aina.client.get(f"/subscription/{subscriber.token}").status_code == 200


def test_the_orders_of_a_subscription_are_its_subscribers(aina: Patron, mallory: Patron):
    """Also where another customer has proven the address since."""
    subscriber = subscribe(aina, email=mallory.email)
    subscriber.a_month_passes()
    assert db.rows("SELECT DISTINCT customer_id FROM orders") == [(aina.id,)]
    assert db.scalar("SELECT count(*) FROM orders") == 2


def test_a_guests_subscription_is_theirs_once_they_sign_in(patron: Patron):
    subscriber = subscribe(patron)
    patron.register()
    assert subscriber.row().customer_id == patron.id
    assert subscriber.row().visitor == db.scalar("SELECT visitor FROM customer")


def test_the_copy_has_subscriptions_cards_and_money_that_went_back(aina: Patron, mallory: Patron):
    for each in (aina, mallory):
        subscribe(each)
        with transaction():
            value.issue(NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email=each.email))
    data = json.loads(export(aina)["data.json"])
    (subscription,), (card,) = data["subscriptions"], data["gift_cards_and_credit"]
    assert (subscription["product"], subscription["state"], subscription["email"]) == ("Sabun", "active", aina.email)
    assert (card["kind"], card["balance_minor"]) == ("gift_card", 5000)
    assert (data["refunds"], data["refund_wishes"]) == ([], [])


def test_a_card_forgets_whom_it_was_mailed_to_and_stays_good(aina: Patron):
    with transaction():
        value.issue(NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email=aina.email))
    aina.deliver()
    assert "keep the mails with their codes" in aina.get("/account/data")
    close(aina)
    assert is_forgotten(aina)
    (card,) = db.rows("SELECT email, email_index, mail_code, balance_minor, state FROM value_account")
    assert tuple(card) == (None, None, None, 5000, "active")


def test_those_who_wait_keep_nobody_from_being_forgotten(aina: Patron, mallory: Patron, monkeypatch):
    """However many are due before: here one fills the batch."""
    buy(aina, add_product(), 1)
    close(aina), close(mallory)
    let_the_grace_pass()
    with transaction():
        db.rows("UPDATE customer SET closes_at = closes_at - interval '1 day' WHERE id = :id RETURNING id", id=aina.id)
    monkeypatch.setattr(privacy.queries.due, "__kwdefaults__", {"limit": 1})
    privacy.erase_closed()
    assert (aina.id is None, mallory.id is None) == (False, True)


def test_deleting_can_be_thought_over(aina: Patron, make_patron: MakePatron):
    other = make_patron()
    other.sign_in()
    assert aina.submit("/account/data", "/account/data/close", current=PASSWORD).status_code == 303
    assert "will be deleted on" in aina.get("/account/")
    assert not other.is_signed_in()
    assert "Your account will be deleted" in subjects(aina)
    privacy.erase_closed()
    assert aina.is_signed_in()
    assert aina.submit("/account/data", "/account/data/keep").status_code == 303
    let_the_grace_pass()
    privacy.erase_closed()
    assert heading_of(aina.get("/account/")) == "Hello, Aina"


def test_a_customer_is_forgotten_and_the_books_still_balance(aina: Patron, mallory: Patron):
    shirt = add_product(stock_of={"KB": 9})
    aina.submit("/account/addresses/new", "/account/addresses", **ADDRESS)
    aina.post("/wishlist", product=db.scalar("SELECT product_id FROM variant"))
    paid = buy(aina, shirt, 1)
    aina.pay(paid)
    aina.deliver()
    never = buy(aina, shirt, 1)
    expire(never)
    long_ago(never)
    aina.submit("/account/data", "/account/data/close", current=PASSWORD)
    let_the_goods_arrive()
    let_the_grace_pass()
    privacy.erase_closed()
    assert not aina.is_signed_in()
    assert aina.sign_in().status_code == 422
    assert db.scalar("SELECT count(*) FROM customer") == 1  # Mallory
    for table in ("customer_address", "wish", "cart", "checkout_session", "notification_preference"):
        assert db.scalar(f"SELECT count(*) FROM {table}") == 0, table
    mine = {row.token: row for row in db.rows("SELECT token, customer_id, email_index, visitor, number FROM orders")}
    assert (mine[paid].customer_id, mine[never].customer_id) == (None, None)
    assert crypto.blind_index(aina.email) not in {mine[paid].email_index, mine[never].email_index}
    assert mine[never].email_index not in (b"", mine[paid].email_index), "one's own: equal to nobody's"
    assert mine[paid].number is not None
    assert aina.get(f"/order/{paid}")
    assert set(audit.run(cleanup_interval_minutes=5).values()) == {0}
    assert mallory.is_signed_in()
    privacy.erase_closed()
    aina.client.delete_cookie("customer")
    again = aina.register()
    assert quantities(again) == []


def test_an_order_under_way_is_waited_for(aina: Patron):
    buy(aina, add_product(), 1)
    aina.submit("/account/data", "/account/data/close", current=PASSWORD)
    let_the_grace_pass()
    privacy.erase_closed()
    assert db.scalar("SELECT count(*) FROM customer") == 1


def test_goods_that_may_be_on_their_way_are_waited_for(aina: Patron):
    aina.pay(buy(aina, add_product(), 1))
    aina.deliver()
    assert "may be on their way until 14 days after you paid" in close(aina)
    assert not is_forgotten(aina)
    let_the_goods_arrive()
    assert is_forgotten(aina)


def test_an_invoice_that_is_late_is_issued_before(aina: Patron):
    """Whom it is made out to stands on the order alone until then."""
    aina.pay(buy(aina, add_product(), 1))
    let_the_goods_arrive()
    close(aina)
    assert db.scalar("SELECT count(*) FROM document") == 0
    assert is_forgotten(aina)
    aina.deliver()
    (invoice,) = db.session.scalars(select(Document).where(Document.kind == "invoice"))
    assert invoice.buyer["lines"][-1] == aina.email


def test_money_that_was_promised_and_never_taken_keeps_nobody(aina: Patron):
    """Authorised after the goods were gone: the provider gives it back by itself, and the attempt is closed some day."""
    token = buy(aina, add_product(stock_of={"KB": 1}), 1)
    form = aina.hand_over(token)
    expire(token)
    with transaction():
        db.rows("UPDATE stock_item SET on_hand = 0 RETURNING id")
    aina.bank.pay(form.fields["order_id"], "authorized")
    orders.reconcile(everything=True)
    assert db.scalar("SELECT state FROM payment_capture") == "authorized"
    long_ago(token)
    close(aina)
    assert not is_forgotten(aina)
    with transaction():
        db.rows("UPDATE payment_attempt SET state = 'closed' RETURNING id")
    assert is_forgotten(aina)


def test_a_refund_that_was_asked_for_is_waited_for(aina: Patron):
    token = buy(aina, add_product(), 1)
    aina.pay(token)
    aina.deliver()
    page = f"/order/{token}/refund"
    assert aina.submit(page, page, q1="1", reason="other", note="Too small").status_code == 303
    let_the_goods_arrive()
    close(aina)
    assert not is_forgotten(aina)
    with transaction():
        db.rows("UPDATE refund_request SET state = 'declined' RETURNING id")
    assert is_forgotten(aina)


def test_preferences_for_programs(aina: Patron, make_patron: MakePatron):
    """NOT-32: read and changed as on the page; strangers and nonsense change nothing."""
    path, headers = "/api/v1/customer/preferences", {"X-CSRF-Token": aina.csrf()}
    assert make_patron().client.get(path).status_code == 401
    assert make_patron().client.put(path, json={}).status_code == 401
    known = aina.client.get(path).json["preferences"]
    assert [(each["channel"], each["type"]) for each in known] == [
        (channel, kind) for channel in ("email", "sms", "push") for kind in ("order", "marketing", "alerts")
    ]
    assert [(each["enabled"], each["is_locked"]) for each in known] == [(True, True)] + [(False, False)] * 8
    assert {each["channel"] for each in known if each["is_sent"]} == {"email"}
    wanted = {"preferences": [{"channel": "email", "type": "alerts", "enabled": True}]}
    assert aina.client.put(path, json=wanted).status_code == 400  # without the token
    answer = aina.client.put(path, json=wanted, headers=headers)
    assert (answer.status_code, answer.json["preferences"][2]["enabled"]) == (200, True)
    assert form_to(aina.get("/account/preferences"), "/account/preferences").fields["email-alerts"] == "y"
    for odd in (
        [],
        {"preferences": "all"},
        {"preferences": [{"channel": "email", "type": "order", "enabled": False}]},
        {"preferences": [{"channel": "pigeon", "type": "alerts", "enabled": False}]},
        {"preferences": [{"channel": ["email"], "type": {}, "enabled": 1}]},
        {"preferences": [{"channel": "email", "type": "alerts", "enabled": "false"}]},
    ):
        assert aina.client.put(path, json=odd, headers=headers).status_code == 422, odd
    assert db.scalar("SELECT enabled FROM notification_preference WHERE type = 'alerts'")


def test_every_cell_is_kept_and_asked_before_something_is_sent(aina: Patron):
    """NOT-31, NOT-34. The page shows e-mail alone, and leaves the others as they are."""
    path, headers = "/api/v1/customer/preferences", {"X-CSRF-Token": aina.csrf()}
    cells = [(each["channel"], each["type"]) for each in aina.client.get(path).json["preferences"]][1:]
    assert len(cells) == 8
    assert wanted_by(aina, cells) == [False] * 8
    for is_wanted in (True, False):
        wanted = [{"channel": channel, "type": kind, "enabled": is_wanted} for channel, kind in cells]
        answer = aina.client.put(path, json={"preferences": wanted}, headers=headers)
        assert answer.status_code == 200
        assert [each["enabled"] for each in answer.json["preferences"]] == [True] + [is_wanted] * 8
        assert wanted_by(aina, cells) == [is_wanted] * 8
    assert wanted_by(aina, [("email", "order")]) == [True]
    given = db.rows("SELECT channel, purpose FROM consent WHERE is_given ORDER BY created_at, id")
    assert [tuple(row) for row in given] == [cell for cell in cells if cell[1] != "order"]
    db.release()
    by_sms = [{"channel": "sms", "type": "order", "enabled": True}]
    aina.client.put(path, json={"preferences": by_sms}, headers=headers)
    page = aina.get("/account/preferences")
    assert set(form_to(page, "/account/preferences").fields) == {"csrf_token"}  # no box is ticked
    assert "sms-" not in page
    aina.submit("/account/preferences", "/account/preferences", **{"email-alerts": "y"})
    assert wanted_by(aina, [("sms", "order"), ("email", "alerts")]) == [True, True]
    assert "News by SMS" in aina.get("/account/data")


def wanted_by(patron: Patron, cells: list[tuple[str, str]]) -> list[bool]:
    found = [customers.wants(patron.id, channel=channel, kind=kind) for channel, kind in cells]
    db.release()
    return found
