"""The forms of an HTML page as a browser without JavaScript would send them. For tests, benchmarks and fault runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


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


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[WebForm] = []
        self.headings: list[str] = []
        self._open: WebForm | None = None
        self._select: str | None = None
        self._text: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = WebForm(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif tag == "h1":
            self._text = []
        elif self._open is not None:
            self._control(tag, given, dict(attrs))

    def _control(self, tag: str, given: dict[str, str], attrs: dict[str, str | None]) -> None:
        assert self._open is not None
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "button" and name:
            self._open.buttons.append((name, given.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in attrs or self._select not in self._open.fields:
                self._open.fields[self._select] = given.get("value", "")
        elif tag == "input" and name and (kind not in ("radio", "checkbox") or "checked" in attrs):
            self._open.fields[name] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
        elif tag == "h1" and self._text is not None:
            self.headings.append(" ".join("".join(self._text).split()))
            self._text = None


def forms_of(html: str) -> list[WebForm]:
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def form_to(html: str, action: str) -> WebForm:
    """The form whose action starts with `action`. Raises LookupError when the page has none."""
    for each in forms_of(html):
        if each.action.startswith(action):
            return each
    raise LookupError(f"no form to {action}")


def heading_of(html: str) -> str:
    """The page's h1."""
    reader = _Reader()
    reader.feed(html)
    return reader.headings[0] if reader.headings else ""
