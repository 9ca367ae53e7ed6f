"""Whose orders and carts are: attached by a proven e-mail, merged at sign-in with words, ordered again, nobody else's."""

from __future__ import annotations

from collections.abc import Callable

from app.core import cache, db
from app.core.transaction import transaction
from app.customers.actions import wishes
from app.orders import flows as orders
from tests.customers.patron import Patron
from tests.shop import ADDRESS, CONTACT, add_product
from tools.webforms import form_to, forms_of, heading_of

MakePatron = Callable[..., Patron]


def checkout(patron: Patron, email: str) -> str:
    """Order what is in the cart under this address; returns the token."""
    form = form_to(patron.get("/checkout/contact"), "/checkout/contact")
    patron.client.post("/checkout/contact", data=form.filled(**{**CONTACT, "email": email}))
    form = form_to(patron.get("/checkout/delivery"), "/checkout/delivery")
    patron.client.post("/checkout/delivery", data=form.filled(**ADDRESS))
    form = form_to(patron.get("/checkout/delivery"), "/checkout/delivery")
    patron.client.post("/checkout/delivery", data=form.filled())
    answer = patron.place(patron.get("/checkout/review"))
    assert answer.status_code == 303, answer.text
    return answer.location.rsplit("/", 1)[-1]


def buy(patron: Patron, variant: object, quantity: int = 1, *, email: str | None = None) -> str:
    assert patron.add(variant, quantity).status_code == 303
    return checkout(patron, email or patron.email)


def expire(token: str) -> None:
    with transaction():
        db.rows(
            "UPDATE stock_lock SET expires_at = clock_timestamp() - interval '1 hour' WHERE state = 'held' RETURNING id"
        )
        db.rows(
            "UPDATE orders SET expires_at = clock_timestamp() - interval '1 hour' WHERE token = :t RETURNING id",
            t=token,
        )
    orders.release_pass(trigger="schedule")


def owner_of(token: str) -> object:
    return db.scalar("SELECT customer_id FROM orders WHERE token = :t", t=token)


def id_of(token: str) -> object:
    return db.scalar("SELECT id FROM orders WHERE token = :t", t=token)


def orders_of(patron: Patron) -> int:
    return patron.get("/account/orders").count('<li class="panel order-card">')


def in_cart(patron: Patron) -> dict[str, int]:
    """What the page of the cart shows: product name to quantity."""
    page = patron.get("/cart")
    return {
        form.fields["quantity"]: form.action  # type: ignore[misc]
        for form in forms_of(page)
        if form.action.startswith("/cart/lines/") and "quantity" in form.fields
    }


def quantities(patron: Patron) -> list[str]:
    return sorted(in_cart(patron))


def test_an_order_placed_while_signed_in_is_the_customers(aina: Patron):
    token = buy(aina, add_product(), email="office@example.com")
    assert owner_of(token) == aina.id
    assert orders_of(aina) == 1
    page = aina.get(f"/account/orders/{id_of(token)}")
    assert "12 Jalan Kiara" in page
    assert f"/order/{token}" in page


def test_guest_orders_attach_to_a_proven_address_only(patron: Patron, make_patron: MakePatron):
    """Orders before the account, orders after it, and none by somebody who only typed the address."""
    shirt = add_product(stock_of={"KB": 9})
    before = buy(make_patron(), shirt)
    claiming = make_patron()
    claiming.ask_to_register()
    claiming.deliver()
    assert owner_of(before) is None
    patron.register()
    assert owner_of(before) == patron.id
    after = buy(make_patron(), shirt, email="AINA@example.com")
    assert owner_of(after) == patron.id
    others = buy(make_patron(), shirt, email="somebody@example.com")
    assert owner_of(others) is None
    assert orders_of(patron) == 2
    assert patron.client.get(f"/account/orders/{id_of(others)}").status_code == 404


