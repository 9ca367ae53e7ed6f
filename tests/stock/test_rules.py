import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.stock.rules import Shelf, plan, sellable

VARIANT = uuid.uuid4()
shelves = st.lists(
    st.builds(Shelf, st.builds(uuid.uuid4), st.just(VARIANT), st.integers(-3, 10), st.integers(0, 5)), max_size=4
)


@given(shelves, st.integers(1, 30), st.booleans())
def test_a_plan_serves_all_or_nothing_and_never_more_than_a_shelf_has(rows, quantity, in_one_piece):
    portions = plan(rows, quantity, in_one_piece=in_one_piece)
    on_shelf = {row.stock_item_id: row.sellable for row in rows}
    assert all(0 < portion.quantity <= on_shelf[portion.stock_item_id] for portion in portions)
    assert sum(portion.quantity for portion in portions) in (0, quantity)
    assert bool(portions) == (sellable(rows, in_one_piece=in_one_piece) >= quantity)
    assert not in_one_piece or len(portions) <= 1


def test_one_shelf_that_has_everything_beats_a_split():
    first, second = Shelf(uuid.uuid4(), VARIANT, 1), Shelf(uuid.uuid4(), VARIANT, 5)
    assert [portion.stock_item_id for portion in plan([first, second], 3)] == [second.stock_item_id]


def test_free_units_go_before_expired_locks():
    taken, free = Shelf(uuid.uuid4(), VARIANT, 0, reclaimable=2), Shelf(uuid.uuid4(), VARIANT, 2)
    assert [portion.stock_item_id for portion in plan([taken, free], 2)] == [free.stock_item_id]


def test_nothing_is_planned_for_nothing():
    with pytest.raises(ValueError, match="positive"):
        plan([Shelf(uuid.uuid4(), VARIANT, 5)], 0)
