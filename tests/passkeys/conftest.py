"""Staff and customers with devices of their own."""

from tests.customers.people import *  # noqa: F403 (fixtures)
