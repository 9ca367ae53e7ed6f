"""PayPal's amounts: `{"currency_code": "MYR", "value": "12.30"}`; JPY, HUF and TWD have no decimals there
(PayPal docs, api/reference/currency-codes)."""

import re
from typing import Any

from sandbox.currencies import DECIMALS
from sandbox.paypal.errors import invalid, unprocessable

_LISTED = "AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK CHF THB USD"
CURRENCIES = frozenset(_LISTED.split())
_WHOLE = frozenset({"JPY", "HUF", "TWD"})


def shown(minor: int, currency: str) -> dict[str, str]:
    decimals = decimals_of(currency)
    whole, rest = divmod(abs(minor), 10**decimals)
    sign = "-" if minor < 0 else ""
    return {"currency_code": currency, "value": f"{sign}{whole}" + (f".{rest:0{decimals}d}" if decimals else "")}


def minor_of(amount: Any, *, field: str) -> tuple[int, str]:
    """Minor units and currency of an amount that a merchant sent; raises PayPal's refusal for one it cannot be."""
    if not isinstance(amount, dict) or not isinstance(amount.get("value"), str) or "currency_code" not in amount:
        raise invalid("MISSING_REQUIRED_PARAMETER", "A required field is missing.", field=field)
    currency, value = amount["currency_code"], amount["value"]
    if currency not in CURRENCIES:
        raise unprocessable("CURRENCY_NOT_SUPPORTED", "The currency code is not supported.", field=field)
    if not re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]+)?", value):
        raise invalid("INVALID_PARAMETER_SYNTAX", "The value of a field does not conform to its format.", field=field)
    decimals = decimals_of(currency)
    whole, _, rest = value.partition(".")
    if rest and not decimals:
        raise unprocessable("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.", field=field)
    if len(rest) > decimals:
        raise unprocessable("DECIMAL_PRECISION", "Only two decimal places are supported.", field=field)
    minor = int(whole + rest.ljust(decimals, "0"))
    if minor <= 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.", field=field)
    return minor, currency


def decimals_of(currency: str) -> int:
    return 0 if currency in _WHOLE else int(DECIMALS[currency])
