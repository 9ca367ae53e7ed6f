"""G2, G3: a short storm. `make chaos` is the long one."""

from chaos import campaign


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
