"""Who fetches the order themselves (N7): asked for a name alone, told the place from checkout to the papers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from app.core import db, memory
from app.core.transaction import transaction
from app.documents import sheets
from app.notifications import letters
from app.notifications import queries as mails
from app.orders import queries as orders
from app.shipping import actions as shipping
from app.shipping import queries as rates
from demo.load import PICKUP
from tests.flows.shopper import Shopper
from tests.shop import ADDRESS, CONTACT, add_product, faults
from tests.staff import StaffMember
from tools.webforms import form_to

PLACE, HOURS = "18 Jalan Sultanah Zainab, 15050 Kota Bharu", "Saturday to Thursday, 10 am to 6 pm"


@pytest.fixture
def workshop(shop: object) -> None:
    with transaction():
        shipping.offer_pickup(**PICKUP)
    db.forget()
    memory.forget_all()


def to_delivery(shopper: Shopper) -> str:
    """A cart and the contact step done; returns the delivery page."""
    shopper.add(add_product(price=1_000))
    form = form_to(shopper.get("/checkout/contact"), "/checkout/contact").filled(**CONTACT)
    assert shopper.client.post("/checkout/contact", data=form).status_code == 303
    return shopper.get("/checkout/delivery")


def pick_up(shopper: Shopper, **changed: str) -> str:
    """Choose to fetch it; returns the review page."""
    form = form_to(shopper.get("/checkout/pickup"), "/checkout/pickup")
    answer = shopper.client.post("/checkout/pickup", data=form.filled(**{"name": "Aina Rahman", **changed}))
    assert (answer.status_code, answer.location) == (303, "/checkout/review")
    return shopper.get("/checkout/review")


@pytest.mark.usefixtures("workshop")
class TestPickup:
    def test_a_name_is_all_that_is_asked(self, shopper: Shopper) -> None:
        assert '<a href="/checkout/pickup">' in to_delivery(shopper)
        form = form_to(shopper.get("/checkout/pickup"), "/checkout/pickup")
        assert set(form.fields) == {"csrf_token", "place", "name"}
        review = pick_up(shopper)
        assert f"{PLACE} · {HOURS} · ready by" in review
        assert "RM\xa010.00" in review

    def test_pages_mail_and_papers_say_where(
        self, shopper: Shopper, merchant: StaffMember, drain: Callable[[], int]
    ) -> None:
        to_delivery(shopper)
        token = shopper.place(pick_up(shopper)).location.rsplit("/", 1)[-1]
        shopper.pay(token)
        drain()
        page = re.sub(r"\s+", " ", shopper.get(f"/order/{token}"))
        assert f"<dt>Pick up at</dt><dd>{PLACE}<br>{HOURS}</dd>" in page
        assert "Ready for you" in page
        assert "On its way" not in page
        order = orders.order_by_token(token)
        assert order is not None
        assert (order.shipping_minor, order.address["name"], order.address["city"]) == (0, "Aina Rahman", "Kota Bharu")
        letter = letters.compose("order_confirmed", locale="en", order=mails.mail_order(order.id))
        for half in (letter.text, letter.html):
            assert "Pick up at" in half
            assert "Where it goes" not in half
            assert all(words in half for words in ("18 Jalan Sultanah Zainab", HOURS, "Aina Rahman"))
        buyer = sheets.buyer(order)["lines"]
        assert buyer == ["Aina Rahman", CONTACT["email"]]
        staffs = merchant.client.get(f"/admin/orders/{order.id}").text
        assert "<h2>Pick up at</h2>" in staffs
        assert HOURS in staffs
        assert faults() == {}

    def test_in_malay(self, shopper: Shopper) -> None:
        to_delivery(shopper)
        shopper.client.set_cookie("lang", "ms")
        assert "Sabtu hingga Khamis, 10 pagi hingga 6 petang" in pick_up(shopper)

    def test_without_a_name_or_with_another_place_nothing_is_kept(self, shopper: Shopper) -> None:
        to_delivery(shopper)
        form = form_to(shopper.get("/checkout/pickup"), "/checkout/pickup")
        for wrong in ({"name": " "}, {"place": "standard"}, {"place": ""}, {"name": "A\r\nB"}):
            answer = shopper.client.post("/checkout/pickup", data=form.filled(**{"name": "Aina", **wrong}))
            assert answer.status_code == 422
            assert 'id="error-summary"' in answer.text
        assert shopper.client.get("/checkout/review").location == "/checkout/delivery"

    def test_steps_cannot_be_skipped(self, shopper: Shopper) -> None:
        for answer in (shopper.client.get("/checkout/pickup"), shopper.post("/checkout/pickup", name="Aina")):
            assert (answer.status_code, answer.location) == (303, "/checkout/contact")
        shopper.add(add_product())
        shopper.get("/checkout/contact")
        assert shopper.client.get("/checkout/pickup").location == "/checkout/contact"

    def test_it_is_no_way_to_deliver(self, shopper: Shopper) -> None:
        """Nothing is sent for the price of fetching it, however the form is filled in."""
        form = form_to(to_delivery(shopper), "/checkout/delivery")
        assert "workshop" not in shopper.get("/checkout/delivery").replace("/checkout/pickup", "")
        answer = shopper.client.post("/checkout/delivery", data=form.filled(**{**ADDRESS, "method": "workshop"}))
        assert answer.status_code in (303, 422)
        pick_up(shopper)
        form = form_to(shopper.get("/checkout/delivery"), "/checkout/delivery")
        assert form.fields["method"] == "standard"
        assert form.fields["line1"] == ""  # not the workshop's
        shopper.client.post("/checkout/delivery", data={**form.filled(**ADDRESS), "method": "workshop"})
        order = shopper.place(shopper.to_review())
        token = order.location.rsplit("/", 1)[-1]
        found = db.rows("SELECT shipping_method, shipping_minor FROM orders WHERE token = :token", token=token)
        assert [tuple(row) for row in found] == [("standard", 800)]

    def test_a_place_that_moves_meanwhile_is_asked_for_anew(self, shopper: Shopper) -> None:
        to_delivery(shopper)
        review = pick_up(shopper)
        with transaction():
            db.rows(
                'UPDATE shipping_rate SET pickup_at = pickup_at || \'{"line1": "1 Jalan Lain"}\''
                " WHERE code = 'workshop' RETURNING id"
            )
        memory.forget_all()
        answer = shopper.place(review)
        assert answer.status_code in (303, 409)
        assert db.scalar("SELECT count(*) FROM orders") == 0

    def test_the_shipping_page_names_it_and_rates_start_as_before(self, shopper: Shopper) -> None:
        page = shopper.get("/shipping")
        assert PLACE in page
        assert page.count("Pick up at our workshop") == 1
        assert rates.cheapest_from(country="MY", currency="MYR") == 800


def test_without_a_place_there_is_no_such_page(shopper: Shopper) -> None:
    assert "/checkout/pickup" not in to_delivery(shopper)
    assert shopper.client.get("/checkout/pickup").status_code == 404
    assert "Pick it up" not in shopper.get("/shipping")
