"""G1, S1, S3: exactly what there is gets sold, whoever comes at the same moment, over four web processes."""

import pytest

from chaos import guard, races
from chaos.races import last_units, prepared
from tests import shop


@pytest.mark.parametrize("units", [1, 5])
def test_as_many_orders_as_units(stand, units):
    """Two races each; in the second one the expired locks of the first lie in the way."""
    shirt = shop.add_product(stock_of={"KB": units})
    buyers = prepared(stand, range(1, 25), shirt)
    for expired in (False, True):
        outcome = last_units(stand, buyers, shirt, units, expired=expired)
        assert (outcome.wrongs, outcome.sold, outcome.refused) == ([], units, 24 - units)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_sixty_buyers_on_twenty_units(stand):
    shirt = shop.add_product(stock_of={"KB": 20})
    outcome = last_units(stand, prepared(stand, range(100, 160), shirt), shirt, 20)
    assert (outcome.wrongs, outcome.sold, outcome.refused) == ([], 20, 40)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_carts_in_opposite_order(stand):
    """S3: nobody sees a deadlock, and what is there for all is sold to all."""
    first, second = (shop.add_product(stock_of={"KB": 20}) for _ in range(2))
    there, back = prepared(stand, range(200, 210), first, second), prepared(stand, range(210, 220), second, first)
    outcome = races.crossing(list(zip(there, back, strict=True)))
    assert (outcome.wrongs, outcome.sold) == ([], 20)
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_changing_ones_mind_crosswise(stand):
    """Each gives back what the other wants: both orders are replaced in the same moment, again and again."""
    first, second = (shop.add_product(stock_of={"KB": 20}) for _ in range(2))
    buyers = [*prepared(stand, range(230, 234), first), *prepared(stand, range(234, 238), second)]
    for buyer, other in zip(buyers, [second] * 4 + [first] * 4, strict=True):
        assert buyer.place().status_code == 303
        buyer.add(other)
        buyer.read_review()
    answers = races.at_once([buyer.place for buyer in buyers])
    assert [answer.status_code for answer in answers] == [303] * 8
    assert [races.holdings(each)[2] for each in (first, second)] == [8, 8]
    assert (stand.faults(), stand.accidents()) == ({}, 0)


def test_without_the_guard_the_race_fails(servers, stand):
    """A scratch copy without the WHERE, on a database without the CHECKs: the race above must turn red."""
    with guard.unguarded_stand(servers) as unguarded, unguarded.inside():
        shop.open_shop()
        shirt = shop.add_product(stock_of={"KB": 1})
        buyers = prepared(unguarded, range(1, 13), shirt)
        outcomes = [last_units(unguarded, buyers, shirt, 1) for _ in range(3)]
        assert max(outcome.sold for outcome in outcomes) > 1
        assert any(outcome.wrongs for outcome in outcomes)
