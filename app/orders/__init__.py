"""Orders: a snapshot of what was bought at which price, its state machine and timeline, and `settle`, the one writer of “paid”.

Lock order: order, payment, stock items, stock locks.
"""
