"""Two things about the same people at the same moment: the second waits for the first, and looks again."""

import threading
import time

import pytest

from app.accounts import queries
from app.accounts.actions import people
from app.accounts.actions.people import Chosen
from app.accounts.errors import InvitationOver, LastOwner
from app.accounts.queries import telling
from app.core import db
from app.core.errors import ShopError
from app.core.transaction import transaction
from tests.staff import hire

GONE = "SELECT count(*) FROM staff WHERE is_active AND role = 'owner'"
PATIENCE = 30


def signed_in(app, email):
    """The owner as the back office knows them."""
    member = hire(app, email).sign_in()
    found = queries.signed_in(member.client.get_cookie("staff").value)
    db.release()
    return found


def is_somebody_waiting():
    return db.scalar("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")


@pytest.mark.parametrize(
    "leave", [lambda who, by: people.let_go(who, by=by), lambda who, by: people.give_role(who, Chosen("agent"), by=by)]
)
def test_the_second_of_two_who_let_each_other_go_is_refused(app, leave):
    mei, siti = signed_in(app, "mei@example.com"), signed_in(app, "siti@example.com")
    first, second = overlapping(lambda: leave(siti.staff_id, mei), lambda: leave(mei.staff_id, siti))
    assert (first, type(second)) == (True, LastOwner)
    assert db.scalar(GONE) == 1


@pytest.mark.parametrize("comes_first", ["goodbye", "joining"])
def test_who_is_let_go_while_somebody_they_invited_joins(app, comes_first):
    """Whichever comes first: the other waits, and finds it so. Nobody joins after the goodbye."""
    mei, siti = signed_in(app, "mei@example.com"), signed_in(app, "siti@example.com")
    with transaction():
        invitation = people.invite("aina@example.com", Chosen("agent"), by=mei)
    token = telling.mail_invitation(invitation, 1).token
    db.release()
    works = [lambda: people.let_go(mei.staff_id, by=siti), lambda: people.accept(token, password_hash="x")]
    first, second = overlapping(*(works if comes_first == "goodbye" else reversed(works)))
    expected = (True, InvitationOver) if comes_first == "goodbye" else (first, bool)
    assert (first, type(second)) == expected
    assert db.scalar("SELECT count(*) FROM staff") == (2 if comes_first == "goodbye" else 3)
    assert not db.scalar("SELECT is_active FROM staff WHERE id = :id", id=mei.staff_id)


def overlapping(first, second):
    """Both in transactions of their own, the second while the first is open, for which it has to wait. Returns what came of
    each; a refusal is one."""
    outcome = []

    def run():
        try:
            with transaction():
                outcome.append(second())
        except ShopError as refusal:
            outcome.append(refusal)
        finally:
            db.forget()

    thread = threading.Thread(target=run)
    with transaction():
        done = first()
        thread.start()
        until = time.monotonic() + PATIENCE
        while not is_somebody_waiting() and thread.is_alive() and time.monotonic() < until:
            thread.join(timeout=0.02)
        assert thread.is_alive(), "it did not wait for the first to end"
    thread.join(timeout=PATIENCE)
    return done, *outcome
