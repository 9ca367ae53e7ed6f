"""Somebody who is erased is nowhere any more, in no table (decrypted), file, cache or log, but in the documents
that tax law keeps; and the books still balance.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from app.core import crypto, db
from app.core.ids import new_id
from app.core.money import Money
from app.core.settings import Settings
from app.core.transaction import in_transaction, transaction
from app.privacy import copying
from app.privacy import flows as privacy
from app.reconciliation import flows as books
from app.returns import flows as returns
from app.value import actions as value
from app.value.actions import NewValue
from tests.customers.patron import Patron
from tests.customers.test_orders_and_carts import expire
from tests.privacy.human import Human
from tests.privacy.story import (
    live_with_an_account,
    meet_as_guest,
    move,
    order_as,
    pay,
    register,
    send_card,
    want_something_sewn,
)
from tests.privacy.test_requests import write_down
from tests.privacy.traces import dump, files_below, redis_heap, rows_of, traces
from tests.returns import counter
from tests.shop import add_product, faults, let_the_goods_arrive
from tests.staff import StaffMember

FOR_GOOD = {"document.buyer"}  # the documents that tax law keeps


def let_the_grace_pass() -> None:
    with transaction():
        db.rows("UPDATE customer SET closes_at = now() - interval '1 minute' WHERE closes_at IS NOT NULL RETURNING id")
    let_the_goods_arrive()


def close(patron: Patron, human: Human) -> None:
    answer = patron.submit("/account/data", "/account/data/close", current=human.password)
    assert answer.status_code == 303, answer.text


def places(settings: Settings, human: Human, log: io.StringIO | None = None) -> set[str]:
    """Where somebody's values are, looked for in every column as whoever has the key reads it, and everywhere else as it is."""
    heap = {**rows_of(settings.database_url), "Redis": redis_heap(), **files_below(Path(settings.home))}
    if log is not None:
        heap["log"] = log.getvalue().encode()
    assert traces({"dump": dump(settings.database_url)}, human.personal()) == []
    return {found.partition(": ")[0] for found in traces(heap, human.personal())}


def fingerprints(settings: Settings, human: Human) -> set[str]:
    """Columns with a fingerprint of theirs: with the key it tells that it is them."""
    known = {
        "e-mail": crypto.blind_index(human.email).hex(),
        "e-mail before": crypto.blind_index(human.former_email).hex(),
        "phone": crypto.blind_index("+60198746153").hex(),
    }
    return {found.partition(": ")[0] for found in traces(rows_of(settings.database_url), known)}


def live(patron: Patron, merchant: StaffMember, human: Human) -> str:
    """Orders of every kind, all over: refunded in part, disputed, never paid, paid with a gift card; and what goes with an
    account. Returns the token of the first."""
    merchant.sign_in()
    token = meet_as_guest(patron, human)
    never = order_as(patron, human, add_product("Selendang", stock_of={"KB": 3}))
    expire(never)
    register(patron, replace(human, email=human.former_email))
    move(patron, human)
    live_with_an_account(patron, human)
    assert counter.refund(merchant, token, q1=1, reason="damaged").status_code == 303
    patron.deliver()
    wish_for_money(patron, merchant, token, human)
    pay_with_a_card(patron, human)
    with transaction():
        db.rows("UPDATE orders SET closed_at = now() - interval '31 days' WHERE token = :t RETURNING id", t=never)
    want_something_sewn(patron)
    patron.get("/cart")
    return token


def wish_for_money(patron: Patron, merchant: StaffMember, token: str, human: Human) -> None:
    page = f"/order/{token}/refund"
    answer = patron.submit(page, page, q1="1", reason="other", note=f"Not for {human.name}")
    assert answer.status_code == 303, answer.text
    patron.deliver()
    merchant.press("/admin/refunds?view=asked", _decline(), answer="Too late")
    patron.deliver()


def _decline() -> str:
    request_id = db.scalar("SELECT id FROM refund_request WHERE state = 'open'")
    db.release()
    return f"/admin/refunds/requests/{request_id}/decline?view=asked"


