"""Money the provider gives back by itself: authorisations nobody captured, or that came too late for their order."""

from sandbox import ledger
from sandbox.events import Events
from sandbox.ids import new_id
from sandbox.rows import found
from sandbox.store import Transaction


def release(tx: Transaction, events: Events, payment_id: str, *, at: float) -> None:
    """Refunds an authorised payment in full, at once (Razorpay docs, late-authorisation/handle.md)."""
    payment = found(tx, "payment", payment_id)
    order = found(tx, "orders", payment["order_id"])
    refund_id = new_id("rfnd")
    tx.insert(
        "refund",
        id=refund_id,
        provider=payment["provider"],
        payment_id=payment_id,
        amount=payment["amount"],
        currency=payment["currency"],
        status="processed",
        notes="{}",
        speed=order["refund_speed"],
        source="provider",
        created_at=at,
    )
    tx.execute("UPDATE payment SET status = 'refunded', amount_refunded = amount WHERE id = ?", (payment_id,))
    ledger.write(tx, "release", payment=payment, amount=payment["amount"], at=at, refund_id=refund_id)
    events.refund(tx, "refund.created", refund_id, at=at)
    events.refund(tx, "refund.processed", refund_id, at=at)
