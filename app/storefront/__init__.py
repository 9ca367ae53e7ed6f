"""The shop's pages. Views parse, open the transaction, respond; what they decide is in the domains."""
