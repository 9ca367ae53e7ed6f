"""Passkeys of staff and customers: kept, asked for and used. Whose they are, how often somebody may try and what opens then is
the business of `accounts` and `customers`."""
