"""The shop of the flows: with a bank, and a browser without JavaScript."""

from tests.flows.conftest import bank, run_out, running_bank, shop, shopper

__all__ = ["bank", "run_out", "running_bank", "shop", "shopper"]
