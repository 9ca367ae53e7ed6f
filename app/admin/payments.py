"""Payments that need somebody, each with its remedy, and money that went back by itself."""

from __future__ import annotations

import uuid

from flask.typing import ResponseReturnValue

from app.admin import words
from app.admin.desk import desk, done
from app.core.money import Money
from app.core.transaction import in_transaction
from app.payments import queries
from app.payments.errors import AlreadyRefunded, NotDecided, TooSmall
from app.returns import actions as returns
from app.web.limits import FORMS, limit
from app.web.respond import respond
from app.web.rights import needs
from app.web.staff import actor

bp = desk("payments", __name__)
PAGE = "/admin/payments"


@bp.get("/payments")
@needs("payments.view")
def show() -> ResponseReturnValue:
    return respond(
        "admin/payments/page.html",
        needing=queries.attention_page(),
        expected=queries.expected_by_hand(),
        sent_back=queries.sent_back_page(),
        words=words,
        money=Money,
    )


@bp.post("/payments/refunds/<uuid:refund_id>/retry")
@needs("payments.change", fresh=True)
@limit(FORMS)
def retry_refund(refund_id: uuid.UUID) -> ResponseReturnValue:
    try:
        in_transaction(lambda: returns.retry(refund_id, by=actor()))
    except AlreadyRefunded:
        return done(PAGE, "refund-covered")
    except NotDecided:
        return done(PAGE, "dispute-open")
    except TooSmall:
        return done(PAGE, "refund-too-small")
    return done(PAGE, "refund-again")
