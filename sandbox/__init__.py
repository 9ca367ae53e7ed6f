"""Payment providers on your own machine: speaks the HTTP APIs of Razorpay, Curlec, Stripe, PayPal and Billplz and keeps one ledger.

It is a separate process (`python -m sandbox`), shares no code with the shop and is trusted by the tests:
what it calls captured *was* captured.

Reading order
    __main__    command line -> settings -> app -> server
    app         wires the parts together
    server      a small threaded HTTP/1.1 server that lets a fault cut the line
    requests_in who calls, and what they sent
    routes_*    HTTP in, JSON or HTML out: orders, payments, settlements, subscriptions, checkout (the pages), control, webhooks
    accounts    the merchants at Razorpay: the one of that name, and Curlec's
    orders      what a merchant wants to be paid
    payments    what is done with customers' money: pay, authorise, capture, late authorisation; `instruments` what they pay with
    releases    money that goes back by itself
    subscriptions  plans and subscriptions that charge themselves
    refunds     refunds, their idempotency keys, money given back by the provider itself
    disputes    the customer's bank asks for a payment back
    settlements what is paid out, with fees
    timers      what happens by the (virtual) clock
    ledger      journal of money moved, and its sums
    events      webhook bodies, recorded in the transaction that caused them
    webhooks    sends them: signatures, retries, back-off, disabling
    switches    makes webhooks late, lost, doubled, reordered or badly signed
    faults      makes API answers late, lost or wrong
    store       SQLite: every change is one short transaction
    entities rows validation errors currencies ids clock config bulk     the small parts
    stripe/     the same for Stripe, below `/stripe`, on the same ledger, webhooks and faults
    paypal/     the same for PayPal, below `/paypal`
    billplz/    the same for Billplz, below `/billplz`
"""
