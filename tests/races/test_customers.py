"""Links, passwords and carts of customers at the same moment, over four web processes (X1's sisters: once is once)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from app.catalog import actions as catalog
from app.core import crypto, db, outbox, passwords
from app.core.transaction import in_transaction, transaction
from app.customers import actions, rules
from app.customers.actions import Device, Registration, watching
from app.customers.models import NewsletterSubscriber
from app.customers.queries import links
from chaos import races
from chaos.buyer import Buyer
from tests import shop
from tests.run.waiting import wait_until
from tools.webforms import form_to

PASSWORD = "Bunga-Raya 7 & Teluk"
DEVICE = Device("", "")
MEASURES = {"m_waist": "80", "m_hip": "99", "m_inside_leg": "78", "m_height": "170"}


def ask(kind: str, email: str, **more: object) -> str:
    """The token that the mail would bring."""
    wish = in_transaction(lambda: actions.ask(kind, email, locale="en", visitor="nobody", **more))
    db.session.refresh(wish)
    token = wish.token
    db.release()
    return token


def registration() -> Registration:
    return Registration("Aina Rahman", passwords.hashed(PASSWORD), False)


@pytest.fixture
def email(stand) -> str:
    """Of a new customer."""
    address = f"aina-{db.scalar('SELECT count(*) FROM customer')}@example.com"
    token = ask("register", address, registration=registration())
    in_transaction(lambda: actions.finish_registration(token, device=DEVICE))
    return address


def browser_at(stand, number: int, path: str) -> tuple[Buyer, dict[str, str], str]:
    """A browser of its own at one of the web processes, with the form of that page."""
    browser = Buyer(stand, number)
    return browser, form_to(browser.page(path), path).fields, path


def posted_at_once(browsers, **fields: str) -> list[int]:
    return races.at_once(
        [lambda each=each: each[0].post(each[2], {**each[1], **fields}).status_code for each in browsers]
    )


def test_twenty_followers_of_a_link_are_one_sign_in(stand, email):
    token = ask("sign_in", email)
    before = db.scalar("SELECT count(*) FROM customer_session")
    browsers = [browser_at(stand, n, f"/login/link/{token}") for n in range(20)]
    answers = posted_at_once(browsers)
    assert sorted(answers) == [303] + [410] * 19
    assert db.scalar("SELECT count(*) FROM customer_session") == before + 1


def test_twenty_resets_by_one_link_set_one_password(stand, email):
    token = ask("reset", email)
    browsers = [browser_at(stand, n, f"/login/reset/{token}") for n in range(12)]
    answers = posted_at_once(browsers, password="Kapal-Layar 3 biru")
    assert sorted(answers) == [303] + [410] * 11
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'customer.password_changed'") == 1


def test_many_registrations_of_one_address_make_one_account(stand):
    """Each has a link of its own, and all are followed at the same moment."""
    tokens = [ask("register", "twice@example.com", registration=registration()) for _ in range(8)]
    before = db.scalar("SELECT count(*) FROM customer")
    browsers = [browser_at(stand, n, f"/register/{token}") for n, token in enumerate(tokens)]
    answers = posted_at_once(browsers, password=PASSWORD)
    assert sorted(answers) == [303] + [409] * 7
    assert db.scalar("SELECT count(*) FROM customer") == before + 1


def test_twenty_wrong_passwords_at_once_are_five_tries(stand, email):
    browsers = [browser_at(stand, n, "/login") for n in range(20)]
    answers = posted_at_once(browsers, email=email, password="Wrong-Word 1!")
    assert sorted(answers) == [422] * 5 + [429] * 15
    assert posted_at_once([browser_at(stand, 0, "/login")], email=email, password=PASSWORD) == [429]


def test_wrong_passwords_at_many_accounts_at_once_are_one_alert(stand):
    """Each of them finds that there are many now."""
    tries = [
        in_transaction(lambda n=n: actions.claim_try(f"list{n}@example.com", address="198.51.100.7"))
        for n in range(rules.MANY_ACCOUNTS)
    ]
    races.at_once([lambda each=each: in_transaction(lambda: watching.look_at_wrong_try(each)) for each in tries])
    races.at_once([outbox.drain] * 4)
    assert db.scalar("SELECT count(*) FROM staff_alert WHERE kind = 'many_customers'") == 1


def test_eight_sign_ins_at_once_from_a_new_place_are_one_mail(stand, email):
    browsers = [browser_at(stand, n, "/login") for n in range(8)]
    assert posted_at_once(browsers, email=email, password=PASSWORD) == [303] * 8
    races.at_once([outbox.drain] * 4)
    mails = "SELECT count(*) FROM mail_message WHERE template = 'customer_new_place' AND recipient_index = :i"
    assert db.scalar(mails, i=crypto.blind_index(email)) == 1


def test_an_address_that_asks_for_the_news_in_every_process_is_one(stand):
    """One row and one letter, and of its link, followed by all at once, one consent."""
    email = "news@example.com"
    browsers = [browser_at(stand, n, "/newsletter") for n in range(12)]
    assert posted_at_once(browsers, email=email) == [303] * 12
    races.at_once([outbox.drain] * 4)
    mails = db.scalar("SELECT count(*) FROM mail_message WHERE recipient_index = :i", i=crypto.blind_index(email))
    [row] = db.session.scalars(select(NewsletterSubscriber)).all()
    path = f"/newsletter/{links.confirmation_token(row)}"
    db.release()
    assert mails == 1
    browsers = [browser_at(stand, n, path) for n in range(12)]
    assert posted_at_once(browsers) == [200] * 12
    assert db.scalar("SELECT count(*) FROM consent WHERE subscriber_id = :s", s=row.id) == 1
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_eight_devices_sign_in_with_a_cart_each(stand, email):
    """All carts become one: nothing is lost, nothing counted twice, and no line beyond the shelf."""
    shirt, scarf = shop.add_product(stock_of={"KB": 40}), shop.add_product(stock_of={"KB": 5})
    browsers = []
    for number in range(8):
        browser, form, path = browser_at(stand, number, "/login")
        for variant in (shirt, scarf):
            data = {"csrf_token": form["csrf_token"], "variant": str(variant), "quantity": "1"}
            assert browser.post("/cart/lines", data).status_code == 303
        browsers.append((browser, form, path))
    assert posted_at_once(browsers, email=email, password=PASSWORD) == [303] * 8
    found = db.rows(
        "SELECT l.variant_id, l.quantity FROM cart c JOIN cart_line l ON l.cart_id = c.id"
        " JOIN customer u ON u.visitor = c.visitor WHERE l.variant_id IN (:shirt, :scarf)",
        shirt=shirt,
        scarf=scarf,
    )
    assert {row.variant_id: row.quantity for row in found} == {shirt: 8, scarf: 5}
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_measurements_of_one_name_saved_at_once_are_one(stand, email):
    browsers = [signed_in_at(stand, n, email, "/account/measurements/new") for n in range(6)]
    answers = posted_to(browsers, "/account/measurements", name="Aminah", m_chest="97", default="1")
    assert sorted(answers) == [303] + [409] * 5
    assert db.scalar("SELECT count(*) FROM measurement_profile WHERE is_default") == 1


def test_measurements_are_removed_while_a_cart_takes_them(stand, email):
    """Every line that came about has its measures, and nobody sees an error of ours."""
    shirt = shop.add_product(stock_of={"KB": 90})
    with transaction():
        catalog.touch()
        db.rows("UPDATE product SET tailored_as = 'bottom', tailoring_days = 3 RETURNING id")
    browsers = [signed_in_at(stand, n, email, "/account/measurements/new") for n in range(6)]
    for _ in range(4):
        assert posted_to(browsers[:1], "/account/measurements", name="Aminah", **MEASURES) == [303]
        profile = db.scalar("SELECT max(id::text) FROM measurement_profile")
        db.release()
        adding = [(each[0], each[1], "/cart/lines") for each in browsers[1:]]
        data = {"variant": str(shirt), "quantity": "1", "fit": profile}
        removing = (browsers[0][0], browsers[0][1], f"/account/measurements/{profile}/remove")
        answers = posted_at_once([*adding, removing], **data)
        assert answers[-1] == 303
        assert set(answers[:-1]) <= {303, 404}
    lines = db.rows("SELECT fitting, profile_id FROM cart_line WHERE variant_id = :v", v=shirt)
    assert lines
    assert all(line.fitting and line.profile_id is None for line in lines)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_other_measures_at_once_do_not_pass_the_limit_of_an_order(stand, email):
    """All wait for the cart; whoever comes second has read it before the first had written."""
    shirt, scarf = shop.add_product(stock_of={"KB": 90}, max_per_order=1), shop.add_product()
    with transaction():
        catalog.touch()
        db.rows("UPDATE product SET tailored_as = 'bottom', tailoring_days = 3 RETURNING id")
    browsers = [signed_in_at(stand, n, email, "/account/measurements/new") for n in range(3)]
    assert posted_to(browsers[:1], "/cart/lines", variant=str(scarf), quantity="1") == [303]
    chosen = [{"fit": "standard"}, {"fit": "enter", **MEASURES}, {"fit": "enter", **MEASURES, "m_hip": "104"}]

    def add(browser, form, **fields: str) -> int:
        data = {**form, "variant": str(shirt), "quantity": "1", "unit": "cm", **fields}
        return browser.post("/cart/lines", data).status_code

    with ThreadPoolExecutor() as pool:
        with transaction():
            db.rows(
                "SELECT FROM cart JOIN cart_line l ON l.cart_id = cart.id WHERE l.variant_id = :v FOR UPDATE OF cart",
                v=scarf,
            )
            adding = [
                pool.submit(add, each[0], each[1], **fields) for each, fields in zip(browsers, chosen, strict=True)
            ]
            wait_until(lambda: db.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted") == len(adding))
        answers = sorted(each.result() for each in adding)
    assert answers == [303, 409, 409]
    assert db.scalar("SELECT sum(quantity)::int FROM cart_line WHERE variant_id = :v", v=shirt) == 1
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def signed_in_at(stand, number: int, email: str, path: str) -> tuple[Buyer, dict[str, str], str]:
    """A browser at one of the web processes, signed in, with the form of that page."""
    browser, form, login = browser_at(stand, number, "/login")
    assert browser.post(login, {**form, "email": email, "password": PASSWORD}).status_code == 303
    return browser, form_to(browser.page(path), "/account/measurements").fields, path


def posted_to(browsers, action: str, **fields: str) -> list[int]:
    return posted_at_once([(browser, form, action) for browser, form, _path in browsers], **fields)