def test_a_new_address_brings_its_orders_at_the_next_sign_in(aina: Patron, make_patron: MakePatron):
    token = buy(make_patron(), add_product(), email="aina.rahman@example.org")
    fields = {"new-email": "aina.rahman@example.org", "new-current": aina.password}
    aina.submit("/account/security", "/account/security/email", **fields)
    aina.email = "aina.rahman@example.org"
    aina.follow(aina.link())
    aina.sign_out()
    assert owner_of(token) is None
    aina.sign_in()
    assert owner_of(token) == aina.id


def test_anothers_order_is_not_there(aina: Patron, mallory: Patron):
    token = buy(aina, add_product())
    path = f"/account/orders/{id_of(token)}"
    assert mallory.client.get(path).status_code == 404
    assert mallory.post(f"{path}/reorder").status_code == 404
    assert orders_of(mallory) == 0
    assert quantities(mallory) == []


def test_the_list_goes_on_and_is_filtered(aina: Patron, statements):
    shirt = add_product(stock_of={"KB": 99})
    tokens, counts = [], []
    for number in range(13):
        tokens.append(buy(aina, shirt))
        with transaction():  # as if the first was long ago: a later one would replace it
            db.rows("UPDATE checkout_session SET order_id = NULL RETURNING id")
            db.rows("UPDATE cart SET version = version + 1 RETURNING id")
        if number in (0, 12):
            aina.get("/account/orders")
            statements()
            aina.get("/account/orders")
            counts.append(len(statements()))
    assert counts[0] == counts[1] <= 3
    assert orders_of(aina) == 10
    page = aina.get("/account/orders")
    older = page.split('href="/account/orders?at=', 1)[1].split('"', 1)[0].replace("&amp;", "&")
    rest = aina.get(f"/account/orders?at={older}")
    assert rest.count('<li class="panel order-card">') == 3
    assert "Older orders" not in rest
    for odd in ("at=x&id=y", "at=2026-01-01&id=1", "view=nonsense", "at=2026-01-01T00:00:00"):
        assert aina.client.get(f"/account/orders?{odd}").status_code == 200
    assert aina.get("/account/orders?view=done").count('<li class="panel order-card">') == 0
    assert aina.get("/account/orders?view=open").count('<li class="panel order-card">') == 10


def test_orders_are_found_by_a_product_in_them(aina: Patron, mallory: Patron):
    """Whatever is typed is text, and finds nobody else's; filter and next page keep it."""
    shawl, shirt = add_product("Selendang 100%_Sutera"), add_product("Kemeja Teluk")
    buy(mallory, shirt)
    buy(aina, shawl)
    for typed, count in (("sUTERA", 1), ("100%_s", 1), ("", 1), ("kemeja", 0), ("%", 1), ("l%s", 0), ("\x07", 0)):
        page = aina.client.get("/account/orders", query_string={"q": typed}).text
        assert page.count('<li class="panel order-card">') == count, typed
    assert "No orders with “kemeja”" in aina.get("/account/orders?q=kemeja")
    found = aina.get("/account/orders?view=open&q=sutera")
    assert found.count('<li class="panel order-card">') == 1
    assert 'href="/account/orders?view=done&amp;q=sutera"' in found
    assert aina.get("/account/orders?view=done&q=sutera").count('<li class="panel order-card">') == 0


def test_ordering_again_says_what_could_not_be_had(aina: Patron):
    some, gone, few = (add_product(name, stock_of={"KB": 5}) for name in ("Sarong", "Scarf", "Cushion"))
    aina.add(some, 2), aina.add(gone, 1)
    token = buy(aina, few, 4)
    aina.pay(token)
    aina.deliver()
    assert quantities(aina) == []
    with transaction():
        db.rows("UPDATE stock_item SET safety = on_hand WHERE variant_id = :v RETURNING id", v=gone)
        db.rows(
            "UPDATE variant_price SET price_minor = 20000 WHERE variant_id = :v AND currency = 'MYR' RETURNING variant_id",
            v=some,
        )
    path = f"/account/orders/{id_of(token)}"
    answer = aina.submit(path, f"{path}/reorder")
    assert answer.status_code == 303
    page = aina.get(answer.location)
    assert "1 thing of your order is in the cart again" in page
    assert "Scarf: sold out, not added" in page
    assert "Cushion: 4 wanted, 1 can be had" in page
    assert "The price went from" in page
    assert quantities(aina) == ["1", "2"]
    assert "can be had" not in aina.get("/cart")  # said once
    assert aina.client.get("/cart?notice=nonsense").status_code == 200


