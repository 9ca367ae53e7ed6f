"""A shop's application with a few pages of the tests' own, for what all pages have in common."""

import re
from collections.abc import Callable

import pytest
from flask import Blueprint, Flask, render_template_string, request
from flask.testing import FlaskClient

from app.core.errors import Conflict, Refused, Unavailable
from app.web import security
from app.web.limits import limit, limit_api
from app.web.respond import no_store, respond
from app.web.visitor import ensure_visitor


def probe_pages() -> Blueprint:
    bp = Blueprint("probe", __name__)

    @bp.get("/probe")
    def show() -> str:
        return render_template_string('<meta name="csrf-token" content="{{ csrf_token() }}"><i>{{ csp_nonce() }}</i>')

    @bp.post("/probe")
    def change() -> str:
        return f"changed by {request.form.get('name')}"

    @bp.get("/probe/visitor")
    def visitor() -> str:
        return ensure_visitor()

    @bp.get("/probe/leave")
    def leave() -> str:
        security.allow_form_action("https://pay.example", "https://bank.example")
        return "to the bank"

    @bp.get("/probe/<kind>")
    def refuse(kind: str) -> str:
        refusals = {
            "refused": Refused("Enter a postcode with 5 digits", code="postcode", example="50480"),
            "conflict": Conflict("Somebody was faster"),
            "unavailable": Unavailable("The bank does not answer"),
        }
        raise refusals.get(kind) or RuntimeError("a bug with aina@example.com in it")

    @bp.get("/probe/part")
    def part() -> object:
        return respond("errors/404.html", "../layouts/_cart_badge.html", cart_count=3)

    @bp.post("/probe/limited")
    @limit("3/minute", per_address="5/minute")
    def limited() -> str:
        return "counted"

    @bp.post("/probe/form")
    @limit("100/minute")
    def form() -> str:
        return "taken"

    return bp


def probe_api() -> Blueprint:
    bp = limit_api(no_store(Blueprint("probe_api", __name__)))

    @bp.get("/api/probe")
    def show() -> dict[str, str]:
        return {"fine": "yes"}

    return bp


@pytest.fixture
def probe(make_app: Callable[..., Flask]) -> Callable[..., FlaskClient]:
    """A client of an application with these settings and the pages above."""

    def make(**changed: str) -> FlaskClient:
        app = make_app(**changed)
        app.register_blueprint(probe_pages())
        app.register_blueprint(probe_api())
        return app.test_client()

    return make


@pytest.fixture
def token() -> Callable[[FlaskClient], str]:
    """The CSRF token that a page shows this client."""

    def read(client: FlaskClient, **options: object) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/probe", **options).text)
        assert found
        return found[1]

    return read
