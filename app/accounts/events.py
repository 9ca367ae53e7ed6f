import uuid
from dataclasses import dataclass

from app.core.events import Event


@dataclass(frozen=True, slots=True)
class StaffSignInBlocked(Event):
    """Five wrong passwords or codes: the account waits. Its owner should know."""

    name = "staff.sign_in_blocked"
    staff_id: uuid.UUID
    attempt_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class StaffBackupCodeUsed(Event):
    """Somebody came in with a backup code instead of the authenticator."""

    name = "staff.backup_code_used"
    staff_id: uuid.UUID
    code_id: uuid.UUID
    left: int


@dataclass(frozen=True, slots=True)
class StaffAlerted(Event):
    """Something about signing in looks suspicious: `kind` as in `staff_alert`."""

    name = "staff.alerted"
    alert_id: uuid.UUID
    kind: str
    staff_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class StaffInvited(Event):
    """Somebody was asked to join. `number` counts how often: each time with a new link."""

    name = "staff.invited"
    invitation_id: uuid.UUID
    number: int


@dataclass(frozen=True, slots=True)
class StaffResetWanted(Event):
    """Somebody wants a link to choose another password, for an address under which nobody may work."""

    name = "staff.reset_wanted"
    reset_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class StaffAccessChanged(Event):
    """What one signs in with has changed: `what` is `password`, `password_reset`, `password_ended`, `totp`, `totp_replaced`,
    `totp_removed`, `codes`, `authenticator`, `passkey_added`, `passkey_removed`, `phone` or `phone_removed`. Its owner should
    know."""

    name = "staff.access_changed"
    staff_id: uuid.UUID
    change_id: uuid.UUID
    what: str


@dataclass(frozen=True, slots=True)
class StaffCodeWanted(Event):
    """A code is to be sent to somebody's phone."""

    name = "staff.code_wanted"
    code_id: uuid.UUID
