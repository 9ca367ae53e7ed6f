"""The forms of an HTML page as a browser without JavaScript would send them. For tests, benchmarks and fault runs.

The pages are valid HTML, which has tests of its own; so expressions find what a parser would, in a tenth of its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape

_GIVEN = r"""((?:[^>"']|"[^"]*"|'[^']*')*)>"""
_NO_MARKUP = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_FORM = re.compile(rf"<form\b{_GIVEN}(.*?)</form\s*>", re.DOTALL | re.IGNORECASE)
_CONTROL = re.compile(rf"<(button|select|option|input|/select)\b{_GIVEN}", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")
_HEADING = re.compile(r"<h1\b[^>]*>(.*?)</h1\s*>", re.DOTALL | re.IGNORECASE)


@dataclass
class WebForm:
    """`fields` are the successful controls as loaded; `buttons` the named submits (name, value)."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, **values: object) -> dict[str, str]:
        """The fields with `values` typed over them."""
        return {**self.fields, **{name: str(value) for name, value in values.items()}}

    def read(self, inside: str) -> WebForm:
        """Take in the controls that stand between the form's tags."""
        select = ""
        for tag, given in _CONTROL.findall(inside):
            kind = tag.lower()
            attributes = _attributes(given)
            if kind in ("select", "/select"):
                select = attributes.get("name", "")
            elif kind == "option":
                self._option(select, attributes)
            else:
                self._control(kind, attributes)
        return self

    def _option(self, select: str, given: dict[str, str]) -> None:
        if select and ("selected" in given or select not in self.fields):
            self.fields[select] = given.get("value", "")

    def _control(self, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "button" and name:
            self.buttons.append((name, given.get("value", "")))
        elif tag == "input" and name and (kind not in ("radio", "checkbox") or "checked" in given):
            self.fields[name] = given.get("value", "on" if kind == "checkbox" else "")


def forms_of(html: str) -> list[WebForm]:
    return [form.read(inside) for form, inside in _forms(html)]


def form_to(html: str, action: str) -> WebForm:
    """The form whose action starts with `action`. Raises LookupError when the page has none."""
    for form, inside in _forms(html):
        if form.action.startswith(action):
            return form.read(inside)
    raise LookupError(f"no form to {action}")


def _forms(html: str) -> Iterator[tuple[WebForm, str]]:
    """Each form without its controls, and what stands between its tags."""
    for given, inside in _FORM.findall(_NO_MARKUP.sub("", html)):
        attributes = _attributes(given)
        yield WebForm(attributes.get("action", ""), attributes.get("method", "get").lower()), inside


def _attributes(given: str) -> dict[str, str]:
    return {name.lower(): unescape("".join(values)) for name, *values in _ATTRIBUTE.findall(given)}


def heading_of(html: str) -> str:
    """The page's h1."""
    found = _HEADING.search(_NO_MARKUP.sub("", html))
    return " ".join(unescape(re.sub(r"<[^>]*>", "", found[1])).split()) if found else ""
