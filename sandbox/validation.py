"""Checks on what merchants send. Every refusal is an `ApiError` worded as the provider words it."""

from typing import Any

from sandbox.currencies import DECIMALS, minimum
from sandbox.errors import ApiError, plain_error

_LARGEST = 10**12


def only_known(body: dict[str, Any], known: set[str]) -> None:
    unknown = [name for name in body if name not in known]
    if unknown:
        raise plain_error(f"{', '.join(unknown)} is/are not required and should not be sent")


def required(body: dict[str, Any], name: str) -> Any:
    if body.get(name) is None:
        raise ApiError(f"The {name.replace('_', ' ')} field is required.", field=name)
    return body[name]


def currency_of(value: Any) -> str:
    if not isinstance(value, str) or value not in DECIMALS:
        raise ApiError("The currency is not supported.", field="currency")
    return value


def amount_of(value: Any, *, currency: str, name: str = "amount") -> int:
    """A whole number of minor units, at least 1.00, ending in 0 where the currency has three decimals."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiError(f"The {name} must be an integer.", field=name)
    if value < minimum(currency):
        raise ApiError(f"The {name} must be at least {currency} {_one(currency)}", field=name)
    if value > _LARGEST:
        raise ApiError(f"The {name} exceeds the maximum amount allowed.", field=name)
    if DECIMALS[currency] == 3 and value % 10:
        raise ApiError(f"The last digit of the {name} must be 0 for {currency}.", field=name)
    return value


def _one(currency: str) -> str:
    decimals = DECIMALS[currency]
    return "1." + "0" * decimals if decimals else "1"


def text_of(value: Any, *, name: str, longest: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ApiError(f"The {name} must be a string.", field=name)
    if len(value) > longest:
        raise ApiError(f"The {name} may not be greater than {longest} characters.", field=name)
    return value


def notes_of(value: Any) -> dict[str, Any]:
    """At most 15 pairs of at most 256 characters. An empty list stands for no notes, as in the provider's answers."""
    if value is None or value == []:
        return {}
    if not isinstance(value, dict):
        raise ApiError("The notes must be an array.", field="notes")
    if len(value) > 15:
        raise ApiError("The notes may not have more than 15 items.", field="notes")
    for key, note in value.items():
        if isinstance(note, (dict, list)) or len(str(note)) > 256 or len(key) > 256:
            raise ApiError("The notes values may not be greater than 256 characters.", field="notes")
    return value


def choice_of(value: Any, *, name: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ApiError(f"The selected {name} is invalid.", field=name)
    return str(value)


def speed_of(value: Any, *, name: str) -> str:
    return choice_of(value, name=name, allowed=("normal", "optimum"))


def minutes_of(value: Any, *, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiError(f"The {name} must be an integer.", field=name)
    if not least <= value <= most:
        raise ApiError(f"The {name} must be between {least} and {most}.", field=name)
    return value
