"""The core's formats, under the name that pages know them by."""

from app.core.formats import (
    decimal,
    format_clock,
    format_day,
    format_length,
    format_minor,
    format_moment,
    format_money,
    format_quantity,
    metres,
)

__all__ = [
    "decimal",
    "format_clock",
    "format_day",
    "format_length",
    "format_minor",
    "format_moment",
    "format_money",
    "format_quantity",
    "metres",
]
