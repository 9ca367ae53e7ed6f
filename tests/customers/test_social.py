"""Signing in by way of a provider: every check of OpenID Connect, and whose account opens for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from app.core import crypto, db
from app.core.settings import Retention
from app.core.transaction import transaction
from app.customers import gateway
from app.privacy import actions, copying
from tests.customers.identity_provider import IdentityProvider, new_ec_key
from tests.customers.patron import Patron
from tests.customers.test_orders_and_carts import buy
from tests.notifications.post_office import body_of
from tests.shop import add_product

DOOR = "/login/with/acme"


@pytest.fixture(scope="session")
def running_acme() -> Iterator[IdentityProvider]:
    provider = IdentityProvider()
    yield provider
    provider.close()


@pytest.fixture
def acme(running_acme: IdentityProvider) -> IdentityProvider:
    running_acme.reset()
    return running_acme


@pytest.fixture
def shop(make_shop: Callable[..., Flask], acme: IdentityProvider) -> Flask:
    return make_shop(**acme.settings)


def leave(patron: Patron, *, page: str = "/login", **fields: Any) -> str:
    """Press the button; returns the provider's address that the browser is led to."""
    answer = patron.submit(page, DOOR, **fields)
    assert answer.status_code == 200, answer.text
    url = answer.headers["Refresh"].removeprefix("0; url=")
    assert f'href="{url.replace("&", "&amp;")}"' in answer.text
    return url


def at_provider(url: str) -> str:
    """What the provider's page sends the browser back to."""
    back = urlsplit(requests.get(url, allow_redirects=False, timeout=10).headers["Location"])
    assert back.netloc == "localhost"
    return f"{back.path}?{back.query}"


def come_back(patron: Patron, **fields: Any) -> TestResponse:
    return patron.client.get(at_provider(leave(patron, **fields)))


def proof_of(answer: TestResponse) -> str:
    """The page that asks which account it is."""
    assert answer.status_code == 303
    assert answer.location.startswith("/login/proof/"), answer.location
    return answer.location


def customers() -> int:
    return db.scalar("SELECT count(*) FROM customer")


def identities() -> int:
    return db.scalar("SELECT count(*) FROM customer_identity")


def sessions() -> int:
    return db.scalar("SELECT count(*) FROM customer_session")


def test_a_sign_in_by_a_provider_from_a_new_place_is_told(patron, acme):
    """Making the account is none, and nor is the next time from there."""
    for address, told in (("203.0.113.7", 0), ("198.51.100.7", 1), ("198.51.100.7", 1)):
        patron.client.environ_base["REMOTE_ADDR"] = address
        assert come_back(patron).status_code == 303
        assert [mail["Subject"] for mail in patron.mails()].count("A new sign-in to your account") == told
        patron.sign_out()


class TestOff:
    def test_without_a_provider_there_is_no_button_and_no_page(self, make_shop, bank, office, drain_all):
        guest = Patron(make_shop().test_client(), bank, office, drain_all, "aina@example.com")
        assert "/login/with/" not in guest.get("/login") + guest.get("/register")
        for path in (
            f"{DOOR}/back?state=x&code=y",
            "/login/connect/token",
            f"/login/proof/{'0' * 8}-0000-0000-0000-{'0' * 12}",
        ):
            assert guest.client.get(path).status_code == 404
        assert guest.post(DOOR).status_code == 404

    def test_another_name_is_no_provider(self, patron):
        assert patron.post("/login/with/other").status_code == 404
        assert patron.client.get("/login/with/other/back?state=x&code=y").status_code == 404