def test_anothers_notice_is_not_shown(aina: Patron, mallory: Patron):
    token = buy(aina, add_product())
    path = f"/account/orders/{id_of(token)}"
    notice = aina.submit(path, f"{path}/reorder").location
    assert "cart-notice" in aina.get(notice)
    assert "cart-notice" not in mallory.get(notice)


def test_carts_are_put_together_at_sign_in(aina: Patron, make_patron: MakePatron):
    """C17, CART-02: quantities add up, capped by what there is, and the page says so."""
    both, mine, theirs, few = (
        add_product(name, stock_of={"KB": 5}) for name in ("Sarong", "Scarf", "Cushion", "Cloth")
    )
    aina.add(both, 2), aina.add(mine, 1), aina.add(few, 3)
    aina.sign_out()
    assert quantities(aina) == []
    aina.add(both, 2), aina.add(theirs, 1), aina.add(few, 4)
    answer = aina.sign_in()
    assert answer.location.startswith("/cart?notice=")
    page = aina.get(answer.location)
    assert "We put your two carts together" in page
    assert "Cloth: 7 wanted, 5 can be had" in page
    assert sorted(quantities(aina)) == ["1", "4", "5"] or sorted(quantities(aina)) == ["1", "1", "4", "5"]
    assert db.rows("SELECT l.quantity FROM cart_line l ORDER BY 1") == [(1,), (1,), (4,), (5,)]
    assert db.scalar("SELECT count(*) FROM cart") == 1
    other_device = make_patron()
    other_device.sign_in()
    assert quantities(other_device) == quantities(aina)


def test_a_guests_cart_becomes_the_customers(aina: Patron):
    shirt = add_product()
    aina.sign_out()
    aina.add(shirt, 2)
    answer = aina.sign_in()
    assert answer.location == "/account/"
    assert quantities(aina) == ["2"]
    assert '<span class="count">2</span>' in aina.get("/about")
    aina.sign_out()
    assert quantities(aina) == []
    assert '<span class="count">' not in aina.get("/about")
    aina.sign_in()
    assert quantities(aina) == ["2"]


def test_a_copied_cookie_opens_no_cart(aina: Patron, make_patron: MakePatron):
    aina.add(add_product(), 2)
    thief = make_patron()
    thief.client.set_cookie("session", aina.cookie("session"))
    assert quantities(thief) == []
    thief.client.set_cookie("customer", aina.cookie())
    assert quantities(thief) == ["2"]
    aina.sign_out()
    assert thief.client.get("/cart").location == "/login?next=/cart&over=1"
    assert quantities(thief) == []


def test_signing_in_during_checkout_keeps_what_was_typed_and_held(aina: Patron, make_patron: MakePatron):
    """The last piece, held by one's own unpaid order, stays one's own (S10), and paying empties the cart it has moved to."""
    last, other = add_product("Sarong", stock_of={"KB": 1}), add_product("Scarf", stock_of={"KB": 5})
    aina.add(other, 1)
    aina.sign_out()
    token = buy(aina, last, email="office@example.com")
    answer = aina.post("/login", email=aina.email, password=aina.password, next="/checkout/contact")
    assert answer.status_code == 303
    page = aina.get("/checkout/contact")
    assert form_to(page, "/checkout/contact").fields["email"] == "office@example.com"
    assert "sold out" not in aina.get("/checkout/review").lower()
    assert owner_of(token) is None  # that address is not proven to be hers
    aina.pay(token)
    aina.deliver()
    assert quantities(aina) == ["1"]
    assert db.rows("SELECT v.variant_id FROM cart_line v") == [(other,)]


