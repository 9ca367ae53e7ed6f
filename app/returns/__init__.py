"""Money and goods that come back: refunds by line, approval, a customer's wish for one, disputes, refunds made elsewhere.

Amounts come from what the order stored for each line, never from prices of today. Lock order: order, payment, refund, capture,
stock items.
"""
