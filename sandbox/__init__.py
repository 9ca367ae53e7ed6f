"""Payment providers on your own machine: speaks Razorpay's, Stripe's and PayPal's HTTP APIs and keeps one ledger.

It is a separate process (`python -m sandbox`), shares no code with the shop and is trusted by the tests:
what it calls captured *was* captured.

Reading order
    __main__    command line -> settings -> app -> server
    app         wires the parts together
    server      a small threaded HTTP/1.1 server that lets a fault cut the line
    routes_*    HTTP in, JSON or HTML out: orders, payments, checkout (the pages), control, webhooks
    bank        orders and payments: create, pay, authorise, capture, late authorisation
    subscriptions  plans and subscriptions that charge themselves
    refunds     refunds, their idempotency keys, money given back by the provider itself
    timers      what happens by the (virtual) clock
    ledger      journal of money moved, and its sums
    events      webhook bodies, recorded in the transaction that caused them
    webhooks    sends them: signatures, retries, back-off, disabling
    switches    makes webhooks late, lost, doubled, reordered or badly signed
    faults      makes API answers late, lost or wrong
    store       SQLite: every change is one short transaction
    entities validation errors currencies ids clock config     the small parts
    stripe/     the same for Stripe, below `/stripe`, on the same ledger, webhooks and faults
    paypal/     the same for PayPal, below `/paypal`
"""