def test_what_was_paid_a_moment_before_signing_in_is_not_bought_again(aina: Patron):
    """The worker hears of the payment only after the carts were put together."""
    other, paid = (add_product(name, stock_of={"KB": 5}) for name in ("Scarf", "Sarong"))
    aina.add(other, 1)
    aina.sign_out()
    token = buy(aina, paid, 2)
    aina.pay(token)
    assert db.scalar("SELECT state FROM orders") == "confirmed"
    aina.sign_in()
    aina.deliver()
    assert db.rows("SELECT variant_id, quantity FROM cart_line") == [(other, 1)]


def test_late_money_empties_the_cart_its_goods_have_moved_to(aina: Patron):
    aina.sign_out()
    token = buy(aina, add_product(stock_of={"KB": 5}), 2)
    form = aina.hand_over(token)
    expire(token)
    aina.sign_in()
    assert quantities(aina) == ["2"]
    aina.come_back(form.fields["callback_url"], aina.bank.pay(form.fields["order_id"], "captured"))
    aina.deliver()
    assert db.scalar("SELECT state FROM orders") == "confirmed"
    assert quantities(aina) == []


def sleep_too_long() -> None:
    with transaction():
        db.rows("UPDATE customer_session SET last_seen_at = clock_timestamp() - interval '31 minutes' RETURNING id")


def test_who_was_signed_out_meanwhile_is_told_and_finds_the_cart_again(aina: Patron):
    aina.add(add_product(), 2)
    for path in ("/cart", "/checkout/contact", "/checkout/delivery", "/checkout/review"):
        sleep_too_long()
        answer = aina.client.get(path)
        assert (answer.status_code, answer.location) == (303, f"/login?next={path}&over=1"), path
        page = aina.get(answer.location)
        assert "You were signed out; your cart is kept" in page
        form = form_to(page, "/login")
        assert aina.client.post("/login", data=form.filled(email=aina.email, password=aina.password)).location == path
        assert quantities(aina) == ["2"]


def test_what_was_typed_when_the_session_had_run_out_is_not_ordered_by_nobody(aina: Patron):
    aina.add(add_product(), 2)
    form = form_to(aina.get("/checkout/contact"), "/checkout/contact")
    sleep_too_long()
    answer = aina.client.post("/checkout/contact", data=form.filled(**CONTACT))
    assert (answer.status_code, answer.location) == (303, "/login?next=/checkout/&over=1")
    assert aina.client.get("/cart").status_code == 200  # as a guest from now on, told once
    assert quantities(aina) == []


