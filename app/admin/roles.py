"""Roles: those that come with the shop, to be read, and those of its own: a name, and a tick for each right."""

from __future__ import annotations

import uuid

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.accounts import queries, rules
from app.accounts.actions import people
from app.accounts.errors import NameTaken, NotYours, RoleInUse, Yourself
from app.admin import staff_words as words
from app.admin.desk import desk, done
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.web.forms import has_control_characters, tidy
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs, not_open
from app.web.staff import somebody

bp = desk("roles", __name__)
PAGE = "/admin/staff/roles"
LONGEST_NAME = 60


@bp.get("/staff/roles")
@needs("staff.view")
def show_list() -> ResponseReturnValue:
    own = queries.roles()
    shown = [(words.role(name), words.role_hint(name), rights, None) for name, rights in rules.ROLES.items()]
    shown += [(each.name, "", rules.rights_of(rules.CUSTOM, each.rights), each.id) for each in own]
    return respond(
        "admin/staff/roles.html",
        roles=shown,
        holders=queries.holders(),
        areas=rules.AREAS,
        verbs=rules.VERBS,
        words=words,
    )


@bp.get("/staff/roles/new")
@needs("staff.change", fresh=True)
def show_new() -> ResponseReturnValue:
    return _form(None)


@bp.post("/staff/roles/new")
@needs("staff.change", fresh=True, back="/admin/staff/roles/new")
@limit(FORMS)
def add() -> ResponseReturnValue:
    return _save(None)


@bp.get("/staff/roles/<uuid:role_id>")
@needs("staff.change", fresh=True)
def show(role_id: uuid.UUID) -> ResponseReturnValue:
    return _form(role_id)


@bp.post("/staff/roles/<uuid:role_id>")
@needs("staff.change", fresh=True, back="/admin/staff/roles/{role_id}")
@limit(FORMS)
def change(role_id: uuid.UUID) -> ResponseReturnValue:
    return _save(role_id)


@bp.post("/staff/roles/<uuid:role_id>/remove")
@needs("staff.change", fresh=True, back="/admin/staff/roles/{role_id}")
@limit(FORMS)
def remove(role_id: uuid.UUID) -> ResponseReturnValue:
    by = somebody()
    try:
        in_transaction(lambda: people.remove_role(role_id, by=by))
    except (RoleInUse, Yourself):
        return done(PAGE, "role-in-use")
    except NotYours:
        return not_open()
    return done(PAGE, "role-removed")


def _save(role_id: uuid.UUID | None) -> ResponseReturnValue:
    name, rights, by = tidy(request.form.get("name")), request.form.getlist("right"), somebody()
    if role_id is not None and queries.role(role_id) is None:
        raise NotFound()
    if not name or len(name) > LONGEST_NAME or has_control_characters(name):
        return _form(role_id, ("name", _("Give the role a name of at most %(n)s characters", n=LONGEST_NAME)))
    if not rules.RIGHTS.intersection(rights):
        return _form(role_id, ("rights", _("Tick at least one right")))
    try:
        if role_id is None:
            in_transaction(lambda: people.add_role(name, rights, by=by))
        else:
            in_transaction(lambda: people.change_role(role_id, name, rights, by=by))
    except NameTaken:
        return _form(role_id, ("name", _("There is a role of this name already")), status=409)
    except NotYours:
        return _form(role_id, ("rights", _("You can give rights only that you have yourself")), status=403)
    except Yourself:
        return _form(role_id, ("rights", _("This is your own role: somebody else has to change it")), status=409)
    return done(PAGE, "role-saved")


def _form(role_id: uuid.UUID | None, fault: tuple[str, str] | None = None, *, status: int = 422) -> ResponseReturnValue:
    role = queries.role(role_id) if role_id else None
    if role_id and role is None:
        raise NotFound()
    has_typed = request.method == "POST"
    ticked = request.form.getlist("right") if has_typed else sorted(role.rights) if role else []
    return respond(
        "admin/staff/role.html",
        status=status if fault else 200,
        role=role,
        name=request.form.get("name", "") if has_typed else role.name if role else "",
        ticked=ticked,
        mine=somebody().rights,
        areas=rules.AREAS,
        verbs=rules.VERBS,
        words=words,
        fault=fault,
    )
