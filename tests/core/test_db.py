"""The shop's own SQL on its way to the driver: what comes back, and how failures look."""

import uuid

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from app.core import db
from app.core.transaction import transaction

pytestmark = pytest.mark.usefixtures("database")


def test_names_casts_and_percent_signs():
    row = db.rows("SELECT :a::text AS first, 'ten %'::text LIKE '%n \\%' AS is_like, 3 AS \"class\"", a="x")[0]
    assert (row.first, row.is_like, row[2], tuple(row)) == ("x", True, 3, ("x", True, 3))


def test_statements_that_return_nothing():
    with transaction():
        assert db.rows("SET LOCAL lock_timeout = '1s'") == []
        assert db.scalar("SELECT 1 WHERE false") is None


def test_each_of_spells_lists_out():
    sql, values = db.each_of("SELECT 1 FROM t WHERE id = ANY(:ids) AND p = ANY(:others)", ids=["a", "b"], others=["c"])
    assert sql == "SELECT 1 FROM t WHERE id IN (:ids_0, :ids_1) AND p IN (:others_0)"
    assert values == {"ids_0": "a", "ids_1": "b", "others_0": "c"}


def test_refusals_are_sqlalchemys_and_keep_values_to_themselves():
    with pytest.raises(IntegrityError) as refusal, transaction():
        db.rows(
            "INSERT INTO outbox_delivery (id, event_id, handler) VALUES (:id, :id, :handler)",
            id=uuid.uuid4(),
            handler="aina@example.com",
        )
    assert refusal.value.orig.sqlstate == "23503"
    assert "aina" not in str(refusal.value).partition("DETAIL")[0]


def test_a_value_that_python_has_none_for_is_a_bad_value():
    with pytest.raises(db.BAD_VALUES):
        db.rows("SELECT 'infinity'::timestamptz")
    assert db.scalar("SELECT 1") == 1


def test_a_lost_connection_is_told_and_replaced():
    mine = db.scalar("SELECT pg_backend_pid()")
    url = db.engine().url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (mine,))
    with pytest.raises(OperationalError) as loss:
        db.scalar("SELECT 1")
    assert isinstance(loss.value, DBAPIError)
    assert loss.value.connection_invalidated
    db.forget()
    assert db.scalar("SELECT 1") == 1


def test_nothing_is_written_outside_of_transactions():
    with pytest.raises(DBAPIError) as refusal:
        db.rows("DELETE FROM outbox_delivery")
    assert refusal.value.orig.sqlstate == "25006"
