"""Kedai, an online shop. The map of the house:

    factory            create_app(): settings, extensions, models, blueprints, the two tables below
    workers process    the two processes behind the shop; what every process has in common
    subscriptions      TABLE  event -> handlers
    schedule           TABLE  every -> action
    jobs               what RQ carries, and how a commit wakes the worker
    cli                the commands; it may ask the entry points below
    storefront admin api inbound ops         entry points: who asks, and how they see the answer
    web                what entry points share
    privacy            what is known of a person: the copy of it, and forgetting it
    notifications      listens to everyone; nobody needs it
    reconciliation     looks at all that is below it
    checkout > cart > documents > (returns | recurring) > orders > search > (stock | payments | value | tailoring)
    > api_keys > (catalog | accounts | customers | shipping | tax | books) > passkeys > audit > core

A domain's files, each where there is something for it; one that grew is a folder of that name. What else lies beside them says its
own docstring.

    rules       pure arithmetic and tables: no database, clock or network
    errors      named refusals
    events      facts that are announced, in the past tense: ids and primitives
    models      tables, constraints, what is true of one row
    queries     reads, and whatever locks rows (`lock_…`)
    actions     verbs that change several rows, inside the caller's transaction; they announce, and never commit
    gateway     the only network, with its `providers/`; never called by an action
    flows       actions and network in turn, each action in a short transaction of its own (ADR 0002)
    handlers    reactions to events, named in `subscriptions` alone

A page is `app/<entry point>/<area>.py` with its templates in `templates/<entry point>/<area>/`.

Imports point down only (`.importlinter`). Entry points, flows, the handlers that reach the network and the outbox runner open
transactions; nothing else does. Lock order: staff, customer, passkey, checkout session, recurring order, order, cart, payment, attempt,
refund, capture, value accounts by id, stock items by id, stock locks by id, newsletter subscriber, number series last.

Glossary: *accounts* those of the staff; customers' are in `customers` · *audit* what staff did, sealed into a chain (`app/audit`); the
*shop audit* counts what breaks an invariant (`app/ops/audit.py`) · *lock* units held for an order · *capture* money a provider has
taken · *settle* apply a capture to its order · *attempt* one try at one provider · *notice* a provider's webhook · *value* what the
shop issues itself: gift cards and store credit · *fitting* the measures that a garment is made to, as a line carries them ·
*instalment* or *part* what an order costs on one day of its *plan* · *turn* or *cycle* one order of a subscription, which the code
calls a recurring order · *step* the smallest length sold of a cloth · *wish* what somebody keeps on the wishlist; in `returns`, what a
customer asks to have refunded · *program* what signs in over JSON, with tokens instead of a cookie.
"""
