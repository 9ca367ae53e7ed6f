"""Measurement profiles, and garments made to them (CUS-05): chosen, typed, frozen, and nobody else's business."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.catalog import actions as catalog
from app.core import cache, crypto, db, keyring
from app.core.settings import Settings
from app.core.transaction import transaction
from app.privacy import flows as privacy
from app.tailoring import actions, queries
from app.tailoring.errors import TooManyProfiles
from app.tailoring.rules import GARMENTS, MAX_PROFILES, Fitting
from tests.customers.patron import PASSWORD, Patron
from tests.customers.test_orders_and_carts import checkout, expire, id_of
from tests.flows.shopper import Shopper
from tests.notifications.post_office import body_of
from tests.shop import add_product, faults, let_the_goods_arrive, stock_row
from tests.staff import hire
from tools.webforms import form_to, forms_of

MakePatron = Callable[..., Patron]
TOP = {
    "m_neck": "38.7", "m_shoulder": "42.3", "m_chest": "97.1", "m_waist": "81.9", "m_hip": "99.3", "m_upper_arm": "31.7",
    "m_arm": "58.9", "m_back": "43.1",
}  # fmt: skip


def add_shirt(*, days: int = 7, only: bool = False, garment: str = "top", **more: Any) -> Any:
    """A garment that may be made to measure; returns its variant."""
    variant = add_product(**more)
    with transaction():
        catalog.touch()
        db.rows(
            "UPDATE product SET tailored_as = :garment, is_tailored_only = :only, tailoring_days = :days"
            " WHERE id = (SELECT product_id FROM variant WHERE id = :v) RETURNING id",
            garment=garment,
            only=only,
            days=days,
            v=variant,
        )
    return variant


def page_of(shopper: Shopper, variant: Any) -> str:
    slug = db.scalar("SELECT p.slug FROM product p JOIN variant v ON v.product_id = p.id WHERE v.id = :v", v=variant)
    return shopper.get(f"/p/{slug}")


def keep(patron: Patron, name: str = "Aminah", **fields: str) -> Any:
    """Returns the profile's id."""
    answer = patron.submit("/account/measurements/new", "/account/measurements", **{"name": name, **TOP, **fields})
    assert answer.status_code == 303, answer.text
    return next(row.id for row in queries.profiles(patron.id) if row.name == name)


def order_to(shopper: Shopper, variant: Any, **fields: Any) -> Any:
    """“Add to cart” of the product's page."""
    form = form_to(page_of(shopper, variant), "/cart/lines")
    return shopper.client.post("/cart/lines", data=form.filled(**fields))


def made_to(token: str) -> list[dict[str, Any] | None]:
    """The measures of each line of an order, as they are stored."""
    found = db.rows(
        "SELECT l.fitting FROM order_line l JOIN orders o ON o.id = l.order_id WHERE o.token = :t ORDER BY l.position",
        t=token,
    )
    return [json.loads(crypto.decrypt(row[0])) if row[0] else None for row in found]


def cart_lines() -> list[Any]:
    return db.rows("SELECT id, quantity, fitting_key, fitting, profile_id FROM cart_line ORDER BY created_at, id")


@pytest.fixture
def guest(shop: Flask, bank: Any) -> Shopper:
    return Shopper(shop.test_client(), bank)


def test_profiles_are_added_changed_and_removed(aina: Patron):
    assert "Whose measurements" in aina.get("/account/measurements")
    aminah = keep(aina)
    keep(aina, "Ayah", m_chest="110", note="left shoulder is lower")
    page = aina.get("/account/measurements")
    assert "Chest\xa097.1" in page
    assert "Chest\xa0110" in page
    assert "left shoulder is lower" in page
    where = f"/account/measurements/{aminah}"
    form = form_to(aina.get(where), where)
    assert form.fields["m_neck"] == "38.7"
    assert aina.client.post(where, data=form.filled(m_neck="39")).status_code == 303
    assert [(row.name, row.measures["neck"], row.is_default) for row in queries.profiles(aina.id)] == [
        ("Aminah", 390, True),
        ("Ayah", 387, False),
    ]
    assert aina.post(f"{where}/remove").status_code == 303
    assert [(row.name, row.is_default) for row in queries.profiles(aina.id)] == [("Ayah", True)]


