"""Differences that are seeded alike at every provider with orders of its own ids: each returns its subject."""

from tests.reconciliation.test_differences import known_refund


def amount_differs(books):
    _, payment = books.sell()
    books.change("UPDATE payment_capture SET amount_minor = 5 WHERE provider_payment_id = :id", id=payment)
    return payment


def refund_unknown_here(books):
    return books.refund_at_the_bank(books.sell()[1], 1000)


def refund_amount_differs(books):
    _, payment = books.sell()
    return known_refund(books, payment, amount=900, provider_refund_id=books.refund_at_the_bank(payment, 1000))


def refund_state_differs(books):
    _, payment = books.sell()
    return known_refund(books, payment, state="failed", provider_refund_id=books.refund_at_the_bank(payment, 1000))
