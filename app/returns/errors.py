from app.core.errors import Conflict, Refused


class NotRefundable(Conflict):
    """The order is not paid, or its money is back already."""

    code = "not_refundable"


class NothingToRefund(Refused):
    """What was chosen comes to nothing."""

    code = "nothing_to_refund"


class BadRefund(Refused):
    """A line that is not the order's, more of one than is left, or an amount that providers do not take."""

    code = "bad_refund"


class NobodyToCredit(Conflict):
    """The order has forgotten whom it was for: nobody would get the code of store credit."""

    code = "nobody_to_credit"


class AmountChanged(Conflict):
    """The amount is not the one that was shown: something went back meanwhile. `facts` hold what it would be now."""

    code = "amount_changed"


class NotYours(Conflict):
    """Whoever asked for a refund cannot be the one who approves it."""

    code = "needs_somebody_else"


class AlreadyDecided(Conflict):
    code = "already_decided"


class AlreadyAsked(Conflict):
    """The customer has asked before, and nobody has answered yet."""

    code = "already_asked"
