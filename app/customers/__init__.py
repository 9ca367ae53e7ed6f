"""Customers: accounts whose e-mail is proven, their sessions, addresses, wishes and what they want to be told.

An account comes into being when the link of its registration is followed, so every customer's e-mail is a verified one.
Whatever is asked for by e-mail (register, sign in, reset) is answered alike whether there is an account or not: the web
process only writes the wish down, and the worker finds out whom it concerns.
"""
