"""What forms are not made for: fields they do not have, texts nobody types, ways out of the shop. Over every form there is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from app.core import crypto, db
from tests.attacks.test_state_changes import SEEN
from tests.attacks.world import Stand, World, columns, differences, digest, tables_that_hold

FORMS_THERE_ARE = 45  # at least
# Values by the type of a column, that no row would hold by itself.
STRANGE = {
    "integer": "13371337",
    "bigint": "13371337",
    "smallint": "1337",
    "uuid": "13371337-1337-7000-8000-133713371337",
    "timestamp with time zone": "1987-06-05T04:03:02+00:00",
    "date": "1987-06-05",
    "boolean": "true",
    "jsonb": '{"pwned": 13371337}',
    "ARRAY": "pwned-1337",
}
TEXT = "pwned-1337"
TRACES = (TEXT, "13371337", "1987-06-05")
LARGER_THAN_A_FORM, LONG = "A" * 1_000_000, "A" * 100_000
UNTYPED = {"NUL": "Aina\x00Rahman", "a megabyte": LARGER_THAN_A_FORM, "long": LONG}
ODD = {
    "right to left": "\u202eAina \u2066Rahman",
    "emoji": "👩🏽‍💻🇲🇾 Aina",
    "combining": "Z\u0351\u036b\u0343" * 20,
    "SQL": "' OR 1=1; --",
    "template": "{{7*7}}{% raw %}${7*7}<%= 7*7 %>",
    "format": "%(num)s %s {0} {email}",
    "lines": "Aina\r\nX-Bad: 1\r\n\r\n<h1>",
    "number": "9" * 400,
    "path": "../../../../etc/passwd",
}


@pytest.fixture
def forms(world: World) -> list[Stand]:
    found = world.forms()
    assert len(found) >= FORMS_THERE_ARE, [each.name for each in found]
    return found


def test_x13_columns_are_no_fields(world: World, forms: list[Stand]) -> None:
    """Every form is sent with every column of the database that it has no control for: none of it arrives in any table."""
    strange = {name: STRANGE.get(min(kinds), TEXT) for name, kinds in columns().items()}
    people = {name: who_they_are(name) for name in ("aina@example.com", "owner@example.com")}
    for each in forms:
        more = {name: value for name, value in strange.items() if name not in each.names}
        answer = each.send({**more, **each.form.fields})
        assert answer.status_code < 500, (each.name, answer.status)
    assert tables_that_hold(*TRACES) == []
    assert {name: who_they_are(name) for name in people} == people


def who_they_are(email: str) -> list[tuple[object, ...]]:
    """What makes somebody who they are, in both tables of people; the forms themselves change none of it."""
    index = {"index": crypto.blind_index(email)}
    found = db.rows("SELECT id, visitor, is_active, password_hash FROM customer WHERE email_index = :index", **index)
    found += db.rows(
        "SELECT id, role, role_id, is_active, password_hash FROM staff WHERE email_index = :index", **index
    )
    db.release()
    assert found
    return [tuple(row) for row in found]


def typed(each: Stand) -> list[str]:
    """The fields that a person types or picks; the token stays as it is, or nothing would look at the others."""
    return [name for name in each.form.fields if name != "csrf_token"]


def test_tst04_what_nobody_types_is_refused_in_words(forms: list[Stand]) -> None:
    """In every field of every form: a clear 4xx, or it was no field that is kept. Nothing of it is stored."""
    wrong = []
    for what, text in UNTYPED.items():
        for each in forms:
            before = digest(without=SEEN) if what == "NUL" else {}
            answers = {name: each.send(each.form.filled(**{name: text})) for name in typed(each)}
            for name, answer in answers.items():
                is_refused = 400 <= answer.status_code < 500
                if answer.status_code >= 500 or (what == "a megabyte" and not is_refused):
                    wrong.append((what, each.name, name, answer.status))
                if is_refused and not says_why(answer):
                    wrong.append((what, each.name, name, "says nothing"))
            if before and all(answer.status_code >= 400 for answer in answers.values()):
                changed = differences(before, digest(without=SEEN))
                if not changed_by_a_try(changed):
                    wrong.append((what, each.name, "", str(changed)))
    assert wrong == [], wrong
    assert tables_that_hold("A" * 5000) == []


def changed_by_a_try(changed: list[str]) -> bool:
    """A wrong password or code is written down."""
    return set(changed) <= {"customer_sign_in", "login_attempt", "staff_alert", "outbox_event", "outbox_delivery"}


def says_why(answer: TestResponse) -> bool:
    return answer.status_code in (401, 403) or len(re.sub(r"<[^>]*>|\s+", "", answer.text)) > 100


def test_tst04_odd_texts_break_nothing(forms: list[Stand]) -> None:
    """Names of all scripts are names; whatever is answered, it is an answer, and no header came out of it."""
    wrong = []
    for what, text in ODD.items():
        for each in forms:
            answer = each.send(each.form.filled(**dict.fromkeys(typed(each), text)))
            if answer.status_code >= 500 or "X-Bad" in answer.headers:
                wrong.append((what, each.name, answer.status))
            if what == "template" and ">49<" in answer.text:
                wrong.append((what, each.name, "computed"))
    assert wrong == [], wrong


EVIL = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "/%09/evil.example", "\t//evil.example", "https:evil.example",
    "/\t/evil.example", "@evil.example", "/@evil.example", "http:\\\\evil.example", "/\r\nLocation: //evil.example",
    "javascript:alert(1)", "///evil.example", "/%5cevil.example", "/.//evil.example", "/%2f%2fevil.example",
)  # fmt: skip
OURS = ("/about", "/admin/refunds")
REFERER = {"Referer": "https://evil.example/", "Sec-Fetch-Site": "cross-site"}
WAYS = ("next", "return", "return_to", "url", "back", "redirect", "to", "goto", "continue", "r", "u")


def test_x8_no_way_leads_out_of_the_shop(world: World, forms: list[Stand]) -> None:
    """Every page and form, with every name that could say where to go, in the query, in the form and as Referer. Whatever
    follows one of them to a page of ours is given the whole corpus."""
    walk = Walk(world, forms)
    walk.follow(EVIL[0])
    followed = walk.follow(OURS[0]) | walk.follow(OURS[1])
    for evil in EVIL[1:]:
        walk.follow(evil, only=followed)
    assert walk.wrong == [], walk.wrong
    assert {"GET /login", "GET /admin/login", "customer: /-/preferences"} <= followed


class Walk:
    """All pages and forms, asked to lead somewhere. `wrong` are those that led out of the shop."""

    def __init__(self, world: World, forms: list[Stand]) -> None:
        self.world, self.forms, self.routes = world, forms, world.routes("GET")
        self.wrong: list[tuple[str, str, str]] = []

    def follow(self, where: str, *, only: set[str] | None = None) -> set[str]:
        """Names of those that led to one of OURS."""
        asked = [*self._pages(where), *self._forms(where)]
        found = {name for name, ask in asked if (only is None or name in only) and self._led(where, name, ask())}
        db.forget()
        return found

    def _pages(self, where: str) -> Iterator[tuple[str, Callable[[], TestResponse]]]:
        clients = self.world.clients()
        for route in self.routes:
            for who in ("customer", "staff"):
                options = {"query_string": dict.fromkeys(WAYS, where), "headers": REFERER}
                yield route.name, partial(clients[who].get, route.path, **options)

    def _forms(self, where: str) -> Iterator[tuple[str, Callable[[], TestResponse]]]:
        ways = dict.fromkeys(WAYS, where)
        for each in self.forms:
            for more in ({}, {"HX-Request": "true"}):
                options = {"query_string": ways, "headers": {**REFERER, **more}}
                yield each.name, partial(each.send, {**each.form.fields, **ways}, **options)

    def _led(self, where: str, name: str, answer: TestResponse) -> bool:
        ways = leads(answer)
        self.wrong += [(where, name, each) for each in ways if not is_ours(each, self.world)]
        return any(each.startswith(OURS) for each in ways)


def leads(answer: TestResponse) -> list[str]:
    """Where an answer sends the browser by itself."""
    found = [answer.headers[name] for name in ("Location", "HX-Redirect", "HX-Location") if name in answer.headers]
    refresh = [answer.headers.get("Refresh", "")]
    if answer.mimetype == "text/html":
        refresh += re.findall(r'<meta http-equiv="refresh" content="([^"]*)"', answer.text)
    return found + [each.partition("url=")[2] for each in refresh if each]


def is_ours(where: str, world: World) -> bool:
    """As a browser reads it: tabs and line ends drop out, a backslash is a slash."""
    read = re.sub(r"[\t\r\n]", "", where).replace("\\", "/").strip()
    parts = urlsplit(read)
    is_bank = f"{parts.scheme}://{parts.netloc}" == world.aina.bank.url
    return is_bank or (parts.scheme in ("", "http") and parts.netloc in ("", "localhost") and not read.startswith("//"))
