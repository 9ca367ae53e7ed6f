"""The staff: accounts, roles and rights, passwords, second factors (one-time codes, passkeys, SMS), sessions and what looks strange
about signing in. Customers have a domain of their own."""
