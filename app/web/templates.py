"""What every template may use: globals, and filters that write money, lengths, addresses and times. Where the others come from:
`templates/ui/README.md`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale
from flask import Flask
from markupsafe import Markup

from app.core import storage
from app.core.settings import Settings
from app.shipping import addresses
from app.web import assets, formats, languages
from app.web.visitor import cart_count

STATIC = Path(__file__).parents[2] / "static"
log = logging.getLogger(__name__)


def init_app(app: Flask, settings: Settings) -> None:
    _srcset.cache_clear()
    env = app.jinja_env
    env.trim_blocks = env.lstrip_blocks = True
    env.auto_reload = False
    env.globals.update(
        asset=_asset_finder(settings),
        shop=settings.shop,
        base_url=settings.base_url,
        lock_minutes=settings.lock_minutes,
        languages=languages.LANGUAGES,
        currencies=languages.CURRENCIES,
        alternates=languages.alternates,
        canonical=languages.canonical,
        picture_url=picture_url,
        picture_srcset=picture_srcset,
    )
    env.filters.update(money=formats.format_money, quantity=formats.format_quantity, metres=formats.metres)
    env.filters.update(postal=postal, postal_line=postal_line)
    zone = settings.shop.timezone

    def day(moment: date, form: str = "d MMM y") -> str:
        return formats.format_day(moment, language=languages.language(), timezone=languages.zone(), form=form)

    def shop_day(moment: date, form: str = "d MMM y") -> str:
        """A day that customers are promised, such as the last one of a gift card: the same to everybody, wherever they sit."""
        return formats.format_day(moment, language=languages.language(), timezone=zone, form=form)

    def moment(moment: datetime, form: str = "d MMM y, HH:mm") -> str:
        return formats.format_moment(moment, language=languages.language(), timezone=languages.zone(), form=form)

    def clock(moment: datetime) -> str:
        return formats.format_clock(moment, language=languages.language(), timezone=languages.zone())

    env.filters.update(day=day, shop_day=shop_day, moment=moment, clock=clock)
    app.context_processor(_about_this_request)


def postal(address: Mapping[str, str]) -> Markup:
    """An address as its country writes it, a line each, and the country's name below in the language of the page."""
    return Markup("<br>").join(_postal_lines(address))


def postal_line(address: Mapping[str, str]) -> str:
    """The same in one line."""
    return ", ".join(_postal_lines(address))


def _postal_lines(address: Mapping[str, str]) -> list[str]:
    names, code = Locale.parse(languages.language()).territories, address.get("country", "")
    return [*addresses.lines(address), *([names.get(code, code)] if code else [])]


def picture_url(picture: Any, width: int, kind: str) -> str:
    """Where a picture lies in one of its widths, as `avif` or `webp`. Takes whatever has a `public_id` (or `name`)."""
    return storage.url(getattr(picture, "public_id", None) or picture.name, width, kind)


def picture_srcset(picture: Any, kind: str, *widths: int) -> str:
    """The picture in these widths, as the `srcset` attribute lists them; remembered, for a list shows hundreds."""
    return _srcset(getattr(picture, "public_id", None) or picture.name, kind, widths)


@lru_cache(maxsize=4096)
def _srcset(name: str, kind: str, widths: tuple[int, ...]) -> str:
    return ",".join(f"{storage.url(name, width, kind)} {width}w" for width in widths)


def _about_this_request() -> dict[str, object]:
    return {
        "locale": languages.language(),
        "currency": languages.currency(),
        "theme": languages.theme(),
        "cart_count": cart_count(),
    }


def _asset_finder(settings: Settings):  # type: ignore[no-untyped-def]
    """`asset(name)`. Production refuses to start without the build; elsewhere pages come unstyled rather than not at all."""
    try:
        known = assets.load_manifest(STATIC / "dist")
    except assets.AssetsMissingError:
        if settings.is_production:
            raise
        log.warning("the assets are not built")
        known = {}

    def asset(name: str) -> assets.Asset:
        found = known.get(name)
        return found if found else assets.Asset(f"/static/dist/{name}", "")

    return asset
