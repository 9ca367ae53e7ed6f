"""Forms: plain WTForms, checked on the server in the shop's own words. The CSRF token is checked before, for every POST.

Field messages say what is wrong and how to put it right, with an example (UX 2.4).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import phonenumbers
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field, StringField
from wtforms.validators import StopValidation, ValidationError
from wtforms.widgets import Select, html_params

from app.core.emails import is_email
from app.core.money import exponent
from app.web.site import settings

AMOUNT = re.compile(r"(?P<whole>[0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.(?P<decimals>[0-9]{1,3}))?")
QUANTITY = re.compile(r"[0-9]{1,1000}(?:\.[0-9]{1,3})?")
MAX_QUANTITY = 10**9  # far more than any shop has: the cart answers it with what can be had


class Form(FlaskForm):
    """Base of all forms."""

    class Meta(FlaskForm.Meta):
        csrf = False  # CSRFProtect has done it, for forms and for everything else

    def messages(self) -> list[tuple[str, str]]:
        """(field id, first message) in the order of the page."""
        return [(field.id, str(field.errors[0])) for field in self if field.errors]


def text_field(label: Any, *, max: int = 200, required: Any = None, **kwargs: Any) -> StringField:
    """One line of text, trimmed and NFC. `required` is the message when it is empty, None when it may be empty."""
    checks = [single_line(max=max), *kwargs.pop("validators", [])]
    if required:
        checks.insert(0, filled(required))
    return StringField(label, filters=[tidy], validators=checks, **kwargs)


class LongSelect(Select):
    """A select whose hundreds of options are everybody's: they are drawn once for each choice, not for each page."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        kwargs.setdefault("id", field.id)
        attributes = Markup(html_params(name=field.name, **kwargs))  # noqa: S704 (it escapes)  # nosec B704
        return Markup("<select {}>{}</select>").format(attributes, _options(tuple(field.choices), field.data))


@lru_cache(maxsize=16)
def _options(choices: tuple[tuple[str, str], ...], chosen: str | None) -> Markup:
    option, picked = Markup('<option value="{}">{}</option>'), Markup('<option selected value="{}">{}</option>')
    return Markup("").join((picked if value == chosen else option).format(value, label) for value, label in choices)


def tidy(text: str | None) -> str:
    """NFC without white space around it; what cannot be stored stays, so that the checks can refuse it."""
    return unicodedata.normalize("NFC", text).strip(" \t\u00a0\u3000") if text else ""


def filled(message: Any) -> Callable[[Form, Field], None]:
    def check(_form: Form, field: Field) -> None:
        if not field.data:
            raise StopValidation(message)

    return check


def single_line(*, max: int) -> Callable[[Form, Field], None]:
    """Refuses control characters (CR, LF, NUL …), lone surrogates and more than `max` characters."""

    def check(_form: Form, field: Field) -> None:
        text = field.data or ""
        if has_control_characters(text):
            raise StopValidation(_l("This must be one line of plain text."))
        if len(text) > max:
            raise StopValidation(_l("That is too long. Use at most %(n)s characters.", n=max))

    return check


def has_control_characters(text: str) -> bool:
    """Control characters, lone surrogates and the marks of what could not be decoded; joiners inside words are fine."""
    return any(unicodedata.category(char) in ("Cc", "Cs") or char == "\ufffd" for char in text)


def email(_form: Form, field: Field) -> None:
    if field.data and not is_email(field.data):
        raise ValidationError(_l("Enter an e-mail address like aina@example.com"))


def phone(_form: Form, field: Field) -> None:
    if field.data and parse_phone(field.data) is None:
        raise ValidationError(_l("Enter the number with its country code, such as +60 12-345 6789"))


def parse_phone(text: str) -> str | None:
    """E.164 (`+60123456789`) of what people type: spaces, dashes, 0 or +60 in front. None when it is no number.

    Without a country code it must be a number of the shop's country that can be in use: else it is somebody's abroad, and taking
    it for one of ours would only be a wrong number. With one, its length must fit: nothing is guessed then, and number plans
    grow faster than our list of them.
    """
    if len(text) > 40 or has_control_characters(text):
        return None
    try:
        number = phonenumbers.parse(text, settings().shop.country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    names_country = number.country_code_source in _WITH_COUNTRY_CODE
    is_one = phonenumbers.is_possible_number if names_country else phonenumbers.is_valid_number
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_one(number) else None


_WITH_COUNTRY_CODE = (
    phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN,
    phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD,  # 00 in front
)


def parse_mobile(text: str) -> str | None:
    """The same of a number that takes SMS and costs its sender no fortune."""
    number = parse_phone(text)
    if number is None:
        return None
    kind = phonenumbers.number_type(phonenumbers.parse(number))
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    return number if kind in mobile else None


def parse_amount(text: str, currency: str) -> int:
    """Minor units of an amount such as `12.50` or `1,268.00`; at most the currency's decimal places, ASCII digits only.

    Raises ValueError for anything else.
    """
    places = exponent(currency)
    found = AMOUNT.fullmatch(text.strip())
    decimals = found["decimals"] or "" if found else ""
    if found is None or len(decimals) > places:
        raise ValueError("no amount")
    return int(found["whole"].replace(",", "") + decimals.ljust(places, "0"))


def parse_quantity(text: str | None, *, step_mm: int | None = None) -> int:
    """Whole pieces or, for goods by length, whole steps of `step_mm` out of metres such as `2.5`. ASCII digits only.

    Raises ValueError for anything else: signs, blanks, other digits, nothing, 0, a point in a number of pieces, part of a
    step. Absurd amounts come back as MAX_QUANTITY.
    """
    if not QUANTITY.fullmatch(text or ""):
        raise ValueError("no quantity")
    whole, point, rest = (text or "").partition(".")
    if step_mm is None:
        quantity = 0 if point else int(whole)
    else:
        quantity, part_of_step = divmod(int(whole) * 1000 + int(rest.ljust(3, "0") or 0), step_mm)
        quantity = 0 if part_of_step else quantity
    if quantity < 1:
        raise ValueError("no quantity")
    return min(quantity, MAX_QUANTITY)
