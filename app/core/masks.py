"""Texts without what is nobody's business (X20, DAT-03): for logs, and for errors that are kept."""

from __future__ import annotations

import re

SAID = r"((?:token|key|secret|password|signature|code)[\"']?\s*[=:]\s*"  # and then what it is, in quotes or without
API_KEY = re.compile(r"kedai(?:sig)?_[2-9a-z]{12}_[0-9A-Za-z]{40}")  # as `app.api_keys` makes them
MASKS = (
    (API_KEY, "<API key>"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),  # a JWT, ours or a provider's
    (re.compile(r"(\bbearer )[\w.~+/=-]{16,}", re.I), r"\1<token>"),
    (re.compile(r"(://[^:/@\s]*:)[^@/\s]+@"), r"\1<hidden>@"),
    (re.compile(r"[\w.+%-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+"), "<e-mail>"),
    (
        re.compile(r"(?<![\w.-])\+?\d(?:[ -]?\d){8,18}(?![\w-])"),
        "<number>",
    ),  # phones, and cards should one ever get here
    (re.compile(SAID + r"([\"']))(?:(?!\2).)*", re.I), r"\1<hidden>"),
    (re.compile(SAID + r")[^\s&\"',}<]+", re.I), r"\1<hidden>"),
    (
        re.compile(
            r"(/(?:order|checkout/pay|pay/return|admin/invitation|admin/reset|login/link|login/reset|login/connect|register|account/email|unsubscribe|newsletter)/)"
            r"[\w.-]{16,}"
        ),
        r"\1<token>",
    ),
)


def mask(text: str) -> str:
    """The text without e-mail addresses, phone numbers, tokens and secrets."""
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text
