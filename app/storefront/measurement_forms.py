"""Measures as they are typed: read, checked, and shown again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask_babel import gettext as _

from app.tailoring import rules
from app.tailoring.rules import MAX_NOTE, UNITS, Fitting, NotALength
from app.web import measure_words
from app.web.forms import has_control_characters, tidy

LONGEST_FIGURE = 20


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the fields, and what is wrong with it by measure (or `note`)."""

    names: Sequence[str]
    unit: str = "cm"
    texts: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    faults: Mapping[str, str] = field(default_factory=dict)

    def messages(self, prefix: str = "") -> list[tuple[str, str]]:
        """(field id, message) in the order of the page; `prefix` is that of the ids."""
        return [(prefix + (name if name == "note" else f"m_{name}"), said) for name, said in self.faults.items()]

    def fitting(self, *, name: str = "") -> Fitting:
        """What was typed without a fault."""
        measures = {each: rules.parsed(text, self.unit) for each, text in self.texts.items() if text}
        return Fitting(measures, self.unit, name, self.note)

    def in_unit(self, unit: str) -> Typed:
        """The same lengths in another unit; what is none stays as it was typed."""
        texts = {name: self._converted(name, text, unit) for name, text in self.texts.items()}
        return replace(self, unit=unit, texts=texts, faults={})

    def _converted(self, name: str, text: str, unit: str) -> str:
        try:
            mm = rules.parsed(text, self.unit)
        except NotALength:
            return text
        return rules.shown(mm, unit) if rules.is_plausible(name, mm) else text


def filled(fitting: Fitting, names: Sequence[str]) -> Typed:
    texts = {name: rules.shown(mm, fitting.unit) for name, mm in fitting.measures.items() if name in names}
    return Typed(names, fitting.unit, texts, fitting.note)


def read(form: Mapping[str, str], names: Sequence[str], *, needs_all: bool) -> Typed:
    unit = form.get("unit", "")
    unit = unit if unit in UNITS else UNITS[0]
    texts = {name: tidy(form.get(f"m_{name}", ""))[:LONGEST_FIGURE] for name in names}
    typed = Typed(names, unit, texts, tidy(form.get("note", ""))[: MAX_NOTE + 1])
    return checked(typed, needs_all=needs_all)


def checked(typed: Typed, *, needs_all: bool) -> Typed:
    """With all its faults. `needs_all`: what is empty is one."""
    faults = {name: _fault(name, typed.texts.get(name, ""), typed.unit, needs_all) for name in typed.names}
    faults["note"] = _note_fault(typed.note)
    return replace(typed, faults={name: said for name, said in faults.items() if said})


def _fault(name: str, text: str, unit: str, is_needed: bool) -> str | None:
    if text:
        return measure_words.fault(name, text, unit)
    return _("%(measure)s: not entered yet", measure=measure_words.LABELS[name]) if is_needed else None


def _note_fault(note: str) -> str | None:
    if has_control_characters(note):
        return _("This must be one line of plain text.")
    return _("That is too long. Use at most %(n)s characters.", n=MAX_NOTE) if len(note) > MAX_NOTE else None
