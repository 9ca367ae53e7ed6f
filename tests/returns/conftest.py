from tests.admin.conftest import count_queries, member, merchant, owner
from tests.flows.conftest import run_out, shop, shopper

__all__ = ["count_queries", "member", "merchant", "owner", "run_out", "shop", "shopper"]
