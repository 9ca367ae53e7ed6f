"""`kill -9` of Redis while people shop (J6, ASVS 50): everybody goes on, and nobody is somebody else."""

from __future__ import annotations

import signal

import pytest

from app.core import db, outbox
from app.core.transaction import in_transaction
from chaos.buyer import Buyer, token_of
from chaos.stand import Stand, standing
from tests import shop
from tests.races import test_customers
from tests.races.test_codes import Member
from tools.webforms import form_to


@pytest.fixture
def limited(servers) -> Stand:
    """A stand with its limits on, in a database of its own."""
    url = servers.new_database("without_redis")
    options = {"database_url": url, "name": "without-redis", "settings": {"RATE_LIMIT_ENABLED": "true"}}
    with standing(servers, with_jobs=False, webs=2, **options) as stand, stand.inside():
        shop.open_shop()
        yield stand
    if servers.redis.process is None:
        servers.redis.start()


class Somebody(Buyer):
    """A shopper who knows who they are and what they have put into the cart."""

    name, goods = "", ""

    def sees_themselves(self) -> bool:
        """In every web process, whatever was asked before."""
        for _ in self.hosts:
            self.elsewhere()
            cart = self.page("/cart")
            if self.goods not in cart or any(goods in cart for goods in GOODS if goods != self.goods):
                return False
            if self.name and f"Hello, {self.name}" not in self.page("/account/"):
                return False
        return True


GOODS = ("Kemeja Satu", "Kemeja Dua", "Kemeja Tiga")


def guest(stand: Stand, number: int, variant: object) -> Somebody:
    somebody = Somebody(stand, number)
    somebody.add(variant)
    somebody.goods = GOODS[number]
    return somebody


def customer(stand: Stand, number: int, variant: object, name: str) -> Somebody:
    email = f"{name.lower()}@example.com"
    asked = test_customers.Registration(f"{name} Rahman", test_customers.registration().password_hash, False)
    token = test_customers.ask("register", email, registration=asked)
    in_transaction(lambda: test_customers.actions.finish_registration(token, device=test_customers.DEVICE))
    somebody = guest(stand, number, variant)
    answer = somebody.send("/login", "/login", email=email, password=test_customers.PASSWORD)
    assert answer.status_code == 303, answer.text
    somebody.name = name
    return somebody


def wrong_passwords(stand: Stand, email: str, number: int) -> list[int]:
    """Seven tries, each with a browser and an address of its own, in turn at each of the web processes."""
    answers = []
    for n in range(7):
        browser = Buyer(stand, number + n)
        answers.append(browser.send("/login", "/login", email=email, password="Wrong-Word 1!").status_code)
    return answers


def test_nobody_notices_that_redis_was_killed(limited, servers):
    variants = [shop.add_product(name, stock_of={"KB": 9}) for name in GOODS]
    buyer = guest(limited, 0, variants[0])
    people = [buyer, customer(limited, 1, variants[1], "Aina"), customer(limited, 2, variants[2], "Mei")]
    member = Member(limited)
    clerk, form = member.browser(9)
    assert clerk.post("/admin/totp", {**form, "code": member.totp.now()}).status_code == 303
    half, half_form = member.browser(10)
    assert all(each.sees_themselves() for each in people)

    servers.redis.stop(signal.SIGKILL)

    assert all(each.sees_themselves() for each in people)
    assert clerk.get("/admin/orders").status_code == 200
    assert half.get("/admin/orders").headers["Location"].startswith("/admin/totp")  # still no further than before
    assert Buyer(limited, 20).get("/admin/orders").headers["Location"].startswith("/admin/login")
    assert Buyer(limited, 21).get("/account/").headers["Location"].startswith("/login")
    buyer.check_out()
    token = token_of(buyer.place())
    assert buyer.press_pay(token).status_code == 303
    hand_over = buyer.hand_over(token, limited.bank.url)
    paid = limited.bank.pay(hand_over.fields["order_id"])
    assert buyer.come_back(hand_over.fields["callback_url"], paid).status_code == 303
    assert "is confirmed" in buyer.heading(token)
    assert outbox.drain() > 0
    buyer.goods = "Your cart is empty"
    # Nothing that guards a door has failed open: five tries an account, eight an address and process.
    assert wrong_passwords(limited, "mei@example.com", 100) == [422] * 5 + [429] * 2
    assert wrong_passwords(limited, "nobody@example.com", 200) == [422] * 5 + [429] * 2
    pushy = Buyer(limited, 300)
    fields = form_to(pushy.page("/login"), "/login").filled(email="no address", password="x")
    answers = [pushy.post("/login", fields).status_code for _ in range(22)]
    assert answers == [422] * 8 + [429] * 14

    servers.redis.start()  # empty

    assert all(each.sees_themselves() for each in people)
    assert clerk.get("/admin/orders").status_code == 200
    assert half.post("/admin/totp", {**half_form, "code": "000000"}).status_code == 422
    assert (limited.faults(), limited.accidents()) == ({}, 0)
    db.release()
