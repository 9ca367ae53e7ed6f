"""Measures of the body in words, for whoever takes them and whoever sews by them."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from app.catalog.rules import Tailoring
from app.tailoring import rules
from app.tailoring.rules import BOUNDS, Fitting, NotALength

LABELS = {
    "neck": _l("Neck"),
    "shoulder": _l("Shoulders"),
    "chest": _l("Chest"),
    "waist": _l("Waist"),
    "hip": _l("Hips"),
    "upper_arm": _l("Upper arm"),
    "arm": _l("Arm length"),
    "back": _l("Back length"),
    "inside_leg": _l("Inside leg"),
    "height": _l("Height"),
}
HOW = {
    "neck": _l("Around the base of the neck, with a finger under the tape"),
    "shoulder": _l("Across the back, from one shoulder bone to the other"),
    "chest": _l("Around the fullest part, under the arms"),
    "waist": _l("Around the narrowest part, breathing out"),
    "hip": _l("Around the widest part, feet together"),
    "upper_arm": _l("Around the thickest part, arm hanging"),
    "arm": _l("From the shoulder bone over the elbow to the wrist"),
    "back": _l("From the bone at the nape down to the waist"),
    "inside_leg": _l("From the crotch down to the ankle"),
    "height": _l("Without shoes, against a wall"),
}
GARMENTS = {
    "top": _l("A top"),
    "bottom": _l("Trousers or a skirt"),
    "full": _l("The whole body"),
}
FEW = 3
UNITS = {"cm": _l("Centimetres"), "in": _l("Inches")}


def length(mm: int, unit: str) -> str:
    return f"{rules.shown(mm, unit)}\u00a0{unit}"


def title(fitting: Fitting) -> str:
    """Whose measures a garment is made to."""
    if fitting.name:
        return _("Made to measure: %(name)s", name=fitting.name)
    return _("Made to the measurements you entered")


def in_one_line(fitting: Fitting) -> str:
    parts = [
        f"{LABELS[name]} {length(mm, fitting.unit)}".replace(" ", "\u00a0") for name, mm in fitting.measures.items()
    ]
    return " · ".join([*parts, *([fitting.note] if fitting.note else [])])


def shown(fitting: Fitting | None, garment: str | None = None) -> tuple[str, str] | None:
    """(whose measures, the measures) of a line; None for a standard size. `garment`: only what that needs."""
    if fitting is None:
        return None
    return title(fitting), in_one_line(fitting.only_for(garment) if garment else fitting)


def rows(fitting: Fitting) -> list[tuple[str, str, str]]:
    """(measure, centimetres, inches): a tailor may work in either."""
    return [(str(LABELS[name]), length(mm, "cm"), length(mm, "in")) for name, mm in fitting.measures.items()]


def tailored(tailoring: Tailoring) -> str:
    """How a product is made to measure, in one line."""
    days = ngettext("%(num)s working day more", "%(num)s working days more", tailoring.days)
    parts = [str(GARMENTS[tailoring.garment]), days, *([_("no standard size")] if tailoring.is_only else [])]
    return ", ".join(parts)


def missing(measures: tuple[str, ...]) -> str:
    """What a profile lacks for a garment; empty when nothing."""
    if len(measures) > FEW:
        return ngettext("%(num)s measurement is missing", "%(num)s measurements are missing", len(measures))
    return _("Still to be measured: %(names)s", names=names(measures)) if measures else ""


def names(measures: tuple[str, ...]) -> str:
    return ", ".join(str(LABELS[name]) for name in measures)


def fault(measure: str, text: str, unit: str) -> str | None:
    """What is wrong with a figure, with what would be right."""
    label = LABELS[measure]
    try:
        mm = rules.parsed(text, unit)
    except NotALength:
        example = "102.5" if unit == "cm" else "40.25"
        return _("%(measure)s: enter a number such as %(example)s", measure=label, example=example)
    if rules.is_plausible(measure, mm):
        return None
    low, high = (rules.shown(each, unit) for each in BOUNDS[measure])
    said = _("%(measure)s: %(low)s to %(high)s %(unit)s is possible.", measure=label, low=low, high=high, unit=unit)
    if not rules.is_other_unit(measure, text, unit):
        return said
    doubt = _("Did you measure in inches?") if unit == "cm" else _("Did you measure in centimetres?")
    return f"{said} {doubt}"
