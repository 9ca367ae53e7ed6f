"""Gift cards in the back office (PAY-31): codes shown once, batches as a file, a ledger, disabling, changing by hand."""

import csv
import io
import re

from app.core import db
from app.core.transaction import transaction
from app.value import queries as value
from tests.changes import changes
from tests.shop import faults
from tests.value.cards import counters, issue, movements
from tools.webforms import form_to

NEW = "/admin/gift-cards/new"


def fill(merchant, **typed):
    """The answer to the form to issue."""
    form = form_to(merchant.get(NEW), NEW)
    return merchant.client.post(NEW, data=form.filled(**typed))


def accounts():
    found = db.rows(
        "SELECT id, kind, currency, balance_minor, last_four, expires_at, note, batch_id FROM value_account ORDER BY position"
    )
    db.release()
    return found


def test_a_code_is_shown_once_and_mailed_to_whom_it_is_for(merchant, drain):
    form = form_to(merchant.get(NEW), NEW).filled(
        amount="50", email="aina@example.com", expires="2099-12-31", note="Hari Raya"
    )
    answer = merchant.client.post(NEW, data=form)
    code = re.search(r'id="code">([A-Z2-9-]{19})<', answer.text)[1]
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    [account] = accounts()
    assert (account.kind, account.balance_minor, account.last_four) == ("gift_card", 5000, code[-4:])
    again = merchant.client.post(NEW, data=form)
    assert (again.status_code, len(accounts())) == (303, 1)
    page = merchant.get(again.location)
    assert "cannot be shown again" in page
    for path in ("/admin/gift-cards", f"/admin/gift-cards/{account.id}", f"/admin/gift-cards?q={code[-4:].lower()}"):
        page = merchant.get(path)
        assert f"••••{code[-4:]}" in page
        assert code not in page
    page = merchant.get(f"/admin/gift-cards?q={code}")  # all that stands in the form again are its last four
    assert (f'value="{code[-4:]}"' in page, code in page) == (True, False)
    assert 'maxlength="4"' in page
    stored = value.account(account.id)
    assert stored.mail_code == code
    db.release()
    assert faults() == {}


def test_a_batch_is_a_file_of_codes_that_work(merchant):
    answer = fill(merchant, amount="12.50", count="3", sold="1")
    assert (answer.status_code, answer.mimetype, answer.headers["Cache-Control"]) == (200, "text/csv", "no-store")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["amount"], row["currency"]) for row in rows] == [("12.50", "MYR")] * 3
    assert {value.account_by_code(row["code"]).id for row in rows} == {row.id for row in accounts()}
    db.release()
    page = merchant.get(f"/admin/gift-cards?batch={accounts()[0].batch_id}")
    assert page.count("••••") == 3
    assert db.scalar("SELECT count(DISTINCT object_id) FROM audit_entry WHERE action = 'value.issued'") == 3
    db.release()
    assert faults() == {}


def test_mistakes_are_told_and_nothing_is_issued(merchant):
    for typed, words in (
        ({"amount": "0"}, "Enter an amount such as 12.50"),
        ({"amount": "1.234"}, "Enter an amount such as 12.50"),
        ({"amount": "5", "count": "1001"}, "from 1 to 1000"),
        ({"amount": "5000.01", "count": "2"}, "At most RM\u00a010,000.00"),
        ({"amount": "5", "expires": "2020-01-01"}, "Enter a day to come"),
        ({"amount": "5", "email": "nobody"}, "Enter an e-mail address"),
        ({"amount": "5", "count": "2", "email": "aina@example.com"}, "A batch is for the printer"),
        ({"amount": "5", "note": "a\nb"}, "one line"),
    ):
        answer = fill(merchant, **typed)
        assert (answer.status_code, words in answer.text) == (422, True), typed
    assert accounts() == []


def test_a_card_is_disabled_changed_for_a_reason_and_its_ledger_tells(merchant):
    card = issue(1000).account
    page = f"/admin/gift-cards/{card.id}"
    merchant.press(page, f"{page}/disable")
    assert "Disabled" in merchant.get(page)
    merchant.press(page, f"{page}/enable")
    merchant.press(page, f"{page}/adjust", direction="raise", amount="5", note="Late parcel")
    text = merchant.get(page)
    assert ("Late parcel" in text, "RM\u00a015.00" in text) == (True, True)
    for typed in ({"amount": "99", "note": "x"}, {"amount": "1", "note": ""}, {"amount": "x", "note": "x"}):
        form = form_to(merchant.get(page), f"{page}/adjust")
        answer = merchant.client.post(form.action, data=form.filled(direction="lower", **typed))
        assert answer.status_code == 422
    form = form_to(merchant.get(page), f"{page}/adjust")
    answer = merchant.client.post(form.action, data=form.filled(direction="raise", amount="10000.01", note="x"))
    assert (answer.status_code, "At most RM\u00a010,000.00" in answer.text) == (422, True)
    assert (counters(card), [row[0] for row in movements(card)]) == ((1500, 0), ["issue", "adjust"])
    assert changes("value.disabled") == [({"state": "active"}, {"state": "disabled"})]
    assert changes("value.active") == [({"state": "disabled"}, {"state": "active"})]
    assert changes("value.adjusted") == [({"balance_minor": 1000}, {"balance_minor": 1500})]
    assert merchant.client.get(f"/admin/gift-cards/{card.batch_id}").status_code == 404


def test_a_new_code_is_sent_to_an_address_and_the_old_one_is_over(merchant):
    issued = issue(1000)
    page = f"/admin/gift-cards/{issued.account.id}"
    form = form_to(merchant.get(page), f"{page}/code")
    assert merchant.client.post(form.action, data=form.filled(email="nobody")).status_code == 422
    assert value.account_by_code(issued.code) is not None
    db.release()
    merchant.press(page, f"{page}/code", email="aina@example.com")
    account = value.account(issued.account.id)
    assert (account.email, account.balance_minor) == ("aina@example.com", 1000)
    assert value.account_by_code(account.mail_code).id == account.id
    assert value.account_by_code(issued.code) is None
    assert db.scalar("SELECT count(*) FROM audit_entry WHERE action = 'value.code_renewed'") == 1
    db.release()


def test_value_is_made_after_a_fresh_sign_in_only(merchant):
    card = issue(1000).account
    page, paths = f"/admin/gift-cards/{card.id}", [NEW]
    tokens = form_to(merchant.get(page), f"{page}/adjust").fields
    form = {**tokens, "amount": "5", "note": "x", "direction": "raise"}
    with transaction():
        db.rows("UPDATE staff_session SET passed_totp_at = passed_totp_at - interval '15 minutes' RETURNING id")
    paths += [f"{page}/adjust", f"{page}/disable", f"{page}/code"]
    for path in paths:
        answer = merchant.client.post(path, data=form)
        assert (answer.status_code, answer.location.startswith("/admin/totp?again=1")) == (303, True)
    assert (counters(card), len(accounts())) == ((1000, 0), 1)