class TestNewcomers:
    def test_a_vouched_address_without_account_makes_one_with_words(self, patron, acme):
        answer = come_back(patron)
        assert answer.status_code == 303
        assert "We have made an account" in patron.get(answer.location)
        assert (customers(), identities()) == (1, 1)
        person = patron.get("/account/profile")
        assert "Aina Rahman" in person
        assert [tuple(row) for row in db.rows("SELECT way, was_right FROM customer_sign_in")] == [("provider", True)]
        assert [str(mail["Subject"]) for mail in patron.mails()] == ["Welcome to Murni Batik"]

    def test_the_next_visit_enters_the_same_account_though_the_address_there_changed(self, patron, acme):
        come_back(patron)
        patron.sign_out()
        acme.person |= {"email": "new@example.com", "email_verified": False}
        assert come_back(patron).location == "/account/"
        assert (customers(), identities()) == (1, 1)
        assert patron.is_signed_in()

    def test_subjects_that_differ_in_case_are_two_people(self, make_patron, acme):
        acme.person |= {"sub": "AbC", "email": "one@example.com"}
        come_back(make_patron())
        acme.person |= {"sub": "abc", "email": "two@example.com"}
        other = make_patron()
        come_back(other)
        assert (customers(), identities()) == (2, 2)
        assert "two@example.com" in other.get("/account/security")

    def test_the_page_to_register_offers_it_too(self, patron, acme):
        assert come_back(patron, page="/register").location == "/account/?said=made"

    def test_they_come_to_the_page_they_wanted_and_to_no_other_site(self, make_patron, acme):
        first = make_patron()
        assert come_back(first, page="/login?next=/account/addresses").location == "/account/addresses"
        first.sign_out()
        answer = first.post(DOOR, next="//evil.example/x")
        assert answer.status_code == 200
        back = at_provider(answer.headers["Refresh"].removeprefix("0; url="))
        assert first.client.get(back).location == "/account/"

    def test_the_cart_comes_along_and_orders_of_the_vouched_address_join(self, make_patron, acme):
        guest, product = make_patron(), add_product("Scarf", stock_of={"KB": 5})
        order = buy(guest, product, 1)
        guest.pay(order)
        guest.add(product, 1)
        answer = come_back(guest)
        assert answer.status_code == 303
        assert "Scarf" in guest.get("/cart")
        assert db.scalar("SELECT count(*) FROM orders WHERE customer_id IS NOT NULL") == 1

    def test_only_what_is_needed_is_kept_and_none_of_it_in_clear(self, patron, acme):
        acme.person |= {
            "picture": "https://pictures.example/aina.png",
            "locale": "ms-MY",
            "phone_number": "+60123456789",
        }
        come_back(patron)
        tables = ("customer_identity", "customer_oidc_flow", "customer")
        rows = [str(tuple(row)) for table in tables for row in db.rows(f"SELECT * FROM {table}")]
        for word in ("pictures.example", "+60123456789", "aina@example.com", "Aina Rahman", acme.person["sub"]):
            assert word not in " ".join(rows)


