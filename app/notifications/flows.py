"""Sending one mail once: claim it, render and send with no transaction open, note what became of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.accounts.queries.telling import Reader
from app.core.transaction import in_transaction
from app.documents import printing
from app.documents.printing import Sheet
from app.notifications import actions, gateway, letters
from app.notifications.errors import MailDelayed, MailRefused


@dataclass(frozen=True, slots=True)
class Mail:
    """(topic, recipient, template) happens once. `topic` is what the mail is about, such as `order.paid:<id>`."""

    topic: str
    template: str
    recipient: str
    locale: str
    order_id: uuid.UUID | None
    values: Mapping[str, Any] = field(default_factory=dict)
    attached: Sheet | None = None  # a document, set to print when the mail is sent
    unsubscribe: str = ""  # the path that ends mails of this kind, where they are not part of a contract
    timezone: str = ""  # whose clock its times go by; empty: the shop's


def to_staff(to: Reader, topic: str, template: str, **values: Any) -> Mail:
    """In the language and by the clock that they chose; else the shop's."""
    return Mail(topic, template, to.email, letters.language_of(to.language), None, values, timezone=to.timezone)


def send_once(plan: Callable[[], Mail | None]) -> bool:
    """Send what `plan` reads from the database (None: there is nothing to say any more). True when it was sent now.

    Raises MailDelayed when another try may succeed. A recipient that is refused for good is noted and not tried again.
    """
    claimed = in_transaction(lambda: _claimed(plan), relaxed=True)
    if claimed is None:
        return False
    mail, mail_id = claimed
    try:
        server = _send(mail, mail_id)
    except MailRefused as refusal:
        reason = str(refusal)
        in_transaction(lambda: actions.mark_refused(mail_id, reason=reason), relaxed=True)
        return False
    except MailDelayed as delay:
        reason = str(delay)
        in_transaction(lambda: actions.note_delay(mail_id, reason=reason), relaxed=True)
        raise MailDelayed(reason) from None  # what lies below names the recipient, and tracebacks are logged
    in_transaction(lambda: actions.mark_sent(mail_id, server=server), relaxed=True)
    return True


def send_each(plans: Sequence[Callable[[], Mail | None]]) -> None:
    """`send_once` for several people: a mailbox that has to wait keeps nobody else waiting. Raises MailDelayed in the end when
    there was one."""
    delays = []
    for plan in plans:
        try:
            send_once(plan)
        except MailDelayed as delay:
            delays.append(delay)
    if delays:
        raise delays[0]


def _claimed(plan: Callable[[], Mail | None]) -> tuple[Mail, uuid.UUID] | None:
    mail = plan()
    if mail is None:
        return None
    mail_id = actions.claim(
        topic=mail.topic, template=mail.template, recipient=mail.recipient, locale=mail.locale, order_id=mail.order_id
    )
    return (mail, mail_id) if mail_id else None


def _send(mail: Mail, mail_id: uuid.UUID) -> str:
    about = {"unsubscribe": mail.unsubscribe, **mail.values}
    letter = letters.compose(mail.template, locale=mail.locale, timezone=mail.timezone, **about)
    attached = {f"{mail.attached.number}.pdf": printing.pdf(mail.attached)} if mail.attached else {}
    message = letters.addressed(
        letter, recipient=mail.recipient, key=str(mail_id), attached=attached, unsubscribe=mail.unsubscribe
    )
    return gateway.send(message, sender=letters.site().sender, recipient=mail.recipient)


def tell_wishes() -> None:
    """By the clock: what was sold out and is on the shelf again, for those who wish for it."""
    in_transaction(actions.note_wishes)
