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


class NotTheOwner(Refused):
    """The tables are somebody else's to empty."""

    code = "not_the_owner"

    def __str__(self) -> str:
        return "The tables are another role's: MIGRATIONS_DATABASE_URL has to be their owner's (docs/keys.md)."


class SeveralKeys(Refused):
    """People are told by the fingerprints of more than one key: one of them would become several."""

    code = "several_keys"

    def __str__(self) -> str:
        return "More than one key has encrypted these people: run `keys rotate` first, with the keys they were written with."