class TestAccountsThatAreThere:
    def test_nothing_is_connected_before_the_password_proves_it(self, aina, acme):
        aina.sign_out()
        proof = proof_of(come_back(aina))
        page = aina.get(proof)
        assert "There is an account with this address here already" in page
        assert (identities(), aina.is_signed_in()) == (0, False)
        wrong = aina.submit(proof, f"{proof}/password", password="Bukan-Kata 9 & Laluan")
        assert (wrong.status_code, identities()) == (422, 0)
        right = aina.submit(proof, f"{proof}/password", password=aina.password)
        assert right.status_code == 303
        assert (identities(), customers()) == (1, 1)
        assert aina.is_signed_in()
        assert "Acme ID opens your account now" in [str(mail["Subject"]) for mail in aina.mails()]
        aina.sign_out()
        assert come_back(aina).location == "/account/"

    def test_five_wrong_passwords_wait_as_at_the_other_door(self, aina, acme):
        aina.sign_out()
        proof = proof_of(come_back(aina))
        form = {"password": "Bukan-Kata 9 & Laluan"}
        assert [aina.submit(proof, f"{proof}/password", **form).status_code for _ in range(6)] == [422] * 5 + [429]
        assert aina.submit(proof, f"{proof}/password", password=aina.password).status_code == 429
        assert identities() == 0

    def test_a_right_password_for_an_account_that_has_somebody_else_there_leaves_no_session(self, aina, acme):
        aina.sign_out()
        first = proof_of(come_back(aina))
        aina.submit(first, f"{first}/password", password=aina.password)
        aina.sign_out()
        acme.person["sub"] = "somebody else with the same vouched address"
        proof, before = (
            proof_of(come_back(aina)),
            db.scalar("SELECT count(*) FROM customer_session WHERE ended_at IS NULL"),
        )
        answer = aina.submit(proof, f"{proof}/password", password=aina.password)
        assert (answer.status_code, identities(), aina.is_signed_in()) == (409, 1, False)
        assert db.scalar("SELECT count(*) FROM customer_session WHERE ended_at IS NULL") == before

    def test_the_mailbox_proves_it_too(self, aina, acme):
        aina.sign_out()
        proof = proof_of(come_back(aina))
        assert aina.submit(proof, f"{proof}/link").location == f"{proof}/sent"
        assert "Look into your mailbox" in aina.get(f"{proof}/sent")
        answer = aina.follow(aina.link())
        assert answer.status_code == 303
        assert (identities(), customers(), aina.is_signed_in()) == (1, 1, True)

    def test_the_link_works_once_and_in_no_other_browser(self, aina, make_patron, acme):
        aina.sign_out()
        proof = proof_of(come_back(aina))
        aina.submit(proof, f"{proof}/link")
        link, other = aina.link(), make_patron()
        assert other.client.get(link).status_code == 403
        assert other.post(link).status_code == 410
        assert (identities(), other.is_signed_in()) == (0, False)
        assert aina.follow(link).status_code == 303
        assert aina.client.get(link).status_code == 410
        assert aina.post(link).status_code == 410

    def test_an_address_that_is_not_vouched_for_opens_nothing_and_says_nothing(self, aina, make_patron, acme):
        """The take-over: whoever can write any address into their profile at the provider."""
        acme.person |= {"sub": "mallory", "email_verified": False}
        mallory = make_patron("mallory@example.com")
        proof = proof_of(come_back(mallory))
        page = mallory.get(proof)
        assert "There is an account" not in page
        assert 'name="password"' not in page
        assert mallory.post(f"{proof}/password", password=aina.password).status_code == 410
        known = mallory.submit(proof, f"{proof}/link", email="aina@example.com")
        assert (known.status_code, known.location) == (303, f"{proof}/sent")
        unknown = mallory.submit(proof, f"{proof}/link", email="nobody@example.com")
        assert (unknown.status_code, unknown.location) == (303, f"{proof}/sent")
        link = aina.link()  # comes to Aina, who is signed in, and follows it
        assert "/login/connect/" in link
        assert aina.post(link).status_code == 410
        assert (identities(), mallory.is_signed_in()) == (0, False)

    @pytest.mark.parametrize("said", [False, None, "false", 1, "yes"])
    def test_verified_is_true_and_nothing_else(self, patron, acme, said):
        acme.person["email_verified"] = said
        proof_of(come_back(patron))
        assert (customers(), identities()) == (0, 0)

    def test_without_vouching_the_mailbox_makes_the_account(self, patron, acme):
        acme.person |= {"email": None, "name": None}
        proof = proof_of(come_back(patron))
        assert patron.submit(proof, f"{proof}/link", email="no address").status_code == 422
        assert patron.submit(proof, f"{proof}/link", email=patron.email).status_code == 303
        answer = patron.follow(patron.link())
        assert "We have made an account" in patron.get(answer.location)
        assert (customers(), identities()) == (1, 1)

    def test_strangers_who_ask_keep_nobody_from_their_own_link(self, aina, make_patron, acme):
        """Theirs work in their browsers alone: two of them in the mailbox are none to its owner. Six are enough, whoever asks."""
        aina.sign_out()

        def ask_thrice(somebody: Patron) -> int:
            proof = proof_of(come_back(somebody))
            for _ in range(3):
                somebody.submit(proof, f"{proof}/link", email=aina.email)
            return sum("/login/connect/" in body_of(mail, "plain") for mail in aina.mails())

        acme.person |= {"sub": "mallory", "email": "mallory@example.com", "email_verified": False}
        assert ask_thrice(make_patron()) == 2
        acme.person |= {"sub": "aina", "email": aina.email, "email_verified": True}
        assert ask_thrice(aina) == 4
        assert aina.follow(aina.link()).status_code == 303
        acme.person |= {"sub": "mallory", "email": "mallory@example.com", "email_verified": False}
        assert [ask_thrice(make_patron()) for _ in range(3)] == [6, 7, 7]  # of which one was followed

    def test_a_proof_is_for_the_browser_that_came_back(self, aina, make_patron, acme):
        aina.sign_out()
        proof, stranger = proof_of(come_back(aina)), make_patron()
        for path in (proof, f"{proof}/sent"):
            assert stranger.client.get(path).status_code == 404
        for path in (f"{proof}/link", f"{proof}/password"):
            assert stranger.post(path, email="a@example.com", password=aina.password).status_code == 404

    def test_a_new_password_ends_links_that_lie_in_the_mailbox(self, aina, make_patron, acme):
        other = make_patron()
        proof = proof_of(come_back(other))
        other.submit(proof, f"{proof}/link")
        link = other.link()
        fields = {"current": aina.password, "password": "Kain-Songket 5 ! Ungu"}
        assert aina.submit("/account/security", "/account/security/password", **fields).status_code == 303
        assert other.client.get(link).status_code == 410