def test_the_usual_one_is_one(aina: Patron):
    keep(aina)
    keep(aina, "Ayah", default="1")
    assert [(row.name, row.is_default) for row in queries.profiles(aina.id)] == [("Ayah", True), ("Aminah", False)]


def test_inches_in_and_out(aina: Patron):
    page = "/account/measurements/new"
    form = form_to(aina.get(page), "/account/measurements")
    answer = aina.client.post("/account/measurements", data=form.filled(name="Me", m_chest="102.5", convert="in"))
    assert answer.status_code == 200
    form = form_to(answer.text, "/account/measurements")
    assert (form.fields["unit"], form.fields["m_chest"], form.fields["name"]) == ("in", "40.35", "Me")
    assert queries.profiles(aina.id) == []
    assert aina.client.post("/account/measurements", data=form.filled(m_waist="32 1/2")).status_code == 303
    (row,) = queries.profiles(aina.id)
    assert (row.measures, row.unit) == ({"chest": 1025, "waist": 826}, "in")
    assert "Chest\xa040.35" in aina.get("/account/measurements")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"m_chest": "12"}, "Chest: 40 to 200 cm is possible."),
        ({"m_height": "66"}, "Height: 70 to 230 cm is possible. Did you measure in inches?"),
        ({"m_chest": "wide"}, "Chest: enter a number such as 102.5"),
        ({"m_chest": "-97"}, "Chest: enter a number such as 102.5"),
        ({"m_chest": "97\r\n"}, "Chest: enter a number such as 102.5"),
        ({"m_chest": "9" * 9999}, "Chest: enter a number such as 102.5"),
        ({"unit": "in", "m_chest": "102"}, "Did you measure in centimetres?"),
        ({"name": ""}, "Say whose measurements these are"),
        ({"name": "A\x00b"}, "This must be one line of plain text."),
        ({"name": "a" * 41}, "Use at most 40 characters"),
        ({"note": "a" * 301}, "Use at most 300 characters"),
        (dict.fromkeys(TOP, ""), "Enter one measurement or more"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_kept(aina: Patron, fields: dict[str, str], words: str):
    form = form_to(aina.get("/account/measurements/new"), "/account/measurements")
    answer = aina.client.post("/account/measurements", data=form.filled(**{"name": "Me", **TOP, **fields}))
    assert answer.status_code == 422
    assert words in answer.text
    assert queries.profiles(aina.id) == []


def test_a_name_is_there_once_and_profiles_are_bounded(aina: Patron):
    keep(aina)
    assert aina.submit("/account/measurements/new", "/account/measurements", name="aminah", **TOP).status_code == 409
    for n in range(MAX_PROFILES - 1):
        with transaction():
            actions.save(aina.id, Fitting({"neck": 390}, name=f"Child {n}"))
    with transaction(), pytest.raises(TooManyProfiles):
        actions.save(aina.id, Fitting({"neck": 390}, name="One more"))
    answer = aina.submit("/account/measurements/new", "/account/measurements", name="One more", **TOP)
    assert answer.status_code == 422
    assert "Remove one first" in answer.text


def test_anothers_profile_is_none(aina: Patron, mallory: Patron):
    profile, shirt = keep(aina), add_shirt()
    for path in ("", "/remove"):
        answer = mallory.post(f"/account/measurements/{profile}{path}", name="Mine", unit="cm", **TOP)
        assert answer.status_code == 404
    assert mallory.client.get(f"/account/measurements/{profile}").status_code == 404
    for choice in (profile, "x", ""):
        assert mallory.post("/cart/lines", variant=shirt, quantity=1, fit=choice).status_code == 404
    assert cart_lines() == []
    assert [row.name for row in queries.profiles(aina.id)] == ["Aminah"]


def test_nothing_of_it_is_readable_in_the_database(aina: Patron):
    keep(aina, note="left shoulder is lower")
    order_to(aina, add_shirt(), fit=queries.profiles(aina.id)[0].id)
    aina.get("/cart")
    row = db.rows("SELECT name, measures, note FROM measurement_profile")[0]
    for stored in (*row, cart_lines()[0].fitting):
        assert not any(word in stored for word in ("Aminah", "shoulder", "neck", "387"))
    assert cache.client().keys("*cart:*") == []


def test_a_customer_orders_to_a_profile_and_it_is_frozen(aina: Patron, app: Flask, caplog: Any):
    profile, shirt = keep(aina, note="loose"), add_shirt()
    assert "Enter measurements" in page_of(aina, shirt)
    assert order_to(aina, shirt, fit=profile).status_code == 303
    page = aina.get("/cart")
    assert "Made to measure: Aminah" in page
    assert "Chest\xa097.1" in page
    token = checkout(aina, aina.email)
    aina.submit(f"/account/measurements/{profile}", f"/account/measurements/{profile}", m_chest="120")
    aina.post(f"/account/measurements/{profile}/remove")
    (frozen,) = made_to(token)
    assert frozen == {
        "mm": {
            "neck": 387,
            "shoulder": 423,
            "chest": 971,
            "waist": 819,
            "hip": 993,
            "upper_arm": 317,
            "arm": 589,
            "back": 431,
        },
        "unit": "cm",
        "name": "Aminah",
        "note": "loose",
    }
    aina.pay(token)
    aina.deliver()
    assert "Chest\xa097.1" in aina.get(f"/account/orders/{id_of(token)}")
    public = aina.get(f"/order/{token}")
    assert "97.1" not in public  # whoever has the link sees this page
    bodies = [body_of(mail, "plain") for mail in aina.mails()]
    assert any("made to measure" in body for body in bodies)
    told = [
        *bodies,
        caplog.text,
        str(db.rows("SELECT payload FROM outbox_event")),
        str(db.rows("SELECT facts FROM order_event")),
    ]
    assert not any(figure in text for text in told for figure in ("97.1", "971", "Aminah"))
    assert faults() == {}


def test_a_guest_types_the_measures(guest: Shopper):
    shirt = add_shirt()
    answer = order_to(guest, shirt, fit="enter", **{**TOP, "m_chest": ""})
    assert answer.status_code == 422
    assert "Chest: not entered yet" in answer.text
    assert cart_lines() == []
    form = next(form for form in forms_of(answer.text) if "m_chest" in form.fields)
    assert form.fields["m_neck"] == "38.7"
    assert guest.client.post(form.action, data=form.filled(m_chest="97.1")).status_code == 303
    page = guest.get("/cart")
    assert "Made to the measurements you entered" in page
    review = guest.to_review()
    assert "Chest\xa097.1" in review
    token = guest.place(review).location.rsplit("/", 1)[-1]
    assert made_to(token)[0]["mm"]["chest"] == 971
    assert "97.1" not in guest.get(f"/checkout/pay/{token}")
    guest.pay(token)
    assert "is confirmed" in guest.heading(token)


def test_other_measures_are_another_line_of_the_same_stock(guest: Shopper):
    """S2: what the lines take is summed."""
    shirt = add_shirt(stock_of={"KB": 3})
    assert order_to(guest, shirt).status_code == 303
    assert order_to(guest, shirt, fit="enter", **TOP).status_code == 303
    assert order_to(guest, shirt, fit="enter", **{**TOP, "m_chest": "104"}).status_code == 303
    assert [line.quantity for line in cart_lines()] == [1, 1, 1]
    answer = order_to(guest, shirt, fit="enter", **TOP)
    assert answer.status_code == 409
    assert "You have all of it in your cart already" in answer.text
    (_, typed, _) = cart_lines()
    assert guest.post(f"/cart/lines/{typed.id}", quantity="2").status_code == 409
    assert [line.quantity for line in cart_lines()] == [1, 1, 1]
    token = guest.place().location.rsplit("/", 1)[-1]
    assert [each and each["mm"]["chest"] for each in made_to(token)] == [None, 971, 1040]
    assert stock_row(shirt) == (3, 3)
    guest.pay(token)
    assert stock_row(shirt) == (0, 0)
    assert faults() == {}


def test_the_same_measures_are_one_line(aina: Patron):
    profile, shirt = keep(aina), add_shirt(stock_of={"KB": 9})
    for _ in range(2):
        order_to(aina, shirt, fit="enter", **TOP)
        order_to(aina, shirt, fit=profile)
    assert [(line.quantity, line.profile_id) for line in cart_lines()] == [(2, None), (2, profile)]


def test_a_second_line_of_the_last_one_is_told_before_checkout(guest: Shopper):
    shirt = add_shirt(stock_of={"KB": 2})
    order_to(guest, shirt)
    order_to(guest, shirt, fit="enter", **TOP)
    review = guest.to_review()
    with transaction():
        db.rows("UPDATE stock_item SET on_hand = 1 RETURNING id")
    page = guest.get("/cart")
    assert page.count('data-state="problem"') == 1
    answer = guest.place(review)
    assert answer.status_code == 409
    assert answer.text.count("Sold out. Nothing was charged.") == 1
    assert db.scalar("SELECT count(*) FROM orders") == 0


def test_a_colder_copy_of_a_cart_never_hides_the_measures(aina: Patron):
    """The hot copy of the cart as it was before goes, and comes back when the garment has left."""
    shirt = add_shirt()
    aina.add(shirt)
    aina.get("/cart")
    assert len(cache.client().keys("*cart:*")) == 1
    order_to(aina, shirt, fit=keep(aina))
    assert cache.client().keys("*cart:*") == []
    assert "Made to measure: Aminah" in aina.get("/cart")
    aina.post(f"/cart/lines/{cart_lines()[1].id}", remove="1")
    aina.get("/cart")
    assert len(cache.client().keys("*cart:*")) == 1


def test_what_was_bought_leaves_the_cart_and_what_was_added_since_stays(aina: Patron):
    profile, shirt = keep(aina), add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit=profile)
    order_to(aina, shirt)
    token = checkout(aina, aina.email)
    order_to(aina, shirt, fit="enter", **TOP)
    order_to(aina, shirt)
    aina.pay(token)
    aina.deliver()
    assert [(line.quantity, line.profile_id, bool(line.fitting)) for line in cart_lines()] == [
        (1, None, False),
        (1, None, True),
    ]


