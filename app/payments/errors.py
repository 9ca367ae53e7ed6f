from app.core.errors import Conflict, Refused, Unavailable


class ProviderUnavailable(Unavailable):
    """No usable answer (timeout, refused connection, 429, 5xx, no JSON). The outcome is unknown: look it up, never repeat it blindly."""

    code = "provider_unavailable"

    @property
    def may_still_act(self) -> bool:
        """Whether the provider may be at work on the question yet: nobody answered in time, or a proxy before it gave up."""
        status, reason = self.facts.get("status"), self.facts.get("reason")
        return status == 504 or (status is None and reason not in ("ConnectionError", "circuit_open"))


class ProviderRefused(Refused):
    """The provider understood and said no. `facts` may hold status, reason and description."""

    code = "provider_refused"
    may_still_act = False


class BadSignature(Refused):
    """A callback or webhook that the provider did not sign (or that belongs to another order)."""

    code = "bad_signature"
    status = 400


class TooManyAttempts(Conflict):
    """The order has used up its tries (PAY-26)."""

    code = "too_many_attempts"


class KeyReused(Refused):
    """The idempotency key was used for another question."""

    code = "key_reused"


class NotPayable(Conflict):
    """The order is paid, closed or cancelled already."""

    code = "not_payable"


class OnPlan(NotPayable):
    """The order is paid in instalments and some have come: its stock is kept until the last one, or until it is cancelled."""

    code = "on_plan"


class Covered(Conflict):
    """Gift cards and credit pay all of the order: there is nothing to pay at a provider."""

    code = "covered"


class AlreadyInitiating(Conflict):
    """Another click of the same shopper is being sent to the provider right now."""

    code = "already_initiating"


class AlreadyRefunded(Conflict):
    """The money of this refund is back at the customer's, or on its way."""

    code = "already_refunded"


class TooSmall(Refused):
    """The provider that took the money sends nothing so small back (`rules.least_refund`)."""

    code = "too_small"


class NotDecided(Conflict):
    """A dispute about this payment is not decided: what is refunded now may be paid back twice."""

    code = "dispute_open"


class NotNext(Conflict):
    """The instalment that was to be paid is not the next one (any more): a page that was older than the last payment."""

    code = "not_next"


class AmountDiffers(Refused):
    """The money that came by hand is not what was left to pay: `facts["due"]`."""

    code = "amount_differs"


class ReferenceUsed(Conflict):
    """The bank's or the courier's reference stands for money that came for this order before."""

    code = "reference_used"


class NotByHand(Conflict):
    """Nobody has promised to pay this order by hand, or it is paid another way now."""

    code = "not_by_hand"


class PaymentUnderWay(Conflict):
    """The bank is still working on a payment of this order; its stock cannot be given away before it answers."""

    code = "payment_under_way"
