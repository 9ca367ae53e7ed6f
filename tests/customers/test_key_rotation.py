"""The keys of a living shop are rotated (SEC-50, DAT-01): what was made under the old ones is good before, during and after."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask

from app.audit import flows as trail
from app.core import crypto, db, keyring
from app.core.transaction import in_transaction, transaction
from app.customers import queries as customers
from app.customers.queries import links
from app.value import queries as value
from tests.audit.tampering import tamper
from tests.bank import KEYS, Bank
from tests.customers.patron import Patron
from tests.notifications.post_office import PostOffice, body_of
from tests.shop import ADDRESS, CONTACT, add_product
from tests.staff import StaffMember, hire
from tests.value.cards import issue

OLD, NEW = "the old key of personal data, of this year", "the new key of personal data, of next year"
BEFORE, LEARNT, TURNED, AFTER = (
    {"FIELD_KEY": OLD},
    {"FIELD_KEY": OLD, "FIELD_KEY_FALLBACKS": NEW},
    {"FIELD_KEY": NEW, "FIELD_KEY_FALLBACKS": OLD},
    {"FIELD_KEY": NEW},
)
RAZORPAY = {f"RAZORPAY_{name.upper()}": value for name, value in KEYS.items()}
MakeShop = Callable[..., Flask]


@pytest.fixture
def shop(make_shop: MakeShop) -> Flask:
    """The shop of before."""
    return make_shop(**BEFORE)


@pytest.fixture
def restarted(make_app: Callable[..., Flask], office: PostOffice, bank: Bank) -> MakeShop:
    """The same shop with other keys."""
    return lambda **keys: make_app(MAIL_URL=office.url, RAZORPAY_API_URL=bank.url, **RAZORPAY, **keys)


def command(shop: Flask, *words: str) -> tuple[int, str]:
    ran = shop.test_cli_runner().invoke(args=["keys", *words])
    return ran.exit_code, ran.stdout


def reads(shop: Flask, person: Patron, colleague: StaffMember) -> None:
    """Everything that hangs on a key, by those who hold it."""
    person.client.application = colleague.client.application = shop
    assert person.is_signed_in()
    assert "Aina Rahman" in person.get("/account/profile")
    assert person.sign_out().status_code == 303
    assert person.sign_in().status_code == 303
    assert colleague.client.get("/admin/").status_code == 200
    assert "aina@example.com" not in str(db.rows("SELECT * FROM customer"))
    assert trail.verify().is_whole


def id_of(secret: str) -> str:
    return crypto._derived(secret).id


def test_a_field_key_is_rotated_beside_the_living_shop(restarted: MakeShop, shop: Flask, aina: Patron):
    colleague = hire(shop, "siti@example.com").sign_in()
    backup_code = re.findall(r"\b\d{4}(?: \d{4})+\b", colleague.get("/admin/backup-codes"))[0]
    link = f"/unsubscribe/{links.unsubscribe_token(aina.id, 'alerts')}"
    card, other_card = issue(5000), issue(700)
    trail.seal()
    aina.sign_out()
    aina.sign_in(password="wrong", email=aina.email)
    assert aina.sign_in().status_code == 303
    wrong_before = customers.wrong_tries(aina.email)[0]
    for step in (BEFORE, LEARNT, TURNED):
        now = restarted(**step)
        reads(now, aina, colleague)
        assert aina.get(link)
        assert value.account_by_code(card.code).id == card.account.id
    assert customers.wrong_tries(aina.email)[0] == wrong_before  # the try of before counts still
    assert command(now, "status")[0] == 1

    code, said = command(now, "rotate")
    assert (code, said.splitlines()[-1]) == (
        0,
        f"FIELD_KEY_FALLBACKS may be emptied: nothing needs {id_of(OLD)} any more",
    )
    assert set(keyring.by_key(keyring.status())) == {id_of(NEW)}
    reads(now, aina, colleague)
    assert command(now, "status")[0] == 0

    now = restarted(**AFTER)
    reads(now, aina, colleague)
    assert aina.get(link)
    assert db.scalar("SELECT email_index FROM customer") == crypto.blind_index(aina.email)
    assert [value.account_by_code(each.code).id for each in (card, other_card)] == [
        card.account.id,
        other_card.account.id,
    ]
    colleague.client = now.test_client()
    assert colleague.give_password().status_code == 303
    assert colleague.give_code(backup_code).status_code == 303
    log = colleague.get("/admin/activity/sign-ins")
    assert "siti@example.com" in log  # tries of before name their account: copies of its index have followed
    assert command(now, "rotate") == (0, f"0 rows written with {id_of(NEW)}\none key is left\n")


def test_who_wants_the_news_stays_one_address(restarted: MakeShop, shop: Flask, patron: Patron):
    """Asked for under the old key and again under the new one; the link in the letter of before stays good."""
    patron.submit("/", "/newsletter", email=patron.email)
    patron.deliver()
    path = re.search(r"https?://\S+?(/newsletter/\S+)", body_of(patron.office.mails[-1], "plain"))[1]
    now = patron.client.application = restarted(**TURNED)
    patron.submit("/", "/newsletter", email=patron.email)
    assert db.scalar("SELECT count(*) FROM newsletter_subscriber") == 1
    assert command(now, "rotate")[0] == 0
    now = patron.client.application = restarted(**AFTER)
    assert patron.follow(path).status_code == 200
    patron.submit("/", "/newsletter", email=patron.email.upper())
    assert db.rows("SELECT state, email_index FROM newsletter_subscriber") == [
        ("confirmed", crypto.blind_index(patron.email))
    ]


def test_what_was_bought_is_rotated_too(restarted: MakeShop, shop: Flask, bank: Bank, aina: Patron):
    """An order with its documents, whose triggers let a new key pass and nothing else."""
    token = aina.order(add_product())
    aina.pay(token)
    aina.mails()  # everything is delivered
    page = f"/order/{token}/documents/invoice.pdf"
    before = aina.client.get(page).data
    assert before.startswith(b"%PDF")
    now = restarted(**TURNED)
    assert command(now, "rotate")[0] == 0
    assert set(keyring.by_key(keyring.status())) == {id_of(NEW)}
    aina.client.application = restarted(**AFTER)
    assert aina.client.get(page).data == before
    assert ADDRESS["line1"] in crypto.decrypt(db.scalar("SELECT address FROM orders"))
    found = {"number": db.scalar("SELECT number FROM orders"), "contact": CONTACT["phone"]}
    assert aina.submit("/track", "/track", **found).location.endswith(token)


def test_what_only_the_lost_key_opens_is_told_and_left(restarted: MakeShop, shop: Flask, aina: Patron):
    stored = db.scalar("SELECT email FROM customer")
    now = restarted(**AFTER)
    code, said = command(now, "rotate")
    assert code == 1
    assert f"left of {id_of(OLD)}, no key that the settings know" in said
    assert db.scalar("SELECT email FROM customer") == stored
    assert db.scalar("SELECT count(*) FROM kept_key") == 0
    with pytest.raises(InvalidTag):
        crypto.decrypt(stored)
    restarted(**BEFORE)
    assert crypto.decrypt(stored) == aina.email


def test_values_from_before_keys_had_names_are_read_and_renamed(restarted: MakeShop, shop: Flask, aina: Patron):
    with transaction():
        db.rows("UPDATE customer SET email = '1' || substr(email, 9), name = '1' || substr(name, 9) RETURNING id")
    assert db.scalar("SELECT name FROM customer").startswith("1.")
    assert "Aina Rahman" in aina.get("/account/profile")
    now = restarted(**TURNED)
    assert command(now, "rotate")[0] == 0
    assert set(keyring.by_key(keyring.status())) == {id_of(NEW)}
    aina.client.application = restarted(**AFTER)
    assert "Aina Rahman" in aina.get("/account/profile")


def test_an_address_is_one_account_whichever_key_wrote_it(restarted: MakeShop, shop: Flask, make_patron: Any):
    """A registration from before is finished after another one's."""
    first, second = make_patron(), make_patron()
    assert first.ask_to_register().status_code == 303
    early = first.link()
    now = restarted(**TURNED)
    first.client.application = second.client.application = now
    second.register()
    assert first.follow(early).status_code == 409
    assert db.scalar("SELECT count(*) FROM customer") == 1


