"""What can be an e-mail address. By its form alone: no DNS, `example.com` is fine."""

from __future__ import annotations

import re

EMAIL = re.compile(r"[^\s@<>(),;:\\\"\[\]]{1,64}@(?=.{4,253}$)(?:[\w](?:[\w-]{0,61}[\w])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")


def is_email(text: str) -> bool:
    """Whether it has the form of an address somebody could have."""
    local, _, _domain = text.partition("@")
    dots = local.startswith(".") or local.endswith(".") or ".." in text
    return bool(EMAIL.fullmatch(text)) and not dots
