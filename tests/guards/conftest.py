from tests.flows.conftest import shop, shopper

__all__ = ["shop", "shopper"]
