"""Settings out of Vault and Azure Key Vault (SEC-49), through their own clients, from servers that speak what is used of the
two protocols."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.core.settings import BadSettings, Settings, load, sources
from run import ports

KEPT = {
    "SECRET_KEY": "out of the manager 0123456789abcdef",
    "DATABASE_URL": "postgresql://shop:kept@db/shop",
    "REDIS_URL": "redis://kept:6379/0",
    "STRIPE_SECRET_KEY": "sk_test_kept",
    "STRIPE_WEBHOOK_SECRET": "whsec_kept_new,whsec_kept_old",
}
TENANT, APPLICATION = "5e8b6c3e-0000-4000-8000-00000000ada0", "9c1d6c3e-0000-4000-8000-00000000ada1"
VAULT_HOST, LOGIN_HOST = "kedai.vault.azure.net", "login.microsoftonline.com"


class Manager(ThreadingHTTPServer):
    """Either of the two. `asked` are the requests it got."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.asked: list[str] = []
        self.secrets = dict(KEPT)
        self.status = 200
        self.tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Manager

    def answer(self, status: int, body: Any, **headers: str) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Vault(Answers):
    """KV version 2 below /secret, AppRole and Kubernetes logins."""

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        if self.server.status != 200:
            return self.answer(self.server.status, {"errors": ["Vault is sealed"]})
        if self.headers.get("X-Vault-Token") != "good":
            return self.answer(403, {"errors": ["permission denied"]})
        if self.path != "/v1/secret/data/kedai/production":
            return self.answer(404, {"errors": []})
        return self.answer(
            200, {"data": {"data": {**self.server.secrets, "note": "no setting"}, "metadata": {"version": 3}}}
        )

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.path}")
        given = json.loads(self.content())
        good = {
            "/v1/auth/approle/login": {"role_id": "kedai", "secret_id": "s3cret"},
            "/v1/auth/kubernetes/login": {"role": "kedai", "jwt": "the pod's token"},
        }
        if given != good[self.path]:
            return self.answer(400, {"errors": ["invalid role or secret ID"]})
        return self.answer(200, {"auth": {"client_token": "good"}})


class Azure(Answers):
    """The token endpoint and the vault behind one proxy, each under its own name and TLS."""

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        assert self.server.tls is not None
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", buffering=0)
        self.close_connection = False

    def do_GET(self) -> None:
        host, path = self.headers["Host"], self.path.partition("?")[0]
        self.server.asked.append(f"GET {host}{path}")
        if host == LOGIN_HOST:
            return self._describe_login(path)
        if self.server.status != 200:
            return self.answer(self.server.status, {"error": {"code": "Forbidden", "message": "no role"}})
        if self.headers.get("Authorization") != "Bearer good":
            challenge = f'Bearer authorization="https://{LOGIN_HOST}/{TENANT}", resource="https://vault.azure.net"'
            return self.answer(401, {"error": {"code": "Unauthorized"}}, WWW_Authenticate=challenge)
        here = f"https://{VAULT_HOST}/secrets/"
        if path == "/secrets":
            listed = [
                {"id": here + each.replace("_", "-"), "attributes": {"enabled": True}} for each in self.server.secrets
            ]
            return self.answer(200, {"value": [*listed, {"id": here + "OLD-ONE", "attributes": {"enabled": False}}]})
        name = path.split("/")[2]
        return self.answer(
            200, {"id": here + name, "value": self.server.secrets[name.replace("-", "_")], "attributes": {}}
        )

    def _describe_login(self, path: str) -> None:
        base = f"https://{LOGIN_HOST}/{TENANT}"
        if path.endswith("/discovery/instance"):
            return self.answer(
                200, {"tenant_discovery_endpoint": f"{base}/v2.0/.well-known/openid-configuration", "metadata": []}
            )
        endpoints = {
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
        }
        return self.answer(200, {**endpoints, "issuer": f"{base}/v2.0"})

    def do_POST(self) -> None:
        self.server.asked.append(f"POST {self.headers['Host']}{self.path}")
        if b"client_secret=right" not in self.content():
            return self.answer(
                401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}
            )
        return self.answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "good"})


