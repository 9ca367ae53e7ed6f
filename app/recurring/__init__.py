"""Subscriptions (PAY-30): an order that comes again. Each turn is an order of its own; a provider charges it by itself.

The word *subscription* is the provider's; here it is a *recurring order* with its *cycles*, and a *plan* says what may be
subscribed to and how often. `flows.follow` is the one way to learn what the provider did and to tell it what we want.
"""
