"""A copy for tests that tells of nobody (DAT-06): made-up people in place of the real ones, told by their old fingerprints, so that
nothing is decrypted and the copy needs no key of the shop it came from. In the caller's transaction, all or nothing.
"""

from __future__ import annotations

import json
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from app.core import crypto, db
from app.privacy.inventory import DISGUISES, EMPTIED, REPLACED, Disguise
from app.tailoring.rules import BOUNDS, Fitting

A_BATCH = 2000
FIRST = (
    "Aina", "Siti", "Farid", "Hafiz", "Nurul", "Azlan", "Mei Ling", "Wei Jie", "Kah Yan", "Jia Hui", "Priya", "Arun", "Kavitha",
    "Suresh", "Lakshmi", "Daniel", "Grace", "Jonathan", "Zarina", "Iskandar",
)  # fmt: skip
LAST = (
    "Rahman", "Ismail", "Abdullah", "Yusof", "Tan", "Lim", "Wong", "Lee", "Ng", "Chong", "Kumar", "Raj", "Nair", "Pillai", "Menon",
    "Fernandez", "Pereira", "Osman", "Salleh", "Hashim",
)  # fmt: skip
STREETS = ("Jalan Kiara", "Jalan Ampang", "Lorong Meranti", "Jalan Tun Razak", "Persiaran Gurney", "Jalan Sultan")
TOWNS = (
    ("50480", "Kuala Lumpur", "Kuala Lumpur"),
    ("10250", "George Town", "Pulau Pinang"),
    ("15000", "Kota Bharu", "Kelantan"),
    ("80000", "Johor Bahru", "Johor"),
    ("93000", "Kuching", "Sarawak"),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """The `number`-th made-up person. The same number and seed are the same person in every table; no two share an address."""

    number: int
    seed: int
    country: str = "MY"

    @cached_property
    def _drawn(self) -> tuple[str, str, dict[str, str]]:
        """Names and a home, all drawn at once: what is asked for first must not matter."""
        dice = random.Random(f"{self.seed} {self.number}")  # noqa: S311 - people of a test, no secrets
        postcode, city, state = dice.choice(TOWNS)
        line = f"{dice.randint(1, 250)} {dice.choice(STREETS)}"
        home = {"line1": line, "line2": "", "postcode": postcode, "city": city, "state": state}
        return dice.choice(FIRST), dice.choice(LAST), home

    @property
    def plain_name(self) -> str:
        return " ".join(self._drawn[:2])

    @property
    def plain_email(self) -> str:
        first, last = (each.lower().replace(" ", ".") for each in self._drawn[:2])
        return f"{first}.{last}.{self.number}@example.com"

    @property
    def plain_phone(self) -> str:
        return f"+6011{10_000_000 + self.number % 90_000_000}"

    def email(self) -> str:
        return crypto.encrypt(self.plain_email)

    def email_index(self) -> bytes:
        return crypto.blind_index(self.plain_email)

    def name(self) -> str:
        return crypto.encrypt(self.plain_name)

    def phone(self) -> str:
        return crypto.encrypt(self.plain_phone)

    def phone_index(self) -> bytes:
        return crypto.blind_index(self.plain_phone)

    def address(self) -> str:
        return crypto.encrypt(json.dumps({"name": self.plain_name, **self._drawn[2], "country": self.country}))

    @property
    def _plain_measures(self) -> dict[str, int]:
        """Somebody's who is neither very small nor very large, in millimetres."""
        dice = random.Random(f"{self.seed} {self.number} measures")  # noqa: S311
        return {name: dice.randint((3 * low + high) // 4, (low + high) // 2) for name, (low, high) in BOUNDS.items()}

    def measures(self) -> str:
        return crypto.encrypt(json.dumps(self._plain_measures))

    def fitting(self) -> str:
        worn = Fitting(self._plain_measures, name=self.plain_name)
        return crypto.encrypt(json.dumps(worn.record()))

    def buyer(self) -> str:
        home = self._drawn[2]
        lines = [self.plain_name, home["line1"], f"{home['postcode']} {home['city']}", home["state"], self.plain_email]
        return crypto.encrypt(json.dumps({"heading": "Bill to", "lines": lines}))

    def staff_email(self) -> str:
        return crypto.encrypt(f"staff.{self.number}@example.com")

    def staff_email_index(self) -> bytes:
        return crypto.blind_index(f"staff.{self.number}@example.com")

    def totp_secret(self) -> str:
        return crypto.encrypt("".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(32)))


def replace_everybody(*, seed: int, tell: Callable[[str], object] = lambda _line: None) -> None:
    """Every person of this database by a made-up one. Whoever signs in does so anew: no password, session or token works."""
    db.rows("SET LOCAL statement_timeout = 0")  # a million orders take their time
    guarded = [row[0] for row in db.rows(_GUARDED)]
    for table in guarded:
        db.rows(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    db.rows(f"TRUNCATE {', '.join(EMPTIED)}")
    _number_people()
    for each in DISGUISES:
        tell(f"{_disguise(each, seed=seed):>9}  {each.table}")
    _replace_columns()
    for table in guarded:
        db.rows(f"ALTER TABLE {table} ENABLE TRIGGER USER")


_GUARDED = (
    "SELECT DISTINCT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
)


def _number_people() -> None:
    """Each fingerprint of a person gets a number; the order tells nothing, as the fingerprints are keyed."""
    all_of_them = " UNION ".join(
        f"SELECT {each.whose} AS old FROM {each.table} t WHERE {each.where}"  # noqa: S608 - our own words  # nosec B608
        for each in DISGUISES
    )
    db.rows(
        "CREATE TEMPORARY TABLE person_number ON COMMIT DROP AS"  # noqa: S608  # nosec B608
        f" SELECT old, row_number() OVER (ORDER BY old) AS number FROM ({all_of_them}) AS known WHERE old IS NOT NULL"
    )
    db.rows("ALTER TABLE person_number ADD PRIMARY KEY (old)")


def _disguise(what: Disguise, *, seed: int) -> int:
    """Returns how many rows. By key, in batches: the numbers are looked up before a batch changes the fingerprints."""
    last, total = "00000000-0000-0000-0000-000000000000", 0
    country = "t.country" if what.table == "orders" else "'MY'"
    while True:
        found = db.rows(
            f"SELECT t.id, n.number, {country} AS country FROM {what.table} t"  # noqa: S608  # nosec B608
            f" JOIN person_number n ON n.old = {what.whose} WHERE {what.where} AND t.id > CAST(:last AS uuid)"
            " ORDER BY t.id LIMIT :limit",
            last=last,
            limit=A_BATCH,
        )
        if not found:
            return total
        people = [Person(row.number, seed, row.country) for row in found]
        _write(what, [row.id for row in found], people)
        last, total = str(found[-1].id), total + len(found)


def _write(what: Disguise, ids: list[Any], people: list[Person]) -> None:
    columns: Mapping[str, str] = what.shows
    kinds = {name: "bytea" if name.endswith("_index") else "text" for name in columns}
    sets = ", ".join(f"{name} = CASE WHEN t.{name} IS NULL THEN NULL ELSE u.{name} END" for name in columns)
    lists = ", ".join(f"CAST(:{name} AS {kinds[name]}[])" for name in columns)
    db.rows(
        f"UPDATE {what.table} t SET {sets}"  # noqa: S608  # nosec B608
        f" FROM unnest(CAST(:ids AS uuid[]), {lists}) AS u (id, {', '.join(columns)}) WHERE t.id = u.id RETURNING 1",
        ids=ids,
        **{name: [getattr(person, show)() for person in people] for name, show in columns.items()},
    )


def _replace_columns() -> None:
    values = {"salt": secrets.token_hex(32), "nothing": crypto.encrypt(""), "no_record": crypto.encrypt("{}")}
    for table, columns in REPLACED.items():
        sets = ", ".join(f"{name} = {value}" for name, value in columns.items())
        db.rows(f"UPDATE {table} SET {sets}", **{name: each for name, each in values.items() if f":{name}" in sets})  # noqa: S608  # nosec B608


def reclaim() -> None:
    """What the old rows left behind in the files of the tables, where a copy of the disk would still show it. Outside of
    transactions."""
    db.rows("SET statement_timeout = 0")
    for table in sorted({each.table for each in DISGUISES} | set(REPLACED)):
        db.rows(f"VACUUM FULL {table}")
    db.rows("RESET statement_timeout")


def database_name() -> str:
    name: str = db.scalar("SELECT current_database()")
    return name


def is_owner() -> bool:
    """Whether the tables are ours to empty."""
    owned: bool = db.scalar(
        "SELECT bool_and(pg_has_role(tableowner, 'USAGE')) FROM pg_tables WHERE schemaname = current_schema()"
    )
    return owned


def keys() -> set[str]:
    """The ids of the keys by whose fingerprints people are told. Under several, one person would become several."""
    each_table = " UNION ".join(
        f"SELECT split_part(t.email, '.', 1) AS key FROM {each.table} t WHERE {each.where}"  # noqa: S608 - our own words  # nosec B608
        for each in DISGUISES
        if "email_index" in each.shows
    )
    return {row.key for row in db.rows(f"SELECT key FROM ({each_table}) AS known WHERE key <> ''")}  # noqa: S608  # nosec B608
