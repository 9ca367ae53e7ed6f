"""What a shopper says about the measures of a garment: on the product page, and when it is put into the cart."""

from __future__ import annotations

import uuid
from typing import Any

from flask import request

from app.cart.queries import VariantFacts
from app.catalog.queries.shapes import ProductPage
from app.core.errors import NotFound
from app.storefront import measurement_forms as forms
from app.storefront.measurement_forms import Typed
from app.tailoring import queries as tailoring
from app.tailoring.rules import GARMENTS, Sealed
from app.web import customers, measure_words

STANDARD, ENTER = "standard", "enter"


class Unmeasured(Exception):
    """The garment cannot be made so: `typed` is what is known and what is wrong with it; None: it is not made to measure."""

    def __init__(self, typed: Typed | None) -> None:
        super().__init__()
        self.typed = typed


def choices(product: ProductPage) -> dict[str, Any] | None:
    """What `_fit.html` offers; None for what is not made to measure."""
    if product.tailored_as is None:
        return None
    person, names = customers.current(), GARMENTS[product.tailored_as]
    profiles = tailoring.profiles(person.customer_id) if person else []
    offered = [(row.id, row.name, measure_words.missing(row.fitting.missing(product.tailored_as))) for row in profiles]
    usual = str(offered[0][0]) if offered else ENTER
    return {
        "typed": Typed(names),
        "profiles": offered,
        "chosen": usual if product.is_tailored_only else STANDARD,
        "is_only": product.is_tailored_only,
        "days": product.tailoring_days,
        "is_known": person is not None,
    }


class SignInFirst(Exception):
    """A profile was chosen, and the session it was chosen in is over."""


def asked(facts: VariantFacts) -> Sealed | None:
    """The measures that the form to add to the cart asks for, None: a standard size. Raises Unmeasured, SignInFirst, or NotFound
    for a profile that is not theirs."""
    choice = request.form.get("fit", STANDARD)
    if choice == STANDARD and not facts.is_tailored_only:
        return None
    profile = None if choice in (STANDARD, ENTER) else _own_profile(choice)
    if facts.tailored_as is None:
        raise Unmeasured(None)
    names = GARMENTS[facts.tailored_as]
    if choice == STANDARD:
        raise Unmeasured(Typed(names))
    if profile is not None and not profile.missing(facts.tailored_as):
        return tailoring.sealed(profile)
    if profile is not None:
        raise Unmeasured(forms.checked(forms.filled(profile, names), needs_all=True))
    typed = forms.read(request.form, names, needs_all=True)
    if typed.faults:
        raise Unmeasured(typed)
    return tailoring.sealed(typed.fitting())


def carried(facts: VariantFacts) -> list[tuple[str, str]]:
    """What was asked for, for the form that offers another quantity of it."""
    if facts.tailored_as is None:
        return []
    names = ["fit", "unit", "note", *(f"m_{name}" for name in GARMENTS[facts.tailored_as])]
    return [(name, request.form[name][:400]) for name in names if name in request.form]


def _own_profile(text: str) -> Any:
    person = customers.current()
    if customers.was_signed_out():
        raise SignInFirst()
    try:
        row = tailoring.profile(person.customer_id, uuid.UUID(text)) if person else None
    except ValueError:
        row = None
    if row is None:
        raise NotFound()
    return row.fitting
