"""The books: a double-entry ledger that is only added to. Whatever money does is posted once, in the transaction of the fact.

Knows orders, payments and refunds only as ids. Debits are positive, credits negative; each entry adds up to zero per currency.
"""
