"""What is said of a one-time code that was refused."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import ngettext

from app.accounts.errors import CodeOfAnotherTime


def wrong(refusal: CodeOfAnotherTime | None = None) -> str:
    """In words, and what to do; where the clock that showed the code is off, by how much."""
    if refusal is None:
        return _("This code is wrong, or it was used before. Wait for the next one in your app and type all 6 digits.")
    minutes = abs(refusal.minutes)
    return _ahead(minutes, refusal.is_first) if refusal.minutes > 0 else _behind(minutes, refusal.is_first)


def _ahead(minutes: int, is_first: bool) -> str:
    if is_first:
        return ngettext(
            "This code is right for a clock that is about %(num)s minute ahead. Set the time of your phone to automatic, and type the"
            " code that it shows then.",
            "This code is right for a clock that is about %(num)s minutes ahead. Set the time of your phone to automatic, and type the"
            " code that it shows then.",
            minutes,
        )
    return ngettext(
        "This code is right for a clock that is about %(num)s minute ahead. Set the time of your phone to automatic: its codes count"
        " again in %(num)s minute. A backup code or a passkey works at once.",
        "This code is right for a clock that is about %(num)s minutes ahead. Set the time of your phone to automatic: its codes count"
        " again in %(num)s minutes. A backup code or a passkey works at once.",
        minutes,
    )


def _behind(minutes: int, is_first: bool) -> str:
    if is_first:
        return ngettext(
            "This code is right for a clock that is about %(num)s minute behind. Set the time of your phone to automatic, and type the"
            " code that it shows then.",
            "This code is right for a clock that is about %(num)s minutes behind. Set the time of your phone to automatic, and type the"
            " code that it shows then.",
            minutes,
        )
    return ngettext(
        "This code is right for a clock that is about %(num)s minute behind. If your phone shows it now, set its time to automatic; if"
        " you typed it late, wait for the next one. A backup code or a passkey works too.",
        "This code is right for a clock that is about %(num)s minutes behind. If your phone shows it now, set its time to automatic; if"
        " you typed it late, wait for the next one. A backup code or a passkey works too.",
        minutes,
    )
