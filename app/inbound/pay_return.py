"""Where the provider sends the browser back: no session, no CSRF token, GET and POST alike (X7).

The signature is checked against *our* stored order id, then the provider is asked and the order settled by its answer;
what the browser claims decides nothing. The answer is a redirect to the order's own page, or to the pay page to try again.
"""

from __future__ import annotations

import logging
import uuid

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.core import db
from app.core.errors import NotFound
from app.orders import flows
from app.orders import queries as orders
from app.payments import gateway
from app.payments import queries as payments
from app.payments.errors import ProviderRefused, ProviderUnavailable
from app.web.respond import no_store

bp = no_store(Blueprint("pay_return", __name__))
log = logging.getLogger(__name__)


@bp.route("/pay/return/<token>", methods=["GET", "POST"])
def receive(token: str) -> ResponseReturnValue:
    """303 to the order's page; 400 for a claim that was not signed for this attempt (P9); 404 for an unknown one."""
    order = orders.order_of_return(token) if 22 <= len(token) <= 64 else None
    if order is None:
        raise NotFound()
    db.release()
    claim = request.form if request.method == "POST" else request.args
    says_paid = gateway.provider(order.provider).verify_payment(order.provider_order_id or "", claim)
    try:
        flows.settle_now(order.id, also=order.attempt_id)
    except (ProviderUnavailable, ProviderRefused):
        log.warning(
            "no answer on return; the webhook or the poller settles it", extra={"attempt": str(order.attempt_id)}
        )
    if says_paid and not _is_declined(order.attempt_id):
        return redirect(url_for("orders.show", token=order.token), 303)
    return redirect(url_for("pay.show", token=order.token, left=1), 303)


def _is_declined(attempt_id: uuid.UUID) -> bool:
    """Some providers send a browser back as if it had paid, and say no when they are asked."""
    attempt = payments.attempt(attempt_id)
    return attempt is not None and attempt.state == "failed"
