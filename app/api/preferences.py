"""What a customer wants to be told, for programs (NOT-32): by the action of the page, and on every channel."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify
from flask_babel import gettext as _

from app.api import asked
from app.core.errors import Refused
from app.core.transaction import in_transaction
from app.customers import queries
from app.customers.actions import consents
from app.customers.rules import CHANNELS, LOCKED, SENT_BY, TYPES
from app.web import access, customers
from app.web.describe import FLAG, describe, list_of, one_of, record
from app.web.errors import problem
from app.web.gates import guards
from app.web.limits import limit_api
from app.web.respond import no_store

PATH = "/api/v1/customer/preferences"
bp = limit_api(no_store(Blueprint("api_preferences", __name__)))

CHOICE = record(channel=one_of(*CHANNELS), type=one_of(*TYPES), enabled=FLAG)
CELL = record(channel=one_of(*CHANNELS), type=one_of(*TYPES), enabled=FLAG, is_locked=FLAG, is_sent=FLAG)
KNOWN = record(preferences=list_of(CELL))


@guards(PATH)
def refuse_strangers() -> Response | None:
    """Before CSRF: a stranger is told that, and nothing else."""
    if customers.current():
        return None
    return access.ask_for_proof(problem(401, "sign_in_required", _("Please sign in first.")))


@bp.get(PATH)
@describe(
    "What the customer wants to be told, on each channel; `is_sent` says by which of them this shop writes today",
    answers={200: KNOWN},
    refusals=(401,),
    for_customer=True,
)
def show() -> Response:
    said = queries.preferences(customers.somebody().customer_id)
    known = [
        {
            "channel": channel,
            "type": kind,
            "enabled": said.get((channel, kind), (channel, kind) in LOCKED),
            "is_locked": (channel, kind) in LOCKED,
            "is_sent": channel in SENT_BY,
        }
        for channel in CHANNELS
        for kind in TYPES
    ]
    return jsonify(preferences=known)


@bp.put(PATH)
@describe(
    "Change some of it; what is locked cannot be changed, what is not named stays",
    takes=record(preferences=list_of(CHOICE)),
    answers={200: KNOWN},
    refusals=(400, 401, 415, 422),
    for_customer=True,
    needs_csrf=True,
)
def change() -> Response:
    choices, customer_id = _choices(asked.posted().get("preferences")), customers.somebody().customer_id
    in_transaction(lambda: consents.prefer(customer_id, choices, way="api"))
    return show()


def _choices(found: Any) -> dict[tuple[str, str], bool]:
    """Raises Refused for anything but a list of what `show` names, and for what is locked."""
    choices: dict[tuple[str, str], bool] = {}
    for each in found if isinstance(found, list) else [None]:
        values = (each.get("channel"), each.get("type"), each.get("enabled")) if isinstance(each, dict) else (None,) * 3
        channel, kind, enabled = values
        if channel not in CHANNELS or kind not in TYPES or not isinstance(enabled, bool):
            raise Refused(_("Name a channel, a type, and whether it is enabled."), code="no_preference")
        if (channel, kind) in LOCKED:
            raise Refused(_("Mails about orders always come."), code="locked")
        choices[channel, kind] = enabled
    return choices
