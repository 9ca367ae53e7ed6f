from tests.flows.conftest import bank, running_bank, shop, shopper

__all__ = ["bank", "running_bank", "shop", "shopper"]
