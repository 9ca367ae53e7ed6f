from tests.customers.people import *  # noqa: F403 (fixtures)
