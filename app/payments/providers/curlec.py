"""Curlec, which is Razorpay in Malaysia: the same API, an account of its own, ringgit only.

Source: Curlec's documentation (curlec.com/docs): FPX, cards, DuitNow, the e-wallets of Malaysia, and Pay Later with Atome.
"""

from __future__ import annotations

from app.core.settings import Settings
from app.payments.providers.razorpay import Razorpay

METHODS = {"MYR": ("fpx", "wallet", "duitnow", "card")}
PLANS = {"atome": {"MYR": 1000}}  # less is not shown there


def make(settings: Settings) -> Razorpay:
    keys = settings.curlec
    return Razorpay(
        code="curlec",
        key_id=keys.key_id,
        key_secret=keys.key_secret,
        webhook_secrets=keys.webhook_secrets,
        api_url=keys.api_url,
        shop_name=settings.shop.name,
        methods=METHODS,
        elsewhere=(),
    )
