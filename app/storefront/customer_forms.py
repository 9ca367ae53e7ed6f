"""The forms of accounts: register, sign in, reset, profile. Passwords are taken as typed, to the last space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, Field, PasswordField, SelectField

from app.customers.rules import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_faults
from app.passkeys.rules import LONGEST_NAME
from app.web.forms import Form, email, parse_phone, phone, text_field
from app.web.languages import CURRENCIES, LANGUAGES
from app.web.site import settings

ENTER_EMAIL = _l("Enter your e-mail address, such as aina@example.com")


def email_field(**options: Any) -> Any:
    return text_field(_l("E-mail"), max=254, required=ENTER_EMAIL, validators=[email], **options)


class EmailForm(Form):
    """Asks for a mail with a link."""

    email = email_field()


class NewsletterForm(Form):
    """Stands on pages with other forms, so its field has an id of its own."""

    email = email_field(id="newsletter-email")


class LoginForm(Form):
    """Whatever does not fit is answered by one sentence, so nothing is checked here."""

    email = text_field(_l("E-mail"), max=254)
    password = PasswordField(_l("Password"))
    keep = BooleanField(_l("Keep me signed in on this device"))


class RegisterForm(Form):
    name = text_field(_l("Your name"), max=120, required=_l("Enter your name"))
    email = email_field()
    password = PasswordField(_l("Password"))
    news = BooleanField(_l("Write to me about new cloths and offers; I can stop it at any time"))

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        return check_new_password(self.password, known=(self.name.data or "", self.email.data or "")) and is_good


class NewPasswordForm(Form):
    password = PasswordField(_l("New password"))
    known: Sequence[str] = ()

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        return check_new_password(self.password, known=self.known) and is_good


class ChangePasswordForm(NewPasswordForm):
    current = PasswordField(_l("Current password"))


class ChangeEmailForm(Form):
    email = email_field()
    current = PasswordField(_l("Current password"))


class PasskeyNameForm(Form):
    name = text_field(_l("Name"), max=LONGEST_NAME, required=_l("Give it a name, such as My phone"))


class PasskeyForm(PasskeyNameForm):
    """The password is asked for before the browser makes one (`account_passkeys.ask`)."""

    current = PasswordField(_l("Current password"))


class ProfileForm(Form):
    name = text_field(_l("Your name"), max=120, required=_l("Enter your name"))
    phone = text_field(_l("Mobile phone"), max=40, validators=[phone])
    locale = SelectField(_l("Language"), validate_choice=True)
    currency = SelectField(_l("Currency"), validate_choice=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.locale.choices = list(LANGUAGES.items())
        self.currency.choices = [(code, code) for code in CURRENCIES]

    def e164(self) -> str | None:
        return parse_phone(self.phone.data or "")


def check_new_password(field: Field, *, known: Sequence[str]) -> bool:
    """Says all that is missing at once."""
    faults = password_faults(field.data or "", known=[*known, settings().shop.name])
    field.errors = [_password_words(faults)] if faults else []
    return not faults


def _password_words(faults: Sequence[str]) -> str:
    if "long" in faults:
        return _("Use at most %(n)s characters", n=LONGEST_PASSWORD)
    if "common" in faults:
        return _("This password is easy to guess. Choose a longer one, or several words that do not belong together")
    words = {
        "short": _("%(n)s characters or more", n=SHORTEST_PASSWORD),
        "upper": _("a capital letter"),
        "number": _("a number"),
        "symbol": _("a symbol such as ! or -"),
    }
    return _("The password still needs: %(what)s", what=", ".join(words[fault] for fault in faults))
