"""What looks suspicious about signing in (SEC-12) is noted, shown and told; it stops nobody who is right."""

import pytest

from app.accounts import queries, rules
from app.core import crypto, db
from app.core.transaction import transaction
from app.privacy import flows as privacy
from tests.sql import watched
from tests.staff import StaffMember, hire
from tools.webforms import form_to

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) AppleWebKit/605.1 Version/19.0 Safari/604.1"


def kinds():
    found = [row[0] for row in db.rows("SELECT kind FROM staff_alert ORDER BY created_at")]
    db.release()
    return found


def come(app, member, address, agent=FIREFOX):
    """The same person from somewhere, signed in."""
    with transaction():
        db.rows("UPDATE staff SET last_totp_step = 0, backup_codes_saved_at = now() RETURNING id")
    other = StaffMember(app.test_client(), member.email, member.password, member.secret)
    other.client.environ_base.update(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    return other.sign_in()


def wrong(app, email, address):
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    form = form_to(client.get("/admin/login").text, "/admin/login")
    return client.post("/admin/login", data=form.filled(email=email, password="x")).status_code


def rest():
    """Nobody has done anything for an hour."""
    with transaction():
        db.rows("UPDATE staff_session SET last_seen_at = last_seen_at - interval '1 hour' RETURNING id")


def test_the_first_sign_in_and_the_usual_place_are_no_alert(app, member):
    come(app, member, "203.0.113.7")
    come(app, member, "203.0.113.99", FIREFOX.replace("140", "141"))
    assert kinds() == []


def test_a_new_place_or_browser_is_told_once(app, member):
    come(app, member, "203.0.113.7")
    rest()
    come(app, member, "198.51.100.7")
    assert kinds() == ["new_place"]
    rest()
    come(app, member, "203.0.113.7", IPHONE)
    rest()
    come(app, member, "198.51.100.7")
    assert kinds() == ["new_place", "new_place"]
    assert db.scalar("SELECT count(*) FROM outbox_event WHERE name = 'staff.alerted'") == 2


def test_an_account_that_rested_until_its_sessions_were_forgotten_is_told(app, member):
    """Its first sign-in for months is not its first of all, wherever it comes from."""
    come(app, member, "203.0.113.7")
    with transaction():
        db.rows("UPDATE staff_session SET expires_at = now() - interval '31 days' RETURNING id")
    privacy.forget_old()
    assert db.scalar("SELECT count(*) FROM staff_session") == 0
    come(app, member, "198.51.100.7")
    assert kinds() == ["new_place"]


def test_two_networks_within_minutes(app, member):
    come(app, member, "203.0.113.7")
    come(app, member, "2001:db8:1:2::3")
    assert kinds() == ["new_place", "pace"]


def test_many_accounts_from_one_address_are_told_once(app, member):
    """Also at accounts that do not exist; another address counts for itself."""
    for number in range(rules.MANY_ACCOUNTS - 1):
        wrong(app, f"nobody{number}@example.com", "198.51.100.7")
    wrong(app, "nobody0@example.com", "198.51.100.7")
    wrong(app, "somebody@example.com", "203.0.113.7")
    assert kinds() == []
    for number in range(4, 9):
        assert wrong(app, f"nobody{number}@example.com", "198.51.100.7") == 422
    assert kinds() == ["many_accounts"]
    come(app, member, "198.51.100.7")
    with transaction():
        db.rows("UPDATE staff_alert SET created_at = created_at - interval '16 minutes' RETURNING id")
    wrong(app, "nobody9@example.com", "198.51.100.7")
    assert kinds() == ["many_accounts", "many_accounts"]


def test_who_goes_on_for_long_makes_no_try_wait_for_another(app, member):
    """Once it is told, a wrong try asks for no lock that all tries from this address share."""
    for number in range(rules.MANY_ACCOUNTS):
        wrong(app, f"nobody{number}@example.com", "198.51.100.7")
    with watched() as sent:
        wrong(app, "nobody9@example.com", "198.51.100.7")
    assert sum("advisory" in each for each in sent) == 1  # of the account
    assert not any("account_index) FROM (" in each for each in sent)


def test_many_tries_at_few_accounts_are_not_many_accounts_and_hide_none(app):
    address = "198.51.100.7"

    def tried(account, count):
        with transaction():
            db.rows(
                "INSERT INTO login_attempt (id, account_index, kind, was_right, address_index)"
                " SELECT uuidv7(), :account, k, false, :address FROM unnest(CAST(:kinds AS text[])) k,"
                " generate_series(1, :count) RETURNING id",
                account=account,
                address=crypto.blind_index(address),
                count=count,
                kinds=list(rules.TRY_KINDS),
            )

    tried(b"first", 1)
    for name in (b"2", b"3", b"4"):
        tried(name, rules.TRIES)
    assert not queries.has_tried_many(address)
    tried(b"5", rules.TRIES)
    assert queries.has_tried_many(address)
    db.release()


def test_alerts_stand_on_the_page_and_nobodys_address_in_clear(app, owner):
    come(app, owner, "198.51.100.77", IPHONE)
    page = owner.get("/admin/activity/sign-ins")
    for words in ("Suspicious", "Signed in from a new place or browser", "Safari, iPhone", "198.51.100.…"):
        assert words in page
    assert "198.51.100.77" not in page
    assert "198.51.100.77" not in str(db.rows("SELECT address FROM staff_alert"))
    assert "Suspicious" not in owner.get("/admin/activity/sign-ins?show=wrong")


def test_whom_it_concerns_is_written_to(make_app, office, drain):
    app = make_app(MAIL_URL=office.url)
    member = hire(app)
    come(app, member, "203.0.113.7")
    rest()
    come(app, member, "198.51.100.7", IPHONE)
    for number in range(rules.MANY_ACCOUNTS):
        wrong(app, f"nobody{number}@example.com", "192.0.2.9")
    drain()
    told = {(str(mail["To"]), str(mail["Subject"])) for mail in office.mails}
    assert told == {
        ("siti@example.com", "Your account was used from a new place"),
        ("hello@murnibatik.example", "Somebody tries many back-office accounts"),
    }


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.…"),
        ("2001:db8:1:2::3", "2001:0db8:0001:…"),
        ("2001:db8::1", "2001:0db8:0000:…"),
        (None, ""),
        ("", ""),
    ],
)
def test_the_network_of_an_address(address, network):
    assert rules.network(address) == network