def test_a_cart_follows_its_profile_until_it_is_gone(aina: Patron):
    profile, shirt = keep(aina), add_shirt()
    order_to(aina, shirt, fit=profile)
    where = f"/account/measurements/{profile}"
    review = aina.to_review()
    aina.submit(where, where, m_chest="120")
    assert "Chest\xa0120" in aina.get("/cart")
    aina.post(f"{where}/remove")
    assert "Chest\xa0120" in aina.get("/cart")
    token = aina.place(review).location.rsplit("/", 1)[-1]
    assert made_to(token)[0]["mm"]["chest"] == 1200


def test_changed_measures_are_another_order(aina: Patron):
    """The same cart placed again is one order, but not when it is to be sewn in another way."""
    profile, shirt = keep(aina), add_shirt()
    order_to(aina, shirt, fit=profile)
    first = checkout(aina, aina.email)
    assert aina.place(aina.get("/checkout/review")).location.endswith(first)
    where = f"/account/measurements/{profile}"
    aina.submit(where, where, m_chest="120")
    second = aina.place(aina.get("/checkout/review")).location.rsplit("/", 1)[-1]
    assert second != first
    assert made_to(second)[0]["mm"]["chest"] == 1200
    assert made_to(first)[0]["mm"]["chest"] == 971


