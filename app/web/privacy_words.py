"""Requests about personal data, and consents, in the reader's language; for the account and the back office."""

from __future__ import annotations

from flask_babel import gettext as _

from app.core import clock
from app.privacy.models import DataRequest


def kind(name: str) -> str:
    return {
        "access": _("A copy of the data"),
        "correction": _("Correct something"),
        "deletion": _("Delete the data"),
        "objection": _("Object to a use of it"),
    }.get(name, name)


def state(row: DataRequest) -> tuple[str, str]:
    """(text, tone)"""
    if row.state == "open":
        return (_("Overdue"), "danger") if row.due_at < clock.now() else (_("Open"), "warning")
    return {
        "done": (_("Done"), "success"),
        "refused": (_("Refused"), ""),
        "withdrawn": (_("Withdrawn"), ""),
    }.get(row.state, (row.state, ""))


def proof(name: str) -> str:
    """How it is known that a request is its sender's."""
    return {
        "account": _("Signed in to the account"),
        "mail": _("Answered from the e-mail address"),
        "order": _("Knows order number, phone and address"),
        "document": _("Showed an identity document"),
        "other": _("Otherwise, see the note"),
    }.get(name, name)


def news_state(name: str) -> tuple[str, str]:
    """(text, tone) of an address that asked for the news."""
    return {
        "pending": (_("Not confirmed yet"), "warning"),
        "confirmed": (_("Gets the news"), "success"),
        "left": (_("Gets no more news"), ""),
    }[name]


def purpose(name: str, channel: str) -> str:
    return {
        ("marketing", "email"): _("News by e-mail"),
        ("marketing", "sms"): _("News by SMS"),
        ("marketing", "push"): _("News as push messages"),
        ("alerts", "email"): _("Mails about your wishlist"),
        ("alerts", "sms"): _("SMS about your wishlist"),
        ("alerts", "push"): _("Push messages about your wishlist"),
    }.get((name, channel), name)


def way(name: str) -> str:
    return {
        "registration": _("when registering"),
        "preferences": _("on the page of preferences"),
        "link": _("by the link of a mail"),
        "api": _("by a program"),
        "newsletter": _("on the form for the news"),
        "checkout": _("at checkout"),
        "staff": _("by our staff"),
    }.get(name, name)
