from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.search import rules
from app.search.rules import Filters, filters_from

MESSY = {
    "motif": ["parang", "parang", " kawung ", "", "x" * 61, "a\x00b", "tab\there"],
    "colour": [f"c{n:02d}" for n in range(99)],
    "min": ["RM 1,200.50"],
    "max": ["900"],
    "stock": ["1"],
    "unknown": ["ignored"],
}


def test_filters_keep_what_makes_sense():
    filters = filters_from(MESSY, currency="MYR")
    assert filters.motif == ("kawung", "parang")
    assert len(filters.colour) == rules.MAX_VALUES
    assert (filters.price_from, filters.price_to, filters.in_stock) == (90_000, 120_050, True)


@pytest.mark.parametrize(
    ("typed", "minor"),
    [("12", 1200), ("12.5", 1250), (".5", 50), ("12.", 1200), ("1.239", 123), ("9" * 40, rules.MAX_PRICE_MINOR), ("", None), ("abc", None),
     ("1.2.3", None), (".", None), ("١٢", None), ("-5", 500), ("1e9", 1900)],
)  # fmt: skip
def test_amounts_as_people_type_them(typed: str, minor: int | None):
    assert filters_from({"min": [typed]}, currency="MYR").price_from == minor


def test_amounts_of_a_currency_without_cents():
    assert filters_from({"min": ["1,200.50"]}, currency="JPY").price_from == 1200


def test_parameters_make_the_same_filters_again():
    filters = filters_from(MESSY, currency="MYR")
    values: dict[str, list[str]] = {}
    for name, value in filters.parameters("MYR"):
        values.setdefault(name, []).append(value)
    assert filters_from(values, currency="MYR") == filters


def test_filters_are_taken_off_one_by_one():
    filters = Filters(motif=("kawung", "parang"), price_from=100, in_stock=True)
    assert filters.count == 4
    assert filters.groups == ("motif", "price", "stock")
    assert filters.without("motif", "kawung").motif == ("parang",)
    assert filters.without("motif").groups == ("price", "stock")
    assert filters.without("price").without("stock").without("motif") == rules.NO_FILTERS


def test_words_are_folded():
    assert rules.words("Kéramik BÜGEL, batik-tulis 2.5m") == ["keramik", "bugel", "batik", "tulis", "2", "5m"]
    assert rules.words("蜡染 कपड़ा") == ["蜡染", *rules.words("कपड़ा")]


def test_terms_are_bounded():
    assert rules.terms("%" * 10_000) == ()
    assert rules.terms("a\x00b") == ("a", "b")
    assert len(rules.terms(" ".join(f"w{n}" for n in range(100)))) == rules.MAX_TERMS
    assert len(rules.terms("x" * 10_000)[0]) == rules.MAX_WORD


@given(st.text(max_size=300))
def test_a_tsquery_is_made_of_word_letters_only(text: str):
    """X17: nothing a shopper types reaches to_tsquery as an operator."""
    bare = rules.tsquery(rules.terms(text)).replace(" & ", "").replace("':*", "'").replace("'", "")
    assert bare == "" or (
        bare.isalnum() or all(letter.isalnum() or letter == "_" or not letter.isascii() for letter in bare)
    )


def test_the_last_word_and_long_words_match_beginnings():
    assert rules.tsquery(("silk", "red", "sc")) == "'silk':* & 'red' & 'sc':*"
    assert rules.tsquery(("s",)) == "'s'"


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("batik", "batik", 0), ("batik", "batk", 1), ("batik", "baitk", 1), ("batik", "btaki", 2), ("sarong", "sarung", 1),
     ("kain", "scarf", 3), ("", "ab", 2), ("abcdef", "uvwxyz", 3)],
)  # fmt: skip
def test_distance(one: str, other: str, far: int):
    assert rules.distance(one, other) == rules.distance(other, one) == far


@given(st.text(alphabet="abcd", min_size=6, max_size=8), st.data())
def test_a_word_with_up_to_two_errors_shares_a_hint(word: str, data: st.DataObject):
    wrong = list(word)
    for _ in range(2):
        place = data.draw(st.integers(0, len(wrong) - 1))
        wrong[place] = data.draw(st.sampled_from("abcdxyz"))
    assert set(rules.hints(word)) & set(rules.hints("".join(wrong)))


def test_corrections():
    known = {"sarong": 9, "sarung": 3, "silk": 5, "shirt": 7}
    assert rules.corrected(("sarogn", "silk"), known) == ("sarong", "silk")
    assert rules.corrected(("saro",), known) is None  # begins a known word
    assert rules.corrected(("silk",), known) is None
    assert rules.corrected(("xylophone", "silk"), known) is None
    assert rules.corrected(("sirt",), known) == ("shirt",)


def test_hints_stay_few():
    start = time.perf_counter()
    assert len(rules.hints("abcdefgh" * 5)) == 37
    assert time.perf_counter() - start < 0.05
