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
