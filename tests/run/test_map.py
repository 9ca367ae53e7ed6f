"""`make map` shows every domain from its sources alone."""

import pytest

from run import map as domain_map


def test_every_domain_with_actions_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert domain_map.main([]) == 0
    shown = capsys.readouterr().out
    assert {"stock", "orders", "payments"} <= set(domain_map.domains())
    assert all(name.upper() in shown for name in domain_map.domains())


def test_actions_and_events_are_named_with_what_they_do() -> None:
    assert "(order.paid)" in domain_map.describe("orders")
    assert "The order is confirmed and its stock sold." in domain_map.describe("orders")
    assert "\n  actions\n" in domain_map.describe("stock")


def test_an_unknown_domain_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert domain_map.main(["stok"]) == 1
    assert "No such domain: stok. There are " in capsys.readouterr().err
