"""A purchase and a working day in Malay: no page along the way says anything in English."""

import re
from html.parser import HTMLParser

import pytest

from app.core import catalogues, db
from tests.flows.shopper import Shopper
from tests.shop import add_product
from tests.staff import hire
from tools.webforms import form_to, heading_of

MALAY = {"Accept-Language": "ms-MY,ms;q=0.9,en;q=0.5"}
SPOKEN = ("aria-label", "alt", "title", "placeholder", "data-say-held", "data-say-five", "data-minutes", "data-count")


def _english() -> re.Pattern[str]:
    """Whatever the shop says in English only, a value standing for anything."""
    malay = catalogues.catalogue("ms")
    spoken = {each for message in malay if message.id for each in _forms(message.string)}
    texts = {each for message in malay if message.id for each in _forms(message.id)} - spoken
    patterns = [re.sub(r"%\\\(\w+\\\)s", ".+?", re.escape(text)) for text in sorted(texts)]
    return re.compile("|".join(each for each in patterns if re.search("[A-Za-z]{3}", each)))


def _forms(text: object) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


ENGLISH = _english()


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        self.found += [value for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


def english_in(page: str) -> list[str]:
    """The texts of a page that the catalogue knows as English."""
    reader = _Texts()
    reader.feed(page)
    assert '<html lang="ms"' in page
    return [text for each in reader.found if ENGLISH.fullmatch(text := " ".join(each.split()))]


@pytest.fixture
def pembeli(shop, bank) -> Shopper:
    """A shopper whose browser prefers Malay."""
    client = shop.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = MALAY["Accept-Language"]
    return Shopper(client, bank)


def test_english_would_be_noticed(shop, bank):
    page = Shopper(shop.test_client(), bank).get("/about").replace('lang="en"', 'lang="ms"')
    assert {"About us", "Who we are", "Save"} <= set(english_in(page))


def test_every_page_without_an_order_is_malay(pembeli):
    add_product("Kemeja Teluk")
    add_product("Kain Laut", unit="metre")
    slugs = [row[0] for row in db.rows("SELECT slug FROM product ORDER BY slug")]
    db.release()
    for path in ("/", "/c/shirts", "/search?q=kemeja", "/search?q=zzzz", "/cart", "/track", "/about", "/contact", "/terms", "/privacy",
                 "/refunds", "/shipping", *(f"/p/{slug}" for slug in slugs)):  # fmt: skip
        assert english_in(pembeli.get(path)) == [], path
    for path, status in (("/no/such/page", 404), ("/cart/lines", 405)):
        answer = pembeli.client.get(path)
        assert (answer.status_code, english_in(answer.text)) == (status, []), path


def test_a_purchase_is_malay_from_the_cart_to_the_parcel(pembeli, drain):
    shirt = add_product("Kemeja Teluk")
    pembeli.add(shirt, 2)
    assert "Troli anda (2 barang)" in heading_of(pembeli.get("/cart"))
    pages = [pembeli.get("/cart"), pembeli.post("/cart/lines", variant=str(shirt), quantity="9").text]
    pages += [pembeli.post("/checkout/contact", email="x", phone="").text, pembeli.get("/checkout/contact")]
    review = pembeli.to_review()
    pages += [review, pembeli.get("/checkout/delivery"), pembeli.place(review, payment_method="emas").text]
    token = pembeli.place(review).location.rsplit("/", 1)[-1]
    pages += [pembeli.get(f"/checkout/pay/{token}"), pembeli.get(f"/order/{token}")]
    pembeli.pay(token)
    pages.append(pembeli.get(f"/order/{token}"))
    assert [english_in(page) for page in pages] == [[]] * len(pages)
    assert "telah disahkan" in pembeli.heading(token)
    assert db.scalar("SELECT locale FROM orders") == "ms"
    db.release()


def test_a_lock_that_ran_out_and_an_order_given_up_are_malay(pembeli, run_out):
    token = pembeli.order(add_product())
    run_out(token)
    page = pembeli.get(f"/checkout/pay/{token}")
    assert "Cuba simpan semula" in page
    form = form_to(page, f"/checkout/pay/{token}/cancel")
    pembeli.client.post(form.action, data=form.filled())
    assert "dibatalkan" in pembeli.heading(token)
    assert english_in(page) == english_in(pembeli.get(f"/order/{token}")) == []


def test_the_back_office_is_malay(shop, pembeli, drain):
    token = pembeli.order(add_product())
    pembeli.pay(token)
    drain()
    pembeli.order(add_product("Kemeja Laut"))
    owner = hire(shop)
    owner.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = MALAY["Accept-Language"]
    pages = [owner.get("/admin/login")]
    owner.give_password()
    pages.append(owner.get("/admin/totp"))
    owner.give_code()
    orders = [row[0] for row in db.rows("SELECT id FROM orders")]
    db.release()
    pages += [owner.get(path) for path in ("/admin/", "/admin/orders", "/admin/orders?q=tiada", "/admin/stock-locks", "/admin/payments",
                                           "/admin/deliveries", "/admin/refunds", "/admin/refunds?view=asked", *(f"/admin/orders/{each}" for each in orders))]  # fmt: skip
    paid = db.scalar("SELECT id FROM orders WHERE confirmed_at IS NOT NULL")
    db.release()
    pages += [owner.get(f"/admin/orders/{paid}/{path}") for path in ("refund", "refund?q1=1&preview=1", "evidence")]
    pages.append(pembeli.get(f"/order/{token}/refund"))
    assert [english_in(page) for page in pages] == [[]] * len(pages)


def test_days_and_months_are_malay(pembeli):
    """The delivery days at checkout, such as “Isn 1 Jun”."""
    pembeli.add(add_product())
    pembeli.to_review()
    page = pembeli.get("/checkout/delivery")
    found = re.findall(r"Tiba (\w+) \d+ (\w+) – (\w+) \d+ (\w+)", page)
    assert found
    for first, month, last, other in found:
        assert {first, last} <= {"Isn", "Sel", "Rab", "Kha", "Jum", "Sab", "Ahd"}
        assert {month, other} <= {"Jan", "Feb", "Mac", "Apr", "Mei", "Jun", "Jul", "Ogo", "Sep", "Okt", "Nov", "Dis"}


def test_the_address_and_the_visitors_choice_change_the_words(shop, bank):
    shopper = Shopper(shop.test_client(), bank)
    assert heading_of(shopper.get("/about")) == "About us"
    assert heading_of(shopper.get("/about?lang=ms")) == "Tentang kami"
    assert heading_of(shopper.get("/about")) == "About us"
    answer = shopper.post("/-/preferences", locale="ms", next="/about?lang=en")
    assert heading_of(shopper.get(answer.location)) == "Tentang kami"
    assert heading_of(shopper.get("/about?lang=en")) == "About us"
