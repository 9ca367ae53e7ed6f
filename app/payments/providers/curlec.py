"""Curlec, Razorpay's house in Malaysia: the same API, signatures and entities under an account of its own (PAY-05).

It takes ringgit only. Its webhooks carry Razorpay's header; which account sent one, the secret tells.
Sources: Razorpay's markdown documentation (payment methods, FPX) and curlec.com's integration pages.
"""

from __future__ import annotations

from app.core.settings import Settings
from app.payments.providers.razorpay import ELSEWHERE, Razorpay

METHODS = {"MYR": ("fpx", "wallet", "duitnow", "card"), ELSEWHERE: ()}


def make(settings: Settings) -> Razorpay:
    keys = settings.curlec
    return Razorpay(
        key_id=keys.key_id,
        key_secret=keys.key_secret,
        webhook_secrets=keys.webhook_secrets,
        api_url=keys.api_url,
        shop_name=settings.shop.name,
        code="curlec",
        methods=METHODS,
    )
