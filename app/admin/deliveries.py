"""Deliveries of the outbox that were given up: what was announced, who did not manage to react, and why."""

from __future__ import annotations

import uuid

from flask.typing import ResponseReturnValue

from app.admin.desk import desk, done
from app.audit import actions as audit
from app.core import outbox
from app.core.transaction import in_transaction
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("deliveries", __name__)
PAGE = "/admin/deliveries"


@bp.get("/deliveries")
@needs("system.view")
def show() -> ResponseReturnValue:
    return respond("admin/deliveries/page.html", deliveries=outbox.dead_page(), total=outbox.count_dead())


@bp.post("/deliveries/<uuid:delivery_id>/retry")
@needs("system.change")
@limit(FORMS)
def retry(delivery_id: uuid.UUID) -> ResponseReturnValue:

    def work() -> bool:
        was_dead = outbox.retry(delivery_id)
        if was_dead:
            audit.record("delivery.retried", actor=actor(), object_kind="delivery", object_id=delivery_id)
        return was_dead

    return done(PAGE, "retried" if in_transaction(work) else "not-dead")
