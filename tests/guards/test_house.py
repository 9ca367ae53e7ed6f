"""The promises of the house that a search can keep."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from tests.routes import path_of

ROOT = Path(__file__).parents[2]
APP = ROOT / "app"
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in APP.rglob("*.py")}


PUBLIC = ("/api/openapi.json", "/api/docs")


def users_of(pattern: str) -> set[str]:
    """The files whose code matches, comments and texts left aside."""
    wanted = re.compile(pattern)
    return {name for name, code in _code().items() if wanted.search(code)}


@cache
def _code() -> dict[str, str]:
    return {name: ast.unparse(_without_texts(ast.parse(text))) for name, text in SOURCES.items()}


def _without_texts(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return tree


@pytest.mark.parametrize(
    ("what", "where"),
    [
        (r"\bsession\.commit\(", {"app/core/transaction.py"}),
        (r"\bos\.environ\b", {"app/ops/metrics.py", "app/ops/sharing.py"}),  # how prometheus_client wants to be told
        (r"(==|!=) crypto\.blind_index\(", set()),  # what looks for one looks for all: blind_indexes
        (
            r"settings\.secret_key\b",
            {"app/core/settings/faults.py", "app/core/tokens.py", "app/web/cookies.py"},
        ),  # else: cookies.signing_keys
        (r"\.enqueue\(", {"app/jobs.py", "app/workers.py"}),
        (r"\bprint\(", set()),
        (r"\beval\(|\bexec\(|\bpickle\b|yaml\.load\(", set()),
        (r"verify=False", set()),
        (r"\bdatetime\.utcnow\(|\bdatetime\.now\(\)", set()),
    ],
)
def test_only_there(what: str, where: set[str]) -> None:
    assert users_of(what) <= where


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert [name for name in SOURCES if Path(name).stem in ("utils", "helpers", "common", "misc")] == []


def test_files_stay_short() -> None:
    long_files = [f"{name}: {text.count(chr(10))}" for name, text in SOURCES.items() if text.count("\n") > 420]
    assert long_files == []


def test_every_domain_says_what_it_is() -> None:
    silent = [
        folder.name
        for folder in APP.iterdir()
        if (folder / "__init__.py").exists() and not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
    ]
    assert silent == []


def test_changes_are_posted(app: Flask) -> None:
    """Pages take GET and POST only: plain forms must work. Everything else belongs to the API."""
    odd = [
        f"{rule.rule} {sorted(rule.methods & {'PUT', 'PATCH', 'DELETE'})}"
        for rule in app.url_map.iter_rules()
        if rule.methods & {"PUT", "PATCH", "DELETE"} and not rule.rule.startswith("/api/")
    ]
    assert odd == []


def test_personal_pages_are_never_stored(app: Flask) -> None:
    """Cart, checkout, orders and the back office answer no-store, whatever they answer (X21)."""
    client = app.test_client()
    personal = (
        "/cart",
        "/checkout",
        "/order",
        "/track",
        "/admin",
        "/api/",
        "/account",
        "/login",
        "/register",
        "/wishlist",
        "/unsubscribe",
        "/newsletter",
    )
    asked = [
        path_of(app, rule)
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and rule.rule.startswith(personal) and rule.rule not in PUBLIC
    ]
    assert len(asked) > 5
    assert [path for path in asked if "no-store" not in client.get(path).headers.get("Cache-Control", "")] == []


def test_every_decision_is_in_the_index_by_its_number_and_title() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    wanted = []
    for record in sorted(folder.glob("0*.md")):
        number, _, title = record.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").partition(". ")
        assert int(number) == int(record.name[:4]), record.name
        wanted.append(f"- {number}. [{title}]({record.name})")
    assert [line for line in index if line.startswith("- ")] == wanted
