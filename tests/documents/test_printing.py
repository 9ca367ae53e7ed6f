"""From stored facts to a PDF: the same bytes everywhere, whatever people call themselves and their goods."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from app.documents import printing
from app.documents.errors import PrintingTooSlow
from tests.documents.sales import sale, sheet

ROOT = Path(__file__).parents[2]
# What documents were issued with stays as it was. A change belongs into a new edition: copy the folder, raise EDITION.
EDITIONS = {1: "ab19ac0c68b8239f72d3f79c97d1c569bbe1c96cc0bd1245e99b944f6ccee291"}
AGAIN = """
import hashlib, json, sys
from datetime import datetime
from app.documents import printing
told = json.load(sys.stdin)
told["issued_at"] = datetime.fromisoformat(told["issued_at"])
print(hashlib.sha256(printing.pdf(printing.Sheet(**told))).hexdigest())
"""
EVIL = (
    '#eval("1+1") #{1+1} #panic() #include "/etc/passwd" #read("document.typ")',
    "*bold* _em_ `raw` ```x``` $x^2$ \\ \\u{41} ~ -- --- ... 'q' \"q\"",
    "= Heading / Term: x + item - item <label> @ref // note /* note */ https://example.com",
    "] } ) [ { ( </script> &amp; %s %(x)s {page} {{7*7}}",
)


@pytest.fixture(autouse=True)
def _seller(seller):
    seller()


def read(sheet):
    return PdfReader(BytesIO(printing.pdf(sheet)))


def words(reader):
    """All that can be read in it, with any break as one space."""
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("kind", ["invoice", "receipt", "credit_note"])
@pytest.mark.parametrize("locale", ["en", "ms"])
def test_a_document_says_what_its_facts_say(kind, locale):
    printed = sheet(sale(("Kemeja Teluk", 2, 18900), ("Kain Kawung", 1, 4500), locale=locale), kind, credited=4500)
    reader = read(printed)
    text = words(reader)
    facts = printed.facts
    sayings = [facts["title"], *facts["seller"]["lines"], *printed.buyer["lines"], *facts["remarks"], *facts["notes"]]
    sayings += [cell for pair in (*facts["details"], *facts["sums"], facts["total"]) for cell in pair]
    sayings += [cell for line in facts["lines"] for cell in (line["title"], *line["cells"])]
    sayings += [cell for table in facts["tables"] for row in table["rows"] for cell in row]
    assert [each for each in sayings if squeezed(each) not in squeezed(text)] == []
    assert reader.metadata.title == f"{facts['title']} {printed.number}"
    assert reader.trailer["/Root"]["/Lang"] == locale


def test_it_is_the_same_in_every_process():
    """Another hash seed, time zone, language, folder and moment."""
    printed = sheet(sale(("Kemeja 陈 தமிழ் 🎉", 2, 18900)))
    mine = hashlib.sha256(printing.pdf(printed)).hexdigest()
    told = json.dumps({**asdict(printed), "issued_at": printed.issued_at.isoformat()})
    for zone, seed, folder in (("Pacific/Auckland", "1", "/"), ("America/Lima", "77", str(ROOT))):
        environ = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C", "SOURCE_DATE_EPOCH": seed}
        environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), environ.get("PYTHONPATH", "")])
        answer = subprocess.run(
            [sys.executable, "-c", AGAIN],
            input=told,
            capture_output=True,
            text=True,
            env=environ,
            cwd=folder,
            check=True,
        )
        assert answer.stdout.strip() == mine
    assert hashlib.sha256(printing.pdf(printed)).hexdigest() == mine


def test_its_date_is_the_moment_of_issue():
    reader = read(sheet(sale()))
    assert reader.metadata.creation_date == reader.metadata.modification_date
    assert reader.metadata.creation_date.isoformat() == "2026-11-25T03:12:00+00:00"


@pytest.mark.parametrize("evil", EVIL)
def test_what_people_write_is_never_markup(evil):
    """X18: it stands there as it was written."""
    order = sale((evil, 1, 18900), name=evil, line1=evil, city=evil)
    order.lines[0].options = evil
    text = squeezed(words(read(sheet(order))))
    assert text.count(squeezed(evil)) == 5  # name, street, town, item, options


def test_every_script_of_our_customers_is_printed():
    """C15: no letter becomes an empty box."""
    names = "Nurul ‘Ain Şükrü 陈大文 林 தமிழ் हिन्दी বাংলা ગુજરાતી ਪੰਜਾਬੀ ಕನ್ನಡ മലയാളം తెలుగు සිංහල ไทย ₹ 🎉"
    embedded = {font for page in read(sheet(sale((names, 1, 18900)))).pages for font in fonts_of(page)}
    for script in ("CJK", "Tamil", "Devanagari", "Bengali", "Gujarati", "Gurmukhi", "Kannada", "Malayalam", "Telugu",
                   "Sinhala", "Thai", "Emoji"):  # fmt: skip
        assert any(script in font for font in embedded), script


def fonts_of(page):
    return {str(font.get_object()["/BaseFont"]) for font in page["/Resources"]["/Font"].values()}


def test_a_mark_of_direction_turns_no_figure_around():
    text = words(read(sheet(sale(("\u202eabc RM 12.34", 1, 18900), name="\u202eAina"))))
    assert "abc RM 12.34" in text
    assert "Aina" in text


@pytest.mark.parametrize("name", ["W" * 10_000, "Kain batik tulis " * 600, "陈" * 10_000])
def test_a_name_of_ten_thousand_letters_wraps_and_goes_on(name):
    reader = read(sheet(sale((name, 1, 18900), ("Kain Kawung", 1, 4500))))
    assert squeezed(name)[:400] in squeezed(words(reader)).replace("Murni", "")
    assert len(reader.pages) > 2
    assert [box for page in reader.pages for box in beyond(page)] == []
    assert "242.00" in words(reader)


def beyond(page):
    """Where text begins outside of the paper's margins."""
    width, found = float(page.mediabox.width), []

    def visit(text, matrix, position, _font, _size):
        x = position[4] * matrix[0] + matrix[4]
        if text.strip() and not 20 <= x <= width - 20:
            found.append((text, x))

    page.extract_text(visitor_text=visit)
    return found


