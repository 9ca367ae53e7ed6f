"""Stripe on your own machine, below `/stripe`: Checkout Sessions, PaymentIntents, charges, refunds, balance, payouts,
disputes, events, the page to pay on, signed webhooks.

parts        wires the others together, and what the routes share
keys         the secret key; how webhooks are signed
sessions     Checkout Sessions and the money paid in them, in the ledger's tables with provider `stripe`
subscriptions  subscriptions and their invoices
refunds      refunds; a succeeded one may fail later
balance      balance transactions and payouts
disputes     opened and closed by a control call
lookup       objects by id and in lists, with `expand`
idempotency  one key, one answer, for a day
forms        form-encoded parameters, checked against what an endpoint takes
entities     rows as Stripe's JSON
events       webhook bodies
errors       Stripe's refusals
routes_…     the API, the page people pay on, and `/_sandbox/stripe`

An order of the ledger is a session, a payment is a charge. A PaymentIntent lives in its session's row and is made with
the first try to pay, as Stripe does it.
"""
