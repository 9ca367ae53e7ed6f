"""Who sells."""

from __future__ import annotations

from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, available_timezones

from app.core.money import EXPONENTS
from app.core.settings.reader import Reader


@dataclass(frozen=True)
class Shop:
    """Who sells: shown on the legal pages, in mails and on documents."""

    name: str = "Murni Batik"
    legal_name: str = "Murni Batik Sdn. Bhd."
    email: str = "hello@murnibatik.example"
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Kuala_Lumpur"))
    currency: str = "MYR"
    tax_number: str = ""
    registration_number: str = ""
    address: tuple[str, ...] = ()  # lines
    state: str = ""  # in India it decides between CGST with SGST and IGST
    country: str = "MY"


def read_shop(get: Reader) -> Shop:
    plain = Shop()
    zone = get.text("SHOP_TIMEZONE", plain.timezone.key)
    if zone != plain.timezone.key and zone not in available_timezones():  # to look through them all takes 30 ms
        get.faults.append(f"SHOP_TIMEZONE={zone} is no time zone, such as Asia/Kuala_Lumpur")
        zone = plain.timezone.key
    return Shop(
        name=get.text("SHOP_NAME", plain.name),
        legal_name=get.text("SHOP_LEGAL_NAME", plain.legal_name),
        email=get.text("SHOP_EMAIL", plain.email),
        timezone=ZoneInfo(zone),
        currency=get.choice("SHOP_CURRENCY", tuple(EXPONENTS), plain.currency),
        tax_number=get.text("SHOP_TAX_NUMBER", plain.tax_number),
        registration_number=get.text("SHOP_REGISTRATION_NUMBER", plain.registration_number),
        address=get.lines("SHOP_ADDRESS"),
        state=get.text("SHOP_STATE", plain.state),
        country=_country(get),
    )


def _country(get: Reader) -> str:
    code = get.text("SHOP_COUNTRY", Shop.country)
    if not (len(code) == 2 and code.isascii() and code.isupper()):
        get.faults.append(f"SHOP_COUNTRY={code} is no ISO code of a country, such as MY or IN")
    return code
