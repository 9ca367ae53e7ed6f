"""While the keys of personal data are rotated somebody is found by both, and by neither once they are forgotten (SEC-50, DAT-07)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.core import crypto, db, keyring
from app.core.settings import Settings
from app.core.transaction import in_transaction, transaction
from app.privacy import copying, queries
from app.privacy import flows as privacy
from app.privacy.actions import requests
from tests.customers.patron import Patron
from tests.customers.test_key_rotation import AFTER, BEFORE, TURNED, restarted  # noqa: F401 (a fixture)
from tests.customers.test_orders_and_carts import expire
from tests.notifications.carrier import Carrier
from tests.privacy.human import Human
from tests.privacy.story import everything, order_as
from tests.privacy.test_anonymising import anonymise, name_of
from tests.privacy.test_erasure import places
from tests.shop import add_product
from tests.staff import StaffMember

MakeShop = Callable[..., Flask]


@pytest.fixture
def shop(make_shop: MakeShop, carrier: Carrier) -> Flask:
    """The shop of before."""
    return make_shop(**BEFORE, **carrier.settings)


@pytest.fixture
def between(shop: Flask, patron: Patron, restarted: MakeShop) -> Flask:  # noqa: F811
    """The shop with its new key, and a guest who ordered and never paid under each of the two."""
    shawl = add_product("Selendang", stock_of={"KB": 5})
    expire(order_as(patron, Human(), shawl))
    ask()
    turned = restarted(**TURNED)
    patron.client.application = turned
    expire(order_as(patron, Human(), shawl))
    with transaction():
        db.rows("UPDATE orders SET closed_at = now() - interval '31 days' RETURNING id")
    assert db.scalar("SELECT count(DISTINCT email_index) FROM orders") == 2
    db.release()
    return turned


def ask() -> requests.DataRequest:
    asked = {"customer_id": None, "proof": "mail", "note": "", "by": "staff:1", "days": 21}
    return in_transaction(lambda: requests.open_request("deletion", Human().email, **asked))


def test_a_guest_is_known_and_forgotten_under_both(between: Flask, settings: Settings) -> None:
    human = Human()
    assert queries.known_of(human.email).guest_orders == 2
    assert len(copying.of_guest(human.email)["orders"]) == 2
    request = ask()
    assert db.scalar("SELECT count(*) FROM data_request") == 1, "the one that is open is found by its old key"
    db.release()
    assert privacy.erase_guest(request.id, by="staff:1") == 2
    assert places(settings, human) == set()


def test_a_copy_is_made_once_its_people_are_told_by_one_key(
    between: Flask,
    restarted: MakeShop,  # noqa: F811
    settings: Settings,
) -> None:
    refused = anonymise(between, name_of(settings))
    assert (refused.exit_code, "run `keys rotate` first" in refused.output) == (1, True)
    assert between.test_cli_runner().invoke(args=["keys", "rotate"]).exit_code == 0
    after = restarted(**AFTER)
    assert anonymise(after, name_of(settings)).exit_code == 0
    emails = {crypto.decrypt(row.email) for row in db.rows("SELECT email FROM orders")}
    db.release()
    assert len(emails) == 1
    assert places(settings, Human()) == set()
    assert db.scalar("SELECT count(*) FROM kept_key") == 0


def test_a_copy_needs_no_key_of_the_shop_it_came_from(
    patron: Patron,
    merchant: StaffMember,
    carrier: Carrier,
    restarted: MakeShop,  # noqa: F811
    settings: Settings,
) -> None:
    """Not even for orders and subscriptions that had forgotten whom they were for."""
    expire(order_as(patron, Human(), add_product("Selendang", stock_of={"KB": 5})))
    with transaction():
        db.rows("UPDATE orders SET closed_at = now() - interval '91 days' RETURNING id")
    assert privacy.forget_old() == 1
    everything(patron, merchant, Human(), carrier)
    copied = restarted(FIELD_KEY="a key that only the copy has ever had")
    assert anonymise(copied, name_of(settings)).exit_code == 0
    assert set(keyring.by_key(keyring.status())) == {crypto.current().id}
    assert [
        crypto.decrypt(row.email) for row in db.rows("SELECT email FROM orders WHERE forgotten_at IS NOT NULL")
    ] == [""]
    db.release()


def test_only_the_owner_of_the_tables_makes_a_copy(
    shop: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace  # noqa: PLC0415

    known = shop.config["SETTINGS"]
    monkeypatch.setitem(shop.config, "SETTINGS", replace(known, migrations_database_url=known.database_url))
    refused = anonymise(shop, name_of(settings))
    assert (refused.exit_code, "MIGRATIONS_DATABASE_URL has to be their owner's" in refused.output) == (1, True)
