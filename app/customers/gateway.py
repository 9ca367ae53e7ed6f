"""Providers that customers may sign in with: OpenID Connect by authorization code with PKCE, checked by Authlib and joserfc.

The only network of customers. Plain values in and out; never called in a transaction. What a provider publishes of itself is
kept for an hour by each process. A provider that does not answer five times in a row is left alone for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.core.emails import is_email
from app.core.errors import NotFound
from app.core.settings import OidcProvider, Settings
from app.core.settings.social import is_safe_url
from app.customers.errors import ProviderSilent, SignInRefused

log = logging.getLogger(__name__)

SECONDS = 9.0  # for all calls of one step together
KEEP_SECONDS = 3600.0
LEEWAY_SECONDS = 120  # that the provider's clock may be off
OLDEST_SECONDS = 900  # of an id_token: it was made for this sign-in
FAILURES, REST_SECONDS = 5, 20
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})  # a symmetric key is none that anybody could publish
UNREADABLE = (ValueError, TypeError, KeyError)  # what strange tokens and keys make of the libraries
SCOPE = "openid email profile"
LONGEST_SUBJECT, LONGEST_EMAIL, LONGEST_NAME = 255, 254, 120

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Somebody:
    """What a provider says of who signed in there. (`issuer`, `subject`) is who it is, and stays so; the rest may change.
    `email` is empty where it told none, and proven only with `is_email_verified`."""

    provider: str
    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    name: str


_providers: dict[str, Provider] = {}


def configure(settings: Settings) -> None:
    """Called once by the factory."""
    _providers.clear()
    _providers.update({each.code: Provider(each) for each in settings.oidc})


def offered() -> list[tuple[str, str]]:
    """(code, label) of every provider, as configured."""
    return [(code, each.label) for code, each in _providers.items()]


def label_of(code: str) -> str:
    """What customers call a provider, also one that is switched off."""
    return _providers[code].label if code in _providers else code.capitalize()


def provider(code: str) -> Provider:
    """Raises NotFound."""
    if code not in _providers:
        raise NotFound()
    return _providers[code]


class Provider:
    """One of them. Every call has a timeout; raises ProviderSilent or SignInRefused."""

    def __init__(self, options: OidcProvider) -> None:
        from circuitbreaker import CircuitBreaker  # noqa: PLC0415 - most shops have no provider

        self.code, self.label, self._options = options.code, options.label, options
        self._circuit = CircuitBreaker(
            failure_threshold=FAILURES, recovery_timeout=REST_SECONDS, expected_exception=ProviderSilent
        )
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def page_url(self, *, back: str, state: str, nonce: str, verifier: str, locale: str) -> str:
        """Where the browser goes to sign in, and `back` from there."""

        def work(ends: float) -> str:
            endpoint = self._metadata(ends)["authorization_endpoint"]
            url, _state = self._client(back).create_authorization_url(
                endpoint, state=state, code_verifier=verifier, nonce=nonce, ui_locales=locale
            )
            return str(url)

        return self._bounded(work)

    def identify(self, code: str, *, back: str, nonce: str, verifier: str, told_issuer: str | None) -> Somebody:
        """Who signed in, for the code that the browser came back with. `told_issuer` is who says to have sent it (RFC 9207): a
        code of one provider is never taken to another."""

        def work(ends: float) -> Somebody:
            metadata = self._metadata(ends)
            is_told = metadata.get("authorization_response_iss_parameter_supported") is True
            if told_issuer != self._options.issuer and (is_told or told_issuer is not None):
                raise SignInRefused("issuer of the answer")
            tokens = self._tokens(metadata, ends, code=code, back=back, verifier=verifier)
            claims = self._claims(metadata, ends, tokens, nonce=nonce)
            return _somebody(self.code, claims)

        return self._bounded(work)

    def _bounded(self, work: Callable[[float], Answer]) -> Answer:
        if self._circuit.opened:
            raise ProviderSilent("circuit open")
        answer: Answer = self._circuit.call(work, time.monotonic() + SECONDS)
        return answer

    def _metadata(self, ends: float) -> dict[str, Any]:
        """What the provider publishes (OpenID Connect Discovery). It must call itself what it is configured as."""
        issuer = self._options.issuer
        found = self._published(f"{issuer.rstrip('/')}/.well-known/openid-configuration", ends)
        needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != issuer or not all(is_safe_url(str(found.get(name, ""))) for name in needed):
            self._kept.clear()
            log.error("a provider to sign in with describes another one", extra={"provider": self.code})
            raise ProviderSilent("metadata")
        return found

    def _published(self, url: str, ends: float, *, is_fresh: bool = False) -> dict[str, Any]:
        from app.core import http  # noqa: PLC0415

        until, kept = self._kept.get(url, (0.0, {}))
        if time.monotonic() < until and not is_fresh:
            return kept
        answer = self._ask(lambda: http.Session().request("GET", url, timeout=_left(ends)))
        found = http.json_object(answer.content) if answer.status_code == 200 else None
        if found is None:
            raise self._silent(f"status {answer.status_code}")
        self._kept[url] = (time.monotonic() + KEEP_SECONDS, found)
        return found

    def _tokens(
        self, metadata: Mapping[str, Any], ends: float, *, code: str, back: str, verifier: str
    ) -> dict[str, Any]:
        from authlib.integrations.base_client import OAuthError  # noqa: PLC0415

        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        client = self._client(
            back, by="client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        )
        url = metadata["token_endpoint"]
        try:
            tokens = self._ask(
                lambda: client.fetch_token(
                    url, grant_type="authorization_code", code=code, code_verifier=verifier, timeout=_left(ends)
                )
            )
        except OAuthError as refusal:
            raise SignInRefused(f"token endpoint: {str(refusal.error)[:50]}") from None
        if not isinstance(tokens.get("id_token"), str):
            raise SignInRefused("no id_token")
        return dict(tokens)

    def _claims(
        self, metadata: Mapping[str, Any], ends: float, tokens: Mapping[str, Any], *, nonce: str
    ) -> Mapping[str, Any]:
        """OpenID Connect Core, 3.1.3.7. A signature that does not fit may be of a key that is new: they are asked for again."""
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415

        def read(*, is_fresh: bool) -> Any:
            return jwt.decode(tokens["id_token"], self._keys(metadata, ends, is_fresh=is_fresh), list(ALGORITHMS))

        try:
            try:
                token = read(is_fresh=False)
            except (JoseError, *UNREADABLE):
                token = read(is_fresh=True)
            expected = {
                "iss": {"essential": True, "value": self._options.issuer},
                "aud": {"essential": True, "value": self._options.client_id},
                "sub": {"essential": True},
            }
            params = {"nonce": nonce, "client_id": self._options.client_id, "access_token": tokens.get("access_token")}
            claims = CodeIDToken(token.claims, token.header, expected, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, *UNREADABLE) as refusal:
            raise SignInRefused(f"id_token: {type(refusal).__name__}") from None
        if claims["iat"] < time.time() - OLDEST_SECONDS:
            raise SignInRefused("id_token: old")
        return claims

    def _keys(self, metadata: Mapping[str, Any], ends: float, *, is_fresh: bool) -> Any:
        from joserfc.jwk import KeySet  # noqa: PLC0415

        found = self._published(metadata["jwks_uri"], ends, is_fresh=is_fresh).get("keys")
        keys = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        usable = [each for each in keys if each.get("kty") in KEY_TYPES and each.get("use", "sig") == "sig"]
        return KeySet.import_key_set({"keys": usable})

    def _client(self, back: str, *, by: str = "client_secret_basic") -> Any:
        from authlib.integrations.requests_client import OAuth2Session  # noqa: PLC0415

        from app.core import http  # noqa: PLC0415

        class Client(OAuth2Session, http.Session):
            """Authlib's, on top of requests that cannot hang."""

        make: Any = Client
        return make(
            self._options.client_id,
            self._options.client_secret,
            token_endpoint_auth_method=by,
            scope=SCOPE,
            redirect_uri=back,
            code_challenge_method="S256",
        )

    def _ask(self, call: Callable[[], Any]) -> Any:
        """Whatever is no answer, or none that Authlib can read."""
        from app.core import http  # noqa: PLC0415

        try:
            return call()
        except (*http.NO_ANSWER, ValueError) as error:
            raise self._silent(type(error).__name__) from None

    def _silent(self, reason: str) -> ProviderSilent:
        log.warning("a provider to sign in with gives no answer", extra={"provider": self.code, "error": reason})
        return ProviderSilent(reason)


def _left(ends: float) -> tuple[float, float]:
    left = max(ends - time.monotonic(), 0.1)
    return min(3.0, left / 2), left / 2


def _somebody(code: str, claims: Mapping[str, Any]) -> Somebody:
    subject = claims["sub"]
    if not 0 < len(subject) <= LONGEST_SUBJECT:
        raise SignInRefused("id_token: sub")
    vouched = claims.get("email_verified")
    email, name = _text(claims, "email"), _text(claims, "name") or _text(claims, "given_name")
    return Somebody(
        provider=code,
        issuer=claims["iss"],
        subject=subject,
        email=email if len(email) <= LONGEST_EMAIL and is_email(email) else "",
        is_email_verified=vouched is True or vouched == "true",  # some say it in letters
        name=name[:LONGEST_NAME],
    )


def _text(claims: Mapping[str, Any], name: str) -> str:
    """A claim in one line of printable letters; empty where there is none."""
    value = claims.get(name)
    return "".join(char for char in value if char.isprintable()).strip() if isinstance(value, str) else ""
