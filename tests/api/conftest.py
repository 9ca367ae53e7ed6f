from tests.admin.conftest import member, merchant, owner  # noqa: F401 (fixtures)
from tests.flows.conftest import run_out, shop, shopper  # noqa: F401 (fixtures)
from tests.inbound.conftest import listening  # noqa: F401 (fixtures)
