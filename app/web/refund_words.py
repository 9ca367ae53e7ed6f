"""Why a refund cannot be made, in the words of whoever asked for it at a desk or by a program."""

from __future__ import annotations

from flask_babel import gettext as _

from app.payments.errors import NotDecided, TooSmall
from app.returns.errors import AlreadyDecided, AmountChanged, BadRefund, NobodyToCredit, NothingToRefund, NotRefundable

REFUSALS = (
    AmountChanged,
    BadRefund,
    NothingToRefund,
    NotRefundable,
    NotDecided,
    TooSmall,
    NobodyToCredit,
    AlreadyDecided,
)


def why_not(code: str) -> str:
    """The sentence for the code of one of REFUSALS."""
    return {
        AmountChanged.code: _("This is not the amount that can be refunded now. Please look at it again."),
        BadRefund.code: _("There is not so much left of a line, or no provider takes such an amount."),
        NothingToRefund.code: _("Choose what goes back: a quantity, the delivery or an amount."),
        NotRefundable.code: _("No money of this order is left to refund."),
        NotDecided.code: _(
            "The bank has not decided a dispute about this payment. A refund now could be paid back twice."
        ),
        TooSmall.code: _("The payment provider sends nothing so small back. Give it as store credit instead."),
        NobodyToCredit.code: _(
            "This order has forgotten whom it was for, so nobody would get the code. Send the money back instead."
        ),
        AlreadyDecided.code: _("Somebody has answered the customer meanwhile."),
    }[code]
