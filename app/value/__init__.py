"""Value that the shop itself issues: gift cards and store credit, spent by a code, with a ledger of every movement.

Lock order: accounts by id. An order is known by its id only; what it pays with is held for it, and then spent or released.
"""
