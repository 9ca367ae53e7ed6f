"""How the suite is shared out: see tests/sharing_out.py."""

from types import SimpleNamespace

from run import environment
from tests import sharing_out

FILES = {
    "tests/accounts/test_rules.py": 2,
    "tests/attacks/test_forms.py": 1,
    "tests/browser/test_books.py": 1,
    "tests/flows/test_value.py": 3,
    "tests/races/test_storm.py": 2,
    "tests/races/test_money.py": 1,
}


def test_a_stand_stays_together_and_files_stand_alone() -> None:
    units = {sharing_out.unit_of(f"{name}::test_it[with/a::slash]") for name in FILES}
    assert units == {
        "tests/accounts/test_rules.py",
        "tests/attacks/test_forms.py",
        "tests/browser",
        "tests/flows/test_value.py",
        "tests/races",
    }


def test_what_takes_longest_begins_first_and_files_keep_their_order() -> None:
    assert [name for name in sharing_out.LONG if not (environment.PROJECT / name).is_file()] == []
    items = [SimpleNamespace(nodeid=f"{name}::test_{n}") for name, count in FILES.items() for n in range(count)]
    sharing_out.longest_first(items)
    assert [item.nodeid.removeprefix("tests/") for item in items] == [
        "browser/test_books.py::test_0",
        "races/test_storm.py::test_0", "races/test_storm.py::test_1", "races/test_money.py::test_0",
        "attacks/test_forms.py::test_0",
        "flows/test_value.py::test_0", "flows/test_value.py::test_1", "flows/test_value.py::test_2",
        "accounts/test_rules.py::test_0", "accounts/test_rules.py::test_1",
    ]  # fmt: skip
