"""The catalogue's verbs: each bumps the version in its own transaction, announces, and the database keeps the rules."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.catalog import actions as catalog
from app.catalog import queries
from app.catalog.actions import NewVariant
from app.catalog.errors import DuplicateVariant, SlugMoved, SlugTaken
from app.core import db
from app.core.errors import NotFound
from app.core.money import Money
from app.core.transaction import transaction
from tests.catalog import goods

SEEN = {"locale": "en", "currency": "MYR"}


@pytest.fixture
def shirts(database: None) -> uuid.UUID:
    return goods.category("shirts", "Shirts", "Kemeja")


@pytest.fixture
def shirt(shirts: uuid.UUID) -> uuid.UUID:
    return goods.product("Teluk", shirts, slug="teluk", sizes=("S", "M"), pictures=2)


def acts(shirt: uuid.UUID) -> list[Callable[[], object]]:
    variant, image = goods.variants_of(shirt)[0], db.scalar("SELECT id FROM product_image WHERE NOT is_main")
    db.forget()
    return [
        lambda: catalog.create_category("sarongs", name={"en": "Sarongs"}),
        lambda: catalog.put_attribute("motif", "parang", name={"en": "Parang"}),
        lambda: catalog.add_variant(shirt, NewVariant(sku="NEW", options={"size": "L"}, prices={"MYR": (100, None)})),
        lambda: catalog.set_price(variant, Money(5000, "MYR")),
        lambda: catalog.set_variant_available(variant, False),
        lambda: catalog.add_image(shirt, goods.picture("another")),
        lambda: catalog.set_main_image(image),
        lambda: catalog.rename_slug("product", shirt, "teluk-baru"),
        lambda: catalog.set_available(shirt, False),
        lambda: catalog.withdraw(shirt),
        lambda: catalog.remove_image(image),
    ]


def test_every_act_makes_a_new_version_and_announces_itself(shirt: uuid.UUID):
    for act in acts(shirt):
        before, events = queries.version(), db.scalar("SELECT count(*) FROM outbox_event")
        db.forget()
        with transaction():
            act()
        db.forget()
        assert queries.version() > before
        assert db.scalar("SELECT count(*) FROM outbox_event") > events
        db.forget()


def test_a_rolled_back_act_leaves_version_and_page_alone(shirt: uuid.UUID):
    before, page = queries.version(), queries.product("teluk", **SEEN)
    variant = goods.variants_of(shirt)[0]

    def half_an_act() -> None:
        catalog.set_price(variant, Money(1, "MYR"))
        raise RuntimeError

    with pytest.raises(RuntimeError), transaction():
        half_an_act()
    db.forget()
    assert queries.version() == before
    assert queries.product("teluk", **SEEN) == page


def test_price_of_a_variant_is_changed_or_added(shirt: uuid.UUID):
    variant = goods.variants_of(shirt)[0]
    with transaction():
        catalog.set_price(variant, Money(8000, "MYR"), compare_at=Money(10000, "MYR"))
        catalog.set_price(variant, Money(2500, "SGD"))
    db.forget()
    seen = queries.product("teluk", **SEEN).variant(variant)
    assert seen is not None
    assert (seen.price, seen.compare_at) == (Money(8000, "MYR"), Money(10000, "MYR"))
    abroad = queries.product("teluk", locale="en", currency="SGD").variant(variant)
    assert abroad is not None
    assert abroad.price == Money(2500, "SGD")


def test_a_price_that_is_no_bargain_is_refused_by_the_database(shirt: uuid.UUID):
    variant = goods.variants_of(shirt)[0]
    with pytest.raises(IntegrityError, match="ck_variant_price_compare_at"), transaction():
        catalog.set_price(variant, Money(8000, "MYR"), compare_at=Money(8000, "MYR"))


def test_slugs_are_unique_also_against_old_addresses(shirt: uuid.UUID, shirts: uuid.UUID):
    with pytest.raises(SlugTaken):
        goods.product("Other", shirts, slug="teluk")
    with transaction():
        catalog.rename_slug("product", shirt, "teluk-baru")
    db.forget()
    with pytest.raises(SlugTaken):
        goods.product("Other", shirts, slug="teluk")


def test_renamed_there_and_back_again(shirt: uuid.UUID):
    for slug in ("teluk-2", "teluk-3", "teluk"):
        with transaction():
            catalog.rename_slug("product", shirt, slug)
        db.forget()
    for old in ("teluk-2", "teluk-3"):
        with pytest.raises(SlugMoved) as moved:
            queries.product(old, **SEEN)
        assert moved.value.slug == "teluk"
    assert queries.product("teluk", **SEEN).id == shirt


def test_a_product_has_one_main_picture_at_most(shirt: uuid.UUID):
    """CAT-07: a unique index keeps it, whoever writes."""
    main, other = (row[0] for row in db.rows("SELECT id FROM product_image ORDER BY is_main DESC"))
    db.forget()
    with pytest.raises(IntegrityError, match="uq_product_image_main"), transaction():
        db.session.execute(text("UPDATE product_image SET is_main = true WHERE id = :id"), {"id": other})
    with transaction():
        catalog.set_main_image(other)
    assert [row[0] for row in db.rows("SELECT id FROM product_image WHERE is_main")] == [other]
    db.forget()
    with transaction():
        catalog.remove_image(other)
    assert [row[0] for row in db.rows("SELECT id FROM product_image WHERE is_main")] == [main]


def test_equal_variants_and_skus_are_refused_and_nothing_is_added(shirt: uuid.UUID):
    for sku, options in (("NEW", {"size": "S"}), (db.scalar("SELECT min(sku) FROM variant"), {"size": "L"})):
        db.forget()
        with pytest.raises(DuplicateVariant), transaction():
            catalog.add_variant(shirt, NewVariant(sku=sku, options=options, prices={"MYR": (100, None)}))
        db.forget()
        assert len(goods.variants_of(shirt)) == 2


@pytest.mark.parametrize("slug", ["", "Teluk", "a b", "ü", "-x", "a" * 121])
def test_addresses_are_checked(shirts: uuid.UUID, slug: str):
    with pytest.raises(ValueError, match="no address"):
        goods.product("Other", shirts, slug=slug)


def test_verbs_on_what_is_not_there_raise_not_found(database: None):
    nobody = uuid.uuid4()
    for act in (
        lambda: catalog.set_price(nobody, Money(1, "MYR")),
        lambda: catalog.set_available(nobody, True),
        lambda: catalog.withdraw(nobody),
        lambda: catalog.set_main_image(nobody),
        lambda: catalog.remove_image(nobody),
        lambda: catalog.set_variant_available(nobody, False),
        lambda: catalog.rename_slug("category", nobody, "new"),
    ):
        with pytest.raises(NotFound), transaction():
            act()
