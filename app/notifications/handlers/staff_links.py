"""Links for staff by mail: to join, and to choose another password. Like every mail: no transaction open, at least once."""

from __future__ import annotations

from app.accounts.actions import people, resets
from app.accounts.events import StaffInvited, StaffResetWanted
from app.accounts.queries import telling
from app.core.transaction import in_transaction
from app.notifications import flows, letters, queries
from app.notifications.flows import Mail


def invite_staff(event: StaffInvited) -> None:
    """The link to whom it is for; once its mail has left the shop knows it no more. A link that was replaced meanwhile, taken
    back or accepted is not sent."""
    topic = f"{event.name}:{event.invitation_id}:{event.number}"
    invited = telling.mail_invitation(event.invitation_id, event.number)

    def plan() -> Mail | None:
        if invited is None:
            return None
        values = {"url": f"{letters.site().base_url}/admin/invitation/{invited.token}", "until": invited.expires_at}
        return Mail(topic, "staff_invited", invited.email, letters.LANGUAGES[0], None, values)

    def forget() -> None:
        if invited is not None and queries.was_sent(topic):
            people.forget_token(event.invitation_id, invited.token)

    flows.send_once(plan)
    in_transaction(forget)


def send_reset(event: StaffResetWanted) -> None:
    """Here, and nowhere a stranger could see it, it is found out whether anybody works here under that address. Once the mail
    has left the shop knows its link no more."""

    def plan() -> Mail | None:
        letter = resets.claim_letter(event.reset_id)
        if letter is None:
            return None
        values = {"url": f"{letters.site().base_url}/admin/reset/{letter.token}", "until": letter.expires_at}
        return flows.to_staff(letter.to, f"{event.name}:{event.reset_id}", "staff_reset", **values)

    flows.send_once(plan)
    in_transaction(lambda: resets.forget_token(event.reset_id))