def test_a_hundred_lines_carry_their_head_and_number_from_page_to_page():
    reader = read(sheet(sale(*((f"Kemeja {n}", 1, 1000 + n) for n in range(100)))))
    pages = [" ".join(page.extract_text().split()) for page in reader.pages]
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "INV-2026-00001" in page
    assert all("Quantity" in page for page in pages[:-1])
    assert [n for n in range(100) if f"Kemeja {n} " not in " ".join(pages)] == []
    last = pages[-1]
    assert last.index("Subtotal") < last.index("Total ") < last.index("Includes SST")


def test_an_edition_that_was_issued_stays_as_it_is():
    assert max(EDITIONS) == printing.EDITION
    for edition, fingerprint in EDITIONS.items():
        content = (printing.TEMPLATES / str(edition) / "document.typ").read_bytes()
        assert hashlib.sha256(content).hexdigest() == fingerprint, f"edition {edition} was edited"


def test_a_document_of_an_earlier_edition_is_set_by_that_edition(tmp_path, monkeypatch):
    printed = sheet(sale())
    mine = printing.pdf(printed)
    for number, changed in (("1", ""), ("2", "#text(size: 40pt)[NEW LOOK]\n")):
        (tmp_path / number).mkdir()
        source = (printing.TEMPLATES / "1" / "document.typ").read_text(encoding="utf-8")
        (tmp_path / number / "document.typ").write_text(source + changed, encoding="utf-8")
    monkeypatch.setattr(printing, "TEMPLATES", tmp_path)
    assert printing.pdf(printed) == mine
    assert "NEW LOOK" in words(read(replace(printed, edition=2)))


def test_nobody_waits_longer_than_the_limit(monkeypatch):
    monkeypatch.setattr(printing, "TIMEOUT_SECONDS", 0.0)
    with pytest.raises(PrintingTooSlow):
        printing.pdf(sheet(sale(("W" * 20_000, 1, 18900))))