class TestSecurityPage:
    def connect(self, patron: Patron, **fields: Any) -> TestResponse:
        return patron.submit("/account/security", "/account/security/with/acme", **fields)

    def back(self, patron: Patron, answer: TestResponse) -> TestResponse:
        return patron.client.get(at_provider(answer.headers["Refresh"].removeprefix("0; url=")))

    def test_connect_with_the_password_and_let_go_again(self, aina, acme):
        acme.person |= {"email": "elsewhere@example.com", "email_verified": False}
        assert self.connect(aina, current="Bukan-Kata 9 & Laluan").status_code == 422
        answer = self.connect(aina, current=aina.password)
        done = self.back(aina, answer)
        assert "Connected." in aina.get(done.location)
        assert "elsewhere@example.com" in aina.get("/account/security")
        assert identities() == 1
        removed = aina.post("/account/security/with/acme/remove", current=aina.password)
        assert "Disconnected." in aina.get(removed.location)
        assert identities() == 0
        told = [str(mail["Subject"]) for mail in aina.mails()]
        assert told.count("Acme ID opens your account now") == told.count("Acme ID opens your account no more") == 1
        aina.sign_out()
        proof_of(come_back(aina))

    def test_letting_go_takes_the_password_too(self, aina, acme):
        self.back(aina, self.connect(aina, current=aina.password))
        assert aina.post("/account/security/with/acme/remove", current="wrong").status_code == 422
        assert identities() == 1

    def test_who_belongs_to_another_account_stays_there(self, aina, mallory, acme):
        self.back(aina, self.connect(aina, current=aina.password))
        answer = self.back(mallory, self.connect(mallory, current=mallory.password))
        assert (answer.status_code, identities()) == (409, 1)
        assert db.scalar("SELECT customer_id FROM customer_identity") == aina.id

    def test_one_account_has_one_identity_of_a_provider(self, aina, acme):
        self.back(aina, self.connect(aina, current=aina.password))
        acme.person["sub"] = "somebody else"
        answer = self.back(aina, self.connect(aina, current=aina.password))
        assert (answer.status_code, identities()) == (409, 1)

    def test_connecting_is_finished_by_who_began_it(self, aina, mallory, acme):
        """Mallory has Aina follow the end of Mallory's own journey, or takes the end of Aina's."""
        path = at_provider(self.connect(mallory, current=mallory.password).headers["Refresh"].removeprefix("0; url="))
        assert aina.client.get(path).status_code == 410
        path = at_provider(self.connect(aina, current=aina.password).headers["Refresh"].removeprefix("0; url="))
        assert mallory.client.get(path).status_code == 410
        assert identities() == 0

    def test_an_account_without_password_says_so_and_can_have_one(self, patron, acme):
        come_back(patron)
        page = patron.get("/account/security")
        assert "Your account has none" in page
        assert 'action="/account/security/password"' not in page
        assert 'action="/account/data/export"' not in patron.get("/account/data")
        assert patron.submit("/account/security", "/login/forgot").status_code == 303
        answer = patron.follow(patron.link(), password=patron.password)
        assert answer.status_code == 303
        assert 'action="/account/security/password"' in patron.get("/account/security")
        patron.sign_out()
        assert patron.sign_in().status_code == 303

    def test_no_password_fits_an_account_without_one(self, patron, acme):
        come_back(patron)
        patron.sign_out()
        for guess in ("", "None", patron.password):
            assert patron.sign_in(password=guess).status_code == 422

    def test_who_has_no_password_can_let_go_and_still_come_in_by_mail(self, patron, acme):
        come_back(patron)
        assert patron.post("/account/security/with/acme/remove").status_code == 303
        assert identities() == 0
        patron.sign_out()
        patron.ask_for_link()
        assert patron.follow(patron.link()).status_code == 303

    def test_the_copy_of_ones_data_names_them_and_forgetting_forgets_them(self, aina, acme):
        self.back(aina, self.connect(aina, current=aina.password))
        told = copying.of_customer(aina.id)["sign_in_providers"]
        assert [(each["provider"], each["email"]) for each in told] == [("acme", "aina@example.com")]
        db.release()
        with transaction():
            db.rows("UPDATE customer SET closes_at = now() - interval '1 hour' RETURNING id")
        customer = aina.id
        db.release()
        with transaction():
            assert actions.erase(customer, keep=Retention()) is not None
        assert (customers(), identities(), db.scalar("SELECT count(*) FROM customer_oidc_flow")) == (0, 0, 0)


