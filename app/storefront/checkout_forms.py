"""The forms of checkout and what its pages show beside them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from babel import Locale
from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext
from wtforms import BooleanField, SelectField

from app.checkout import actions as checkout
from app.checkout.actions import PlaceOrder
from app.checkout.errors import NoSession, SessionOver
from app.checkout.models import CheckoutSession
from app.checkout.queries import Quote
from app.core.money import Money
from app.core.transaction import in_transaction
from app.payments.gateway import offers
from app.shipping import addresses, places
from app.shipping import queries as shipping
from app.value.rules import KINDS
from app.web import customers, languages, measure_words
from app.web.formats import format_money, format_quantity
from app.web.forms import Form, LongSelect, email, parse_phone, phone, text_field
from app.web.placing import click_on_place
from app.web.site import settings
from app.web.visitor import visitor

FIRST_COUNTRIES = ("MY", "IN", "SG", "US")
DECIDED = frozenset({"MY", "IN"})  # where the postcode says the state
NOT_DELIVERED = frozenset({"AQ", "BV", "HM", "TF", "ZZ", "EU", "EZ", "UN", "QO", "XA", "XB"})


class GoTo(Exception):
    """Send the browser to the step that must be done first."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


class ContactForm(Form):
    email = text_field(
        _l("E-mail"), max=254, required=_l("Enter your e-mail address, such as aina@example.com"), validators=[email]
    )
    phone = text_field(
        _l("Mobile phone"), max=40, required=_l("Enter a phone number, such as +60 12-345 6789"), validators=[phone]
    )
    news = BooleanField(_l("Write to me about new cloths and offers, about once a month; I can stop it at any time"))

    def e164(self) -> str:
        return parse_phone(self.phone.data or "") or ""

    def contact(self) -> dict[str, Any]:
        """What the session keeps; `news` only for who ticked the box."""
        reached = {"email": self.email.data or "", "phone": self.e164()}
        return reached | {"news": True} if self.news.data else reached


def own_contact() -> dict[str, str]:
    """How somebody who is signed in can be reached."""
    person = customers.current()
    return {"email": person.email, "phone": person.phone or ""} if person else {}


class DeliveryForm(Form):
    name = text_field(_l("Full name"), max=120, required=_l("Enter the name for the parcel"))
    country = SelectField(_l("Country"), validate_choice=False, widget=LongSelect())
    postcode = text_field(_l("Postcode"), max=12)
    line1 = text_field(_l("Address"), max=200, required=_l("Enter the street and the number"))
    line2 = text_field(_l("Floor, unit, landmark"), max=200)
    city = text_field(_l("Town or city"), max=120)
    state = text_field(lazy_pgettext("address", "State"), max=120)

    method_error = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = countries(languages.language())

    def validate(self, extra_validators: Any = None) -> bool:
        is_good = super().validate(extra_validators)
        country = (self.country.data or "").upper()
        if country not in dict(self.country.choices):
            self.country.errors = [_("Choose the country from the list")]
            return False
        self.country.data = country
        return all([is_good, self._check_postcode(country), self._check_required(country)])

    def _check_postcode(self, country: str) -> bool:
        """It decides the state; a differing one is corrected and shown, not refused."""
        if self.postcode.errors:
            return False
        postcode = addresses.normal_postcode(country, self.postcode.data or "")
        known = places.state_of(country, postcode) if postcode else None
        if postcode is None or (country in DECIDED and known is None):
            self.postcode.errors = [_postcode_words(self.postcode.data or "", addresses.format_of(country).example)]
            return False
        self.postcode.data = postcode
        self.state.data = known or places.normal_state(self.state.data or "")
        return True

    def _check_required(self, country: str) -> bool:
        required = addresses.format_of(country).required - ({"state"} if country in DECIDED else set())
        words = {"city": _("Enter the town or city"), "state": _("Enter the state, province or region")}
        missing = [name for name in words if name in required and not self[name].data]
        for name in missing:
            self[name].errors = [words[name]]
        return not missing

    def address(self) -> dict[str, str]:
        return {
            name: self[name].data or "" for name in ("name", "line1", "line2", "postcode", "city", "state", "country")
        }

    def messages(self) -> list[tuple[str, str]]:
        found = super().messages()
        return [*found, ("methods", self.method_error)] if self.method_error else found


def _postcode_words(typed: str, example: str) -> str:
    if not typed:
        return _("Enter the postcode")
    if not example:
        return _("Enter the postcode as it is written there, or leave it empty")
    return _("Enter a postcode of that country, such as %(example)s", example=example)


