from app.core.errors import Conflict, Refused


class AlreadyClosed(Conflict):
    """The difference was repaired or accepted, or is gone."""

    code = "difference_closed"


class NoSuchRepair(Refused):
    """This kind of difference is not repaired that way."""

    code = "no_such_repair"


class ReasonMissing(Refused):
    """Money is written off, and a difference accepted, with a reason."""

    code = "reason_missing"


class AlreadyRunning(Conflict):
    """Another process reconciles this provider right now."""

    code = "already_running"
