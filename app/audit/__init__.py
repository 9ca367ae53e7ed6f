"""Who did what, when and from where: one append-only row for each act of staff that changes something, sealed into a chain."""
