"""One answer, two forms: the whole page for a browser, its named part for HTMX (never HTML that no page includes)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from flask import Blueprint, Response, make_response, render_template, request


def respond(
    page: str,
    part: str | Sequence[str] | None = None,
    *,
    also: Sequence[str] = (),
    status: int = 200,
    **context: object,
) -> Response:
    """The page, or to HTMX the part of it and the out-of-band pieces in `also`.

    `page` is a path below `templates/`; `part` and `also` are partials beside it (`"_lines.html"`) or such paths. With
    several parts the one that `HX-Target` names is sent, and the whole page when none is meant. Partials see `oob` true
    when they are sent beside the asked one.
    """
    context["status"] = status
    chosen = _part_asked_for(part)
    if chosen is None:
        response = make_response(render_template(page, **context), status)
    else:
        pieces = [render_template(_beside(page, chosen), **context)]
        pieces += [render_template(_beside(page, each), **context, oob=True) for each in also]
        response = make_response("\n".join(pieces), status)
        response.headers["Cache-Control"] = "no-store"
    if part is not None:
        response.vary.update(("HX-Request", "HX-Target"))
    return response


def is_fragment() -> bool:
    """Whether HTMX asks for a piece, not the browser (or HTMX restoring its history) for a page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def no_store(blueprint: Blueprint) -> Blueprint:
    """Everything this blueprint answers is personal: no cache may keep it, no search engine list it."""

    @blueprint.after_request
    def forbid_caching(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers.setdefault("X-Robots-Tag", "noindex")
        return response

    return blueprint


def element_id(partial: str) -> str:
    """The id of a partial's root element: `_cart_badge.html` is `#cart-badge`."""
    return PurePosixPath(partial).stem.removeprefix("_").replace("_", "-")


def _part_asked_for(part: str | Sequence[str] | None) -> str | None:
    if part is None or not is_fragment():
        return None
    if isinstance(part, str):
        return part
    target = request.headers.get("HX-Target", "")
    return next((each for each in part if element_id(each) == target), None)


def _beside(page: str, partial: str) -> str:
    return partial if "/" in partial else str(PurePosixPath(page).with_name(partial))
