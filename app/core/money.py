"""Money as integer minor units with its currency. No floats anywhere (ISO 4217 exponents)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXPONENTS = {"MYR": 2, "INR": 2, "USD": 2, "SGD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KRW": 0, "VND": 0,
             "IDR": 2, "KWD": 3, "BHD": 3, "OMR": 3}  # fmt: skip


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit. Raises KeyError for a currency we cannot do."""
    return EXPONENTS[currency]


def smallest_step(currency: str) -> int:
    """Of currencies with three decimals providers take amounts whose last digit is 0 only (Razorpay, Stripe)."""
    return 10 if exponent(currency) == 3 else 1


def smallest_charge(currency: str) -> int:
    """Less than this no provider is asked to take or to send, in minor units: one whole unit, or 100 where there are no decimals."""
    return max(100, 10 ** exponent(currency))


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in the currency's minor unit: `Money(26800, "MYR")` is RM 268.00."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError(f"minor units are integers, not {self.minor!r}")
        if self.currency not in EXPONENTS:
            raise ValueError(f"unknown currency {self.currency!r}")

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, quantity: int) -> Money:
        if type(quantity) is not int:
            raise TypeError("money is multiplied by whole numbers; use `share` for rates")
        return Money(self.minor * quantity, self.currency)

    def __bool__(self) -> bool:
        return self.minor != 0

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` that add up exactly, by largest remainder (first ones win ties).

        With all weights 0 the parts are equal. Raises ValueError for no or negative weights.
        """
        if not weights or min(weights) < 0:
            raise ValueError("weights must be given and not negative")
        if not any(weights):
            weights = [1] * len(weights)
        return [Money(part, self.currency) for part in split_minor(self.minor, weights)]


def split_minor(amount: int, weights: Sequence[int]) -> list[int]:
    """Largest-remainder split of an integer; works for negative amounts by splitting the magnitude."""
    sign, amount, total = (-1 if amount < 0 else 1), abs(amount), sum(weights)
    parts = [amount * weight // total for weight in weights]
    remainders = [amount * weight % total for weight in weights]
    order = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for index in order[: amount - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]


def rate_of(amount: int, *, basis_points: int) -> int:
    """`basis_points` (1/100 %) of an amount in minor units, rounded half up. Negative amounts mirror positive ones."""
    sign = -1 if amount < 0 else 1
    return sign * ((abs(amount) * basis_points + 5_000) // 10_000)


def included_in(amount: int, *, basis_points: int) -> int:
    """The part of `amount` that is a tax of `basis_points` already included in it, rounded half up."""
    sign = -1 if amount < 0 else 1
    divisor = 10_000 + basis_points
    return sign * ((abs(amount) * basis_points * 2 + divisor) // (divisor * 2))
