"""`make i18n`: gathers every text of the shop out of templates and code, and brings each catalogue up to date.

New texts come in empty, changed ones count as new (a guess would pass for a translation), those that nothing uses any
more go. `gather` and `merged` write nothing, so that a test can ask whether the catalogues are up to date.
"""

from __future__ import annotations

import sys
from configparser import ConfigParser
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import write_po

from app.core import catalogues

ROOT = Path(__file__).parents[1]
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None, "lazy_pgettext": DEFAULT_KEYWORDS["pgettext"]}


def main() -> int:
    """Write every catalogue anew; 1 when a text is not translated yet."""
    texts = gather()
    missing = 0
    for language in translated_languages():
        catalogue = merged(language, texts)
        with (catalogues.FOLDER / language / "LC_MESSAGES" / "messages.po").open("wb") as file:
            write_po(file, catalogue, width=100, no_location=True, sort_output=True, ignore_obsolete=True)
        untranslated = without_translation(catalogue)
        missing += len(untranslated)
        print(f"{language}: {len(catalogue) - len(untranslated)} of {len(catalogue)} texts translated")
    return 1 if missing else 0


def translated_languages() -> list[str]:
    return [path.parent.parent.name for path in sorted(catalogues.FOLDER.glob("*/LC_MESSAGES/messages.po"))]


def gather() -> Catalog:
    """The texts as they stand in the files that babel.cfg names."""
    texts = Catalog()
    method_map, options_map = _mapping()
    found = extract_from_dir(
        str(ROOT), method_map, options_map, keywords=KEYWORDS, directory_filter=lambda path: _may_hold_texts(Path(path))
    )
    for _file, _line, text, _comments, context in found:
        texts.add(text, context=context)
    return texts


def merged(language: str, texts: Catalog) -> Catalog:
    """The catalogue of a language with just these texts, in it whatever was translated before."""
    catalogue = catalogues.catalogue(language)
    catalogue.update(texts, no_fuzzy_matching=True, update_creation_date=False)
    return catalogue


def without_translation(catalogue: Catalog) -> list[str]:
    """English texts that a catalogue has no words for, or only a guess."""
    return [str(each.id) for each in catalogue if each.id and (each.fuzzy or not _has_words(each, catalogue))]


def _has_words(message: Message, catalogue: Catalog) -> bool:
    if isinstance(message.id, str):
        return bool(message.string)
    return bool(message.string) and all(message.string[: catalogue.num_plurals])


def _mapping() -> tuple[list[tuple[str, str]], dict[str, dict[str, str]]]:
    file = ConfigParser()
    file.read(ROOT / "babel.cfg")
    sections = [(section, *(part.strip() for part in section.split(":", 1))) for section in file.sections()]
    return [(files, method) for _, method, files in sections], {files: dict(file[name]) for name, _, files in sections}


def _may_hold_texts(folder: Path) -> bool:
    return folder.relative_to(ROOT).parts[0] in ("app", "templates")


if __name__ == "__main__":
    sys.exit(main())
