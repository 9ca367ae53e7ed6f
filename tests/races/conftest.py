"""The whole shop as processes of its own, on servers of its own: four web processes, sandbox, mail catcher; jobs on demand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app import factory
from app.core.settings import Settings
from app.orders import flows
from chaos import campaign
from chaos.bank import Bank
from chaos.servers import Servers, own_servers
from chaos.stand import Stand, standing
from tests import shop
from tests.customers.identity_provider import IdentityProvider


@pytest.fixture(scope="package")
def servers() -> Iterator[Servers]:
    with own_servers() as servers:
        yield servers


@pytest.fixture(scope="package")
def acme() -> Iterator[IdentityProvider]:
    """Whom customers may sign in with."""
    provider = IdentityProvider()
    yield provider
    provider.close()


@pytest.fixture(scope="package")
def running_stand(servers: Servers, acme: IdentityProvider) -> Iterator[Stand]:
    settings = {**campaign.SETTINGS, "RATE_LIMIT_ENABLED": "false", **acme.settings}
    with standing(servers, with_jobs=False, settings=settings) as stand:
        with stand.inside():
            shop.open_shop()
        yield stand


@pytest.fixture
def stand(running_stand: Stand, settings: Settings) -> Iterator[Stand]:
    """This process is one of the stand's for as long as the test runs."""
    with running_stand.inside():
        flows.release_unpaid_locks(
            flows.Tally()
        )  # no worker does it here: what tests before left would soon count as a fault
        yield running_stand
    factory.configure_process(settings)


@pytest.fixture
def bank(stand: Stand) -> Iterator[Bank]:
    """Sends no webhooks: the tests send them themselves."""
    stand.bank.hooks(drop=True)
    yield stand.bank
    stand.bank.good_weather()