def running(handler: type[BaseHTTPRequestHandler]) -> Iterator[Manager]:
    with Manager(handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def vault() -> Iterator[Manager]:
    yield from running(Vault)


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    for server in running(Azure):
        certificate = certificate_for(VAULT_HOST, LOGIN_HOST, folder=tmp_path)
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.load_cert_chain(certificate)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, server.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        yield server


def certificate_for(*names: str, folder: Path) -> Path:
    """A file with a key and a certificate that vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    own = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "certificate.pem"
    path.write_bytes(own + signed.public_bytes(serialization.Encoding.PEM))
    return path


def from_vault(vault: Manager, **changed: str) -> Settings:
    token = {"VAULT_TOKEN": "good"} if not any(name.startswith("VAULT_") for name in changed) else {}
    where = {"SECRETS_SOURCE": "vault", "VAULT_ADDR": vault.url, "VAULT_PATH": "kedai/production"}
    return load({"APP_ENV": "test", **where, **token, **changed})


def from_azure(**changed: str) -> Settings:
    identity = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": APPLICATION, "AZURE_CLIENT_SECRET": "right"}
    where = {"SECRETS_SOURCE": "azure", "AZURE_KEY_VAULT_URL": f"https://{VAULT_HOST}"}
    return load({"APP_ENV": "test", **where, **identity, **changed})


def has_all(settings: Settings) -> bool:
    return (settings.secret_key, settings.database_url, settings.redis_url, settings.stripe.secret_key) == (
        KEPT["SECRET_KEY"], KEPT["DATABASE_URL"], KEPT["REDIS_URL"], "sk_test_kept",
    ) and settings.stripe.webhook_secrets == ("whsec_kept_new", "whsec_kept_old")  # fmt: skip


def sentence_of(refused: pytest.ExceptionInfo[BadSettings]) -> str:
    """The one fault there is, which tells no secret."""
    (fault,) = refused.value.faults
    assert not any(word in str(refused.value) for word in (*KEPT.values(), "s3cret", "right\n"))
    return fault


@pytest.mark.parametrize(
    "identity",
    [
        {},
        {"VAULT_ROLE_ID": "kedai", "VAULT_SECRET_ID": "s3cret"},
        {"VAULT_KUBERNETES_ROLE": "kedai", "VAULT_KUBERNETES_TOKEN": "the pod's token"},
    ],
)
def test_vault_has_what_the_environment_does_not_say(vault: Manager, identity: dict[str, str]) -> None:
    assert has_all(from_vault(vault, **identity))
    assert vault.asked[-1] == "GET /v1/secret/data/kedai/production"
    assert len(vault.asked) == (2 if identity else 1)


def test_the_token_may_lie_in_a_file(vault: Manager, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("good\n")
    assert has_all(from_vault(vault, VAULT_TOKEN_FILE=str(tmp_path / "token")))


def test_the_environment_wins(vault: Manager, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://of-a-file/1")
    files = {"REDIS_URL_FILE": str(tmp_path / "url")}
    settings = from_vault(vault, VAULT_TOKEN="good", STRIPE_SECRET_KEY="sk_test_mine", DATABASE_URL="", **files)
    assert (settings.stripe.secret_key, settings.redis_url) == ("sk_test_mine", "redis://of-a-file/1")
    assert settings.database_url == KEPT["DATABASE_URL"]  # an empty value says nothing


def test_what_the_manager_has_is_checked_like_everything(vault: Manager) -> None:
    vault.secrets["STOCK_LOCK_EXPIRY_MINUTES"] = "soon"
    with pytest.raises(BadSettings, match="STOCK_LOCK_EXPIRY_MINUTES=soon must be a whole number"):
        from_vault(vault)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"VAULT_TOKEN": "expired"}, "refuses secret/kedai/production: renew VAULT_TOKEN"),
        ({"VAULT_ROLE_ID": "kedai", "VAULT_SECRET_ID": "old s3cret"}, "refuses secret/kedai/production: renew"),
        ({"VAULT_ROLE_ID": "kedai"}, "VAULT_SECRET_ID is missing"),
        ({"VAULT_TOKEN": "good", "VAULT_PATH": "elsewhere"}, "has no secret elsewhere in secret"),
        ({"VAULT_TOKEN": ""}, "VAULT_TOKEN is missing, such as VAULT_TOKEN_FILE="),
        ({"VAULT_TOKEN": "good", "VAULT_ADDR": ""}, "VAULT_ADDR is missing"),
        ({"VAULT_KUBERNETES_ROLE": "kedai"}, "VAULT_KUBERNETES_TOKEN_FILE"),
    ],
)
def test_a_vault_that_refuses_says_one_sentence(
    vault: Manager, changed: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "good")  # the client would take it from here: only what the settings say counts
    with pytest.raises(BadSettings) as refused:
        from_vault(vault, **changed)
    assert words in sentence_of(refused)


def test_a_vault_that_is_sealed_or_gone_says_one_sentence(vault: Manager) -> None:
    vault.status = 503
    with pytest.raises(BadSettings) as refused:
        from_vault(vault)
    assert "gives no answer (VaultDown): start or unseal it" in sentence_of(refused)
    with pytest.raises(BadSettings) as refused:
        from_vault(vault, VAULT_TOKEN="good", VAULT_ADDR=f"http://127.0.0.1:{ports.pick()}")
    assert "gives no answer (ConnectionError)" in sentence_of(refused)


def test_a_vault_that_takes_the_call_and_is_silent_is_given_up(vault: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(BadSettings) as refused:
        from_vault(vault, VAULT_TOKEN="good", VAULT_ADDR=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "gives no answer (ReadTimeout)" in sentence_of(refused)


def test_azure_has_what_the_environment_does_not_say(azure: Manager, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert has_all(from_azure())
    assert f"POST {LOGIN_HOST}/{TENANT}/oauth2/v2.0/token" in azure.asked
    assert f"GET {VAULT_HOST}/secrets/STRIPE-SECRET-KEY/" in azure.asked
    assert not any("OLD-ONE" in each for each in azure.asked)  # it is disabled
    assert not any(value in caplog.text for value in KEPT.values())


def test_the_environment_wins_over_azure_too(azure: Manager) -> None:
    assert from_azure(STRIPE_SECRET_KEY="sk_test_mine").stripe.secret_key == "sk_test_mine"


def test_an_azure_that_refuses_says_one_sentence(azure: Manager) -> None:
    with pytest.raises(BadSettings) as refused:
        from_azure(AZURE_CLIENT_SECRET="wrong")
    assert "Azure lets nobody in" in sentence_of(refused)
    azure.status = 403
    with pytest.raises(BadSettings) as refused:
        from_azure()
    assert "refuses to list and read its secrets (403)" in sentence_of(refused)
    with pytest.raises(BadSettings) as refused:
        from_azure(AZURE_KEY_VAULT_URL="")
    assert "AZURE_KEY_VAULT_URL is missing" in sentence_of(refused)


def test_an_azure_that_is_gone_says_one_sentence(azure: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{ports.pick()}")
    with pytest.raises(BadSettings) as refused:
        from_azure()
    assert "Azure" in sentence_of(refused)


def test_an_unknown_source_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"APP_ENV": "test", "DATABASE_URL": "postgresql://x", "REDIS_URL": "redis://x"}
    with pytest.raises(BadSettings, match="SECRETS_SOURCE=aws must be one of environment, vault, azure"):
        load({**good, "SECRETS_SOURCE": "aws"})
    for name, module in (("vault", "hvac"), ("azure", "azure.keyvault.secrets")):
        with monkeypatch.context() as patch:
            patch.setitem(__import__("sys").modules, module, None)
            with pytest.raises(BadSettings, match=f"pip install -r requirements-{name}.txt"):
                load({**good, "SECRETS_SOURCE": name, "VAULT_ADDR": "http://127.0.0.1:9"})
