"""X12, ASVS 1: markup stored wherever text can be, past all checks, and every page opened in Chromium: it stays text."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from werkzeug.serving import WSGIRequestHandler, make_server

from app.catalog import actions as catalog
from app.core import cache, db, memory
from app.core.crypto import EncryptedJSON, EncryptedText
from app.core.transaction import transaction
from app.search import actions as search
from tests.attacks.world import World

EVIL = (
    "\"'><img src=x onerror=alert(1)><script>alert(2)</script></textarea></title><svg onload=alert(3)>"
    '<a href="javascript:alert(4)" hx-on:click=alert(5) hx-get=/about hx-trigger=load>{{7*7}}</a><!--'
)
SHORT = "<svg onload=alert(6)>"  # where only a few characters fit
SECRETS = {"totp_secret", "token", "mail_token", "fresh_codes", "mail_code", "email"}  # looked up by what they are
TEXTS = {
    "order_line": ("name", "options"), "refund_request": ("answer",), "refund": ("note", "error"), "value_account": ("note",),
    "value_entry": ("reason",), "staff_session": ("agent",), "staff_alert": ("agent",), "staff_device": ("agent",),
    "login_attempt": ("agent",), "staff_role": ("name",), "difference": ("subject", "reason", "closed_by"),
    "outbox_delivery": ("last_error",), "mail_message": ("last_error",), "payment_attempt": ("error_reason", "error_code", "bank"),
    "csp_report": ("directive", "blocked", "page", "source"), "warehouse": ("name",), "tax_rate": ("name",),
    "stock_movement": ("reason",), "product": ("made_in",), "payment_dispute": ("reason",), "recurring_order": ("over_reason",),
    "search_synonym": ("synonym",), "audit_entry": ("object_id",), "order_event": ("actor",),
}  # fmt: skip
WORDS = {
    "product": ("name", "summary", "description", "story", "care", "seo_title", "seo_description"),
    "category": ("name", "intro", "story", "seo_title", "seo_description"), "shipping_rate": ("name",), "shipping_zone": ("name",),
    "attribute_value": ("name", "origin"), "product_image": ("alt",),
}  # fmt: skip
HARM = (
    "img[src='x'], svg[onload], script:not([src]):not([type]), a[href^='javascript:'], [hx-on\\\\:click], [hx-trigger='load'],"
    " [onerror]"
)


def poison() -> int:
    """Returns how many columns hold it now. Constraints that refuse it, or rows that cannot be changed, are no place for it."""
    count = sum(_poisoned_text(table, column) for table, names in TEXTS.items() for column in names)
    for mapper in db.Base.registry.mappers:
        for column in mapper.columns:
            is_hidden = isinstance(column.type, EncryptedText | EncryptedJSON) and column.name not in SECRETS
            if is_hidden or column.name in WORDS.get(mapper.local_table.name, ()):
                count += _poisoned_row(mapper.class_, column.name)
    with transaction():
        catalog.touch()
        search.reindex_all()
    cache.client().flushdb()
    memory.forget_all()
    db.forget()
    return count


def _poisoned_text(table: str, column: str) -> int:
    for text in (EVIL, SHORT):
        with suppress(SQLAlchemyError), transaction():
            return len(db.rows(f"UPDATE {table} SET {column} = :text RETURNING 1", text=text)) > 0
        db.forget()
    return 0


def _poisoned_row(entity: Any, column: str) -> int:
    """Every text within the value becomes markup; its shape and its numbers stay."""
    try:
        with transaction():
            found = list(db.session.scalars(select(entity).where(getattr(entity, column).is_not(None))))
            for row in found:
                setattr(row, column, _evil(getattr(row, column)))
    except IntegrityError:
        db.forget()
        return 0
    return len(found) > 0


def _evil(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _evil(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_evil(each) for each in value]
    return EVIL if isinstance(value, str) and key not in ("country", "postcode", "state") else value


class Quiet(WSGIRequestHandler):
    def log(self, *_args: object, **_more: object) -> None:
        """Nothing to say."""


@pytest.fixture
def url(world: World) -> Iterator[str]:
    """Where this very process answers a real browser."""
    server = make_server("localhost", 0, world.app, threaded=False, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()


def open_page(browser: Browser, url: str, complaints: list[str], cookies: dict[str, str]) -> Page:
    context = browser.new_context(base_url=url, locale="en-GB")
    context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
    page = context.new_page()
    page.on("dialog", lambda dialog: (complaints.append(f"{page.url}: dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("console", lambda message: _note(complaints, page, message))
    return page


def _note(complaints: list[str], page: Page, message: Any) -> None:
    if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
        complaints.append(f"{page.url}: {message.text}")


def test_x12_markup_stays_text_on_every_page(world: World, url: str, browser: Browser) -> None:
    routes = [route for route in world.routes("GET") if is_page(route.path)]
    assert poison() >= 40
    complaints: list[str] = []
    browsers_of = {
        "customer": {"customer": world.aina.cookie() or "", "session": world.aina.cookie("session") or ""},
        "staff": {"staff": world.owner.client.get_cookie("staff").value},  # type: ignore[union-attr]
    }
    shown = 0
    for who, cookies in browsers_of.items():
        page = open_page(browser, url, complaints, cookies)
        for route in routes:
            if (who == "staff") != route.path.startswith("/admin"):
                continue
            with suppress(Exception):  # a file is no page
                answer = page.goto(route.path, wait_until="load")
                assert answer is not None
                if answer.status >= 500:
                    complaints.append(f"{route.path}: {answer.status}")
                shown += "onload=alert" in page.inner_text("body") or "<svg" in page.inner_text("body")
                if found := page.evaluate(f'document.querySelectorAll("{HARM}").length'):
                    complaints.append(f"{route.path}: {found} elements came out of text")
        page.context.close()
    assert complaints == [], complaints
    assert shown >= 15


def is_page(path: str) -> bool:
    """Files and feeds are shown by the browser's own viewers, or not at all."""
    return not path.endswith((".pdf", "/file", ".json", ".xml", ".txt", "/metrics")) and not path.startswith(
        ("/api/", "/health", "/-/")
    )
