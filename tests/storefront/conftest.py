"""The shop of the flows: with a bank, and a browser without JavaScript."""

from tests.flows.conftest import merchant, run_out, shop, shopper

__all__ = ["merchant", "run_out", "shop", "shopper"]