def pay_with_a_card(patron: Patron, human: Human) -> None:
    """An order of which a gift card that was mailed to them pays a part, and whose other part their bank takes back."""
    new = NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email=human.email)
    [card] = in_transaction(lambda: value.issue(new))
    human.secrets["code of a gift card"] = card.code
    patron.deliver()
    token = order_as(patron, human, add_product("Sarung Sutera", stock_of={"KB": 5}), code=card.code)
    pay(patron, token)
    payment = db.scalar(
        "SELECT c.provider_payment_id FROM payment_capture c JOIN payment p ON p.id = c.payment_id JOIN orders o ON o.id = p.order_id"
        " WHERE o.token = :t AND c.attempt_id IS NOT NULL",
        t=token,
    )
    order_id = counter.order_of(token)
    dispute = patron.bank.control("POST", "/disputes", {"payment_id": payment})
    returns.look_at_order(order_id)
    assert db.scalar("SELECT state FROM orders WHERE token = :t", t=token) == "on_hold"
    db.release()
    patron.bank.control("POST", f"/disputes/{dispute['id']}", {"status": "lost"})
    returns.look_at_order(order_id)
    patron.deliver()


def test_somebody_is_nowhere_any_more(
    patron: Patron, merchant: StaffMember, settings: Settings, log: io.StringIO
) -> None:
    human = Human()
    live(patron, merchant, human)
    before = places(settings, human)
    assert before > FOR_GOOD | {
        "orders.email", "orders.phone", "orders.address", "mail_message.recipient", "refund_request.note",
        "customer.email", "customer_address.address", "customer_session.user_agent", "measurement_profile.name",
        "cart_line.fitting", "order_line.fitting", "customer_identity.email", "customer_oidc_flow.somebody",
        "customer_former_email.email", "value_account.email",
    }  # fmt: skip
    told = copying.of_customer(patron.id)
    assert [each["email"] for each in told["former_addresses"]] == [human.former_email]
    assert len(told["gift_cards_and_credit"]) == 2
    assert {"register", "password", "link", "reset"} <= {each["way"] for each in told["sign_ins"]}
    assert {"customer_welcome", "customer_email_changed"} <= {each["about"] for each in told["mails"]}
    assert "customer.email_index" in fingerprints(settings, human)
    close(patron, human)
    patron.deliver()
    let_the_grace_pass()
    privacy.erase_closed()
    assert patron.id is None
    assert places(settings, human, log) == FOR_GOOD
    assert fingerprints(settings, human) == set()
    assert faults() == {}
    assert books.reconcile(trigger="command") == 0
    assert db.rows("SELECT kind, state, email_index, note FROM data_request WHERE kind = 'deletion'") != []
    privacy.erase_closed()
    assert privacy.forget_old() == 0


def test_also_what_they_ordered_under_another_address(patron: Patron, settings: Settings) -> None:
    human, other = Human(), Human(email="Another.Box@Quillhaven.example")
    register(patron, human)
    patron.submit("/account/data", "/account/data/requests", kind="objection", note=human.line1)
    token = order_as(patron, other, add_product())
    expire(token)
    with transaction():
        db.rows("UPDATE orders SET closed_at = now() - interval '31 days' RETURNING id")
        db.rows(
            "UPDATE data_request SET email_index = '', kind = 'access' RETURNING id"
        )  # of an address they had before
    close(patron, human)
    patron.deliver()
    let_the_grace_pass()
    privacy.erase_closed()
    assert places(settings, other) == set()
    assert places(settings, human) == set()


def test_an_order_that_has_forgotten_can_still_be_refunded(patron: Patron, merchant: StaffMember) -> None:
    """Nobody is written to, and no delivery fails for want of an address."""
    human = Human()
    merchant.sign_in()
    token = meet_as_guest(patron, human)
    with transaction():
        db.rows("UPDATE orders SET confirmed_at = confirmed_at - interval '2558 days' RETURNING id")
    privacy.forget_old()
    sent = len(patron.office.mails)
    evidence = merchant.client.get(f"/admin/orders/{counter.order_of(token)}/evidence.json").json["customer"]
    assert evidence["lines"][-1] == human.email, "the bank is told what the invoice says"
    assert "as invoice" in merchant.get(f"/admin/orders/{counter.order_of(token)}/evidence")
    assert "nobody would get the code" in counter.refund(merchant, token, q1=1, reason="damaged", as_credit="1").text
    assert counter.states() == []
    assert counter.refund(merchant, token, q1=1, reason="damaged").status_code == 303
    patron.deliver()
    patron.deliver()
    assert counter.states()[0][0] == "succeeded"
    assert len(patron.office.mails) == sent
    assert db.rows("SELECT last_error FROM outbox_delivery WHERE state <> 'done'") == []
    assert faults() == {}


