"""The shop of the flows: with a bank, and a browser without JavaScript."""

from tests.flows.conftest import bank, merchant, run_out, running_bank, shop, shopper

__all__ = ["bank", "merchant", "run_out", "running_bank", "shop", "shopper"]