def test_an_incomplete_profile_asks_for_the_rest(aina: Patron):
    profile, shirt = keep(aina, m_chest="", m_height="170"), add_shirt()
    assert "Still to be measured: Chest" in page_of(aina, shirt)
    answer = order_to(aina, shirt, fit=profile)
    assert answer.status_code == 422
    assert "Chest: not entered yet" in answer.text
    form = next(form for form in forms_of(answer.text) if "m_chest" in form.fields)
    assert aina.client.post(form.action, data=form.filled(m_chest="97.1")).status_code == 303
    assert "Height" not in aina.get("/cart")


def test_no_more_than_the_garment_needs_is_handed_on(aina: Patron):
    profile = keep(aina, m_height="170", m_inside_leg="78")
    order_to(aina, add_shirt(garment="bottom"), fit=profile)
    assert "Neck" not in aina.get("/cart")
    assert set(made_to(checkout(aina, aina.email))[0]["mm"]) == set(GARMENTS["bottom"])


def test_what_is_only_made_to_measure_has_no_standard_size(guest: Shopper):
    robe = add_shirt(only=True)
    assert "Standard size" not in page_of(guest, robe)
    answer = guest.add(robe)  # a form that knows nothing of measures
    assert answer.status_code == 422
    assert "This is made to measure. Enter the measurements." in answer.text
    form = next(form for form in forms_of(answer.text) if "m_chest" in form.fields)
    assert guest.client.post(form.action, data=form.filled(**TOP)).status_code == 303
    assert "/checkout/pay/" in guest.place().location


