"""Somebody who leaves a trace wherever a shop can keep one: as a guest, with an account, in mails, refunds, mistakes and attacks."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import uuid

from app.core import clock, crypto, db, outbox
from app.core.ids import new_id
from app.core.money import Money
from app.core.transaction import in_transaction, transaction
from app.customers.models import CustomerIdentity, CustomerOidcFlow
from app.value import actions as value
from app.value.actions import NewValue
from tests.bank import WEBHOOK_SECRETS
from tests.customers.patron import Patron
from tests.customers.test_measurements import add_shirt, keep, order_to
from tests.flows.test_value import apply
from tests.notifications.carrier import Carrier
from tests.notifications.post_office import body_of
from tests.privacy import doors
from tests.privacy.human import CARD, Human, note_cookies
from tests.returns import counter
from tests.shop import add_product
from tests.staff import StaffMember
from tools.webforms import form_to

NEWS = re.compile(r"https?://\S+?(/newsletter/\S+)")


def order_as(patron: Patron, human: Human, variant: uuid.UUID, quantity: int = 1, *, code: str = "") -> str:
    """Through the pages, with a gift card's code if there is one; returns the order's token."""
    assert patron.add(variant, quantity).status_code == 303
    return check_out(patron, human, code=code)


def check_out(patron: Patron, human: Human, *, code: str = "") -> str:
    form = form_to(patron.get("/checkout/contact"), "/checkout/contact")
    assert patron.client.post("/checkout/contact", data=form.filled(**human.contact)).status_code == 303
    for typed in (human.address, {}):
        form = form_to(patron.get("/checkout/delivery"), "/checkout/delivery")
        answer = patron.client.post("/checkout/delivery", data=form.filled(**typed))
    assert answer.status_code == 303, answer.text
    if code:
        apply(patron, code)
    answer = patron.place(patron.get("/checkout/review"))
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[-1]


def pay(patron: Patron, token: str) -> None:
    patron.pay(token)
    patron.deliver()


def meet_as_guest(patron: Patron, human: Human) -> str:
    """A guest who pays, and asks for a part of the money back. Returns the order's token."""
    patron.client.environ_base["HTTP_USER_AGENT"] = human.agent
    shirt = add_product("Kemeja Teluk", stock_of={"KB": 20})
    token = order_as(patron, human, shirt, 2)
    pay(patron, token)
    return token


def want_news(patron: Patron, human: Human) -> None:
    """Asked for on the home page and confirmed, without an account."""
    patron.submit("/", "/newsletter", email=human.email)
    patron.deliver()
    path = NEWS.search(body_of(patron.office.mails[-1], "plain"))[1]
    human.secrets["link of the news"] = path.rsplit("/", 1)[-1]
    assert patron.follow(path).status_code == 200


def register(patron: Patron, human: Human) -> None:
    patron.email, patron.password = human.email, human.password
    patron.client.environ_base["HTTP_USER_AGENT"] = human.agent
    want_news(patron, human)
    assert patron.ask_to_register(name=human.name, news="y").status_code == 303
    # The mailbox is written as it was typed, the envelope too.
    path = patron.link()
    human.secrets["link to register"] = path.rsplit("/", 1)[-1]
    assert patron.follow(path).status_code == 303
    note_cookies(human, "the registration", patron.client)


def send_card(human: Human, email: str) -> None:
    [card] = in_transaction(lambda: value.issue(NewValue(Money(5000, "MYR"), by="staff:1", key=new_id(), email=email)))
    human.secrets[f"code of a gift card to {email}"] = card.code


def move(patron: Patron, human: Human) -> None:
    """To another address than they registered with, which had a gift card, mails, links and wrong passwords."""
    send_card(human, patron.email)
    patron.sign_out()
    patron.sign_in(password="Salah!Kata-Laluan 2")
    patron.ask_for_link()
    assert patron.follow(patron.link()).status_code == 303
    patron.submit(
        "/account/security", "/account/security/email", **{"new-email": human.email, "new-current": human.password}
    )
    patron.email = human.email
    assert patron.follow(patron.link()).status_code == 303
    patron.deliver()


