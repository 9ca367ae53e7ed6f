"""Who customers may sign in with over OpenID Connect. No provider: none of it is there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from app.core.settings.reader import Reader

CODE = re.compile(r"[a-z][a-z0-9]{0,19}")
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class OidcProvider:
    """`code` is part of addresses and names of settings, `label` what customers read. `issuer` as the provider writes it."""

    code: str
    label: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


def read_oidc(get: Reader) -> tuple[OidcProvider, ...]:
    """`OIDC_PROVIDERS=google,acme`, and of each `OIDC_GOOGLE_ISSUER`, `…_CLIENT_ID`, `…_CLIENT_SECRET`, `…_LABEL`."""
    return tuple(provider for code in get.words("OIDC_PROVIDERS", "") if (provider := _provider(get, code)))


def _provider(get: Reader, code: str) -> OidcProvider | None:
    if not CODE.fullmatch(code):
        get.faults.append(f"OIDC_PROVIDERS={code} is no name: write lower-case letters and digits, such as google")
        return None
    name = f"OIDC_{code.upper()}"
    issuer, client_id, secret = (get.text(f"{name}_{what}") for what in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"))
    get.faults += [
        f"{name}_{what} is missing"
        for what, value in (("ISSUER", issuer), ("CLIENT_ID", client_id), ("CLIENT_SECRET", secret))
        if not value
    ]
    if issuer and ("?" in issuer or not is_safe_url(issuer)):
        get.faults.append(f"{name}_ISSUER={issuer} must be an https:// address without query")
    return OidcProvider(code, get.text(f"{name}_LABEL", code.capitalize()), issuer, client_id, secret)


def is_safe_url(url: str) -> bool:
    """https, or plain http on this very machine."""
    parts = urlsplit(url)
    is_private = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_private and bool(parts.hostname) and not (parts.fragment or parts.username)