class TestState:
    def test_it_is_good_once(self, patron, acme):
        path = at_provider(leave(patron))
        assert patron.client.get(path).status_code == 303
        patron.sign_out()
        before = sessions()
        assert patron.client.get(path).status_code == 410
        assert (sessions(), patron.is_signed_in()) == (before, False)

    def test_it_is_good_in_one_browser(self, patron, make_patron, acme):
        """Somebody sends the end of their own journey to a victim, who would shop in their account."""
        path, victim = at_provider(leave(patron)), make_patron()
        victim.get("/login")
        assert victim.client.get(path).status_code == 410
        assert (victim.is_signed_in(), customers()) == (False, 0)
        assert patron.client.get(path).status_code == 303  # the stranger's try spent nothing

    @pytest.mark.parametrize("query", ["", "state=", "state=x&code=y", "code=y", "error=access_denied"])
    def test_whatever_else_comes_is_turned_away(self, patron, acme, query):
        leave(patron)
        assert patron.client.get(f"{DOOR}/back?{query}").status_code == 410
        assert customers() == 0

    def test_a_state_that_is_no_text_is_no_request(self, patron, acme):
        assert patron.client.get(f"{DOOR}/back?state=%00&code=%00").status_code == 400

    def test_a_code_of_one_provider_is_not_taken_to_another(self, make_shop, bank, office, drain_all, acme):
        """Mix-up: the honest provider's code must not come to a token endpoint of a bad one."""
        bad = IdentityProvider()
        try:
            other = {name.replace("ACME", "EVIL"): value for name, value in bad.settings.items()}
            shop = make_shop(**other | acme.settings | {"OIDC_PROVIDERS": "acme,evil"})
            patron = Patron(shop.test_client(), bank, office, drain_all, "aina@example.com")
            path = at_provider(leave(patron))
            assert patron.client.get(path.replace("/acme/", "/evil/")).status_code == 410
            assert bad.asked == []
            named = f"{path}&iss={bad.issuer}"
            assert patron.client.get(named).status_code == 422
            assert "token" not in acme.asked
            assert customers() == 0
        finally:
            bad.close()

    def test_who_says_to_name_itself_must(self, patron, acme):
        acme.metadata["authorization_response_iss_parameter_supported"] = True
        assert come_back(patron).status_code == 422
        path = f"{at_provider(leave(patron))}&iss={acme.issuer}"
        assert patron.client.get(path).status_code == 303

    def test_it_runs_out(self, patron, acme):
        path = at_provider(leave(patron))
        with transaction():
            db.rows("UPDATE customer_oidc_flow SET expires_at = now() RETURNING id")
        assert patron.client.get(path).status_code == 410

    def test_changing_ones_mind_there_is_no_fault(self, patron, acme):
        acme.refuses = "access_denied"
        answer = come_back(patron)
        assert answer.status_code == 422
        assert "nothing has changed" in answer.text

    def test_twenty_returns_at_once_are_one_session(self, shop, patron, acme):
        path, answers = at_provider(leave(patron)), []
        cookies = "; ".join(f"{name}={patron.cookie(name)}" for name in ("session",))
        start = threading.Barrier(20)

        def follow() -> None:
            with shop.test_client(use_cookies=False) as client:
                start.wait()
                answers.append(client.get(path, headers={"Cookie": cookies}).status_code)
            db.forget()

        threads = [threading.Thread(target=follow) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        assert sorted(answers) == [303] + [410] * 19
        assert (sessions(), customers(), identities()) == (1, 1, 1)

    def test_first_sign_ins_in_two_tabs_make_one_account(self, shop, patron, make_patron, acme):
        people = [patron, *(make_patron() for _ in range(5))]
        paths = [at_provider(leave(each)) for each in people]
        start, answers = threading.Barrier(len(people)), []

        def follow(number: int) -> None:
            start.wait()
            answers.append(people[number].client.get(paths[number]).status_code)
            db.forget()

        threads = [threading.Thread(target=follow, args=(number,)) for number in range(len(people))]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        assert answers == [303] * len(people)
        assert (customers(), identities(), sessions()) == (1, 1, len(people))


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "somebody else's shop"},
    "audiences without azp": {"aud": ["shop-client", "another"]},
    "another azp": {"azp": "another"},
    "audiences with another azp": {"aud": ["shop-client", "another"], "azp": "another"},
    "no audience": {"aud": None},
    "another nonce": {"nonce": "of another sign-in"},
    "no nonce": {"nonce": None},
    "expired": {"exp": int(time.time()) - 600},
    "no expiry": {"exp": None},
    "expiry that is none": {"exp": "tomorrow"},
    "from the future": {"iat": int(time.time()) + 3600},
    "long ago": {"iat": int(time.time()) - 7200},
    "no iat": {"iat": None},
    "no subject": {"sub": None},
    "empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "endless subject": {"sub": "x" * 300},
    "not yet": {"nbf": int(time.time()) + 3600},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


