from tests.admin.conftest import count_queries, member, merchant, owner
from tests.flows.conftest import bank, run_out, running_bank, shop, shopper

__all__ = ["bank", "count_queries", "member", "merchant", "owner", "run_out", "running_bank", "shop", "shopper"]