def test_a_mail_of_before_is_not_sent_again(restarted: MakeShop, shop: Flask, aina: Patron):
    sent = len(aina.mails())
    restarted(**TURNED)
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'pending', attempts = 0 RETURNING id")
    assert len(aina.mails()) == sent > 0
    command(restarted(**TURNED), "rotate")
    with transaction():
        db.rows("UPDATE outbox_delivery SET state = 'pending', attempts = 0 RETURNING id")
    assert len(aina.mails()) == sent


def test_nonsense_that_others_wrote_keeps_no_old_key_in_use(
    restarted: MakeShop, shop: Flask, aina: Patron, environment: dict[str, str]
):
    hire(shop)
    tamper(environment, "UPDATE audit_entry SET address = 'aina:rahman'")
    code, said = command(restarted(**TURNED), "rotate")
    assert (code, "aina" in said) == (1, False)
    assert "1 values are left of ?, no key that the settings know" in said
    assert said.splitlines()[-1] == f"FIELD_KEY_FALLBACKS may be emptied: nothing needs {id_of(OLD)} any more"
    assert db.scalar("SELECT count(*) FROM kept_key") == 1


def test_what_is_not_encrypted_at_all_is_counted_and_never_shown(restarted: MakeShop, shop: Flask, aina: Patron):
    with transaction():
        db.rows("UPDATE customer SET name = 'Aina Rahman' RETURNING id")
    code, said = command(shop, "status")
    assert (code, "Aina" in said) == (1, False)
    assert "        1  ?  no key that the settings know" in said


