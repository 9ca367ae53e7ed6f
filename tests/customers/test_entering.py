"""Registering, signing in, resetting: what happens, and what a stranger may not learn or do (FAULTS X5, X6, X8, X11, X23)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.core import db, passwords
from app.core.transaction import transaction
from tests.customers.patron import PASSWORD, Patron
from tests.notifications.post_office import body_of
from tools.webforms import form_to, heading_of


def count_of(table: str) -> int:
    return int(db.scalar(f"SELECT count(*) FROM {table}"))


def test_register_confirm_and_be_signed_in(patron: Patron):
    answer = patron.ask_to_register()
    assert (answer.status_code, answer.location) == (303, "/register/sent")
    assert count_of("customer") == 0
    link = patron.link()
    patron.get(link)
    patron.get(link)  # looking spends nothing
    assert count_of("customer") == 0
    answer = patron.follow(link)
    assert (answer.status_code, answer.location) == (303, "/account/?said=welcome")
    page = patron.get(answer.location)
    assert heading_of(page) == "Hello, Aina"
    assert "Hi, Aina" in page
    assert [str(mail["Subject"]) for mail in patron.mails()] == [
        "Confirm your e-mail address",
        "Welcome to Murni Batik",
    ]
