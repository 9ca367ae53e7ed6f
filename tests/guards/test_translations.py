"""Every text of the shop goes through the catalogues, and every catalogue has words for all of them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment

from app.core import catalogues
from tools import texts

TEMPLATES = Path(__file__).parents[2] / "templates"
BOTH_LANGUAGES = ("500.html", "503.html")  # need nothing of the application, so they say everything twice
FILES = sorted(
    path for kind in ("*.html", "*.txt") for path in TEMPLATES.rglob(kind) if path.name not in BOTH_LANGUAGES
)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}")
SPOKEN = ("aria-label", "alt", "title", "placeholder")
SPACE = ("data", "variable_begin", "block_begin")


@pytest.fixture(scope="module")
def gathered() -> Catalog:
    return texts.gather()


@pytest.fixture(scope="module", params=[language for language in catalogues.LANGUAGES if language != "en"])
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return catalogues.catalogue(request.param)


def keys(catalogue: Catalog) -> set[tuple[str | None, str]]:
    return {(each.context, each.id if isinstance(each.id, str) else each.id[0]) for each in catalogue if each.id}


def test_every_language_of_the_shop_has_a_catalogue() -> None:
    assert texts.translated_languages() == [language for language in catalogues.LANGUAGES if language != "en"]


def test_the_catalogue_holds_just_the_texts_of_the_shop(catalogue: Catalog, gathered: Catalog) -> None:
    """`make i18n` brings in what is missing here and drops what nothing says any more."""
    assert len(gathered) > 600
    assert sorted(text for _, text in keys(gathered) - keys(catalogue)) == []
    assert sorted(text for _, text in keys(catalogue) - keys(gathered)) == []


def test_every_text_is_translated(catalogue: Catalog) -> None:
    assert texts.without_translation(catalogue) == []
    assert [each.id for each in catalogue if each.fuzzy and each.id] == []


def test_a_label_begins_with_the_word_on_its_button(catalogue: Catalog) -> None:
    """“Remove: blue shirt” is the name of a button that shows “Remove” (WCAG 2.5.3), in each language."""
    said = {each.id: each.string for each in catalogue if isinstance(each.id, str)}
    labels = [(text, text.partition(": %(")[0]) for text in said if ": %(" in text]
    found = [(said[label], said[word]) for label, word in labels if word in said]
    assert len(found) > 3
    assert [label for label, word in found if not label.startswith(word)] == []


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """(English, translated) of each form. One plural form stands for the English plural."""
    if isinstance(message.id, str):
        yield message.id, message.string
    else:
        yield from ((message.id[-1], each) for each in message.string)


def test_values_stand_in_every_translation(catalogue: Catalog) -> None:
    wrong = [
        english
        for message in catalogue
        if message.id
        for english, translated in forms(message)
        if sorted(PLACEHOLDER.findall(english)) != sorted(PLACEHOLDER.findall(translated))
    ]
    assert wrong == []
    assert [(str(each.id), [str(fault) for fault in faults]) for each, faults in catalogue.check()] == []


def test_translations_are_plain_and_shaped_like_the_english(catalogue: Catalog) -> None:
    """The same marks at the end, the same quotes, no markup, no stray spaces; labels that still fit their buttons."""
    wrong = []
    for message in catalogue:
        for english, translated in forms(message) if message.id else ():
            ends = [text[-1:] if text[-1:] in ".:?…" else "" for text in (english, translated)]
            quotes = [re.sub("[^“”]", "", text) for text in (english, translated)]
            is_plain = translated == translated.strip() and not re.search(r"[<>\n\"]|  ", translated)
            fits = len(translated) <= 1.4 * len(english) + 16
            if not (ends[0] == ends[1] and quotes[0] == quotes[1] and is_plain and fits):
                wrong.append((english, translated))
    assert wrong == []


class _Said(HTMLParser):
    """What a template says by itself, outside every tag of Jinja."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        self.words += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def said_by(path: Path) -> list[str]:
    """Words between the tags of Jinja and HTML; blocks of attributes, addresses and pieces of markup are none."""
    source = re.sub(r"{% block (\w*class|main_attrs) %}.*?{% endblock %}", "", path.read_text(encoding="utf-8"))
    tokens = Environment(autoescape=True).lex(source, filename=path.name)
    reader = _Said()
    reader.feed("".join(value if kind == "data" else " " for _, kind, value in tokens if kind in SPACE))
    reader.close()
    found = [re.sub(r"\S*[/=\".]\S+|(?<!\w)-\w+", "", words) for words in reader.words]
    return [words.strip() for words in found if re.search(r"[A-Za-z]{3}", words)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(TEMPLATES).as_posix())
def test_a_template_says_nothing_untranslated(path: Path) -> None:
    assert said_by(path) == []
