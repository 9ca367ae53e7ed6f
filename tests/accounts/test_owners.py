"""The last owner stays, also when two of them let each other go: the second waits for the first, and looks again."""

import threading
import time

import pytest

from app.accounts import queries
from app.accounts.actions import people
from app.accounts.actions.people import Chosen
from app.accounts.errors import LastOwner
from app.core import db
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
    outcome = []

    def second():
        try:
            with transaction():
                outcome.append(leave(mei.staff_id, siti))
        except LastOwner as refusal:
            outcome.append(refusal)
        finally:
            db.forget()

    thread = threading.Thread(target=second)
    with transaction():
        assert leave(siti.staff_id, mei)
        thread.start()
        until = time.monotonic() + PATIENCE
        while not is_somebody_waiting() and thread.is_alive() and time.monotonic() < until:
            thread.join(timeout=0.02)
        assert thread.is_alive(), "it did not wait for the first to end"
    thread.join(timeout=PATIENCE)
    assert [type(each) for each in outcome] == [LastOwner]
    assert db.scalar(GONE) == 1