def test_an_index_that_was_made_to_find_nobody_stays_so(restarted: MakeShop, shop: Flask, aina: Patron):
    with transaction():
        db.rows("UPDATE customer SET email = :e, email_index = '\\x00' RETURNING id", e=crypto.encrypt(""))
    assert command(restarted(**TURNED), "rotate")[0] == 0
    assert db.scalar("SELECT email_index FROM customer") == b"\x00"


class TestTheStolenKey:
    """Whoever has the key that was retired, and the database, changes nothing unseen."""

    @pytest.fixture
    def after(self, restarted: MakeShop, shop: Flask) -> Flask:
        hire(shop, "one@example.com")
        hire(shop, "two@example.com")
        trail.seal()
        assert command(restarted(**TURNED), "rotate")[0] == 0
        return restarted(**AFTER)

    def test_no_entry_can_be_added(self, after: Flask, environment: dict[str, str]):
        hire(after, "three@example.com")
        trail.seal()
        assert trail.verify().is_whole
        stolen = crypto._derived(OLD).seal
        entry = db.rows("SELECT id FROM audit_entry ORDER BY created_at DESC LIMIT 1")[0]
        tamper(environment, f"UPDATE audit_entry SET actor = 'system' WHERE id = '{entry.id}'")
        db.forget()
        content = db.session.get(trail.queries.AuditEntry, entry.id).content()
        link = trail.actions.rules.link(3, db.scalar("SELECT hash FROM audit_seal WHERE position = 2"), content)
        mac, sealed = crypto._seal_by(stolen, content).hex(), crypto._seal_by(stolen, link).hex()
        tamper(
            environment,
            f"UPDATE audit_entry SET mac = '\\x{mac}' WHERE id = '{entry.id}'",
            f"UPDATE audit_seal SET hash = '\\x{sealed}' WHERE position = 3",
        )
        db.forget()
        assert trail.verify().changed == ["3"]

    def test_the_reach_of_the_kept_key_is_nothing_the_database_can_change(self, after: Flask):
        """How far its seals count is within what the new key encrypted."""
        (row,) = db.rows("SELECT * FROM kept_key")
        assert set(row._fields) == {"id", "derived", "created_at"}
        assert crypto.kept()[0].seals_until == db.scalar("SELECT max(position) FROM audit_seal")

    def test_what_was_sealed_before_still_shows_changes(self, after: Flask, environment: dict[str, str]):
        assert trail.verify().is_whole
        tamper(
            environment,
            "UPDATE audit_entry SET actor = 'system' WHERE id = (SELECT min(entry_id::text)::uuid FROM audit_seal)",
        )
        db.forget()
        assert trail.verify().changed == ["1"]


