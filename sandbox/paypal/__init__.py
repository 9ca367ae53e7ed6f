"""PayPal on your own machine, below `/paypal`: Orders v2, Payments v2, OAuth2, the approval page, signed webhooks.

parts        wires the others together
keys         client id and secret, the webhook's id; the RSA keys and certificates that sign webhooks
access       bearer tokens
bank         orders, captures and refunds, in the ledger's tables with provider `paypal`
disputes     opened and decided by a control call
entities     rows as PayPal's JSON; amounts: `"12.30"` and minor units
events       webhook bodies
errors       PayPal's refusals
routes_…     the API, the page people approve on, and `/_sandbox/paypal`
"""
