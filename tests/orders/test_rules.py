from itertools import product

import pytest

from app.core.states import IllegalMove
from app.orders import rules
from app.orders.models import Order


def test_the_public_status_is_one_of_the_eleven_words_in_every_state():
    """X13: over every combination of the four machines, and each word that can come about so far does."""
    words = {
        rules.public_status(order=order, payment=payment, fulfilment=fulfilment, returned=returned)
        for order, payment, fulfilment, returned in product(
            rules.ORDER_MOVES, rules.PAYMENT_STATES, rules.FULFILMENT_STATES, rules.RETURN_STATES
        )
    }
    assert words == set(rules.STATUSES)
    assert len(rules.STATUSES) == 11


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ({"order": "pending", "payment": "open"}, "pending"),
        ({"order": "confirmed", "payment": "paid"}, "confirmed"),
        ({"order": "expired", "payment": "open"}, "cancelled"),
        ({"order": "cancelled", "payment": "refunding"}, "refunded"),
        ({"order": "cancelled", "payment": "open"}, "cancelled"),
        ({"order": "confirmed", "payment": "paid", "fulfilment": "partly_shipped"}, "partially_shipped"),
        ({"order": "confirmed", "payment": "refunded", "fulfilment": "shipped"}, "refunded"),
        ({"order": "confirmed", "payment": "paid", "fulfilment": "delivered", "returned": "received"}, "returned"),
        ({"order": "on_hold", "payment": "paid"}, "on_hold"),
    ],
)
def test_the_public_status_of_typical_orders(states, word):
    assert rules.public_status(**states) == word


def test_only_the_moves_of_the_table_are_possible():
    """P4: nothing leads out of cancelled, and a confirmed order never becomes pending or expired again."""
    for state, moves in rules.ORDER_MOVES.items():
        for target in rules.ORDER_MOVES:
            order = Order(state=state)
            if target in moves:
                order.move_to(target)
                assert order.state == target
            else:
                with pytest.raises(IllegalMove):
                    order.move_to(target)
    assert rules.ORDER_MOVES["cancelled"] == frozenset()
