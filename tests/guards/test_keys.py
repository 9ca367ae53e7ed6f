"""No encrypted column and no blind index is forgotten when keys are rotated."""

from sqlalchemy import LargeBinary

from app import process
from app.core import crypto, keyring
from app.core.db import Base


def test_every_blind_index_says_how_it_is_rotated() -> None:
    """Computed from the encrypted column beside it (`email` -> `email_index`), or its `info` says why not: LASTING where nobody
    knows the value any more, `{crypto.INDEX: "<table>.<column>"}` where it is a copy of another index."""
    process.import_models()
    computed = {f"{each.table.name}.{index}" for each in keyring.tables() for index in each.indexes.values()}
    columns = [column for table in Base.metadata.tables.values() for column in table.columns]
    indexes = {
        f"{each.table.name}.{each.name}": each.info.get(crypto.INDEX)
        for each in columns
        if each.name.endswith("_index") and isinstance(each.type, LargeBinary)
    }
    assert {name for name, kind in indexes.items() if kind is None} == computed
    copies = {kind for kind in indexes.values() if kind not in (None, crypto.LASTING[crypto.INDEX])}
    assert copies <= computed


def test_every_encrypted_column_has_a_row_to_be_found_by() -> None:
    process.import_models()
    assert [each.table.name for each in keyring.tables() if not each.key] == []
    assert {"customer", "orders", "staff", "audit_entry", "mail_message", "kept_key"} <= {
        each.table.name for each in keyring.tables()
    }