class TestIdToken:
    @pytest.mark.parametrize("what", WRONG)
    def test_a_claim_that_is_wrong_proves_nobody(self, patron, acme, what):
        acme.claims = WRONG[what]
        answer = come_back(patron)
        assert answer.status_code == 422
        assert (customers(), sessions(), patron.is_signed_in()) == (0, 0, False)

    @pytest.mark.parametrize("alg", ["none", "HS256", "HS512"])
    def test_nobody_signs_with_nothing_or_with_what_everybody_knows(self, patron, acme, alg):
        acme.header = {"alg": alg}
        assert come_back(patron).status_code == 422
        assert customers() == 0

    def test_a_key_that_is_not_published_signs_nothing(self, patron, acme):
        acme.sign_with = RSAKey.generate_key(2048)
        assert come_back(patron).status_code == 422
        acme.header = {"kid": "unknown"}
        assert come_back(patron).status_code == 422
        assert customers() == 0

    def test_an_extra_audience_is_fine_when_it_was_made_for_us(self, patron, acme):
        acme.claims = {"aud": ["shop-client", "another"], "azp": "shop-client"}
        assert come_back(patron).status_code == 303

    def test_keys_rotate_and_may_be_of_another_kind(self, patron, acme):
        for key in (None, new_ec_key()):
            assert come_back(patron).status_code == 303
            patron.sign_out()
            acme.rotate() if key is None else acme.use(key)
        before = acme.asked.count("discovery")
        assert come_back(patron).status_code == 303
        assert acme.asked.count("discovery") == before == 1

    @pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
    def test_the_shop_proves_itself_as_the_provider_wants_it(self, patron, acme, method):
        acme.metadata["token_endpoint_auth_methods_supported"] = [method, "private_key_jwt"]
        assert come_back(patron).status_code == 303
        assert acme.proofs == [method]


