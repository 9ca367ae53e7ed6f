"""Settings of the access tokens that programs sign in with (SEC-02)."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.settings.reader import Reader


@dataclass(frozen=True)
class AccessTokens:
    minutes: int
    issuer: str
    audience: str


def read_access_tokens(get: Reader, *, base_url: str) -> AccessTokens:
    """Another shop's tokens are nothing here, even under the same key: issuer and audience are this one's address."""
    return AccessTokens(
        minutes=get.number("JWT_ACCESS_MINUTES", 15, low=1, high=60),
        issuer=get.text("JWT_ISSUER", base_url),
        audience=get.text("JWT_AUDIENCE", f"{base_url}/api"),
    )
