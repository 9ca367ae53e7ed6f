"""The order's machine and its public status: one pure function over the eleven words of ORD-05…ORD-10 (X13)."""

from __future__ import annotations

from collections.abc import Mapping

ORDER_MOVES: Mapping[str, frozenset[str]] = {
    "pending": frozenset({"confirmed", "expired", "cancelled", "on_hold"}),
    "expired": frozenset(
        {"confirmed", "cancelled", "pending"}
    ),  # money came late, all or some, and the stock was still there
    "on_hold": frozenset({"confirmed", "cancelled", "pending"}),
    "confirmed": frozenset({"on_hold", "cancelled"}),
    "cancelled": frozenset(),
}
TERMS_VERSION = (
    "2026-11-26"  # of the terms that who places an order accepts; who changes them changes this (tests/privacy)
)
OVER_UNPAID = "confirmed_at IS NULL AND state IN ('cancelled', 'expired')"  # SQL: it never came about
PAYABLE = frozenset({"pending"})
SETTLEABLE = frozenset({"pending", "expired"})

STATUSES = (
    "pending", "confirmed", "processing", "shipped", "delivered", "cancelled",
    "on_hold", "backordered", "partially_shipped", "returned", "refunded",
)  # fmt: skip
PAYMENT_STATES = ("open", "paid", "refunding", "refunded")
FULFILMENT_STATES = ("none", "waiting_for_stock", "packing", "partly_shipped", "shipped", "delivered")
RETURN_STATES = ("none", "requested", "received")


def public_status(*, order: str, payment: str, fulfilment: str = "none", returned: str = "none") -> str:
    """The one word everybody outside sees. Money that went back wins over goods that came back, goods over the rest."""
    if order in ("expired", "cancelled"):
        return "refunded" if payment in ("refunding", "refunded") else "cancelled"
    if payment in ("refunding", "refunded"):  # all of it: part of the money going back changes no word
        return "refunded"
    if returned == "received":
        return "returned"
    if order == "on_hold":
        return "on_hold"
    if order == "pending":
        return "pending"
    return {
        "none": "confirmed",
        "waiting_for_stock": "backordered",
        "packing": "processing",
        "partly_shipped": "partially_shipped",
        "shipped": "shipped",
        "delivered": "delivered",
    }[fulfilment]
