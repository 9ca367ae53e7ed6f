"""Deliveries of the outbox that were given up: what was announced, who did not manage to react, and why."""

from __future__ import annotations

import uuid

from flask.typing import ResponseReturnValue

from app.admin.desk import desk, done
from app.audit import actions as audit
from app.core import outbox
from app.core.errors import NotFound
from app.core.transaction import in_transaction
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs, not_open
from app.web.staff import actor, can

bp = desk("deliveries", __name__)
PAGE = "/admin/deliveries"
WITHOUT_MONEY = frozenset({"cart", "checkout", "documents", "notifications", "search"})


@bp.get("/deliveries")
@needs("system.view")
def show() -> ResponseReturnValue:
    return respond(
        "admin/deliveries/page.html", deliveries=outbox.dead_page(), total=outbox.count_dead(), may_retry=_may_retry
    )


def _may_retry(handler: str) -> bool:
    """What may move money, such as a refund on its way, asks for the right to that too: whoever reacts and is not known to
    have no part in it."""
    return can("system.change") and (handler.partition(".")[0] in WITHOUT_MONEY or can("payments.change"))


@bp.post("/deliveries/<uuid:delivery_id>/retry")
@needs("system.change", fresh=True, back=PAGE)
@limit(FORMS)
def retry(delivery_id: uuid.UUID) -> ResponseReturnValue:
    handler = outbox.handler_of(delivery_id)
    if handler is None:
        raise NotFound()
    if not _may_retry(handler):
        return not_open()

    def work() -> bool:
        was_dead = outbox.retry(delivery_id)
        if was_dead:
            audit.record("delivery.retried", actor=actor(), object_kind="delivery", object_id=delivery_id)
        return was_dead

    return done(PAGE, "retried" if in_transaction(work) else "not-dead")
