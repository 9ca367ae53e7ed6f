"""Requests about personal data: from the account, from a letter, by their day, with what was done (DAT-04, DAT-07, DAT-08)."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest
from flask import Flask

from app.core import crypto, db
from app.core.settings import Settings
from app.core.transaction import in_transaction, transaction
from app.privacy import flows as privacy
from app.privacy.actions import requests
from tests.changes import changes
from tests.customers.patron import PASSWORD, Patron
from tests.customers.test_orders_and_carts import buy, expire
from tests.privacy.human import Human
from tests.privacy.story import meet_as_guest, move, order_as, want_news
from tests.privacy.traces import rows_of, traces
from tests.shop import add_product, faults, let_the_goods_arrive
from tests.staff import StaffMember, hire
from tools.webforms import form_to

MakePatron = Callable[..., Patron]


@pytest.fixture
def desk(merchant: StaffMember) -> StaffMember:
    return merchant.sign_in()


def write_down(desk: StaffMember, kind: str, email: str, **fields: str) -> str:
    """The path of the page of the request."""
    form = form_to(desk.get("/admin/privacy/new"), "/admin/privacy/new")
    answer = desk.client.post(
        form.action, data=form.filled(**{"kind": kind, "email": email, "proof": "order", "note": "By letter", **fields})
    )
    assert answer.status_code == 303, answer.text
    return str(answer.location.partition("?")[0])


def states() -> list[tuple[str, str, str]]:
    found = [tuple(row) for row in db.rows("SELECT kind, state, proof FROM data_request ORDER BY created_at, id")]
    db.release()
    return found


def test_what_an_account_asks_for_stands_at_the_desk(aina: Patron, desk: StaffMember):
    aina.submit("/account/data", "/account/data/export", current=PASSWORD)
    aina.submit("/account/data", "/account/data/requests", kind="correction", note="My street is wrong")
    aina.submit("/account/data", "/account/data/requests", kind="correction", note="My street is wrong")
    assert states() == [("access", "done", "account"), ("correction", "open", "account")]
    days = db.scalar(
        "SELECT round(extract(epoch FROM due_at - created_at) / 86400) FROM data_request WHERE state = 'open'"
    )
    assert days == 21
    page = desk.get("/admin/privacy")
    assert "Correct something" in page
    assert "Requests about personal data" in desk.get("/admin/")
    path = f"/admin/privacy/{db.scalar('SELECT id FROM data_request WHERE state = :s', s='open')}"
    assert "My street is wrong" in desk.get(path)
    desk.press(path, f"{path}/answer", state="done", answer="The street is right now.")
    assert "The street is right now." in aina.get("/account/data")
    assert states()[1] == ("correction", "done", "account")
    assert "Nobody waits for an answer" in desk.get("/admin/privacy")
    assert "Correct something" in desk.get("/admin/privacy?view=closed")
    assert changes("privacy.request_answered") == [({"state": "open"}, {"state": "done"})]
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE object_kind = 'data_request'") == 1


def test_nothing_asked_is_nothing_written(aina: Patron):
    for fields in (
        {"kind": "correction", "note": ""},
        {"kind": "access", "note": "x"},
        {"kind": "objection", "note": "x" * 501},
    ):
        answer = aina.post("/account/data/requests", **fields)
        assert answer.status_code == 422
        assert "in one line of at most 500 characters" in answer.text
    assert states() == []


def test_what_should_have_been_answered_is_told(aina: Patron, desk: StaffMember):
    aina.submit("/account/data", "/account/data/requests", kind="objection", note="No profiles of me")
    with transaction():
        db.rows("UPDATE data_request SET due_at = now() - interval '1 day' RETURNING id")
    assert "Overdue" in desk.get("/admin/privacy")
    assert "1 overdue, target 0" in desk.get("/admin/")


def test_closing_an_account_is_a_request_too(aina: Patron, desk: StaffMember):
    close = partial(aina.submit, "/account/data", "/account/data/close", current=PASSWORD)
    close()
    assert states() == [("deletion", "open", "account")]
    aina.submit("/account/data", "/account/data/keep")
    assert states() == [("deletion", "withdrawn", "account")]
    close()
    with transaction():
        db.rows("UPDATE customer SET closes_at = now() RETURNING id")
    privacy.erase_closed()
    assert states()[-1] == ("deletion", "done", "account")
    assert db.rows("SELECT DISTINCT email, email_index, customer_id FROM data_request") == [(None, None, None)]
    assert "forgotten" in desk.get("/admin/privacy?view=closed")


def test_an_order_that_is_placed_while_its_guest_is_erased_keeps_them(
    patron: Patron, desk: StaffMember, settings: Settings
):
    """It is there, but not committed, when the erasure looks what is under way; a row of its stock keeps it waiting."""
    human = Human()
    meet_as_guest(patron, human)
    let_the_goods_arrive()
    path = write_down(desk, "deletion", human.email.lower())
    shirt = add_product("Baru", stock_of={"KB": 3})
    with psycopg.connect(settings.database_url) as holder, ThreadPoolExecutor() as aside:
        holder.execute("SELECT FROM stock_item WHERE variant_id = %s FOR UPDATE", [shirt])
        placed = aside.submit(let_go_after, lambda: order_as(patron, human, shirt))
        until_so_many_wait(settings, 1)
        erased = aside.submit(let_go_after, lambda: desk.press(path, f"{path}/erase"))
        until_so_many_wait(settings, 2)
        holder.rollback()
        token, page = placed.result(), erased.result()
    assert "Nothing was deleted." in page
    assert states() == [("deletion", "open", "order")]
    patron.pay(token)
    assert db.scalar("SELECT count(*) FROM orders WHERE forgotten_at IS NOT NULL") == 0
    assert human.line1 in desk.get(f"/admin/orders/{db.scalar('SELECT id FROM orders WHERE token = :t', t=token)}")
    assert faults() == {}


def let_go_after(work: Callable[[], str]) -> str:
    try:
        return work()
    finally:
        db.forget()


def until_so_many_wait(settings: Settings, number: int) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(settings.database_url, autocommit=True) as watcher:
        while watcher.execute(waiting).fetchone() < (number,):
            pass


def test_a_guest_who_wrote_is_erased(patron: Patron, desk: StaffMember, settings: Settings):
    human = Human()
    token = meet_as_guest(patron, human)
    want_news(patron, human)
    path = write_down(desk, "deletion", human.email.lower())
    assert "No account; 1 order as a guest." in desk.get(path)
    page = desk.press(path, f"{path}/erase")
    assert "its delivery" in page, "the goods may be on their way"
    assert states() == [("deletion", "open", "order")]
    let_the_goods_arrive()
    page = desk.press(path, f"{path}/erase")
    assert "Forgotten." in page
    known = traces(rows_of(settings.database_url), human.personal())
    assert {each.partition(":")[0] for each in known} == {"document.buyer"}
    assert states() == [("deletion", "done", "order")]
    assert patron.get(f"/order/{token}")
    assert faults() == {}
    assert "Somebody has answered this request meanwhile." in desk.get(f"{path}?done=request-closed")
    assert desk.client.post(f"{path}/erase", data={"csrf_token": _csrf(desk)}).location.endswith("done=request-closed")


def _csrf(desk: StaffMember) -> str:
    return str(form_to(desk.get("/admin/privacy/new"), "/admin/privacy/new").fields["csrf_token"])


def test_a_guest_with_an_order_under_way_waits(patron: Patron, desk: StaffMember):
    token = buy(patron, add_product(), 1)
    path = write_down(desk, "deletion", patron.email)
    assert "is not over yet. Nothing was deleted." in desk.press(path, f"{path}/erase")
    assert states() == [("deletion", "open", "order")]
    expire(token)
    with transaction():
        db.rows("UPDATE orders SET closed_at = closed_at - interval '31 days' RETURNING id")
    assert "Forgotten." in desk.press(path, f"{path}/erase")
    assert db.scalar("SELECT email_index FROM orders") != crypto.blind_index(patron.email)


def test_who_has_an_account_is_closed_with_time_to_think_it_over(aina: Patron, desk: StaffMember):
    path = write_down(desk, "deletion", aina.email)
    assert "deleted after its time of grace" in desk.press(path, f"{path}/erase")
    assert db.scalar("SELECT closes_at > now() + interval '13 days' FROM customer")
    assert "Your account will be deleted" in [str(mail["Subject"]) for mail in aina.mails()]
    assert states() == [("deletion", "open", "order")]  # no second one
    assert not aina.is_signed_in()


def test_a_copy_for_a_guest_has_theirs_alone(patron: Patron, mallory: Patron, desk: StaffMember):
    shirt = add_product("Kemeja Teluk", stock_of={"KB": 9})
    buy(mallory, shirt, 1)
    buy(patron, shirt, 2)
    path = write_down(desk, "access", patron.email)
    form = form_to(desk.get(path), f"{path}/copy")
    answer = desk.client.post(form.action, data=form.filled())
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    data = json.loads(archive.read("data.json"))
    assert [line["quantity"] for line in data["order_lines"]] == [2]
    assert data["orders"][0]["to_line1"] == "12 Jalan Kiara"
    assert data["requests"][0]["kind"] == "access"
    assert "mallory" not in json.dumps(data)
    assert ("privacy.copy_taken",) in db.rows("SELECT action FROM audit_entry")


def test_a_request_is_its_accounts_whoever_has_the_address_now(
    aina: Patron, make_patron: MakePatron, desk: StaffMember
):
    """Who has it now reads no request of the other's, and nothing of theirs is handed out for it."""
    aina.submit("/account/data", "/account/data/requests", kind="correction", note="My street is wrong")
    request_id, reference = db.rows("SELECT id, reference FROM data_request")[0]
    path = f"/admin/privacy/{request_id}"
    new = make_patron(aina.email)
    move(aina, Human(email="aina.new@example.com", password=aina.password))
    new.register()
    assert reference in aina.get("/account/data")
    assert reference not in new.get("/account/data")
    for _ in range(2):
        new.submit("/account/data", "/account/data/requests", kind="correction", note="Mine is wrong too")
    assert states() == [("correction", "open", "account")] * 2
    answer = desk.client.post(f"{path}/copy", data=form_to(desk.get(path), f"{path}/copy").filled())
    data = json.loads(zipfile.ZipFile(io.BytesIO(answer.data)).read("data.json"))
    assert data["profile"][0]["email"] == "aina.new@example.com"


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "nobody"), ("kind", "all"), ("proof", "account"), ("note", "x" * 501), ("note", "two\nlines")],
)
def test_what_is_wrong_with_the_form_is_said(desk: StaffMember, field: str, value: str):
    form = form_to(desk.get("/admin/privacy/new"), "/admin/privacy/new")
    typed = {"kind": "access", "email": "a@example.com", "proof": "mail", "note": "x", field: value}
    answer = desk.client.post(form.action, data={**form.fields, **typed})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text
    assert states() == []


def test_who_may_only_look_changes_nothing(shop: Flask, desk: StaffMember):
    path = write_down(desk, "access", "aina@example.com")
    looker = hire(shop, "looker@example.com", rights=["privacy.view"]).sign_in()
    assert "aina@example.com" in looker.get(path)
    assert f"{path}/answer" not in looker.get(path)
    csrf = form_to(looker.get(path), "/admin/logout").fields["csrf_token"]
    for act in ("copy", "erase", "answer"):
        assert looker.client.post(f"{path}/{act}", data={"csrf_token": csrf}).status_code == 403


def test_the_same_request_at_once_is_one(aina: Patron):
    errors: list[BaseException] = []

    def ask() -> None:
        try:
            in_transaction(
                lambda: requests.open_request(
                    "objection", aina.email, customer_id=None, proof="mail", note="x", by="customer", days=21
                )
            )
        except Exception as error:
            errors.append(error)
        finally:
            db.forget()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert states() == [("objection", "open", "mail")]