def live_with_an_account(patron: Patron, human: Human) -> None:
    """Address book, wishlist, profile, wrong and right passwords, links, a new password, a copy, a request about data."""
    patron.submit("/account/addresses/new", "/account/addresses", **human.address)
    patron.submit("/account/profile", "/account/profile", name=human.name, phone=human.phone)
    patron.post("/wishlist", product=str(db.scalar("SELECT product_id FROM variant LIMIT 1")))
    patron.submit("/account/preferences", "/account/preferences", **{"email-alerts": "y"})
    patron.sign_out()
    for wrong in ("Salah!Kata-Laluan 1", human.email, CARD):
        patron.sign_in(password=wrong)
    human.secrets["a password that was wrong"] = "Salah!Kata-Laluan 1"
    patron.ask_for_link()
    path = patron.link()
    human.secrets["link to sign in"] = path.rsplit("/", 1)[-1]
    assert patron.follow(path).status_code == 303
    note_cookies(human, "the link", patron.client)
    patron.sign_out()
    patron.submit("/login/forgot", "/login/forgot", email=human.email)
    path = patron.link()
    human.secrets["link to a new password"] = path.rsplit("/", 1)[-1]
    new = "Helang-Merah! 8 Sungai"
    assert patron.submit(path, path, password=new, again=new).status_code == 303
    human.secrets["the password before"], human.password, patron.password = human.password, new, new
    note_cookies(human, "the reset", patron.client)
    answer = patron.submit("/account/data", "/account/data/export", current=new)
    assert answer.status_code == 200
    patron.submit("/account/data", "/account/data/requests", kind="correction", note=f"{human.line1} is wrong")
    have_something_sewn(patron, human)
    come_by_a_provider(patron, human)


def have_something_sewn(patron: Patron, human: Human) -> None:
    keep(patron, human.name, note=f"Measured at {human.line1}")
    doors.note_measures(human)
    add_shirt(name="Baju Melayu")
    want_something_sewn(patron)
    pay(patron, check_out(patron, human))


def want_something_sewn(patron: Patron) -> None:
    """In the cart, for the measures of the account."""
    shirt = db.scalar(
        "SELECT v.id FROM variant v JOIN product p ON p.id = v.product_id WHERE p.tailored_as IS NOT NULL"
    )
    profile = db.scalar("SELECT id FROM measurement_profile")
    db.release()
    assert order_to(patron, shirt, fit=profile).status_code == 303


def come_by_a_provider(patron: Patron, human: Human) -> None:
    """Connected to an account elsewhere, and another time not to the end."""
    somebody = {"issuer": "https://acme.example", "subject": human.phone, "email": human.email}
    common = {"id": new_id(), "provider": "acme", "customer_id": patron.id}
    with transaction():
        identity = CustomerIdentity(
            **common, email=human.email, identity_index=crypto.blind_index(human.email + " acme")
        )
        flow = CustomerOidcFlow(
            **common, state_hash=b"s", visitor="v", nonce="n", next_path="/", somebody=somebody, used_at=clock.now(),
            email_index=crypto.blind_index(human.email), expires_at=clock.now(),
        )  # fmt: skip
        db.session.add_all([identity, flow])


def work_at_the_desk(merchant: StaffMember, patron: Patron, human: Human, token: str) -> None:
    """Staff sign in with a code, refund a part, issue a card, invite somebody; and mistype."""
    merchant.give_password(password="Tidak!Betul-Langsung 3")
    merchant.sign_in()
    human.secrets |= {
        "staff e-mail": merchant.email,
        "staff password": merchant.password,
        "TOTP secret": merchant.secret,
        "a staff password that was wrong": "Tidak!Betul-Langsung 3",
    }
    note_cookies(human, "the staff", merchant.client)
    answer = counter.refund(merchant, token, q1=1, reason="damaged")
    assert answer.status_code == 303, answer.text
    patron.deliver()
    send_card(human, human.email)
    patron.deliver()
    merchant.press(
        "/admin/staff/invite", "/admin/staff/invite", email="Bashirah.Jemputan@Quillhaven.example", role="support"
    )
    human.secrets["e-mail of who was invited"] = "Bashirah.Jemputan@Quillhaven.example"
    patron.deliver()