def test_the_wrong_tries_of_an_address_are_found_by_an_index(as_owner):
    with transaction():
        db.rows(
            "INSERT INTO login_attempt (id, account_index, kind, was_right, address_index, created_at)"
            " SELECT uuidv7(), 'x', 'code', n % 5 > 0, CAST((n % 20)::text AS bytea), now() - make_interval(mins => n)"
            " FROM generate_series(1, 20000) n"
        )
        db.rows("ANALYZE login_attempt")
        tried = "SELECT account_index FROM login_attempt WHERE address_index = '7' AND NOT was_right"
        plan = str(db.rows(f"EXPLAIN {tried} ORDER BY created_at DESC LIMIT 101"))
    assert ("ix_login_attempt_wrong" in plan, "Sort" in plan) == (True, False), plan


def test_what_is_a_month_old_is_forgotten_in_short_transactions(app, member):
    """However many tries somebody left behind: 1,000 at a time, and nothing younger."""
    come(app, member, "203.0.113.7")
    with transaction():
        db.rows(
            "INSERT INTO login_attempt (id, account_index, kind, was_right, created_at) SELECT uuidv7(), 'x', 'password',"
            " false, now() - interval '31 days' FROM generate_series(1, 10007)"
        )
        db.rows("UPDATE staff_session SET expires_at = now() - interval '31 days' WHERE passed_totp_at IS NULL")
    with watched() as sent:
        privacy.forget_old()
    assert sum("DELETE FROM login_attempt" in each for each in sent) == 11
    assert db.scalar("SELECT count(*) FROM login_attempt") == 2
    assert db.scalar("SELECT count(*) FROM staff_session") == 1
