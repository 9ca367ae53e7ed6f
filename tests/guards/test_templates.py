"""What the content policy would refuse in a browser, and what breaks the promises of UX 0.3, found while building."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).parents[2] / "templates"
PAGES = sorted(path for path in TEMPLATES.rglob("*.html") if "email" not in path.parts)
FORBIDDEN = {
    "an inline style": re.compile(r"""<[^>]*\sstyle\s*=""", re.I),
    "an inline handler": re.compile(r"""<[^>]*\son[a-z]+\s*=\s*["']""", re.I),
    "hx-on": re.compile(r"hx-on[:-]|hx-on\s*=", re.I),
    "a trigger filter": re.compile(r"""hx-trigger\s*=\s*["'][^"']*\[""", re.I),
    "hx-vals or hx-headers by script": re.compile(r"""hx-(?:vals|headers|vars)\s*=\s*["']\s*js:|hx-vars""", re.I),
    "hx-boost": re.compile(r"hx-boost", re.I),
    "a style element": re.compile(r"<style(?![^>]*nonce)", re.I),
    "a script without a nonce": re.compile(r"<script(?![^>]*(?:nonce=|type=[\"']application/ld\+json))", re.I),
    "a javascript: address": re.compile(r"javascript:", re.I),
    "a foreign address to load from": re.compile(r"""<(?:script|link|img|source|iframe)[^>]*(?:src|href)\s*=\s*["']https?:""", re.I),
    "an unescaped value": re.compile(r"(?<!\bqr )\|\s*safe\b"),  # the QR code is an SVG of our own drawing
}  # fmt: skip

IMPORT = re.compile(r'\{%-?\s*from\s+"[^"]+"\s+import\s+(.+?)\s*(?:with(?:out)? context)?\s*-?%\}', re.S)
MACRO = re.compile(r"\bmacro\s+(\w+)\(")
TAG = re.compile(r"\{[{%].*?[}%]\}", re.S)


def source(path: Path) -> str:
    """The template without its comments."""
    return re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)


def forms_in(text: str) -> Iterator[str]:
    yield from re.findall(r"<form\b.*?</form>", text, flags=re.S | re.I)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_page_holds(what: str) -> None:
    found = [
        f"{path.relative_to(TEMPLATES)}: {match[0]}"
        for path in PAGES
        for match in FORBIDDEN[what].finditer(source(path))
    ]
    assert found == []


def test_every_posting_form_carries_the_token() -> None:
    bare = [
        f"{path.relative_to(TEMPLATES)}: {form[:120]}"
        for path in PAGES
        for form in forms_in(source(path))
        if re.search(r"""method\s*=\s*["']?post""", form, re.I)
        and not re.search(r"csrf_token|csrf\(\)|hand_over", form)
    ]
    assert bare == []


def test_pieces_hold_no_script() -> None:
    guilty = [
        path.name for path in PAGES if path.name.startswith("_") and re.search(r"<(script|style)\b", source(path), re.I)
    ]
    assert guilty == []


def test_every_link_to_a_new_tab_keeps_its_opener_away() -> None:
    guilty = [
        path.name
        for path in PAGES
        for link in re.findall(r"<a\b[^>]*target\s*=\s*[\"']_blank[^>]*>", source(path), re.I)
        if "noopener" not in link
    ]
    assert guilty == []


def names_imported(text: str) -> list[str]:
    return [name.split(" as ")[-1].strip() for names in IMPORT.findall(text) for name in names.split(",")]


def calls(text: str) -> set[str]:
    """What is called by a bare name, in the template's own tags; not methods, and not the imports themselves."""
    return {name for tag in TAG.findall(IMPORT.sub("", text)) for name in re.findall(r"(?<![\w.])(\w+)\(", tag)}


ALL = sorted(path for path in TEMPLATES.rglob("*") if path.suffix in (".html", ".txt"))
MACROS = {
    name
    for path in TEMPLATES.glob("ui/*.html")
    for name in MACRO.findall(source(path))
    if not name.startswith("_")  # of the file's own
}


def test_every_macro_that_is_imported_is_called() -> None:
    unused = [
        f"{path.relative_to(TEMPLATES)}: {name}"
        for path in ALL
        for name in names_imported(source(path))
        if name not in calls(source(path))
    ]
    assert unused == []


def test_every_template_imports_the_macros_that_it_calls() -> None:
    """What the including page happens to import is no promise to the piece."""
    borrowed = [
        f"{path.relative_to(TEMPLATES)}: {name}"
        for path in ALL
        for name in MACROS & calls(source(path)) - {*names_imported(source(path)), *MACRO.findall(source(path))}
    ]
    assert borrowed == []


def test_every_macro_is_called_somewhere() -> None:
    called = {name for path in ALL for name in calls(MACRO.sub("", source(path)))}
    called.add("product_card")  # by app/web/cards.py, which draws many at once
    assert called >= MACROS, MACROS - called
