"""Kedai, an online shop. The map of the house:

    factory            create_app(): settings, extensions, models, blueprints, the two tables below
    subscriptions      TABLE  event -> handlers
    schedule           TABLE  every -> action
    storefront admin api inbound ops cli     entry points: who asks, and how they see the answer
    web                what entry points share
    privacy            what is known of a person: the copy of it, and forgetting it
    notifications      listens to everyone; nobody needs it
    checkout > cart > documents > (returns | recurring) > orders > search > (stock | payments | value | tailoring)
    > api_keys > (catalog | accounts | customers | shipping | tax | books) > passkeys > audit > core.
    reconciliation stands beside notifications: it looks at everything

Imports point down only. Entry points and the outbox runner open transactions, domains never do. Lock order: staff, customer,
passkey, checkout session, recurring order, order, cart, payment, attempt, refund, capture, value accounts by id, stock items by id,
stock locks by id, newsletter subscriber, number series last.

Glossary: *lock* units held for an order · *capture* money a provider has taken · *settle* apply a capture to its order ·
*attempt* one try at one provider · *notice* a provider's webhook · *value* what the shop issues itself: gift cards and store
credit · *fitting* the measures that a garment is made to, as a line carries them · *instalment* or *part* what an order costs
on one day of its *plan* · *turn* or *cycle* one order of a subscription, which the code calls a recurring order · *step* the
smallest length sold of a cloth · *program* what signs in over JSON, with tokens instead of a cookie.
"""
