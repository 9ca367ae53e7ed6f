"""What can be sold: stock per variant and warehouse, the locks that hold it for an order, and the ledger of every move.

The guard is one conditional UPDATE under a CHECK, never check-then-act. Lock order: stock items by id, then locks by id.
"""
