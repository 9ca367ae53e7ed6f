"""The database: one engine, one scoped session, the declarative base. Who opens a transaction: `transaction.py`.

Outside transactions each read stands for itself (PostgreSQL's autocommit): no BEGIN and ROLLBACK around the two or three
reads of a page, and no connection that idles inside a transaction. There nothing can be written: the server refuses.
"""

import re
import uuid
from collections import namedtuple
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from select import POLLIN, poll
from typing import Annotated, Any, ClassVar

import psycopg
from sqlalchemy import BigInteger, DateTime, MetaData, create_engine, event, func
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from app.core.ids import new_id

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# What a caller sees while the database is away or overrun: answer 503, do not look for a bug.
OUTAGES: tuple[type[Exception], ...] = (OperationalError, InterfaceError, PoolTimeout)
# A value PostgreSQL cannot hold (NUL in a text, a number out of range) that nobody stopped before.
BAD_VALUES: tuple[type[Exception], ...] = (DataError,)

# A host that died without a word acknowledges nothing: give up on it within seconds, not after TCP's quarter of an hour.
HALF_DEAD = {"tcp_user_timeout": 12_000, "keepalives_idle": 30, "keepalives_interval": 5, "keepalives_count": 3}

PREPARED_STATEMENTS = 400  # of each connection


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: DateTime(timezone=True), int: BigInteger}


Key = Annotated[uuid.UUID, mapped_column(primary_key=True, default=new_id)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.clock_timestamp())]

session: scoped_session[Session] = scoped_session(sessionmaker(expire_on_commit=False))
_engine: Engine | None = None
_asked: tuple[object, ...] = ()


def connect(url: str, *, pool_size: int = 5, statement_timeout_ms: int = 15_000) -> Engine:
    """Bind the session to the PostgreSQL at `url`. Called once per process, by the factory (again in tests).

    Asked for the same again, it keeps the engine, with its connections and the statements it has compiled.
    """
    global _engine, _asked
    asked = (url, pool_size, statement_timeout_ms)
    if _engine is not None:
        session.remove()
        if asked == _asked:
            return _engine
        _engine.dispose()
    # Disks are solid today: at the default of 4 the planner reads whole tables where an index is ten times faster.
    options = (
        f"-c timezone=utc -c statement_timeout={statement_timeout_ms} -c lock_timeout=10000 -c random_page_cost=1.1"
        " -c default_transaction_read_only=on"
    )
    _engine = create_engine(
        _driver_url(url),
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        hide_parameters=True,  # they are personal data, and errors are logged
        connect_args={
            "cursor_factory": _Cursor,
            "options": options,
            "connect_timeout": 5,
            "application_name": "kedai",
            **HALF_DEAD,
        },
    )
    event.listen(_engine, "connect", _keep_prepared)
    event.listen(_engine, "checkout", _refuse_closed)
    session.configure(bind=_engine)
    _asked = asked
    return _engine


class _Cursor(psycopg.Cursor[Any]):
    """For SQLAlchemy, which wants the columns of each result described: it looks at their names and types alone."""

    @property
    def description(self) -> Any:
        result = self.pgresult
        if result is None or not result.nfields:
            return None
        return _described(*(part for at in range(result.nfields) for part in (result.fname(at), result.ftype(at))))


@lru_cache(maxsize=1024)
def _described(*columns: Any) -> list[tuple[Any, ...]]:
    names, types = columns[::2], columns[1::2]
    return [(name.decode(), kind, None, None, None, None, None) for name, kind in zip(names, types, strict=True)]


def _keep_prepared(connection: Any, _record: object) -> None:
    """The shop has a few hundred statements; with the driver's 100 the ones of a purchase would push each other out."""
    connection.prepared_max = PREPARED_STATEMENTS


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """A server that ended has said so, or at least hung up: then there is something to read. The pool connects anew.

    Asking the server at each checkout, as `pool_pre_ping` does, would cost a round trip: as much as a page's queries.
    """
    socket = poll()
    socket.register(connection.pgconn.socket, POLLIN)
    if socket.poll(0):
        raise DisconnectionError


def engine() -> Engine:
    """For the schema and mass loads alone: they have to ask for a transaction, and for leave to write."""
    if _engine is None:
        raise RuntimeError("the database is not connected yet")
    return _engine


