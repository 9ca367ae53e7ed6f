"""Which tax is due where: rates per country (and state) and tax class, included in the price or added to it."""