def test_a_merchants_change_of_mind_stops_before_the_order(guest: Shopper):
    shirt, other = add_shirt(), add_shirt(name="Blaus")
    order_to(guest, shirt)
    order_to(guest, other, fit="enter", **TOP)
    review = guest.to_review()
    with transaction():
        catalog.touch()
        db.rows("UPDATE product SET is_tailored_only = true WHERE name->>'en' <> 'Blaus' RETURNING id")
        db.rows("UPDATE product SET tailored_as = NULL, tailoring_days = NULL WHERE name->>'en' = 'Blaus' RETURNING id")
    page = guest.get("/cart")
    assert "This is made to measure only." in page
    assert "This is not made to measure any more. Please remove it." in page
    assert guest.place(review).location.endswith("/cart")
    answer = guest.client.post("/api/checkout/intent", json={}, headers={"X-CSRF-Token": guest.csrf()})
    assert (answer.status_code, answer.json["code"]) == (409, "measures_missing")
    assert db.scalar("SELECT count(*) FROM orders") == 0
    assert guest.post("/cart/lines", variant=other, quantity=1, fit="enter", **TOP).status_code == 422


def test_sewing_takes_its_days(guest: Shopper):
    shirt = add_shirt(days=7)
    order_to(guest, shirt)
    plain = guest.place().location.rsplit("/", 1)[-1]
    order_to(guest, shirt, fit="enter", **TOP)
    sewn = guest.place(guest.get("/checkout/review")).location.rsplit("/", 1)[-1]
    days = dict(db.rows("SELECT token, snapshot->'delivery_days' FROM orders"))
    assert days[sewn] == [n + 7 for n in days[plain]]


def test_a_guests_measures_come_along_at_sign_in(aina: Patron):
    shirt = add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit=keep(aina))
    aina.sign_out()
    order_to(aina, shirt, fit="enter", **TOP)
    order_to(aina, shirt)
    aina.sign_in()
    page = aina.get("/cart")
    assert "Made to measure: Aminah" in page
    assert "Made to the measurements you entered" in page
    assert [line.quantity for line in cart_lines()] == [1, 1, 1]


def test_no_copy_of_measures_keeps_a_key_that_leaves(aina: Patron, settings: Settings):
    """The carts are put together after the rotation has passed the customer's lines, and before it reaches the guest's."""
    shirt = add_shirt(stock_of={"KB": 9})
    aina.sign_out()
    order_to(aina, shirt, fit="enter", **TOP)
    old, new = settings.field_key, "another key of personal data, of next year"
    crypto.configure(new, old, load_kept=keyring.load)
    try:
        aina.sign_in()
        (line,) = cart_lines()
        assert line.fitting.startswith(f"{crypto.current().id}.")
        assert queries.opened(line.fitting).measures["chest"] == 971
    finally:
        crypto.configure(settings.field_key, load_kept=keyring.load)


