from app.core.errors import Conflict, Unavailable


class NotRunning(Conflict):
    """The subscription is over, paused, or waits for a payment: that cannot be done to it now."""

    code = "not_running"


class BeingAsked(Unavailable):
    """Another process asks the provider about this subscription right now: ask again in a moment."""

    code = "being_asked"


class PlanExists(Conflict):
    """There is such a plan for this variant already."""

    code = "plan_exists"


class NoSuchVariant(Conflict):
    """No variant has this SKU."""

    code = "no_such_variant"
