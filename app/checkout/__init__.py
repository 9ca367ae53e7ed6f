"""From cart to order: a session of 30 sliding minutes bound to the visitor, and “Place order”."""
