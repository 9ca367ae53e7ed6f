"""One answer, two forms (UX 0.3)."""

from collections.abc import Callable

import pytest
from flask import Flask, Response
from jinja2 import DictLoader

from app.web.respond import element_id, respond

TEMPLATES = {
    "shelf/page.html": "<main>{% include 'shelf/_lines.html' %}{% include 'shelf/_sum.html' %}</main>",
    "shelf/_lines.html": '<ul id="lines">{{ n }}</ul>',
    "shelf/_sum.html": '<p id="sum"{% if oob %} hx-swap-oob="true"{% endif %}>{{ n * 2 }}</p>',
    "badge/_badge.html": '<b id="badge"{% if oob %} hx-swap-oob="true"{% endif %}></b>',
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ask(make_app: Callable[..., Flask]) -> Callable[..., Response]:
    app = make_app()
    app.jinja_env.loader.files = DictLoader(TEMPLATES)

    def ask(part: object, headers: dict[str, str] | None = None, **options: object) -> Response:
        with app.test_request_context("/shelf", headers=headers):
            return respond("shelf/page.html", part, n=21, **options)

    return ask


def test_a_browser_gets_the_page(ask: Callable[..., Response]) -> None:
    answer = ask("_lines.html")
    assert answer.get_data(as_text=True) == '<main><ul id="lines">21</ul><p id="sum">42</p></main>'
    assert {"HX-Request", "HX-Target"} <= set(answer.vary)
    assert "no-store" not in answer.headers.get("Cache-Control", "")


def test_htmx_gets_the_part_and_what_comes_along(ask: Callable[..., Response]) -> None:
    answer = ask("_lines.html", HTMX, also=("_sum.html", "badge/_badge.html"))
    assert answer.get_data(as_text=True).split("\n") == [
        '<ul id="lines">21</ul>',
        '<p id="sum" hx-swap-oob="true">42</p>',
        '<b id="badge" hx-swap-oob="true"></b>',
    ]
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"HX-Request", "HX-Target"} <= set(answer.vary)


def test_with_several_parts_the_target_decides(ask: Callable[..., Response]) -> None:
    parts = ("_lines.html", "_sum.html")
    assert ask(parts, {**HTMX, "HX-Target": "sum"}).get_data(as_text=True) == '<p id="sum">42</p>'
    assert ask(parts, {**HTMX, "HX-Target": "elsewhere"}).get_data(as_text=True).startswith("<main>")


def test_history_is_restored_with_pages(ask: Callable[..., Response]) -> None:
    assert (
        ask("_lines.html", {**HTMX, "HX-History-Restore-Request": "true"}).get_data(as_text=True).startswith("<main>")
    )


def test_refused_forms_keep_their_status(ask: Callable[..., Response]) -> None:
    assert ask("_lines.html", HTMX, status=422).status_code == 422
    assert ask("_lines.html", status=422).status_code == 422


def test_a_partial_is_named_like_its_element() -> None:
    assert element_id("layouts/_cart_badge.html") == "cart-badge"