def go_wrong(patron: Patron, human: Human) -> None:
    """Errors of every kind with somebody's values in them, and a provider's webhook that is full of them."""
    client = patron.client
    client.get("/search", query_string={"q": f"{human.email} {CARD}"})
    client.get(f"/order/{human.email}")
    client.get(f"/p/{human.email}?card={CARD}&phone={human.phone}")
    client.post("/track", data={"csrf_token": patron.csrf(), "number": CARD, "contact": human.email})
    client.get("/", headers={"X-Request-Id": human.email, "Referer": f"http://x.example/?e={human.email}"})
    client.post("/cart/lines", data={"csrf_token": patron.csrf(), "variant": human.email, "quantity": human.phone})
    client.post(
        "/checkout/contact", data={"csrf_token": patron.csrf(), "email": human.email * 9, "phone": "\0" + human.phone}
    )
    client.post("/csp-report", json={"csp-report": {"document-uri": f"http://x.example/?{human.email}"}})
    body = json.dumps(
        {
            "event": "payment.failed",
            "payload": {
                "payment": {
                    "entity": {
                        "id": "pay_Traces0000001", "order_id": "order_Traces000001", "status": "failed", "amount": 100,
                        "currency": "MYR", "email": human.email, "contact": human.phone, "error_description": human.name,
                        "card": {"name": human.name, "number": CARD}, "notes": {"address": human.line1},
                    }
                }
            },
        }
    ).encode()  # fmt: skip
    signature = hmac.new(WEBHOOK_SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-Razorpay-Signature": signature,
        "X-Razorpay-Event-Id": "evt_traces",
        "Content-Type": "application/json",
    }
    answer = client.post("/api/v1/payment/webhook", data=body, headers=headers)
    assert answer.status_code == 200, answer.text
    client.post("/api/v1/payment/webhook", data=body, headers={**headers, "X-Razorpay-Signature": "0" * 64})
    patron.deliver()
    accidents(human)


def accidents(human: Human) -> None:
    """As libraries and careless code would tell of them."""
    log = logging.getLogger("shop.accident")
    log.debug("mail to %s", human.email)
    log.info("typed", extra={"form": {"email": human.email, "phone": human.phone, "password": human.password}})
    log.warning("typed", extra={"parameters": [human.email, human.phone, ("card", CARD)], "raw": human.email.encode()})
    try:
        raise ValueError(f"no such person: {human.email}, {human.phone}, password={human.password!r}")
    except ValueError:
        log.exception("it broke")
    for statement in (
        "INSERT INTO customer (id, email, email_index, name, password_hash, visitor, locale) VALUES (NULL, :email, '', '', '', '', '')",
        "SELECT CAST(:email AS integer)",
    ):
        try:
            with transaction():
                db.rows(statement, email=human.email)
        except Exception:
            log.exception("the database refused")


def fail_to_deliver(human: Human) -> None:
    """A delivery whose error has a value in it: the back office shows what was kept of that."""
    with transaction():
        found = db.scalar(
            "UPDATE outbox_delivery SET state = 'pending', due_at = now() + interval '1 hour'"  # so that no worker takes it
            " WHERE id = (SELECT min(id::text)::uuid FROM outbox_delivery) RETURNING id"
        )
    outbox.deliver(outbox.Waiting(found, "nobody", human.email, {}))
    assert "<e-mail>" in db.scalar("SELECT last_error FROM outbox_delivery WHERE id = :id", id=found)
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'done' WHERE id = :id RETURNING id", id=found)


def everything(patron: Patron, merchant: StaffMember, human: Human, carrier: Carrier) -> str:
    """The whole story. Returns the token of the guest's order that was refunded in part."""
    token = meet_as_guest(patron, human)
    register(patron, human)
    live_with_an_account(patron, human)
    second = order_as(patron, human, add_product("Sarung Sutera", stock_of={"KB": 5}))
    pay(patron, second)
    want_something_sewn(patron)
    doors.come_with_a_device(patron, human)
    doors.send_programs(patron, human)
    work_at_the_desk(merchant, patron, human, token)
    doors.save_backup_codes(merchant, human)
    doors.carry_a_phone(merchant, patron, carrier, human)
    doors.give_programs_keys(merchant, human)
    doors.bring_a_device_to_work(merchant, human)
    go_wrong(patron, human)
    fail_to_deliver(human)
    return token
