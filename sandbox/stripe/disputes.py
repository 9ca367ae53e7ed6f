"""Disputes of a charge, opened and closed by control calls. The disputed money leaves the balance at once, with a fee.

They move nothing in the ledger of captures and refunds: what the bank takes back is no refund of the shop's.
"""

import json
from dataclasses import dataclass
from typing import Any

from sandbox.store import Row, Transaction
from sandbox.stripe import balance
from sandbox.stripe.errors import StripeError
from sandbox.stripe.events import Events
from sandbox.stripe.state import document, keep, known, new_id

REASONS = ("fraudulent", "product_not_received", "product_unacceptable", "duplicate", "general")
OUTCOMES = ("won", "lost", "warning_closed")
_FEE = 1500
_A_WEEK = 7 * 86400
_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal "
    "customer_communication customer_email_address customer_name customer_purchase_ip customer_signature "
    "duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation shipping_tracking_number "
    "uncategorized_file uncategorized_text"
)


@dataclass(frozen=True)
class Disputes:
    events: Events

    def open(self, tx: Transaction, charge_id: str, reason: str, *, at: float) -> dict[str, Any]:
        charge = known(tx, "charge", charge_id)
        extra = json.loads(charge["extra"])
        if charge["status"] != "succeeded" or extra.get("dispute"):
            raise StripeError("Only a paid charge that is not disputed can be disputed.")
        dispute = _dispute(tx, charge, reason, at)
        extra["dispute"] = dispute["id"]
        tx.execute("UPDATE payment SET extra = ? WHERE id = ?", (json.dumps(extra), charge_id))
        self._enter(tx, dispute, -charge["amount"], _FEE, at)
        self.events.record(tx, "charge.dispute.created", charge["order_id"], dispute, at=at)
        return dispute

    def close(self, tx: Transaction, dispute_id: str, outcome: str, *, at: float) -> dict[str, Any]:
        """What is won comes back into the balance; the fee does not."""
        dispute = document(tx, "dispute", dispute_id)
        if dispute["status"] in OUTCOMES:
            raise StripeError("This dispute is already closed.")
        dispute["status"] = outcome
        if outcome != "lost":
            self._enter(tx, dispute, dispute["amount"], 0, at)
        keep(tx, dispute)
        charge = known(tx, "charge", dispute["charge"])
        self.events.record(tx, "charge.dispute.closed", charge["order_id"], dispute, at=at)
        return dispute

    def _enter(self, tx: Transaction, dispute: dict[str, Any], amount: int, fee: int, at: float) -> None:
        entry = balance.enter(
            tx, "adjustment", amount=amount, fee=fee, currency=dispute["currency"], source=dispute["id"], at=at
        )
        dispute["balance_transactions"].append(document(tx, "balance_transaction", entry))
        keep(tx, dispute, source=dispute["charge"])


def _dispute(tx: Transaction, charge: Row, reason: str, at: float) -> dict[str, Any]:
    session = known(tx, "checkout.session", charge["order_id"])
    card = {"brand": "visa", "case_type": "chargeback", "network": "visa", "network_reason_code": "10.4"}
    due = {"due_by": int(at) + _A_WEEK, "enhanced_eligibility": {}, "has_evidence": False}
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": int(at),
        "currency": charge["currency"].lower(),
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE.split()), "enhanced_evidence": {}},
        "evidence_details": due | {"past_due": False, "submission_count": 0},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": json.loads(session["extra"])["intent"],
        "payment_method_details": {"type": charge["method"], charge["method"]: card},
        "reason": reason,
        "status": "needs_response",
    }
