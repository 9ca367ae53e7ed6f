"""The merchants' accounts at Razorpay: the one of that name, and Curlec's, which is Razorpay in Malaysia (ringgit only).

Orders belong to the account whose keys created them; the other account sees nothing of them, and webhooks are signed with
the secret of the account they are about.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

CURLEC = "curlec"


@dataclass(frozen=True)
class Account:
    code: str
    key_id: str
    key_secret: str
    webhook_secret: str
    old_webhook_secret: str

    @property
    def webhook_secrets(self) -> dict[str, str]:
        return {
            "current": self.webhook_secret,
            "old": self.old_webhook_secret,
            "wrong": f"not-{self.webhook_secret}",
        }

    def takes(self, currency: str) -> bool:
        return self.code != CURLEC or currency == "MYR"

    def has_key(self, key_id: str) -> bool:
        return hmac.compare_digest(key_id.encode(), self.key_id.encode())

    def has_secret(self, key_secret: str) -> bool:
        return hmac.compare_digest(key_secret.encode(), self.key_secret.encode())


def curlec_from(value: Callable[[str, str], str]) -> Account:
    """`value(name, default)` reads the environment."""
    current, _, old = value("CURLEC_WEBHOOK_SECRET", "curlec_webhook_secret").partition(",")
    return Account(
        CURLEC,
        value("CURLEC_KEY_ID", "rzp_test_curlec"),
        value("CURLEC_KEY_SECRET", "curlec_key_secret"),
        current.strip(),
        old.strip() or f"old-{current.strip()}",
    )
