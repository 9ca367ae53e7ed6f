"""J11: the answers of each provider say how far our clock is from its own, good ones and refusals alike."""

from contextlib import suppress

import pytest

from app.core import skew
from app.payments.errors import ProviderRefused, ProviderUnavailable


@pytest.fixture
def adapters(adapter, make_curlec, stripe, paypal, billplz):
    return {each.code: each for each in (adapter, make_curlec(), stripe, paypal, billplz)}


@pytest.mark.parametrize("code", ["razorpay", "curlec", "stripe", "paypal", "billplz"])
@pytest.mark.parametrize("seconds", [-600, 0])
@pytest.mark.usefixtures("database")
def test_j11_each_provider_is_known_by_its_own_name(adapters, bank, monkeypatch, code, seconds):
    monkeypatch.setattr(skew, "AGAIN_SECONDS", 0.0)
    bank.fault("wrong_date", path="/**", seconds=seconds)
    with suppress(ProviderRefused, ProviderUnavailable):
        adapters[code].get_payment_status("nothing-of-ours")
    [found] = skew.noted()
    assert (found.source, found.is_large) == (code, seconds != 0)
    assert abs(found.seconds + seconds) < 30
