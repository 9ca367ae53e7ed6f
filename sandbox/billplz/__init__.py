"""Billplz on your own machine, below `/billplz`: bills of API v3, the page they are paid on, signed callbacks.

parts        wires the others together
keys         API key, collection and X Signature keys; how a signature is made
bills        bills and the tries to pay them, in the ledger's tables with provider `billplz`
entities     rows as Billplz' JSON
errors       Billplz' refusals
routes_…     the API with the page people pay on, and `/_sandbox/billplz`
"""
