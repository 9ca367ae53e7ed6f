"""The merchant's secret key, and how webhooks are signed (Stripe docs, webhooks/signature)."""

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.webhooks import Job, Letter


@dataclass(frozen=True)
class Keys:
    secret_key: str = "sk_test_sandbox"  # noqa: S105 for a bank that exists on this machine only
    webhook_secret: str = "whsec_sandbox"  # noqa: S105
    old_webhook_secret: str = "old-whsec_sandbox"  # noqa: S105

    @property
    def secrets(self) -> dict[str, str]:
        """The three that a webhook switch can choose from."""
        return {
            "current": self.webhook_secret,
            "old": self.old_webhook_secret,
            "wrong": f"not-{self.webhook_secret}",
        }


def keys_from(value: Callable[[str, str], str]) -> Keys:
    """`value(name, default)` reads the environment; two webhook secrets are the current one and the one before it."""
    secrets = [part.strip() for part in value("STRIPE_WEBHOOK_SECRET", Keys.webhook_secret).split(",")]
    return Keys(
        secret_key=value("STRIPE_SECRET_KEY", Keys.secret_key),
        webhook_secret=secrets[0],
        old_webhook_secret=secrets[1] if len(secrets) > 1 else f"old-{secrets[0]}",
    )


def write(job: Job, secret: str, _at: float) -> Letter:
    """Signed with the real time, whatever the virtual clock shows: who receives it compares with a real one."""
    stamp = int(time.time())
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": f"t={stamp},v1={sign(job.body, secret, stamp)}",
    }
    return Letter(headers, job.body)


def sign(body: bytes, secret: str, stamp: int) -> str:
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
