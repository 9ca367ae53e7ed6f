"""Made to measure: what is measured of a body, the profiles that customers keep, and the copy a cart and an order take along."""