def test_no_order_has_more_than_the_limit_over_all_its_measures(guest: Shopper):
    shirt = add_shirt(stock_of={"KB": 9}, max_per_order=2)
    order_to(guest, shirt)
    order_to(guest, shirt, fit="enter", **TOP)
    (standard, typed) = cart_lines()
    assert order_to(guest, shirt, fit="enter", **{**TOP, "m_chest": "104"}).status_code == 409
    assert guest.post(f"/cart/lines/{typed.id}", quantity="2").status_code == 409
    review = guest.to_review()
    with transaction():
        db.rows("UPDATE product SET max_per_order = 1 RETURNING id")
    assert guest.place(review).status_code == 409
    assert db.scalar("SELECT count(*) FROM orders") == 0
    assert guest.post(f"/cart/lines/{standard.id}", remove="1").status_code == 303
    assert guest.place(guest.get("/checkout/review")).status_code == 303


def test_ordering_again_takes_todays_measures(aina: Patron):
    profile, shirt = keep(aina), add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit=profile)
    order_to(aina, shirt, fit="enter", **{**TOP, "m_chest": "104"})
    token = checkout(aina, aina.email)
    aina.pay(token)
    aina.deliver()
    assert cart_lines() == []
    where = f"/account/measurements/{profile}"
    aina.submit(where, where, m_chest="120")
    answer = aina.post(f"/account/orders/{id_of(token)}/reorder")
    page = aina.get(answer.location)
    assert "takes your measurements as they are in your account today" in page
    assert "Chest\xa0120" in page
    assert "Chest\xa0104" in page
    aina.post(f"{where}/remove")
    aina.post(f"/account/orders/{id_of(token)}/reorder")
    assert "Chest\xa097.1" in aina.get("/cart")


def test_the_tailor_reads_them_in_the_back_office(aina: Patron, shop: Flask):
    order_to(aina, add_shirt(), fit=keep(aina, note="loose around the arms"))
    token = checkout(aina, aina.email)
    page = hire(shop).sign_in().get(f"/admin/orders/{id_of(token)}")
    assert "Measurements of Aminah" in page
    assert re.search(r"97\.1\xa0cm.*38\.23\xa0in", page, re.S)
    assert "loose around the arms" in page
    assert "made to measure" in page


def test_the_copy_of_ones_data_has_them(aina: Patron, mallory: Patron):
    keep(mallory, "Mallory")
    shirt = add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit=keep(aina))
    checkout(aina, aina.email)
    packed = aina.submit("/account/data", "/account/data/export", current=PASSWORD)
    data = json.loads(zipfile.ZipFile(io.BytesIO(packed.data)).read("data.json"))
    assert [(row["name"], row["chest_mm"]) for row in data["measurements"]] == [("Aminah", 971)]
    assert (data["order_lines"][0]["measures_of"], data["order_lines"][0]["chest_mm"]) == ("Aminah", 971)
    assert data["cart"][0]["chest_mm"] == 971
    assert "Mallory" not in json.dumps(data)


