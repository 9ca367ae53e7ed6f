"""Currencies the provider takes, with their decimals (Razorpay docs, payments/international-payments.md)."""

_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: (
        "AED ALL AMD AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CNY COP CRC CUP CVE "
        "CZK DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR JMD KES KGS "
        "KHR KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR "
        "NZD PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SCR SEK SGD SLL SOS SVC SZL THB TRY TTD TWD TZS UAH USD "
        "UYU UZS XCD YER ZAR ZMW"
    ),
    3: "BHD IQD JOD KWD OMR TND",
}
DECIMALS = {code: decimals for decimals, codes in _BY_DECIMALS.items() for code in codes.split()}
_SYMBOLS = {"MYR": "RM ", "INR": "₹", "USD": "US$", "SGD": "S$"}


def minimum(currency: str) -> int:
    """The smallest amount that can be charged, in minor units: 1.00."""
    return int(10 ** DECIMALS[currency])


def words(amount: int, currency: str) -> str:
    """An amount for people: 12345 MYR -> `RM 123.45`."""
    decimals = DECIMALS[currency]
    whole, rest = divmod(amount, 10**decimals)
    number = f"{whole:,}" + (f".{rest:0{decimals}d}" if decimals else "")
    return _SYMBOLS.get(currency, currency + " ") + number
