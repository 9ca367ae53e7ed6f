"""Who the merchant is, and the X Signature: HMAC-SHA256 over `keyvalue` pairs, sorted whatever their case, joined by `|`
(Billplz docs, X Signature)."""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.webhooks import Job, Letter


@dataclass(frozen=True)
class Keys:
    api_key: str = "billplz-sandbox-api-key"
    collection_id: str = "sandboxc"
    signature_key: str = "S-billplz-sandbox"
    old_signature_key: str = "old-S-billplz-sandbox"

    @property
    def signature_keys(self) -> dict[str, str]:
        return {
            "current": self.signature_key,
            "old": self.old_signature_key,
            "wrong": f"not-{self.signature_key}",
        }


def keys_from(value: Callable[[str, str], str]) -> Keys:
    """`value(name, default)` reads the environment."""
    plain = Keys()
    current, _, old = value("BILLPLZ_SIGNATURE_KEY", plain.signature_key).partition(",")
    return Keys(
        api_key=value("BILLPLZ_API_KEY", plain.api_key),
        collection_id=value("BILLPLZ_COLLECTION_ID", plain.collection_id),
        signature_key=current.strip(),
        old_signature_key=old.strip() or f"old-{current.strip()}",
    )


def sign(fields: Mapping[str, str], key: str) -> str:
    source = "|".join(sorted((name + value for name, value in fields.items()), key=str.lower))
    return hmac.new(key.encode(), source.encode(), hashlib.sha256).hexdigest()


def write(job: Job, key: str, _at: float) -> Letter:
    """A callback: the bill as form fields, its signature among them."""
    fields: dict[str, str] = json.loads(job.body)
    body = urlencode({**fields, "x_signature": sign(fields, key)}).encode()
    return Letter({"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Billplz"}, body)
