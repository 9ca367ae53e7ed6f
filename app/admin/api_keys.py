"""API keys of programs (SEC-41): the list, one page each, make, rotate with overlap, revoke. A secret is shown once, in the
answer to the form that made it."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta
from functools import partial

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.api_keys import actions, queries, rules
from app.api_keys.actions import NewKey
from app.api_keys.errors import KeyOver, NameTaken, NotHeld, RotatedMeanwhile
from app.api_keys.rules import Secret
from app.core import clock, networks
from app.core.errors import NotFound
from app.core.networks import Network
from app.core.transaction import in_transaction
from app.web import languages, rights
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import somebody

bp = desk("api_keys", __name__)
PAGE = "/admin/api-keys"
A_PAGE = 50
Fault = tuple[str, str]


@bp.get("/api-keys")
@needs("api_keys.view")
def show_list() -> ResponseReturnValue:
    before = _uuid(request.args.get("before", ""))
    rows = queries.keys(before=before, limit=A_PAGE + 1)
    return respond(
        "admin/api_keys/list.html",
        keys=rows[:A_PAGE],
        is_first=before is None,
        next_url=f"{PAGE}?before={rows[A_PAGE - 1].id}" if len(rows) > A_PAGE else None,
        words=words,
    )


@bp.get("/api-keys/new")
@needs("api_keys.change", fresh=True)
def show_form() -> ResponseReturnValue:
    return _form([])


@bp.post("/api-keys/new")
@needs("api_keys.change", fresh=True, back=f"{PAGE}/new")
@limit(FORMS)
def create() -> ResponseReturnValue:
    faults: list[Fault] = []
    new, by = _new(faults), somebody()
    if faults:
        return _form(faults)
    try:
        key_id, secret = in_transaction(partial(actions.create, new, by=by))
    except NameTaken:
        return _form(
            [("name", _("There is a key of this name already. Was its form sent twice? Then rotate it."))], 409
        )
    except NotHeld:
        return _form([("scopes", _("You can give rights only that you have yourself"))], 403)
    return _shown_once(key_id, secret)


def _shown_once(key_id: uuid.UUID, secret: Secret) -> ResponseReturnValue:
    return respond("admin/api_keys/secret.html", key=_known(key_id), secret=secret)


def _new(faults: list[Fault]) -> NewKey:
    name, offered = tidy(request.form.get("name")), rights.scopes()
    if not name or len(name) > rules.LONGEST_NAME or has_control_characters(name):
        faults.append(("name", _("Give the key a name of at most %(n)s characters", n=rules.LONGEST_NAME)))
    chosen = [scope for scope in offered if scope in request.form.getlist("scope")]
    if not chosen:
        faults.append(("scopes", _("Tick at least one scope")))
    allowed = _networks(faults)
    return NewKey(name, chosen, allowed, _end(faults), signs=any(offered[scope] for scope in chosen))


def _networks(faults: list[Fault]) -> tuple[Network, ...]:
    found, wrong = networks.parsed(request.form.get("networks", "")[:5000].replace(",", " ").split())
    if wrong:
        words = _("%(word)s is no address or network, such as 203.0.113.7 or 203.0.113.0/24", word=wrong[0][:60])
        faults.append(("networks", words))
    elif len(found) > rules.MOST_NETWORKS:
        faults.append(("networks", _("At most %(n)s addresses and networks", n=rules.MOST_NETWORKS)))
    return found


def _end(faults: list[Fault]) -> datetime:
    """The end of a day by the clock of whoever answers for the key: to come, and not too far away."""
    try:
        day = date.fromisoformat(request.form.get("expires", "").strip())
        end = datetime.combine(day, time(23, 59, 59), languages.zone())
        if _today() < day <= _today() + timedelta(days=rules.LONGEST_DAYS):
            return end
    except (ValueError, OverflowError):
        pass
    faults.append(("expires", _("Enter a day to come, within a year")))
    return clock.now()


def _today() -> date:
    return clock.now().astimezone(languages.zone()).date()


def _usual_end() -> str:
    return (_today() + timedelta(days=rules.USUAL_DAYS)).isoformat()


def _form(faults: list[Fault], status: int = 422) -> ResponseReturnValue:
    return respond(
        "admin/api_keys/form.html",
        status=status if faults else 200,
        faults=faults,
        typed=request.form,
        ticked=request.form.getlist("scope"),
        scopes=rights.scopes(),
        mine=somebody().rights,
        expires=request.form.get("expires", _usual_end()),
        words=words,
    )


@bp.get("/api-keys/<uuid:key_id>")
@needs("api_keys.view")
def show(key_id: uuid.UUID) -> ResponseReturnValue:
    return _page(key_id, [])


def _page(key_id: uuid.UUID, faults: list[Fault], status: int = 422) -> ResponseReturnValue:
    key = _known(key_id)
    return respond(
        "admin/api_keys/page.html",
        status=status if faults else 200,
        key=key,
        secrets=queries.secrets_of(key_id),
        is_held=somebody().rights.issuperset(key.scopes),
        faults=faults,
        overlaps=[(hours, words.overlap(hours)) for hours in rules.OVERLAPS],
        overlap=request.form.get("overlap", rules.OVERLAP_HOURS),
        expires=request.form.get("expires", _usual_end()),
        words=words,
    )


def _known(key_id: uuid.UUID) -> queries.Shown:
    key = queries.key(key_id)
    if key is None:
        raise NotFound()
    return key


@bp.post("/api-keys/<uuid:key_id>/rotate")
@needs("api_keys.change", fresh=True, back=PAGE + "/{key_id}")
@limit(FORMS)
def rotate(key_id: uuid.UUID) -> ResponseReturnValue:
    faults: list[Fault] = []
    key, by, expires_at, overlap = _known(key_id), somebody(), _end(faults), request.form.get("overlap", "")
    if overlap not in map(str, rules.OVERLAPS):
        faults.append(("overlap", _("Choose how long the old secret works")))
    if faults:
        return _page(key_id, faults)
    work = partial(
        actions.rotate,
        key_id,
        instead_of=request.form.get("instead_of", ""),
        overlap_hours=int(overlap),
        expires_at=expires_at,
        signs=any(signed for scope, signed in rights.scopes().items() if scope in key.scopes),
        by=by,
    )
    try:
        secret = in_transaction(work)
    except KeyOver:
        return done(f"{PAGE}/{key_id}", "key-over")
    except RotatedMeanwhile:
        return done(f"{PAGE}/{key_id}", "key-rotated-before")
    except NotHeld:
        return _page(key_id, [("", _("This key may do more than you, so somebody else has to rotate it"))], 403)
    return _shown_once(key_id, secret)


@bp.post("/api-keys/<uuid:key_id>/secrets/<public_id>/end")
@needs("api_keys.change", fresh=True, back=PAGE + "/{key_id}")
@limit(FORMS)
def end_secret(key_id: uuid.UUID, public_id: str) -> ResponseReturnValue:
    by = somebody()
    try:
        in_transaction(lambda: actions.end_secret(key_id, public_id, by=by))
    except KeyOver:
        return done(f"{PAGE}/{key_id}", "key-over")
    return done(f"{PAGE}/{key_id}", "secret-ended")


@bp.post("/api-keys/<uuid:key_id>/revoke")
@needs("api_keys.change", fresh=True, back=PAGE + "/{key_id}")
@limit(FORMS)
def revoke(key_id: uuid.UUID) -> ResponseReturnValue:
    by = somebody()
    try:
        in_transaction(lambda: actions.revoke(key_id, by=by))
    except KeyOver:
        return done(f"{PAGE}/{key_id}", "key-over")
    return done(f"{PAGE}/{key_id}", "key-revoked")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
