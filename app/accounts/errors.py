import uuid

from app.core.errors import Conflict, Refused, ShopError


class TooManyTries(Refused):
    """Five wrong tries in a quarter of an hour; the next counts `minutes` later, for everybody and from everywhere."""

    code = "too_many_tries"
    status = 429

    def __init__(self, *, minutes: int) -> None:
        super().__init__(minutes=minutes)
        self.minutes = minutes


class EmailTaken(Conflict):
    """Somebody works here under this address already."""

    code = "email_taken"


class AlreadyInvited(Conflict):
    """An invitation to this address is open; it can be sent again."""

    code = "already_invited"


class InvitationOver(Conflict):
    """Accepted, revoked or run out."""

    code = "invitation_over"


class AccountClosed(EmailTaken):
    """Somebody worked here under this address: `staff_id` is theirs, to be opened again."""

    code = "account_closed"

    def __init__(self, staff_id: uuid.UUID) -> None:
        super().__init__()
        self.staff_id = staff_id


class ResetOver(ShopError):
    """The link for another password was used or replaced, is too old, or never was one."""

    code = "reset_over"
    status = 410


class NotYours(ShopError):
    """More than one holds oneself: nobody gives, takes or touches that."""

    code = "more_than_yours"
    status = 403


class Yourself(Conflict):
    """Somebody else has to do this: nobody locks themselves out, or in."""

    code = "yourself"


class LastOwner(Conflict):
    """Without this person nobody would own the shop."""

    code = "last_owner"


class LastFactor(Conflict):
    """Without it the password alone would be left."""

    code = "last_factor"


class RoleInUse(Conflict):
    """Somebody has this role, or is invited with it."""

    code = "role_in_use"


class NameTaken(Conflict):
    """A role has this name already."""

    code = "name_taken"


class TooManySessions(Refused):
    """Signed in in so many places that another has to end first."""

    code = "too_many_sessions"
    status = 409

    def __init__(self, *, most: int) -> None:
        super().__init__(most=most)
        self.most = most


class CodeOfAnotherTime(Refused):
    """A wrong code, counted as one, that a clock `minutes` ahead (negative: behind) would show. One of the future is spent, and
    every earlier one, unless `is_first`: its authenticator is being set up."""

    code = "wrong_code"
    status = 422

    def __init__(self, *, minutes: int, is_first: bool) -> None:
        super().__init__(minutes=minutes)
        self.minutes, self.is_first = minutes, is_first


class WrongPassword(Refused):
    """Not the password of this account."""

    code = "wrong_password"


class BadPreference(Refused):
    """There is no such thing to choose; `field` is the preference."""

    code = "bad_preference"

    def __init__(self, field: str) -> None:
        super().__init__(field=field)
        self.field = field
