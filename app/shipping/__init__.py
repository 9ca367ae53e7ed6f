"""Where we deliver, how, for how much and until when; and what a postcode says about the place."""
