"""The cart: PostgreSQL is its truth, Redis holds the hot copy, and one pure function prices it."""
