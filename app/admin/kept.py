"""What was not sent because one was signed out, or asked for a code: shown once one is back, and sent once."""

from __future__ import annotations

import uuid

from flask import redirect
from flask.typing import ResponseReturnValue

from app.accounts.actions import keeping
from app.admin.desk import desk
from app.core.transaction import in_transaction
from app.web import kept
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import somebody

bp = desk("kept", __name__)


@bp.get("/kept/<uuid:kept_id>")
@needs()
def show(kept_id: uuid.UUID) -> ResponseReturnValue:
    found = keeping.kept(kept_id, kept.browser_hash(), by=somebody())
    if found is None:
        return _gone()
    fields = found.form["fields"]
    shown = [("", found.form["path"])] + [(name, value) for name, value in fields if name != "key" and value.strip()]
    return respond("admin/signin/kept.html", action=kept.url_of(kept_id), fields=fields, shown=shown)


@bp.post("/kept/<uuid:kept_id>")
@needs()
@limit(FORMS)
def send(kept_id: uuid.UUID) -> ResponseReturnValue:
    """On to where it was meant for: 307, so that the browser sends what it brought there."""
    browser, by = kept.browser_hash(), somebody()
    path = in_transaction(lambda: keeping.take(kept_id, browser, by=by))
    return redirect(path, 307) if path else _gone()


def _gone() -> ResponseReturnValue:
    return respond("admin/signin/kept.html", status=404, action=None)