@contextmanager
def owner(url: str) -> Iterator[Connection]:
    """A connection of its own as the role of `url`, with leave to write and without the shop's limits: for the schema."""
    engine = create_engine(
        _driver_url(url), poolclass=NullPool, hide_parameters=True, connect_args={"connect_timeout": 5}
    )
    with engine.connect() as connection:
        yield connection


def release() -> None:
    """Give the connection back before something slow. What was only read is forgotten; call it outside transactions."""
    session.rollback()


def forget() -> None:
    """End of a request or a job: roll back whatever was left open and drop the identity map."""
    session.remove()


def rows(statement: Any, /, **params: Any) -> list[Any]:
    """Rows of a plain SQL text with `:names`, for what needs no entities; none where it returns nothing. Or of a statement of
    SQLAlchemy's.

    A text goes straight to the driver, on the session's own connection and in its transaction: SQLAlchemy would take twice as
    long for it. Rows are named tuples; values are the driver's. What went wrong is raised as SQLAlchemy's own errors.
    """
    if not isinstance(statement, str):
        return list(session.execute(statement, params))
    return _sent(statement, params, fetch=_all)


def scalar(statement: Any, /, **params: Any) -> Any:
    """The first value of the first row, None without one."""
    if not isinstance(statement, str):
        return session.execute(statement, params).scalar()
    row = _sent(statement, params, fetch=_first)
    return row[0] if row else None


def now() -> datetime:
    """The current moment by the database's clock, which is one for all processes, as aware UTC."""
    moment: datetime = scalar("SELECT clock_timestamp()")
    return moment


def lock_words(words: Sequence[str]) -> None:
    """Let whoever names one of these words wait for us, until the transaction ends."""
    scalar(
        "SELECT count(pg_advisory_xact_lock(hashtextextended(word, 0))) FROM unnest(CAST(:words AS text[])) AS word",
        words=sorted(words),
    )


def each_of(sql: str, **lists: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """`sql` with each `= ANY(:name)` spelt out as `IN (:name_0, :name_1)`, and the values to send with it.

    Of an array whose length it cannot know PostgreSQL expects ten elements, so it finds the plan it has kept dearer than a
    new one, and plans anew each time: for a cart's lines that takes six times as long as reading them.
    """
    values: dict[str, Any] = {}
    for name, given in lists.items():
        own = {f"{name}_{place}": value for place, value in enumerate(given)}
        values |= own
        sql = sql.replace(f"= ANY(:{name})", f"IN ({', '.join(f':{each}' for each in own)})")
    return sql, values


def begin_writing(*, relaxed: bool) -> None:
    """In one round trip. Outside of transactions the connection reads only, each statement for itself."""
    _sent("BEGIN READ WRITE" + ("; SET LOCAL synchronous_commit = off" if relaxed else ""), None, fetch=_nothing)


def _sent(sql: str, params: dict[str, Any] | None, *, fetch: Callable[[psycopg.Cursor[Any]], Any]) -> Any:
    connection = session.connection()
    raw: Any = connection.connection.dbapi_connection
    cursor = psycopg.Cursor(raw, row_factory=_named)
    try:
        cursor.execute(sql if params is None else _for_driver(sql), params)
        return fetch(cursor)  # which may fail too: at a value that Python has none for
    except psycopg.Error as error:
        is_lost = bool(raw.closed)
        if is_lost:
            connection.invalidate(error)
        raise DBAPIError.instance(
            sql, params, error, psycopg.Error, hide_parameters=True, connection_invalidated=is_lost,
            dialect=connection.dialect,
        ) from error  # fmt: skip


def _all(cursor: psycopg.Cursor[Any]) -> list[Any]:
    return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []


def _first(cursor: psycopg.Cursor[Any]) -> Any:
    return cursor.fetchone() if cursor.pgresult and cursor.pgresult.nfields else None


def _nothing(_cursor: psycopg.Cursor[Any]) -> None:
    pass


@lru_cache(maxsize=1024)
def _for_driver(sql: str) -> str:
    """`:name` as the driver spells it, looked for once: not `::type`, but also within quotes."""
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


def _named(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Any]:
    result = cursor.pgresult
    if result is None or not result.nfields:
        return tuple
    maker: Callable[[Sequence[Any]], Any] = _row_type(*(result.fname(at) for at in range(result.nfields)))._make
    return maker


@lru_cache(maxsize=1024)
def _row_type(*names: bytes) -> Any:
    """Columns without a name of their own are told by their place."""
    return namedtuple("Row", [name.decode() for name in names], rename=True)


def _driver_url(url: str) -> str:
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url