@lru_cache(maxsize=8)
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """ISO codes with their names, our markets first, the others by name."""
    names = Locale.parse(language).territories
    codes = [code for code in names if len(code) == 2 and code.isalpha() and code not in NOT_DELIVERED]
    others = sorted((code for code in codes if code not in FIRST_COUNTRIES), key=lambda code: names[code])
    return tuple((code, names[code]) for code in (*FIRST_COUNTRIES, *others))


def state_names(country: str) -> tuple[str, ...]:
    return places.states(country)


def read_click(
    form: Mapping[str, str], *, currency: str, address: str, only_method: str | None = None
) -> tuple[PlaceOrder | None, list[str]]:
    """The click on “Place order”, or what is wrong with it. `only_method`: how it is paid is no choice."""
    key, total = form.get("key", ""), form.get("accept_total", "")
    method = only_method or form.get("payment_method", "")
    faults = []
    try:
        one_time = uuid.UUID(key)
    except ValueError:
        one_time = None
        faults.append(_("This form was incomplete. Please check your order and try again."))
    value = form.get("accept_value", "0")
    due = None
    if all(each.isascii() and each.isdigit() and len(each) <= 15 for each in (total, value)):
        due = Money(int(total) - int(value), currency)  # that it is so, placing the order makes sure
    else:
        faults.append(_("This form was incomplete. Please check your order and try again."))
    if method not in (only_method, *KINDS, *(offer.method.code for offer in offers(currency, due=due))):
        faults.append(_("Choose how you want to pay"))
    parts = form.get("parts", "1")
    if parts not in {str(n) for n in range(1, max(1, settings().instalments.most) + 1)}:
        faults.append(_("Choose whether you pay at once or in parts"))
    if faults or one_time is None:
        return None, list(dict.fromkeys(faults))
    click = click_on_place(
        key=one_time,
        accept_total=int(total),
        accept_value=int(value),
        payment_method=method,
        address=address,
        parts=int(parts),
    )
    return click, []


def save_delivery(address: Mapping[str, str], method: str | None) -> None:
    """Keep where it goes and how. Sends the browser back to the first step when there is no checkout to keep it in."""
    shopper, minutes = visitor(), settings().checkout_minutes
    try:
        in_transaction(lambda: checkout.save_delivery(shopper, address=address, method=method, minutes=minutes))
    except (NoSession, SessionOver):
        raise GoTo(url_for("checkout.show_contact")) from None


def go_to(there: GoTo) -> ResponseReturnValue:
    return redirect(there.url, 303)


def typed_address(session: CheckoutSession) -> dict[str, str] | None:
    """Where the shopper wants it sent; not the place where they would pick it up."""
    places_to_pick_up = shipping.pickups(currency=languages.currency(), locale=languages.language())
    is_picked_up = session.shipping_method in {each.code for each in places_to_pick_up}
    return None if is_picked_up else session.address


def summary(quote: Quote, *, picture_of: Callable[..., Any], with_delivery: bool) -> dict[str, Any]:
    """Arguments of the `order_summary` macro."""
    currency = quote.priced.currency
    lines = [
        {
            "name": line.facts.name,
            "detail": line.facts.options,
            "picture": picture_of(line.facts.picture, tint=line.facts.tint),
            "quantity_text": format_quantity(line.entry.quantity, line.facts.step_mm),
            "total": line.total,
            "fit": measure_words.shown(line.fitting, line.facts.tailored_as),
        }
        for line in quote.lines
    ]
    count = sum(1 if line.facts.unit == "metre" else line.entry.quantity for line in quote.lines)
    return {
        "summary_lines": lines,
        "summary_count": count,
        "summary_sums": sums_of(quote, currency, with_delivery=with_delivery),
        "summary_total": quote.total if with_delivery else Money(quote.priced.subtotal_minor, currency),
    }


def sums_of(quote: Quote, currency: str, *, with_delivery: bool) -> list[tuple[str, str, str | None]]:
    """Rows of (label, text, note) that add up to the total."""
    priced = quote.priced
    rows: list[tuple[str, str, str | None]] = [
        (_("Subtotal"), format_money(Money(priced.subtotal_minor, currency)), None)
    ]
    if with_delivery and quote.chosen:
        cost = format_money(Money(priced.shipping_minor, currency)) if priced.shipping_minor else _("free")
        rows.append((_("Delivery"), cost, quote.chosen.method.name))
        rows += tax_rows(priced.taxes, is_added=priced.tax_added_minor > 0, currency=currency)
    else:
        rows.append((_("Delivery"), _("at the next step"), None))
    return rows


def tax_rows(taxes: Mapping[str, int], *, is_added: bool, currency: str) -> list[tuple[str, str, str | None]]:
    note = None if is_added else _("included")
    return [(name, format_money(Money(minor, currency)), note) for name, minor in taxes.items() if minor]