BROKEN = {
    "a page": (200, "text/html", "<!doctype html><title>Sign in to the wifi</title>"),
    "an error": (500, "application/json", "{}"),
    "an error page": (502, "text/html", "<h1>Bad gateway</h1>"),
    "half a word": (200, "application/json", '{"issuer": "htt'),
    "a list": (200, "application/json", "[]"),
    "nothing": (200, "application/json", ""),
    "away": (302, "text/html", ""),
}


class TestProviderAtFault:
    @pytest.mark.parametrize("what", BROKEN)
    @pytest.mark.parametrize("endpoint", ["discovery", "jwks", "token"])
    def test_whatever_it_answers_the_page_is_kind(self, patron, acme, endpoint, what):
        acme.answers[endpoint] = BROKEN[what]
        answer = patron.post(DOOR) if endpoint == "discovery" else come_back(patron)
        assert answer.status_code == 503
        assert "does not answer" in answer.text
        assert answer.headers["Retry-After"]
        assert customers() == 0

    @pytest.mark.parametrize("endpoint", ["discovery", "token"])
    def test_one_that_hangs_is_waited_for_so_long_and_holds_no_transaction(self, patron, acme, endpoint, monkeypatch):
        monkeypatch.setattr(gateway, "SECONDS", 0.5)
        acme.hanging.add(endpoint)
        answer = patron.post(DOOR) if endpoint == "discovery" else come_back(patron)
        assert answer.status_code == 503
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        assert db.scalar(open_ones) == 0

    def test_after_five_of_them_it_is_left_alone(self, patron, acme):
        acme.answers["discovery"] = BROKEN["an error"]
        for _ in range(7):
            assert patron.post(DOOR).status_code == 503
        assert acme.asked.count("discovery") == gateway.FAILURES

    @pytest.mark.parametrize(
        "changed",
        [
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://evil.example/token"},
            {"jwks_uri": "file:///etc/passwd"},
            {"authorization_endpoint": "javascript:alert(1)"},
            {"token_endpoint": None},
        ],
    )
    def test_it_describes_itself_and_nothing_unsafe(self, patron, acme, changed):
        acme.metadata = changed
        assert patron.post(DOOR).status_code == 503

    def test_a_refused_code_proves_nobody(self, patron, acme):
        path = at_provider(leave(patron))
        acme.codes.clear()
        assert patron.client.get(path).status_code == 422
        assert customers() == 0

    def test_no_token_stands_in_the_logs(self, patron, acme, caplog):
        caplog.set_level("DEBUG")
        path = at_provider(leave(patron))
        patron.client.get(path)
        state, code = (parse_qs(urlsplit(path).query)[name][0] for name in ("state", "code"))
        ours = " ".join(record.getMessage() for record in caplog.records if record.name.startswith(("app", "shop")))
        assert state not in ours
        assert code not in ours


def test_the_mail_tells_what_the_link_does(aina, acme):
    aina.sign_out()
    proof = proof_of(come_back(aina))
    aina.submit(proof, f"{proof}/link")
    text = body_of(aina.mails()[-1], "plain")
    assert "wants to enter the account of this e-mail address" in text
    assert crypto.blind_index(aina.email)  # the address itself is in no payload
    payloads = " ".join(str(row[0]) for row in db.rows("SELECT payload::text FROM outbox_event"))
    assert aina.email not in payloads
