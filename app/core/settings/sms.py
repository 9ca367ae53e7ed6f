"""Who carries SMS, and what for. Without `SMS_URL` there is none of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.core.settings.reader import Reader
from app.core.settings.social import is_safe_url

CONSOLE = "console:"


@dataclass(frozen=True)
class Sms:
    url: str = ""
    token: str = field(default="", repr=False)
    sender: str = ""
    is_for_staff_codes: bool = False
    daily: int = 200  # messages of the whole shop within a day, at most

    @property
    def offers_staff_codes(self) -> bool:
        return bool(self.url) and self.is_for_staff_codes


def read_sms(get: Reader) -> Sms:
    url = get.text("SMS_URL")
    if url and url != CONSOLE and not is_safe_url(url):
        get.faults.append(f"SMS_URL={url} must be {CONSOLE} or an https:// address")
    for_codes = get.flag("STAFF_SMS_CODES", False)
    if for_codes and not url:
        get.faults.append("SMS_URL is missing: with STAFF_SMS_CODES the shop must be able to send")
    return Sms(
        url=url,
        token=get.text("SMS_TOKEN"),
        sender=get.text("SMS_FROM"),
        is_for_staff_codes=for_codes,
        daily=get.number("SMS_DAILY", Sms.daily, low=1, high=1_000_000),
    )
