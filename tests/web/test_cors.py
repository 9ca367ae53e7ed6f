"""SEC-39, ASVS 3.4.2: only configured origins, exactly; never a wildcard, never with credentials; pages never."""

import pytest

from app.core.settings import BadSettings, load

APP, OTHER = "https://app.example.com", "http://localhost:5173"
REFUND = "/api/payments/refund"
FOREIGN = (
    "https://evil.example", "null", "https://app.example.com.evil.example", "https://evil.example/https://app.example.com",
    "http://app.example.com", "https://app.example.com:8443", "https://APP.example.com", "https://app.example.com/", "*", "",
)  # fmt: skip
CORS = ("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers")


@pytest.fixture
def open_client(make_app):
    return make_app(CORS_ALLOWED_ORIGINS=f"{APP}, {OTHER}").test_client()


def preflight(client, path, origin, method="POST"):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    return client.options(path, headers=asked)


@pytest.mark.parametrize("origin", [APP, OTHER])
def test_a_configured_origin_may_ask_with_a_token(open_client, origin):
    answer = preflight(open_client, REFUND, origin)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "X-Kedai-Signature" in answer.headers["Access-Control-Allow-Headers"]
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Origin" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers


def test_answers_are_shown_to_it_refusals_too(open_client):
    for path, status in (("/api/health", 200), (REFUND, 401), ("/api/none", 404)):
        answer = (
            open_client.get(path, headers={"Origin": APP})
            if path != REFUND
            else open_client.post(path, headers={"Origin": APP})
        )
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, APP)
        assert "Origin" in answer.headers["Vary"]
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_is_never_reflected(open_client, origin):
    for answer in (
        open_client.get("/api/health", headers={"Origin": origin}),
        preflight(open_client, REFUND, origin),
        preflight(open_client, "/api/health", origin, "GET"),
    ):
        assert [name for name in CORS if name in answer.headers] == []
    assert "Origin" in open_client.get("/api/health", headers={"Origin": origin}).headers["Vary"]


def test_credentials_are_never_allowed(open_client):
    for answer in (preflight(open_client, REFUND, APP), open_client.get("/api/health", headers={"Origin": APP})):
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_pages_are_nobody_elses(open_client):
    for path in ("/", "/about", "/cart", "/admin/login", "/apix", "/health/live"):
        for answer in (open_client.get(path, headers={"Origin": APP}), preflight(open_client, path, APP, "GET")):
            assert [name for name in CORS if name in answer.headers] == [], path


def test_without_the_setting_there_is_none(app):
    client = app.test_client()
    for answer in (client.get("/api/health", headers={"Origin": APP}), preflight(client, REFUND, APP)):
        assert [name for name in CORS if name in answer.headers] == []


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "app.example.com", "https://app.example.com/", "https://*.example.com", "https://App.example.com",
     "https://a@b.example", "https://app.example.com:443", "ftp://app.example.com", "https://", "https://.*"],
)  # fmt: skip
def test_what_is_no_origin_stops_the_start(environment, origin):
    with pytest.raises(BadSettings, match="CORS_ALLOWED_ORIGINS"):
        load({**environment, "CORS_ALLOWED_ORIGINS": f"{APP},{origin}"})


def test_origins_are_https_in_production(environment):
    production = {**environment, "APP_ENV": "production", "CORS_ALLOWED_ORIGINS": OTHER}
    with pytest.raises(BadSettings, match="must be https:// in production"):
        load(production)
