"""The inventory of personal data against the models: a column that nobody thought of fails here (DAT-04 … DAT-08)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from sqlalchemy import Column, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.db import Base
from app.core.settings import Retention
from app.customers.rules import CONSENT_VERSIONS, LOCKED, TYPES
from app.orders.rules import TERMS_VERSION
from app.privacy import copying, inventory
from app.process import import_models

ROOT = Path(__file__).parents[2]
TELLING = (Text, LargeBinary, JSONB, ARRAY, TSVECTOR, EncryptedText, EncryptedJSON)
import_models()
TABLES: dict[str, Table] = dict(Base.metadata.tables)


def is_encrypted(column: Column[object]) -> bool:
    return isinstance(column.type, EncryptedText | EncryptedJSON)


def telling(table: Table) -> set[str]:
    return {column.name for column in table.columns if isinstance(column.type, TELLING)}


def disguised(name: str) -> set[str]:
    return {column for each in inventory.DISGUISES if each.table == name for column in each.shows}


def test_every_column_that_can_tell_something_is_known() -> None:
    """In a copy for tests each is emptied, made up, replaced, or said to tell of nobody."""
    forgotten, twice = [], []
    for name, table in TABLES.items():
        if name in inventory.EMPTIED or name in inventory.IMPERSONAL_TABLES:
            continue
        changed = disguised(name) | set(inventory.REPLACED.get(name, {}))
        harmless = set(inventory.IMPERSONAL.get(name, frozenset()))
        forgotten += [f"{name}.{column}" for column in telling(table) - changed - harmless]
        twice += [f"{name}.{column}" for column in changed & harmless]
    assert forgotten == []
    assert twice == []


def test_what_is_encrypted_is_never_said_to_tell_of_nobody() -> None:
    for name, table in TABLES.items():
        personal = {column.name for column in table.columns if is_encrypted(column)}
        assert not (name in inventory.IMPERSONAL_TABLES and personal), name
        assert not personal & inventory.IMPERSONAL.get(name, frozenset()), name


def test_the_inventory_names_nothing_that_is_not_there() -> None:
    for name in (*inventory.EMPTIED, *inventory.STAYING, *inventory.COPIED, *inventory.NOT_COPIED):
        assert name in TABLES, name
    for name in inventory.IMPERSONAL_TABLES - {"alembic_version"}:
        assert name in TABLES, name
    for name, columns in {**inventory.IMPERSONAL}.items():
        assert columns <= set(TABLES[name].columns.keys()), name
    for name, changed in inventory.REPLACED.items():
        assert set(changed) <= set(TABLES[name].columns.keys()), name


def test_whatever_is_personal_goes_some_day() -> None:
    """Each table with an encrypted column, a visitor or a fingerprint of a person has a sweep, or says why it stays."""
    swept = {each.table for each in inventory.SWEEPS}
    marks = {
        "visitor",
        "email_index",
        "phone_index",
        "address_index",
        "recipient_index",
        "account_index",
        "customer_id",
    }
    personal = {
        name
        for name, table in TABLES.items()
        if marks & set(table.columns.keys()) or any(is_encrypted(column) for column in table.columns)
    }
    assert personal - swept - set(inventory.STAYING) == set()
    assert {each.days for each in inventory.SWEEPS} | {days for _, days, _ in inventory.ORDER_SWEEPS} <= set(
        Retention.__dataclass_fields__
    )


def test_every_sweep_has_an_index_for_its_order() -> None:
    for each in inventory.SWEEPS:
        leading = [
            re.sub(r" .*", "", str(next(iter(index.expressions)))).split(".")[-1]
            for index in TABLES[each.table].indexes
        ]
        assert each.moment in leading, f"{each.table}.{each.moment}"


def test_the_copy_of_somebodys_data_has_all_their_tables() -> None:
    """Whatever leads to a customer, a visitor or an address, by any number of references, is in the copy or says why not."""
    marks = {"visitor", "email_index", "recipient_index", "customer_id"}
    theirs = {name for name, table in TABLES.items() if marks & set(table.columns.keys())} - {
        "staff",
        "staff_invitation",
        "staff_reset",
    }
    while True:
        more = {
            name
            for name, table in TABLES.items()
            if any(key.column.table.name in theirs for column in table.columns for key in column.foreign_keys)
        } - {"ledger_entry"}
        if more <= theirs:
            break
        theirs |= more
    known = set(inventory.COPIED) | set(inventory.NOT_COPIED)
    assert sorted(theirs - known - REACHED_FOR_NOBODY) == []


# Led to by an order, and about goods or the shop's money alone.
REACHED_FOR_NOBODY = {"refund_line", "stock_movement", "reconciliation_run", "provider_transaction"}


def test_the_copy_has_the_names_that_the_inventory_says(database: None) -> None:
    assert set(inventory.COPIED.values()) <= set(copying.of_guest("nobody@example.com")) | ACCOUNT_ONLY


ACCOUNT_ONLY = {
    "addresses", "cart", "checkout", "former_addresses", "measurements", "passkeys", "preferences", "sessions", "sign_in_providers",
    "wishlist",
}  # fmt: skip

# What was read when somebody agreed, by the version that was noted. Who changes the words gives them a new version.
WORDINGS = {
    "marketing": ("2026-11-26", "templates/storefront/account/preferences.html", r'"marketing": \((.*?)\), "alerts"'),
    "alerts": ("2026-11-26", "templates/storefront/account/preferences.html", r'"alerts": \((.*?)\)\}'),
    "registration": ("2026-11-26", "app/storefront/customer_forms.py", r"(\n.*news = .*\n)"),
    "newsletter": (
        "2026-11-26",
        "templates/storefront/newsletter/_newsletter.html",
        r"<p>(.*about once a month.*)</p>",
    ),
    "newsletter, confirmed": (
        "2026-11-26",
        "templates/storefront/newsletter/confirm.html",
        r"(.*about once a month.*)",
    ),
    "checkout": ("2026-11-26", "app/storefront/checkout_forms.py", r"(\n.*news = .*\n)"),
    "terms": ("2026-11-26", "templates/storefront/checkout/review.html", r"(By ordering you accept our.*)\n"),
    "terms page": ("2026-11-26", "templates/storefront/pages/terms.html", r"(?s)(.*)"),
}
FINGERPRINTS = {
    "marketing": "5d32826057720476",
    "alerts": "8b3a60daa9485d0b",
    "registration": "b8fe860ad52140c2",
    "newsletter": "21f410dde2be6b8a",
    "newsletter, confirmed": "faf76878a5724f39",
    "checkout": "48f865048a26c625",
    "terms": "d5ed2bdbfa3a81c6",
    "terms page": "778ddc80c4d362c6",
}


@pytest.mark.parametrize("what", WORDINGS)
def test_a_wording_has_a_version_of_its_own(what: str) -> None:
    version, path, pattern = WORDINGS[what]
    found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))
    assert found, f"{path} no longer says it so"
    assert (what, version, hashlib.sha256(found[1].encode()).hexdigest()[:16]) == (what, version, FINGERPRINTS[what]), (
        "the words have changed: give them a new version in the rules, and here"
    )
    known = TERMS_VERSION if what.startswith("terms") else CONSENT_VERSIONS.get(what, CONSENT_VERSIONS["marketing"])
    assert known == version


def test_whatever_needs_a_yes_has_a_version() -> None:
    assert set(TYPES) - {kind for _channel, kind in LOCKED} == set(CONSENT_VERSIONS)