def test_what_is_added_when_the_session_has_run_out_joins_the_cart(aina: Patron):
    first, second = add_product("Sarong"), add_product("Scarf")
    aina.add(first, 2)
    page = aina.get("/cart")
    sleep_too_long()
    data = {"csrf_token": form_to(page, "/cart/lines/").fields["csrf_token"], "variant": second, "quantity": "1"}
    answer = aina.client.post("/cart/lines", data=data, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/login?next=/cart&over=1")
    aina.sign_in()
    assert quantities(aina) == ["1", "2"]


def test_the_cookie_of_before_signing_in_finds_no_copy_of_the_cart(aina: Patron, make_patron: MakePatron):
    aina.sign_out()
    aina.add(add_product(), 2)
    assert quantities(aina) == ["2"]
    before = make_patron()
    before.client.set_cookie("session", aina.cookie("session"))
    aina.sign_in()
    assert before.client.get("/checkout/contact").location == "/cart"
    assert quantities(before) == []


def test_the_address_book_stays_in_sight_when_an_address_is_wrong(aina: Patron):
    aina.submit("/account/addresses/new", "/account/addresses", **ADDRESS)
    aina.add(add_product())
    form = form_to(aina.get("/checkout/contact"), "/checkout/contact")
    aina.client.post("/checkout/contact", data=form.filled(**CONTACT))
    form = form_to(aina.get("/checkout/delivery"), "/checkout/delivery")
    answer = aina.client.post("/checkout/delivery", data=form.filled(name="", remember="1"))
    assert answer.status_code == 422
    assert 'href="/checkout/delivery?address=' in answer.text
    assert form_to(answer.text, "/checkout/delivery").fields["remember"] == "1"


def test_checkout_knows_who_is_signed_in(aina: Patron):
    for line1, usual in (("12 Jalan Kiara", ""), ("9 Jalan Telawi", "1")):
        fields = {**ADDRESS, "line1": line1} | ({"default_shipping": "1"} if usual else {})
        aina.submit("/account/addresses/new", "/account/addresses", **fields)
    aina.submit("/account/profile", "/account/profile", phone="+60123456789")
    aina.add(add_product())
    form = form_to(aina.get("/checkout/contact"), "/checkout/contact")
    assert (form.fields["email"], form.fields["phone"]) == (aina.email, "+60123456789")
    aina.client.post("/checkout/contact", data=form.filled())
    page = aina.get("/checkout/delivery")
    assert [form.fields["line1"] for form in forms_of(page) if "line1" in form.fields] == ["9 Jalan Telawi"]
    other = db.scalar("SELECT id FROM customer_address WHERE NOT is_default_shipping")
    assert f'href="/checkout/delivery?address={other}"' in page
    chosen = aina.get(f"/checkout/delivery?address={other}")
    form = next(form for form in forms_of(chosen) if "line1" in form.fields)
    assert form.fields["line1"] == "12 Jalan Kiara"
    answer = aina.client.post("/checkout/delivery", data=form.filled())
    assert answer.location == "/checkout/review"
    assert "12 Jalan Kiara" in aina.get("/checkout/review")


def test_anothers_address_cannot_be_chosen(aina: Patron, mallory: Patron):
    aina.submit("/account/addresses/new", "/account/addresses", **ADDRESS)
    address = db.scalar("SELECT id FROM customer_address")
    mallory.add(add_product())
    form = form_to(mallory.get("/checkout/contact"), "/checkout/contact")
    mallory.client.post("/checkout/contact", data=form.filled(**CONTACT))
    assert "Kiara" not in mallory.get(f"/checkout/delivery?address={address}")


def test_redis_may_forget_everything(aina: Patron, mallory: Patron, shop):
    """Nobody is signed out, and nobody becomes somebody else (J6)."""
    aina.add(add_product(), 2)
    cache.client().flushall()
    assert heading_of(aina.get("/account/")) == "Hello, Aina"
    assert aina.email in aina.get("/account/")
    assert mallory.email in mallory.get("/account/")
    assert (quantities(aina), quantities(mallory)) == (["2"], [])


def test_the_wishlist_of_guests_and_customers(patron: Patron, make_patron: MakePatron):
    products = [
        db.scalar("SELECT product_id FROM variant WHERE id = :v", v=add_product(name)) for name in ("Sarong", "Scarf")
    ]
    slug = db.scalar("SELECT slug FROM product WHERE id = :p", p=products[0])
    form = form_to(patron.get(f"/p/{slug}"), "/wishlist")
    for _ in range(2):
        assert patron.client.post("/wishlist", data=form.filled(product=products[0])).status_code == 303
    page = patron.get("/wishlist")
    assert page.count('class="wish"') == 1
    assert "Saved on this device" in page
    assert make_patron().get("/wishlist").count('class="wish"') == 0
    patron.register()
    page = patron.get("/wishlist")
    assert page.count('class="wish"') == 1
    assert "Saved on this device" not in page
    patron.sign_out()
    assert patron.get("/wishlist").count('class="wish"') == 0
    for product in products:
        patron.post("/wishlist", product=product)
    patron.sign_in()
    assert patron.get("/wishlist").count('class="wish"') == 2
    assert patron.submit("/wishlist", f"/wishlist/{products[0]}/remove").status_code == 303
    assert patron.get("/wishlist").count('class="wish"') == 1
    assert patron.post("/wishlist", product="nonsense").status_code == 404
    assert patron.post("/wishlist", product="0192f5a0-7c3e-7000-8000-000000000000").status_code == 404


def test_a_wish_goes_into_the_cart(patron: Patron):
    """Off the list with the same press; what has something to choose is chosen on its page, and what is sold out stays."""
    last, cloth, gone = (
        add_product("Sarong", stock_of={"KB": 1}),
        add_product("Kain Ela", unit="metre", stock_of={"KB": 20}),
        add_product("Selendang", stock_of={"KB": 0}),
    )
    moves = {}
    for variant in (last, cloth, gone):
        product = db.scalar("SELECT product_id FROM variant WHERE id = :v", v=variant)
        patron.post("/wishlist", product=product)
        moves[variant] = f"/wishlist/{product}/cart"
    page = patron.get("/wishlist")
    assert [form.action for form in forms_of(page) if form.action.endswith("/cart")] == [moves[last]]
    assert 'href="/p/kain-ela-' in page
    answer = patron.post(moves[last])
    assert (answer.status_code, quantities(patron)) == (303, ["1"])
    assert answer.location.startswith("/cart?added=")
    assert patron.get("/wishlist").count('class="wish"') == 2
    again = patron.post(moves[last])
    assert (again.status_code, quantities(patron)) == (409, ["1"])
    assert "Sarong: You have all of it in your cart already" in again.text
    assert patron.post(moves[cloth]).location.startswith("/p/kain-ela-")
    assert patron.post(moves[gone]).status_code == 409
    assert patron.post("/wishlist/0192f5a0-7c3e-7000-8000-000000000000/cart").status_code == 404
    assert (quantities(patron), patron.get("/wishlist").count('class="wish"')) == (["1"], 2)


def test_with_scripts_the_list_and_the_badge_change_in_place(patron: Patron):
    sarong, scarf = (
        db.scalar("SELECT product_id FROM variant WHERE id = :v", v=add_product(name)) for name in ("Sarong", "Scarf")
    )
    patron.post("/wishlist", product=sarong), patron.post("/wishlist", product=scarf)
    answer = patron.client.post(
        f"/wishlist/{sarong}/cart", data={"csrf_token": patron.csrf()}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    assert answer.text.startswith('<div id="wishes"')
    assert answer.text.count('class="wish"') == 1
    assert '<span class="count" data-nudge>1</span>' in answer.text
    assert "Added: Sarong" in answer.text


def test_a_full_wishlist_takes_no_more_at_sign_in(aina: Patron, monkeypatch):
    products = [db.scalar("SELECT product_id FROM variant WHERE id = :v", v=add_product(f"Kain {n}")) for n in range(4)]
    monkeypatch.setattr(wishes, "MAX_WISHES", 3)
    aina.post("/wishlist", product=products[0]), aina.post("/wishlist", product=products[1])
    aina.sign_out()
    for product in products[1:]:
        aina.post("/wishlist", product=product)
    aina.sign_in()
    kept = {row.product_id for row in db.rows("SELECT product_id FROM wish")}
    assert kept == {products[0], products[1], products[3]}


def test_an_address_of_checkout_can_be_kept_once(aina: Patron):
    aina.add(add_product())
    form = form_to(aina.get("/checkout/contact"), "/checkout/contact")
    aina.client.post("/checkout/contact", data=form.filled(**CONTACT))
    assert "remember" not in form_to(aina.get("/checkout/delivery"), "/checkout/delivery").fields  # nobody ticked it
    for _ in range(2):
        form = form_to(aina.get("/checkout/delivery"), "/checkout/delivery")
        assert aina.client.post("/checkout/delivery", data=form.filled(**ADDRESS, remember="1")).status_code == 303
    assert db.scalar("SELECT count(*) FROM customer_address WHERE is_default_shipping") == 1
    assert db.scalar("SELECT count(*) FROM customer_address") == 1
