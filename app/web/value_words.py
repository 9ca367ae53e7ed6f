"""Gift cards and store credit in words, for the shop's pages."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _

from app.core.money import Money
from app.value.errors import NotUsable, UnknownCode
from app.web.formats import format_money


def name(kind: str, last_four: str) -> str:
    """`Gift card ••••1234`: enough to tell two of them apart."""
    masked = f"••••{last_four}"
    return _("Store credit %(code)s", code=masked) if kind == "store_credit" else _("Gift card %(code)s", code=masked)


def rows(parts: Iterable[tuple[str, str, Money]], due: Money) -> list[tuple[str, str]]:
    """What stands below an order's total: what each card pays, and what remains. Nothing where no card pays."""
    paid = [(name(kind, last_four), f"−{format_money(amount)}") for kind, last_four, amount in parts]
    return [*paid, (_("To pay now"), format_money(due))] if paid else []


def paid_rows(parts: Iterable[tuple[str, str, Money]], rest: Money) -> list[tuple[str, str]]:
    """The same of an order that is paid."""
    paid = [(_("Paid by %(what)s", what=name(kind, four)), format_money(amount)) for kind, four, amount in parts]
    return [*paid, *([(_("Paid otherwise"), format_money(rest))] if rest else [])] if paid else []


def why_not(refusal: UnknownCode | NotUsable) -> str:
    if isinstance(refusal, UnknownCode):
        return _(
            "We do not know this code, or it cannot be used any more. Please check it: such as ABCD-EFGH-JKLM-NPQR"
        )
    return {
        "expired": _("The time of this gift card is over."),
        "empty": _("Nothing is left on this gift card."),
        "currency": _("This gift card is in another currency than your order."),
        "twice": _("This code is in use for your order already."),
    }.get(refusal.why, _("An order can be paid with at most five codes."))
