"""Codes by SMS. Like every message: no transaction open, at least once, with the row's id as key."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from app.accounts import rules
from app.accounts.actions import phones
from app.accounts.events import StaffCodeWanted
from app.core.transaction import in_transaction
from app.notifications import letters
from app.notifications.errors import SmsRefused
from app.notifications.gateway import sms
from app.notifications.gateway.sms import Message

log = logging.getLogger(__name__)


def send_code(event: StaffCodeWanted) -> None:
    """Not one that was used, replaced or has run out meanwhile. Once it has left, the shop knows it no more."""
    wanted = in_transaction(lambda: phones.to_send(event.code_id), relaxed=True)
    if wanted is None:
        return
    host = urlsplit(letters.site().base_url).hostname
    values = {"code": wanted.code, "minutes": rules.SMS_CODE_MINUTES, "host": host}
    text = letters.short("staff_code", locale=wanted.to.language, **values)
    try:
        sms.send(Message(str(event.code_id), wanted.phone, text))
    except SmsRefused as refusal:
        log.warning("an SMS was refused", extra={"why": str(refusal)})
    in_transaction(lambda: phones.note_sent(event.code_id), relaxed=True)
