"""An OpenID provider of the tests' own, over real HTTP: discovery, authorize, token, jwks, with keys that rotate, and switches
for everything a provider can do wrong.

It signs in whoever `person` says without asking, as a provider does whose page somebody has seen already.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "shop-client", "shop-secret: with a colon"
PERSON = {"sub": "248289761001", "email": "aina@example.com", "email_verified": True, "name": "Aina Rahman"}


class IdentityProvider:
    """`person` are the claims of who signs in; `claims` override or, as None, take away any claim of the id_token.

    `answers` maps an endpoint (`discovery`, `jwks`, `token`) to (status, content type, body) to give instead, `slow` to seconds
    to wait first. `header` overrides the token's header; `sign_with` signs with another key than is published.
    """

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.hang = threading.Event()
        self.reset()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def reset(self) -> None:
        self.person: dict[str, Any] = dict(PERSON)
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.hanging: set[str] = set()
        self.asked: list[str] = []
        self.proofs: list[str] = []  # how the shop said to be itself
        self.codes: dict[str, dict[str, str]] = {}
        self.sign_with: Any = None
        self.refuses = ""
        self.rotate()

    def rotate(self) -> None:
        """A new key; the old one is published no more."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})

    def use(self, key: Any) -> None:
        self.key = key

    def close(self) -> None:
        self.hang.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a shop that knows it, as `acme`."""
        return {
            "OIDC_PROVIDERS": "acme",
            "OIDC_ACME_ISSUER": self.issuer,
            "OIDC_ACME_CLIENT_ID": CLIENT_ID,
            "OIDC_ACME_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_ACME_LABEL": "Acme ID",
        }

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        } | self.metadata

    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser goes on to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        if self.refuses:
            answer = {"error": self.refuses, "state": query["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self.codes[code] = query
            answer = {"code": code, "state": query["state"]}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        self.proofs.append("client_secret_basic" if authorization else "client_secret_post")
        known = (user, password) if authorization else (form.get("client_id"), form.get("client_secret"))
        if known != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        is_theirs = asked is not None and (
            _encoded(verifier) == asked["code_challenge"] and form.get("redirect_uri") == asked["redirect_uri"]
        )
        if asked is None or not is_theirs:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.id_token(asked["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "exp": now + 300, "iat": now, "nonce": nonce}
        claims |= self.person | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        alg = {"RSA": "RS256", "EC": "ES256"}[self.key.key_type]
        header = {"alg": alg, "kid": self.key.kid} | self.header
        if header["alg"] == "none" or header["alg"].startswith("HS"):
            return self._forged(header, claims)
        return jwt.encode(header, claims, self.sign_with or self.key, [header["alg"]])

    def _forged(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Signed with nothing, or with what everybody knows: the public key."""
        content = ".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
        digest = {"HS256": "sha256", "HS512": "sha512"}.get(header["alg"])
        known = self.key.as_pem(private=False)
        return f"{content}.{_encoded(hmac.digest(known, content.encode(), digest)) if digest else ''}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def new_ec_key() -> Any:
    return ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig"})


def _handler(provider: IdentityProvider) -> Callable[..., BaseHTTPRequestHandler]:  # noqa: C901 - one server
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/authorize":
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif url.path == "/.well-known/openid-configuration":
                self._answer("discovery", 200, provider.discovery())
            elif url.path == "/jwks":
                self._answer("jwks", 200, provider.jwks())
            else:
                self._send(404, "text/plain", "")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            if "token" in provider.answers or "token" in provider.hanging:
                self._answer("token", 200, {})
                return
            self._answer("token", *provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, endpoint: str, status: int, body: dict[str, Any]) -> None:
            provider.asked.append(endpoint)
            if endpoint in provider.hanging:
                provider.hang.wait()
                return
            if endpoint in provider.answers:
                self._send(*provider.answers[endpoint])
            else:
                self._send(status, "application/json", json.dumps(body))

        def _send(self, status: int, kind: str, text: str) -> None:
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Quiet."""

    return Handler
