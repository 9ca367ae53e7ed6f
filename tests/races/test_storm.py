"""G2, G3: short storms. `make chaos` is the long one."""

from app import factory
from chaos import campaign, money
from chaos.stand import ALL_PROVIDERS, standing
from tests import shop


def test_nobody_is_wronged_in_a_storm(stand):
    """Web, worker and clock are killed, Redis and PostgreSQL go away, the provider misbehaves, webhooks are dropped,
    doubled, reordered, late and forged: in the end every captured payment is a paid order or one refund."""
    for part in (stand.worker, stand.clock):
        part.start()
    report = campaign.run(stand, seed="a short storm", purchases=16, hurry=True)
    for part in (stand.worker, stand.clock):
        part.kill()
    assert report.wrongs == []
    assert [story.end for story in report.stories if story.end.startswith("broke")] == []
    assert report.accidents == 0
    assert sum(report.blows.values()) > 0
    assert report.money["captures"] > 0


def test_nobody_is_wronged_by_any_provider(servers, settings):
    """A story for each of them, with refunds, in a storm of its own."""
    chosen = {**campaign.SETTINGS, **ALL_PROVIDERS, "RATE_LIMIT_ENABLED": "false"}
    url = servers.new_database("kedai_money")
    with (
        standing(servers, database_url=url, name="money", settings=chosen, firsts=money.FIRSTS) as stand,
        stand.inside(),
    ):
        shop.open_shop()
        report = campaign.run_money(stand, seed="short stories", stories=len(money.WAYS), hurry=True)
    factory.configure_process(settings)
    assert report.wrongs == []
    assert [story.end for story in report.stories if story.end.startswith("broke")] == []
    assert report.accidents == 0
    assert report.money["captures"] > 0