def test_a_refund_under_way_is_waited_for(patron: Patron, merchant: StaffMember) -> None:
    human = Human()
    merchant.sign_in()
    token = meet_as_guest(patron, human)
    register(patron, human)
    assert counter.refund(merchant, token, q1=1, reason="damaged").status_code == 303
    close(patron, human)
    assert "money for it may still come or go back" in patron.get("/account/data")
    let_the_grace_pass()
    privacy.erase_closed()
    assert patron.id is not None
    patron.deliver()
    privacy.erase_closed()
    assert patron.id is None
    assert faults() == {}


def test_a_refund_that_failed_is_waited_for(patron: Patron, merchant: StaffMember) -> None:
    """Whom the shop owes money has to be found."""
    human = Human()
    merchant.sign_in()
    token = meet_as_guest(patron, human)
    register(patron, human)
    assert counter.refund(merchant, token, q1=1, reason="damaged").status_code == 303
    with transaction():
        db.rows("UPDATE refund SET state = 'failed' RETURNING id")
    close(patron, human)
    let_the_grace_pass()
    privacy.erase_closed()
    assert patron.id is not None


def test_killed_half_way_nothing_is_half_forgotten(patron: Patron, settings: Settings) -> None:
    """The erasure waits for a row that somebody holds, its connection is cut at every try, and the next pass does it whole."""
    human = Human()
    token = meet_as_guest(patron, human)
    register(patron, human)
    close(patron, human)
    let_the_grace_pass()
    patron.deliver()
    before = rows_of(settings.database_url)
    with psycopg.connect(settings.database_url) as holder:
        holder.execute("SELECT 1 FROM orders WHERE token = %s FOR UPDATE", [token])
        failed = erase_aside()
        cut_off(settings, failed.thread)
        failed.thread.join()
    assert failed.error is not None
    assert rows_of(settings.database_url) == before
    privacy.erase_closed()
    assert patron.id is None


class Aside:
    """An erasure in a thread of its own."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            privacy.erase_closed()
        except Exception as error:
            self.error = error
        finally:
            db.forget()


def erase_aside() -> Aside:
    aside = Aside()
    aside.thread.start()
    return aside


def cut_off(settings: Settings, thread: threading.Thread) -> None:
    """End each connection that waits for a lock, as soon as one does: a try that is let be would wait its ten seconds."""
    waiting = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    with psycopg.connect(settings.database_url, autocommit=True) as killer:
        while thread.is_alive():
            killer.execute(waiting)


def test_twice_at_once_is_once(patron: Patron) -> None:
    human = Human()
    meet_as_guest(patron, human)
    register(patron, human)
    close(patron, human)
    let_the_grace_pass()
    patron.deliver()
    both = [erase_aside(), erase_aside()]
    for each in both:
        each.thread.join()
    assert [each.error for each in both] == [None, None]
    assert patron.id is None
    assert db.scalar("SELECT count(*) FROM data_request WHERE kind = 'deletion' AND state = 'done'") == 1
    assert faults() == {}


@pytest.fixture
def stranger(make_patron: Callable[..., Patron]) -> Patron:
    return make_patron("stranger@example.com")


def test_nobody_else_loses_anything(patron: Patron, stranger: Patron, settings: Settings) -> None:
    """Nor is anybody else's in the copy: the stranger has an address now that the other one gave up."""
    human = Human(former_email=stranger.email)
    register(patron, replace(human, email=human.former_email))
    move(patron, human)
    stranger.register()
    other = Human(
        email=stranger.email,
        name="Hafizah Kesidang-Olivetti",
        phone="+60 17-222 9081",
        line1="7 Jalan Berangan",
    )
    shirt = add_product("Kemeja Teluk", stock_of={"KB": 20})
    order_as(stranger, other, shirt)
    send_card(other, stranger.email)
    stranger.deliver()
    close(patron, human)
    let_the_grace_pass()
    known = {"name": other.name, "street": other.line1}
    before = traces(rows_of(settings.database_url), known)
    told = copying.of_customer(stranger.id)
    assert len(copying.of_customer(patron.id)["gift_cards_and_credit"]) == 1
    assert len(told["gift_cards_and_credit"]) == 1
    assert [each["way"] for each in told["sign_ins"]] == ["register"]
    assert {each["about"] for each in told["mails"]} == {"customer_confirm", "customer_welcome", "value_issued"}
    assert [each["kind"] for each in told["mailed_links"]] == ["register"]
    privacy.erase_closed()
    assert patron.id is None
    assert traces(rows_of(settings.database_url), known) == before != []
    assert stranger.is_signed_in()
    assert copying.of_customer(stranger.id) == told


