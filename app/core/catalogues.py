"""The shop's texts in its languages: `translations/<language>/LC_MESSAGES/messages.po`, as translators leave them.

No compiled file lies beside a catalogue, so none can be missing or out of date: a process compiles it in memory when
its language is first asked for (a tenth of a second for a thousand texts). English texts are their own keys.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

LANGUAGES = {"en": "English", "ms": "Bahasa Melayu"}
FOLDER = Path(__file__).parents[2] / "translations"


@cache
def translations(language: str) -> Translations | NullTranslations:
    """What looks texts up in a language; one without a catalogue answers with the English text."""
    if not _file(language).exists():
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def translate(language: str, text: str) -> str:
    """An English text in the words of a language."""
    return translations(language).gettext(text)


def catalogue(language: str) -> Catalog:
    """Every text of a language with its translation, for whoever wants to look at the catalogue itself."""
    with _file(language).open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def _file(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "messages.po"
