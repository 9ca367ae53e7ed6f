from app.core.errors import Conflict, Refused


class StillUnderWay(Refused):
    """An order, refund or subscription of theirs is not over: they cannot be forgotten yet."""

    code = "still_under_way"


class HasAccount(Refused):
    """The address has an account: it is forgotten with that, after its time of grace."""

    code = "has_account"


class AlreadyAnswered(Conflict):
    """Somebody has answered this request meanwhile."""

    code = "already_answered"


class NotThisDatabase(Refused):
    """The database that was named is not the one that the shop is connected to."""

    code = "not_this_database"
