"""The pages of every product of the demo shop, as a browser without JavaScript reads them."""

from __future__ import annotations

import re
import uuid
from collections import defaultdict
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.core import db, storage
from demo import load

Variants = dict[str, set[uuid.UUID]]


@pytest.fixture
def variants(database: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Variants:
    """The variants that are for sale, by the slug of their product."""
    monkeypatch.setattr(storage, "_service", storage.make("file:media", home=tmp_path))
    load.load()
    db.forget()
    found = defaultdict(set)
    for slug, variant in db.rows(
        "SELECT p.slug, v.id FROM product p JOIN variant v ON v.product_id = p.id"
        " WHERE p.is_available AND p.withdrawn_at IS NULL AND v.is_available"
    ):
        found[slug].add(variant)
    db.forget()
    assert len(found) >= 48
    return found


def test_every_variant_has_a_link_on_its_products_page(variants: Variants, client: FlaskClient):
    for slug, wanted in variants.items():
        links = re.findall(rf'<a [^>]*href="/p/{slug}\?v=([^"&]+)"', client.get(f"/p/{slug}").text)
        assert {uuid.UUID(link) for link in links} == wanted, slug
