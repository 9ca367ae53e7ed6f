"""SEC-31 … SEC-37 and the policy of UX 0.3, on every answer."""

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

Probe = Callable[..., FlaskClient]
ALWAYS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(), payment=(self)",
}


@pytest.mark.parametrize("path", ["/probe", "/no/such/page", "/probe/bug", "/api/health", "/probe/refused"])
def test_every_answer_carries_the_headers(probe: Probe, path: str) -> None:
    answer = probe().get(path)
    for name, value in ALWAYS.items():
        assert answer.headers.getlist(name) == [value]
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1


def test_the_policy_allows_our_own_and_nothing_else(probe: Probe) -> None:
    answer = probe().get("/probe")
    nonce = re.search(r"<i>([\w-]{22})</i>", answer.text)
    assert nonce
    assert answer.headers["Content-Security-Policy"] == (
        "default-src 'none'; "
        f"script-src 'self' 'nonce-{nonce[1]}'; "
        f"style-src 'self' 'nonce-{nonce[1]}'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; "
        "base-uri 'none'; object-src 'none'; report-uri /-/csp-report; report-to csp"
    )


def test_each_answer_has_a_nonce_of_its_own(probe: Probe) -> None:
    client = probe()
    policies = {client.get("/probe").headers["Content-Security-Policy"] for _ in range(5)}
    assert len(policies) == 5


def test_one_answer_may_let_its_forms_lead_to_the_bank(probe: Probe) -> None:
    client = probe()
    policy = client.get("/probe/leave").headers["Content-Security-Policy"]
    assert "form-action 'self' https://pay.example https://bank.example;" in policy
    assert "form-action 'self';" in client.get("/probe").headers["Content-Security-Policy"]


def test_pictures_may_come_from_the_configured_store(probe: Probe) -> None:
    client = probe(MEDIA_URL="cloudinary://key:secret@cloud")
    assert "img-src 'self' data: https://res.cloudinary.com;" in client.get("/probe").headers["Content-Security-Policy"]


def test_over_https_browsers_are_told_to_stay_there(probe: Probe) -> None:
    client = probe(BASE_URL="https://shop.example", TRUSTED_HOSTS="shop.example")
    for path in ("/probe", "/no/such/page", "/probe/bug"):
        answer = client.get(path, base_url="https://shop.example")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"


def test_plain_http_leads_to_https_but_for_probes_and_webhooks(probe: Probe) -> None:
    client = probe(BASE_URL="https://shop.example", TRUSTED_HOSTS="shop.example")
    answer = client.get("/probe?x=1", base_url="http://shop.example")
    assert (answer.status_code, answer.headers["Location"]) == (301, "https://shop.example/probe?x=1")
    assert client.get("/health/live", base_url="http://shop.example").status_code == 200
    assert client.post("/api/payments/webhook", base_url="http://shop.example").status_code == 400


def test_without_https_nothing_is_forced(probe: Probe) -> None:
    answer = probe().get("/probe")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


def test_forwarded_headers_count_only_behind_as_many_proxies(probe: Probe) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    settings = {"BASE_URL": "https://shop.example", "TRUSTED_HOSTS": "shop.example"}
    assert probe(**settings).get("/probe", base_url="http://shop.example", headers=forwarded).status_code == 301
    behind = probe(**settings, PROXY_HOPS="1")
    good = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example"}
    assert behind.get("/probe", base_url="http://inside:8000", headers=good).status_code == 200
    assert behind.get("/probe", base_url="http://shop.example", headers=forwarded).status_code == 400


@pytest.mark.parametrize("host", ["evil.example", "shop.example.evil.example", "127.0.0.2"])
def test_other_hosts_are_strangers(probe: Probe, host: str) -> None:
    answer = probe(TRUSTED_HOSTS="shop.example").get("/probe", headers={"Host": host})
    assert answer.status_code == 400


def test_the_port_of_a_host_does_not_matter(probe: Probe) -> None:
    assert probe(TRUSTED_HOSTS="shop.example").get("/probe", headers={"Host": "shop.example:8443"}).status_code == 200
