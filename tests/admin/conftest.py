import pytest

from tests.flows.conftest import run_out, shop, shopper  # noqa: F401 (fixtures)
from tests.notifications.conftest import open_office  # noqa: F401 (fixtures)
from tests.sql import watched
from tests.staff import hire


@pytest.fixture
def member(app):
    """Somebody with an account, not signed in."""
    return hire(app)


@pytest.fixture
def owner(member):
    """Somebody at work: password and code given."""
    return member.sign_in()


@pytest.fixture
def merchant(shop):  # noqa: F811
    """The same in the shop with the bank."""
    return hire(shop).sign_in()


@pytest.fixture
def count_queries(app):
    """How many statements a call sends to the database."""

    def count(call):
        with watched() as sent:
            call()
        return len(sent)

    return count
