"""Tokens of programs at the same moment, over four web processes: never two that are good, and none after the end."""

from functools import partial
from itertools import count

import pyotp
import pytest
import requests

from app.accounts import actions as accounts
from app.core import db
from app.core.transaction import in_transaction, transaction
from app.customers import actions as customers
from chaos import races
from chaos.buyer import Buyer
from tests.program import CUSTOMER_LOGIN, LOGIN, LOGOUT, REFRESH, VERIFY
from tests.races.test_customers import DEVICE, PASSWORD, ask, registration

CLEANUP, PREFERENCES = "/api/cron/stock-cleanup", "/api/v1/customer/preferences"
_numbers = count()


class Programs:
    """The same program twenty times, five times at each of the web processes."""

    def __init__(self, stand):
        self.hosts = Buyer(stand, 0).hosts

    def post(self, number, path, token="", **body):
        host = self.hosts[number % len(self.hosts)]
        return requests.post(host + path, json=body, headers=headers_of(token), timeout=30)

    def get(self, path, token):
        return [requests.get(host + path, headers=headers_of(token), timeout=30).status_code for host in self.hosts]

    def at_once(self, path, *, times=20, token="", **body):
        return races.at_once([partial(self.post, number, path, token, **body) for number in range(times)])


def headers_of(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.fixture
def programs(stand):
    return Programs(stand)


@pytest.fixture
def worker(programs):
    """(e-mail, password, secret of the authenticator) of a new owner."""
    email = f"programmer{next(_numbers)}@example.com"
    new = in_transaction(partial(accounts.create_staff, email, role="owner", issuer="Murni Batik"))
    return email, new.password, new.otpauth_url.partition("secret=")[2].partition("&")[0]


def challenge(programs, worker):
    answer = programs.post(0, LOGIN, email=worker[0], password=worker[1])
    assert answer.status_code == 200, answer.text
    return answer.json()["challenge_token"]


def sign_in(programs, worker):
    answer = programs.post(0, VERIFY, challenge(programs, worker), code=pyotp.TOTP(worker[2]).now())
    assert answer.status_code == 200, answer.text
    return answer.json()


def register(programs):
    email = f"shopper{next(_numbers)}@example.com"
    token = ask("register", email, registration=registration())
    in_transaction(lambda: customers.finish_registration(token, device=DEVICE))
    answer = programs.post(0, CUSTOMER_LOGIN, email=email, password=PASSWORD)
    assert answer.status_code == 200, answer.text
    return answer.json()


def let_time_pass(table):
    with transaction():
        db.rows(f"UPDATE {table} SET spent_at = spent_at - interval '11 seconds' RETURNING 1")


@pytest.mark.parametrize("who", ["staff", "customer"])
def test_twenty_renewals_at_once_have_one_child(programs, worker, who):
    """Ten times over: all get the same next token, and it is the only one that is good."""
    path = CLEANUP if who == "staff" else PREFERENCES
    first = sign_in(programs, worker) if who == "staff" else register(programs)
    token = first["refresh_token"]
    for _ in range(10):
        answers = programs.at_once(REFRESH, refresh_token=token)
        assert {answer.status_code for answer in answers} == {200}
        children = {answer.json()["refresh_token"] for answer in answers}
        assert len(children) == 1
        assert children != {token}
        spent, token = token, children.pop()
    access = answers[0].json()["access_token"]
    assert programs.get(path, access) == [200] * 4
    let_time_pass(f"{who}_spent_token")
    # The thief's twenty tries: the session ends once, and its owner is told once.
    answers = programs.at_once(REFRESH, refresh_token=spent)
    assert {answer.status_code for answer in answers} == {401}
    assert programs.get(path, access) == [401] * 4
    assert programs.post(1, REFRESH, refresh_token=token).status_code == 401
    told = {"staff": "staff.alerted", "customer": "customer.token_stolen"}[who]
    where = "AND payload ->> 'kind' = 'stolen_token'" if who == "staff" else ""
    assert db.scalar(f"SELECT count(*) FROM outbox_event WHERE name = :name {where}", name=told) == 1
    with transaction():
        db.rows("DELETE FROM outbox_event WHERE name = :name RETURNING 1", name=told)


def test_old_and_new_at_once_never_leave_two_good_ones(programs, worker):
    """The thief with the old token and the owner with the new one, at the same moment: afterwards neither has anything."""
    token = sign_in(programs, worker)["refresh_token"]
    new = programs.post(0, REFRESH, refresh_token=token).json()["refresh_token"]
    let_time_pass("staff_spent_token")
    works = [partial(programs.post, number, REFRESH, refresh_token=(token, new)[number % 2]) for number in range(20)]
    answers = races.at_once(works)
    assert {answer.status_code for answer in answers} <= {200, 401}
    for answer in answers:
        if answer.status_code == 200:
            assert programs.get(CLEANUP, answer.json()["access_token"]) == [401] * 4
            assert programs.post(0, REFRESH, refresh_token=answer.json()["refresh_token"]).status_code == 401


def test_renewals_and_the_end_at_once(programs, worker):
    """Signing out wins, whoever comes first."""
    first = sign_in(programs, worker)
    works = [
        partial(programs.post, number, (REFRESH, LOGOUT)[number % 2], refresh_token=first["refresh_token"])
        for number in range(20)
    ]
    answers = races.at_once(works)
    assert {answer.status_code for answer in answers} <= {200, 401}
    for answer in answers:
        said = answer.json()
        if "access_token" in said:
            assert programs.get(CLEANUP, said["access_token"]) == [401] * 4
            assert programs.post(0, REFRESH, refresh_token=said["refresh_token"]).status_code == 401
    assert programs.get(CLEANUP, first["access_token"]) == [401] * 4


def test_x1_one_code_at_both_doors_at_once(programs, worker):
    """Twenty challenges, four processes, one code: one of them is signed in."""
    challenges = [challenge(programs, worker) for _ in range(20)]
    code = pyotp.TOTP(worker[2]).now()
    works = [partial(programs.post, number, VERIFY, each, code=code) for number, each in enumerate(challenges)]
    answers = [answer.status_code for answer in races.at_once(works)]
    assert answers.count(200) == 1
    assert set(answers) <= {200, 422, 429}
