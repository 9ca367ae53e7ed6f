"""Money in: one payment per order, one attempt per try at a provider, every provider payment seen, refunds, notices.

Knows an order only as an id. The network is in `gateway/` and `providers/`, never inside a transaction.
"""