@pytest.fixture
def left_behind(patron: Patron, stranger: Patron) -> dict[str, copying.Table]:
    """What there is of somebody who gave up the address that the stranger has: gift card, mails, links, wrong passwords, a
    request, and an order as a guest that joined no account. Returns their copy."""
    human = Human(former_email=stranger.email)
    register(patron, replace(human, email=human.former_email))
    patron.submit("/account/data", "/account/data/requests", kind="objection", note=human.line1)
    token = order_as(patron, replace(human, email=human.former_email), add_product("Kemeja Teluk", stock_of={"KB": 20}))
    expire(token)
    move(patron, human)
    with transaction():
        db.rows("UPDATE orders SET customer_id = NULL, closed_at = now() - interval '31 days' RETURNING id")
    told = copying.of_customer(patron.id)
    assert "customer_email_changed" in {each["about"] for each in told["mails"]}
    return told


def test_whoever_has_an_address_now_takes_nothing_of_who_had_it(
    patron: Patron, stranger: Patron, left_behind: dict[str, copying.Table]
) -> None:
    stranger.register()
    stranger.deliver()
    known = copying.of_customer(stranger.id)
    assert {name: len(known[name]) for name in ("orders", "requests", "gift_cards_and_credit", "newsletter")} == {
        "orders": 0,
        "requests": 0,
        "gift_cards_and_credit": 0,
        "newsletter": 0,
    }
    assert [each["about"] for each in known["mails"]] == ["customer_confirm", "customer_welcome"]
    close(stranger, Human(password=stranger.password))
    let_the_grace_pass()
    privacy.erase_closed()
    assert stranger.id is None
    assert copying.of_customer(patron.id) == left_behind
    assert db.scalar("SELECT count(*) FROM orders WHERE forgotten_at IS NULL") == 1


def test_a_guest_with_an_address_takes_nothing_of_the_account_that_had_it(
    patron: Patron, stranger: Patron, left_behind: dict[str, copying.Table], merchant: StaffMember
) -> None:
    desk, other = merchant.sign_in(), Human(email=stranger.email, name="Hafizah Kesidang-Olivetti")
    token = order_as(stranger, other, add_product("Sarung Sutera", stock_of={"KB": 5}))
    expire(token)
    with transaction():
        db.rows("UPDATE orders SET closed_at = now() - interval '31 days' RETURNING id")
    stranger.deliver()
    known = copying.of_guest(stranger.email)
    assert [each["to_name"] for each in known["orders"]] == [other.name]
    assert {each["about"] for each in known["mails"]} == {"order_expired"}
    assert known["sign_ins"] == known["mailed_links"] == known["requests"] == known["gift_cards_and_credit"] == []
    path = write_down(desk, "deletion", stranger.email)
    assert "No account; 1 order as a guest." in desk.get(path)
    assert "Forgotten." in desk.press(path, f"{path}/erase")
    assert copying.of_customer(patron.id) == left_behind
    assert db.scalar("SELECT count(*) FROM orders WHERE forgotten_at IS NULL") == 1


def test_who_comes_back_to_an_address_has_both_times(patron: Patron, stranger: Patron) -> None:
    """And nothing of who had it between; the news go along with an account, however long it has had them."""
    first, second = stranger.email, "second@example.com"
    patron.email = second
    register(stranger, Human(email=first))
    move(stranger, Human(email="third@example.com"))
    patron.register()
    patron.submit("/account/preferences", "/account/preferences", **{"email-marketing": "y"})
    move(patron, Human(email=first, password=patron.password))
    move(patron, Human(email="fourth@example.com", password=patron.password))
    move(stranger, Human(email=first))
    for person in (stranger, patron):
        told = copying.of_customer(person.id)
        assert [each["way"] for each in told["sign_ins"]] == ["register", *("password", "link") * 2]
        assert [each["about"] for each in told["mails"]].count("customer_email_changed") == 2
        assert len(told["newsletter"]) == 1
    close(patron, Human(password=patron.password))
    before = rows_told(stranger)
    let_the_grace_pass()
    privacy.erase_closed()
    assert patron.id is None
    assert rows_told(stranger) == before


def rows_told(person: Patron) -> dict[str, list[str]]:
    """In any order: an address that nobody is known to have had meanwhile was had for one time."""
    told = copying.of_customer(person.id)
    return {name: sorted(map(str, rows)) for name, rows in told.items() if name != "former_addresses"}
