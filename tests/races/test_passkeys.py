"""One answer of a passkey, sent many times at the same moment over four web processes: it opens one session."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import pytest
import requests

from app.accounts import actions as accounts
from app.accounts import queries
from app.accounts.actions import keys
from app.accounts.errors import LastFactor
from app.core import db, passkeys
from app.core.passkeys import Party
from app.core.transaction import in_transaction
from app.customers import actions as customers
from app.passkeys import actions
from app.passkeys.actions import Given
from app.passkeys.models import Owner
from chaos import races
from tests.authenticator import Authenticator
from tests.passkeys.keyring import Keyring


@dataclass
class Browser:
    """At one of the web processes, by the name that passkeys are made for."""

    host: str
    cookies: dict[str, str]

    def get(self, path):
        return self._ask("GET", path)

    def post(self, path, **what):
        return self._ask("POST", path, **what)

    def _ask(self, method, path, **what):
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                method, self.host + path, cookies=self.cookies, allow_redirects=False, timeout=60, **what
            )
        self.cookies = self.cookies | answer.cookies.get_dict()
        return answer


@pytest.fixture
def hosts(stand):
    return [f"http://localhost:{urlsplit(web.url).port}" for web in stand.webs]


@pytest.fixture
def device(hosts):
    return Authenticator(origin=hosts[0])


def add(device, owner, purpose):
    party, here = Party("localhost", device.origin, "Murni Batik"), secrets.token_bytes(32)
    asked = in_transaction(
        lambda: actions.ask_to_add(owner, purpose, party=party, bound_to=here, email="a@example.com", name="A")
    )
    given = Given(passkeys.read(device.create(asked)), here, party)
    assert in_transaction(lambda: actions.add(owner, given, purpose, name="Key"))


def hire(device):
    new = in_transaction(lambda: accounts.create_staff(f"{secrets.token_hex(4)}@example.com", role="owner", issuer="M"))
    add(device, Owner(staff_id=new.staff_id), "staff_add")


def enrol(device):
    def work():
        wants = customers.Registration("Aina", "no hash", False)
        email = f"{secrets.token_hex(4)}@example.com"
        token = customers.ask("register", email, locale="en", visitor="", registration=wants).token
        return customers.finish_registration(token, device=customers.Device("", "")).customer_id

    add(device, Owner(customer_id=in_transaction(work)), "customer_add")


def sessions(table):
    found = db.scalar(f"SELECT count(*) FROM {table}")
    db.release()
    return found


DOORS = {"staff": ("/admin/login", hire, "staff_session"), "customer": ("/login", enrol, "customer_session")}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_twenty_of_one_answer_are_one_sign_in(stand, hosts, device, door):
    page, new, table = door
    new(device)
    before = sessions(table)
    first = Keyring(Browser(hosts[0], {}), device)
    credential = device.get(first.question(page))
    _ask, send, form = first.button(page)
    copies = [Browser(hosts[number % len(hosts)], dict(first.client.cookies)) for number in range(20)]
    data = {**form, "credential": credential}
    answers = races.at_once([partial(each.post, send, data=data) for each in copies])
    assert sorted({answer.status_code for answer in answers}) in ([303, 422, 429], [303, 422])
    assert [answer.status_code for answer in answers].count(303) == 1
    assert sessions(table) == before + 1
    assert db.scalar("SELECT max(sign_count) FROM passkey WHERE last_used_at IS NOT NULL") == 1
    db.release()
    assert stand.accidents() == 0


def test_two_passkeys_removed_at_once_leave_one(stand, device):
    """Of somebody without an authenticator: the last second factor stays, however they are removed."""
    for _ in range(5):
        new = in_transaction(
            lambda: accounts.create_staff(f"{secrets.token_hex(4)}@example.com", role="owner", issuer="M")
        )
        owner = Owner(staff_id=new.staff_id)
        for _key in range(2):
            add(device, owner, "staff_add")
        token = in_transaction(lambda new=new: accounts.start_session(new.staff_id))
        in_transaction(
            lambda new=new: db.rows(
                "UPDATE staff SET totp_confirmed_at = NULL WHERE id = :i RETURNING id", i=new.staff_id
            )
        )
        who = queries.signed_in(token)
        ids = [row[0] for row in db.rows("SELECT id FROM passkey WHERE staff_id = :i", i=new.staff_id)]
        db.release()
        results = races.at_once([partial(in_transaction, partial(keys.remove, who, each)) for each in ids])
        assert sum(isinstance(each, LastFactor) for each in results) == 1, results
        assert db.scalar("SELECT count(*) FROM passkey WHERE staff_id = :i", i=new.staff_id) == 1
        db.release()
