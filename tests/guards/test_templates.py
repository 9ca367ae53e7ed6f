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
