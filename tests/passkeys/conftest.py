"""Staff and customers with devices of their own."""

from tests.customers.conftest import (  # noqa: F401 (fixtures)
    aina,
    bank,
    drain_all,
    make_due,
    make_patron,
    make_shop,
    mallory,
    office,
    open_office,
    patron,
    running_bank,
    shop,
)
