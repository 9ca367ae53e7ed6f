"""S16: what other transactions got in the way of is tried again, three times in all, and nothing of a failed try stays."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from app.core import db
from app.core.errors import Unavailable
from app.core.transaction import in_transaction, transaction

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def somebody(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Another program, which keeps the row of the warehouse KB."""
    with transaction():
        insert("KB")
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        connection.execute("SELECT id FROM warehouse WHERE code = 'KB' FOR UPDATE")
        yield connection


def insert(code: str) -> None:
    db.rows("INSERT INTO warehouse (id, code, name) VALUES (uuidv7(), :code, :code) RETURNING id", code=code)


def codes() -> list[str]:
    found = [row[0] for row in db.rows("SELECT code FROM warehouse ORDER BY code")]
    db.release()
    return found


class Work:
    """Writes a row, then wants the one that is kept; `before` is called with the number of the try."""

    def __init__(self, before: Callable[[int], object] = lambda _number: None) -> None:
        self.tries, self.before = 0, before

    def __call__(self) -> int:
        self.tries += 1
        self.before(self.tries)
        db.rows("SET LOCAL lock_timeout = '10ms'")
        insert(f"NEW {self.tries}")
        db.rows("UPDATE warehouse SET name = 'Kota Bharu' WHERE code = 'KB' RETURNING id")
        return self.tries


def test_s16_a_row_that_stays_busy_is_tried_three_times_and_then_refused(somebody: psycopg.Connection) -> None:
    work = Work()
    with pytest.raises(Unavailable) as refusal:
        in_transaction(work)
    assert (work.tries, refusal.value.status) == (3, 503)
    assert codes() == ["KB"]


def test_s16_the_third_try_may_succeed_and_only_its_work_stays(somebody: psycopg.Connection) -> None:
    work = Work(before=lambda number: somebody.rollback() if number == 3 else None)
    assert in_transaction(work) == 3
    assert codes() == ["KB", "NEW 3"]


def test_s16_a_serialisation_failure_is_tried_again(somebody: psycopg.Connection) -> None:
    """The row changed after this transaction had taken its picture of the shop."""
    somebody.rollback()
    tries = []

    def work() -> None:
        tries.append(len(tries))
        db.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        db.rows("SELECT 1 FROM warehouse")
        if len(tries) == 1:
            somebody.execute("UPDATE warehouse SET name = 'Theirs'")
            somebody.commit()
        db.rows("UPDATE warehouse SET name = name || ', ours' RETURNING id")

    in_transaction(work)
    assert len(tries) == 2
    assert db.scalar("SELECT name FROM warehouse") == "Theirs, ours"


def test_s16_what_would_fail_again_is_not_tried_again() -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        insert("KB")
        insert("KB")

    with pytest.raises(IntegrityError):
        in_transaction(work)
    assert (tries, codes()) == ([1], [])
