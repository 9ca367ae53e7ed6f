"""One-time codes and passwords of the staff over four web processes: once is once, and five tries are five (X1 to X3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from app.accounts import actions as accounts
from app.core import crypto, db
from app.core.transaction import in_transaction, transaction
from chaos import races
from chaos.buyer import Buyer
from tools.webforms import form_to

STEP = 30


class Member:
    """Somebody with an authenticator. `browser(n)` is a browser of theirs, at an address of its own, after the password."""

    def __init__(self, stand) -> None:
        self.stand = stand
        self.email = f"staff-{db.scalar('SELECT count(*) FROM staff')}@example.com"
        new = in_transaction(lambda: accounts.create_staff(self.email, role="owner", issuer="Kedai"))
        self.password, self.index = new.password, crypto.blind_index(self.email)
        self.totp = pyotp.TOTP(parse_qs(urlsplit(new.otpauth_url).query)["secret"][0])

    def browser(self, number: int) -> tuple[Buyer, dict[str, str]]:
        browser = Buyer(self.stand, number)
        answer = browser.send("/admin/login", "/admin/login", email=self.email, password=self.password)
        assert answer.status_code == 303, answer.text
        return browser, form_to(browser.page("/admin/totp"), "/admin/totp").fields

    def browsers(self, count: int) -> list[tuple[Buyer, dict[str, str]]]:
        return in_turn([lambda n=n: self.browser(n) for n in range(count)])

    def code(self) -> str:
        """Of a step that does not end while twenty browsers press the button."""
        return self.totp.generate_otp(int(time.time()) // STEP + 1)

    def wrong_codes(self) -> list[str]:
        right = {self.totp.generate_otp(int(time.time()) // STEP + n) for n in range(-22, 23)}
        return [code for code in (f"{n:06}" for n in range(100)) if code not in right]

    def scalar(self, sql: str) -> object:
        found = db.scalar(sql, index=self.index)
        db.release()
        return found


PASSED = (
    "SELECT count(*) FROM staff_session s JOIN staff p ON p.id = s.staff_id"
    " WHERE p.email_index = :index AND s.passed_totp_at IS NOT NULL"
)
TRIED = "SELECT count(*) FROM login_attempt WHERE account_index = :index AND kind = 'code' AND NOT was_right"


@pytest.fixture
def member(stand) -> Member:
    return Member(stand)


def in_turn(works: list[Callable[[], Any]]) -> list[Any]:
    """A few at a time."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda work: work(), works))


def press(browsers, codes: list[str]) -> list[int]:
    """All at the same moment."""
    return races.at_once(
        [
            lambda each=each, code=code: each[0].post("/admin/totp", {**each[1], "code": code}).status_code
            for each, code in zip(browsers, codes, strict=True)
        ]
    )


def test_x1_twenty_submissions_of_one_code_are_one_sign_in(member):
    browsers = member.browsers(20)
    answers = press(browsers, [member.code()] * 20)
    assert answers.count(303) == 1
    assert set(answers) <= {303, 422, 429}
    assert member.scalar(PASSED) == 1
    assert sum(browser.get("/admin/").status_code == 200 for browser, _form in browsers) == 1


def test_x3_twenty_submissions_of_one_backup_code_are_one_sign_in(member):
    with transaction():
        staff_id = db.scalar("SELECT id FROM staff WHERE email_index = :index", index=member.index)
        code = accounts.replace_backup_codes(staff_id)[0]
        db.rows("UPDATE staff SET backup_codes_saved_at = now() WHERE id = :id RETURNING 1", id=staff_id)
    answers = press(member.browsers(20), [code] * 20)
    assert answers.count(303) == 1
    assert member.scalar(PASSED) == 1
    spent = "SELECT count(*) FROM staff_backup_code c JOIN staff p ON p.id = c.staff_id WHERE p.email_index = :index"
    assert member.scalar(f"{spent} AND used_at IS NOT NULL") == 1


def test_x2_fifty_sessions_at_fifty_addresses_have_five_tries(member):
    """Whoever is at work stays so; the right code has to wait like every other."""
    at_work, form = member.browser(0)
    assert at_work.post("/admin/totp", {**form, "code": member.totp.now()}).status_code == 303
    browsers = member.browsers(50)
    answers = press(browsers, member.wrong_codes()[:50])
    assert sorted(set(answers)) == [422, 429]
    assert answers.count(422) == 5
    assert member.scalar(TRIED) == 5
    browser, form = member.browser(60)
    assert browser.post("/admin/totp", {**form, "code": member.code()}).status_code == 429
    assert at_work.get("/admin/").status_code == 200
    assert member.scalar(PASSED) == 1


def test_forty_passwords_from_forty_addresses_have_five_tries(member):
    browsers = [Buyer(member.stand, 1000 + n) for n in range(40)]
    forms = in_turn([lambda b=b: form_to(b.page("/admin/login"), "/admin/login") for b in browsers])
    answers = races.at_once(
        [
            lambda b=b, f=f: b.post("/admin/login", f.filled(email=member.email, password="Wrong-Word 1!")).status_code
            for b, f in zip(browsers, forms, strict=True)
        ]
    )
    assert (answers.count(422), set(answers)) == (5, {422, 429})
