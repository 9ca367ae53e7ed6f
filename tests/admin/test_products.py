"""Products in the back office: found, and made to measure as staff say (CUS-05); whoever comes second is told."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from flask import Flask

from app.catalog import actions as catalog
from app.catalog import rules
from app.catalog.errors import ChangedMeanwhile
from app.catalog.rules import Tailoring
from app.core import db
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.transaction import in_transaction, transaction
from app.tailoring.rules import GARMENTS
from app.web import measure_words
from tests.customers.patron import Patron
from tests.customers.people import *  # noqa: F403 (fixtures)
from tests.customers.test_measurements import TOP, keep, made_to, order_to, page_of
from tests.shop import add_product, faults
from tests.staff import StaffMember, hire
from tools.webforms import form_to

PAGE = "/admin/products"


@pytest.fixture
def desk(shop: Flask) -> StaffMember:
    return hire(shop, "mei@example.com", role="catalogue").sign_in()


def product_of(variant: uuid.UUID) -> uuid.UUID:
    found: uuid.UUID = db.scalar("SELECT product_id FROM variant WHERE id = :v", v=variant)
    db.release()
    return found


def path_of(variant: uuid.UUID) -> str:
    return f"{PAGE}/{product_of(variant)}"


def save(desk: StaffMember, path: str, **fields: str) -> Any:
    """Fill in the form of the page and send it; a box that is not ticked is not sent."""
    form = form_to(desk.get(path), f"{path}/tailoring")
    data = form.filled(**fields)
    return desk.client.post(form.action, data={name: each for name, each in data.items() if each != "unticked"})


def stored(variant: uuid.UUID) -> Tailoring | None:
    row = db.rows(
        "SELECT tailored_as, tailoring_days, is_tailored_only FROM product WHERE id = :id", id=product_of(variant)
    )[0]
    db.release()
    return Tailoring(*row) if row[0] else None


def acts() -> list[tuple[Any, Any, str]]:
    rows = db.rows(
        "SELECT before, after, object_id FROM audit_entry WHERE action = 'catalogue.tailoring_set' ORDER BY created_at, id"
    )
    db.release()
    return [tuple(row) for row in rows]


def test_a_product_is_found_by_name_and_sku(desk: StaffMember) -> None:
    shirt, cloth = add_product("Kemeja 100%_Kapas"), add_product("Kain Ela", unit="metre")
    sku = db.scalar("SELECT sku FROM variant WHERE id = :id", id=cloth)
    db.release()
    both = desk.get(PAGE)
    assert both.index("Kain Ela") < both.index("Kemeja 100%_Kapas"), "the newest first"
    for words, found in (("kemeja", shirt), ("100%_", shirt), (sku[3:].lower(), cloth), ("ela", cloth)):
        page = desk.client.get(PAGE, query_string={"q": words}).text
        assert [path_of(each) in page for each in (shirt, cloth)] == [found == shirt, found == cloth], words
    for words in ("%", "_", "100_%", "name", "\\"):
        page = desk.client.get(PAGE, query_string={"q": words}).text
        assert path_of(cloth) not in page
    assert "No product found" in desk.client.get(PAGE, query_string={"q": "sandals"}).text
    assert desk.client.get(PAGE, query_string={"q": "a\tb", "before": "x"}).status_code == 200


def test_pages_follow_each_other(desk: StaffMember) -> None:
    variants = [add_product(f"Kemeja {number:02}") for number in range(51)]
    first = desk.get(PAGE)
    assert path_of(variants[1]) in first
    assert path_of(variants[0]) not in first
    older = first.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
    assert path_of(variants[0]) in desk.get(older)
    assert path_of(variants[1]) not in desk.get(older)


def test_it_is_made_to_measure_from_now_on(desk: StaffMember, patron: Patron) -> None:
    shirt = add_product("Baju Melayu")
    assert 'id="fit"' not in page_of(patron, shirt)
    form = form_to(desk.get(path_of(shirt)), f"{path_of(shirt)}/tailoring")
    assert (form.fields["garment"], form.fields["seen"], "only" in form.fields) == ("none", "none", False)
    answer = save(desk, path_of(shirt), garment="bottom", days="12")
    assert (answer.status_code, answer.location) == (303, f"{path_of(shirt)}?done=tailoring-saved")
    assert "Saved. The shop asks so from now on." in desk.get(answer.location)
    page = page_of(patron, shirt)
    asked = [page.index(f'name="m_{name}"') for name in GARMENTS["bottom"]]
    assert asked == sorted(asked)
    assert 'name="m_neck"' not in page
    assert "12 working days more" in page
    assert "Standard size" in page
    save(desk, path_of(shirt), only="1")
    assert "Standard size" not in page_of(patron, shirt)
    assert stored(shirt) == Tailoring("bottom", 12, True)
    assert "Trousers or a skirt, 12 working days more, no standard size" in desk.get(PAGE)
    save(desk, path_of(shirt), garment="none", days="", only="unticked")
    assert stored(shirt) is None
    assert 'id="fit"' not in page_of(patron, shirt)
    nothing, some, only = {"garment": None}, {"garment": "bottom", "days": 12}, {"garment": "bottom", "days": 12}
    some, only = some | {"is_only": False}, only | {"is_only": True}
    product = str(product_of(shirt))
    assert acts() == [(nothing, some, product), (some, only, product), (only, nothing, product)]
    owner = hire(desk.client.application, "owner@example.com").sign_in()
    page = owner.get("/admin/activity")
    assert "Changed how a product is made to measure" in page
    assert f'href="{path_of(shirt)}"' in page


def test_orders_keep_their_measures_and_carts_are_told(desk: StaffMember, patron: Patron) -> None:
    shirt = add_product("Baju Melayu", stock_of={"KB": 9})
    save(desk, path_of(shirt), garment="top", days="3")
    patron.register()
    profile = keep(patron)
    assert order_to(patron, shirt, fit=profile).status_code == 303
    token = patron.place().location.rsplit("/", 1)[-1]
    before = made_to(token)
    assert set(before[0]["mm"]) == set(GARMENTS["top"])
    patron.pay(token)
    patron.deliver()
    assert order_to(patron, shirt, fit=profile).status_code == 303
    assert "Orders keep the measurements they were placed with. Carts keep theirs too" in desk.get(path_of(shirt))
    save(desk, path_of(shirt), garment="full")
    assert made_to(token) == before
    assert str(measure_words.LABELS["inside_leg"]) in patron.get("/cart")
    assert patron.place().location.endswith("/cart"), "not before it is measured"
    save(desk, path_of(shirt), garment="none")
    assert made_to(token) == before
    assert "This is not made to measure any more." in patron.get("/cart")
    save(desk, path_of(shirt), garment="top", days="3")
    assert "This is not made to measure any more." not in patron.get("/cart")
    assert TOP["m_neck"] in patron.get("/cart")
    assert faults() == {}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"garment": "cloak", "days": "3"}, "garment"),
        ({"garment": "", "days": "3"}, "garment"),
        ({"garment": "top", "days": ""}, "days"),
        ({"garment": "top", "days": "0"}, "days"),
        ({"garment": "top", "days": "91"}, "days"),
        ({"garment": "top", "days": "-3"}, "days"),
        ({"garment": "top", "days": "٣"}, "days"),
        ({"garment": "top", "days": "2.5"}, "days"),
    ],
)
def test_what_is_wrong_is_said_and_not_saved(desk: StaffMember, fields: dict[str, str], fault: str) -> None:
    shirt = add_product()
    answer = save(desk, path_of(shirt), **fields)
    assert answer.status_code == 422
    assert f'href="#{fault}"' in answer.text
    assert f'id="{fault}-error"' in answer.text
    assert (stored(shirt), acts()) == (None, [])


def test_the_second_of_two_is_told(desk: StaffMember, shop: Flask) -> None:
    shirt = add_product()
    path = path_of(shirt)
    form = form_to(desk.get(path), f"{path}/tailoring")
    other = hire(shop, "ravi@example.com", role="catalogue").sign_in()
    assert save(other, path, garment="full", days="20").status_code == 303
    answer = desk.client.post(form.action, data=form.filled(garment="top", days="4"))
    assert answer.status_code == 409
    assert "Somebody else has changed this meanwhile. Nothing was saved." in answer.text
    assert "Now it is: The whole body, 20 working days more." in answer.text
    assert stored(shirt) == Tailoring("full", 20)
    form = form_to(answer.text, f"{path}/tailoring")
    assert (form.fields["garment"], form.fields["days"]) == ("top", "4"), "what was wanted is not lost"
    assert desk.client.post(form.action, data=form.fields).status_code == 303
    assert stored(shirt) == Tailoring("top", 4)
    assert desk.client.post(form.action, data=form.fields).status_code == 303, "the same click twice"
    assert len(acts()) == 2


def test_four_at_once_are_one(desk: StaffMember) -> None:
    product = product_of(add_product())
    barrier, ends = threading.Barrier(4), list[type | None]()

    def change(days: int) -> None:
        barrier.wait()
        wished = Tailoring("top", days)
        try:
            in_transaction(
                lambda: catalog.set_tailoring(product, wished, seen=rules.tailoring_mark(None), by="staff:1")
            )
            ends.append(None)
        except Exception as error:
            ends.append(type(error))
        finally:
            db.forget()

    threads = [threading.Thread(target=change, args=(days,)) for days in range(1, 5)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(ends, key=str) == sorted([None, *[ChangedMeanwhile] * 3], key=str)
    assert len(acts()) == 1


def test_what_is_sold_by_length_is_not_sewn(desk: StaffMember) -> None:
    cloth = add_product("Kain Ela", unit="metre")
    page = desk.get(path_of(cloth))
    assert "This is sold by length" in page
    assert f"{path_of(cloth)}/tailoring" not in page
    csrf = form_to(page, "/admin/logout").fields["csrf_token"]
    answer = desk.client.post(
        f"{path_of(cloth)}/tailoring", data={"csrf_token": csrf, "garment": "top", "days": "3", "seen": "none"}
    )
    assert (answer.status_code, stored(cloth)) == (404, None)
    with pytest.raises(NotFound), transaction():
        catalog.set_tailoring(new_id(), None, seen="none", by="staff:1")


def test_who_may_only_look_changes_nothing(desk: StaffMember, shop: Flask) -> None:
    shirt = add_product()
    save(desk, path_of(shirt), garment="top", days="3")
    looker = hire(shop, "looker@example.com", role="agent").sign_in()
    page = looker.get(path_of(shirt))
    assert "A top, 3 working days more" in page
    assert "/tailoring" not in page
    csrf = form_to(page, "/admin/logout").fields["csrf_token"]
    assert looker.client.post(f"{path_of(shirt)}/tailoring", data={"csrf_token": csrf}).status_code == 403
    stranger = hire(shop, "finance@example.com", role="finance").sign_in()
    assert stranger.client.get(PAGE).status_code == 403
    assert f'href="{PAGE}"' not in stranger.get("/admin/")
