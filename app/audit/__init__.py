"""Who did what, when: one append-only row for each act of staff that changes something."""
