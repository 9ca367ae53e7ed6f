"""Coming back from a provider at the same moment, over four web processes."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from app.core import db
from chaos import races
from chaos.buyer import Buyer

DOOR = "/login/with/acme"


def back_from(browser: Buyer) -> str:
    """Out to the provider; returns the path that it sends the browser back to."""
    url = browser.send("/login", DOOR).headers["Refresh"].removeprefix("0; url=")
    found = urlsplit(requests.get(url, allow_redirects=False, timeout=30).headers["Location"])
    return f"{found.path}?{found.query}"


def counted() -> tuple[int, int, int]:
    return tuple(
        db.scalar(f"SELECT count(*) FROM {name}") for name in ("customer", "customer_identity", "customer_session")
    )  # type: ignore[return-value]


def test_twenty_returns_with_one_state_are_one_session(stand, acme):
    acme.person = {"sub": "twenty", "email": "twenty@example.com", "email_verified": True, "name": "Aina"}
    first = Buyer(stand, 0)
    path, before = back_from(first), counted()
    browsers = [Buyer(stand, number) for number in range(20)]
    for each in browsers:
        each.session.cookies.update(first.session.cookies)
    answers = races.at_once([lambda each=each: each.get(path).status_code for each in browsers])
    assert sorted(answers) == [303] + [410] * 19
    assert counted() == tuple(count + 1 for count in before)


def test_somebody_new_in_eight_browsers_is_one_account(stand, acme):
    acme.person = {"sub": "eight", "email": "eight@example.com", "email_verified": True, "name": "Aina"}
    browsers = [Buyer(stand, number) for number in range(8)]
    paths, before = [back_from(each) for each in browsers], counted()
    answers = races.at_once([lambda n=n: browsers[n].get(paths[n]).status_code for n in range(8)])
    assert answers == [303] * 8
    assert counted() == (before[0] + 1, before[1] + 1, before[2] + 8)