PEOPLE = 3000


@pytest.fixture
def crowd(shop: Flask) -> None:
    """Enough people that a rotation takes a while."""
    with transaction():
        for n in range(PEOPLE):
            email = f"person-{n}@example.com"
            db.rows(
                "INSERT INTO customer (id, email, email_index, name, password_hash, visitor, locale)"
                " VALUES (uuidv7(), :email, :index, :name, '', :visitor, 'en') RETURNING id",
                email=crypto.encrypt(email), index=crypto.blind_index(email), name=crypto.encrypt(f"name {n}"), visitor=f"v{n}",
            )  # fmt: skip


def test_killed_while_rotating_it_goes_on_and_loses_nothing_that_is_written_meanwhile(
    restarted: MakeShop, environment: dict[str, str], crowd: None
):
    restarted(**TURNED)
    environ = {**os.environ, **environment, **TURNED}
    call = [sys.executable, "-m", "flask", "--app", "wsgi", "keys", "rotate"]
    converted = f"SELECT count(*) FROM customer WHERE name LIKE '{id_of(NEW)}.%'"
    first = subprocess.Popen(call, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while db.scalar(converted) == 0:
        assert first.poll() is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    done = db.scalar(converted)
    assert 0 < done < PEOPLE

    written: dict[str, str] = {}
    is_over = threading.Event()

    def live() -> None:
        """Changes names all the while, as customers do."""
        for n in range(10**6):
            if is_over.is_set():
                break
            visitor, name = f"v{(n * 7) % PEOPLE}", f"changed {n}"
            in_transaction(
                lambda visitor=visitor, name=name: db.rows(
                    "UPDATE customer SET name = :name WHERE visitor = :v RETURNING id",
                    name=crypto.encrypt(name),
                    v=visitor,
                )
            )
            written[visitor] = name
        db.forget()

    writer = threading.Thread(target=live)
    writer.start()
    try:
        second = subprocess.run(call, env=environ, capture_output=True, text=True, check=False)
    finally:
        is_over.set()
        writer.join()
    assert second.returncode == 0, second.stderr
    assert set(keyring.by_key(keyring.status())) == {id_of(NEW)}
    restarted(**AFTER)
    found = {row.visitor: row for row in db.rows("SELECT visitor, name, email, email_index FROM customer")}
    assert len(found) == PEOPLE
    assert len(written) > 10
    for n in range(PEOPLE):
        row = found[f"v{n}"]
        assert crypto.decrypt(row.name) == written.get(f"v{n}", f"name {n}")
        assert crypto.decrypt(row.email) == f"person-{n}@example.com"
        assert row.email_index == crypto.blind_index(f"person-{n}@example.com")


def test_the_kept_key_is_itself_encrypted_and_follows_the_next_rotation(restarted: MakeShop, shop: Flask, aina: Patron):
    card, third = issue(100), "the key of the year after the next one"
    assert command(restarted(**TURNED), "rotate")[0] == 0
    assert crypto._derived(OLD).index.hex() not in json.dumps([str(row) for row in db.rows("SELECT * FROM kept_key")])
    assert command(restarted(FIELD_KEY=third, FIELD_KEY_FALLBACKS=NEW), "rotate")[0] == 0
    restarted(FIELD_KEY=third)
    assert {key.id for key in crypto.kept()} == {id_of(OLD), id_of(NEW)}
    assert value.account_by_code(card.code).id == card.account.id