def test_nothing_of_a_body_is_left_of_who_is_forgotten(aina: Patron, mallory: Patron):
    keep(mallory)
    shirt = add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit=keep(aina))
    token = checkout(aina, aina.email)
    aina.pay(token)
    aina.deliver()
    order_to(aina, shirt, fit=queries.profiles(aina.id)[0].id)
    aina.submit("/account/data", "/account/data/close", current=PASSWORD)
    with transaction():
        db.rows("UPDATE customer SET closes_at = now() - interval '1 minute' WHERE id = :id RETURNING id", id=aina.id)
    let_the_goods_arrive()
    privacy.erase_closed()
    assert aina.id is None
    assert made_to(token) == [None]
    assert db.rows("SELECT fitting_key, options FROM order_line") == [("", "made to measure")]
    assert cart_lines() == []
    assert [row.customer_id for row in db.rows("SELECT customer_id FROM measurement_profile")] == [mallory.id]
    assert faults() == {}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE product SET tailored_as = 'hat', tailoring_days = 3",
        "UPDATE product SET tailored_as = 'top'",
        "UPDATE product SET tailored_as = 'top', tailoring_days = 0",
        "UPDATE product SET is_tailored_only = true",
        "UPDATE product SET tailored_as = 'top', tailoring_days = 3, unit = 'metre', step_mm = 500",
        "UPDATE cart_line SET fitting_key = 'x'",
        "UPDATE cart_line SET fitting = 'x'",
        "UPDATE measurement_profile SET unit = 'ells'",
        "UPDATE measurement_profile SET is_default = true",
    ],
)
def test_the_database_refuses_what_cannot_be(aina: Patron, change: str):
    keep(aina)
    keep(aina, "Ayah")
    aina.add(add_product())
    with pytest.raises(IntegrityError), transaction():
        db.rows(f"{change} RETURNING id")
    db.forget()


def test_orders_forget_measures_they_do_not_need(aina: Patron, guest: Shopper):
    """A guest's after a year, those of an order that never came about after a month; a customer's stay until they go."""
    shirt = add_shirt(stock_of={"KB": 9})
    profile, tokens = keep(aina), []
    for shopper, choice in ((aina, {"fit": profile}), (guest, {"fit": "enter", **TOP})):
        order_to(shopper, shirt, **choice)
        paid = checkout(shopper, "guest@example.com")
        shopper.pay(paid)
        aina.deliver()
        order_to(shopper, shirt, **choice)
        never = checkout(shopper, "guest@example.com")
        expire(never)
        tokens += [paid, never]
    for days, kept in ((29, [1, 1, 1, 1]), (31, [1, 0, 1, 0]), (364, [1, 0, 1, 0]), (366, [1, 0, 0, 0])):
        with transaction():
            db.rows(
                "UPDATE orders SET created_at = now() - make_interval(days => :n), confirmed_at = CASE WHEN confirmed_at"
                " IS NOT NULL THEN now() - make_interval(days => :n) END RETURNING id",
                n=days,
            )
        privacy.forget_old()
        assert [len(list(filter(None, made_to(token)))) for token in tokens] == kept, days


def test_who_chose_in_a_session_that_is_over_signs_in_first(aina: Patron):
    profile, shirt = keep(aina), add_shirt()
    form = form_to(page_of(aina, shirt), "/cart/lines").filled(fit=profile)
    with transaction():
        db.rows("UPDATE customer_session SET ended_at = now() RETURNING id")
    answer = aina.client.post("/cart/lines", data=form)
    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=/p/")
    assert cart_lines() == []


def test_a_wrong_quantity_loses_no_measures(guest: Shopper):
    shirt = add_shirt(stock_of={"KB": 2})
    for quantity, right in (("x", "1"), ("9", None)):
        answer = order_to(guest, shirt, fit="enter", quantity=quantity, **TOP)
        form = next(form for form in forms_of(answer.text) if form.fields.get("m_chest") == "97.1")
        assert (
            guest.client.post(form.action, data=form.filled(**({"quantity": right} if right else {}))).status_code
            == 303
        )
    assert [(line.quantity, bool(line.fitting)) for line in cart_lines()] == [(2, True)]


def test_lines_that_forgot_their_measures_are_ordered_again_as_one(aina: Patron):
    shirt = add_shirt(stock_of={"KB": 9})
    order_to(aina, shirt, fit="enter", **TOP)
    order_to(aina, shirt, fit="enter", **{**TOP, "m_chest": "104"})
    token = checkout(aina, aina.email)
    aina.pay(token)
    aina.deliver()
    with transaction():
        db.rows("UPDATE order_line SET fitting = NULL, fitting_key = '' RETURNING id")
    assert aina.post(f"/account/orders/{id_of(token)}/reorder").status_code == 303
    assert [(line.quantity, line.fitting_key) for line in cart_lines()] == [(2, "")]
