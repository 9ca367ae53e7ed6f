from __future__ import annotations

import pytest

from app.catalog.rules import in_locale, is_slug, naturally_sorted, slugify


def test_text_falls_back_to_english():
    assert in_locale({"en": "Shirt", "ms": "Kemeja"}, "ms") == "Kemeja"
    assert in_locale({"en": "Shirt", "ms": ""}, "ms") == "Shirt"
    assert in_locale({}, "ms") == ""
    assert in_locale(None, "en") == ""


def test_slugs_are_plain():
    assert slugify("Kain Ela “Ceplok” (2.5 m)") == "kain-ela-ceplok-2-5-m"
    assert slugify("Kéramik Ñandu") == "keramik-nandu"
    with pytest.raises(ValueError, match="no address"):
        slugify("蜡染")


@pytest.mark.parametrize("text", ["", "-a", "a-", "a--b", "A", "a b", "a/b", "é", "a" * 121, "a\x00b", "../etc"])
def test_what_is_no_slug(text: str):
    assert not is_slug(text)


def test_sizes_sort_as_people_read_them():
    assert naturally_sorted(["XL", "M", "10", "9", "S", "2XL", "One size", "XS"]) == [
        "XS",
        "S",
        "M",
        "XL",
        "2XL",
        "9",
        "10",
        "One size",
    ]
