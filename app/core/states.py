"""State machines: the table of allowed moves lives in a domain's `rules.py`, the column is guarded by a CHECK."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.core.errors import Conflict

Moves = Mapping[str, frozenset[str]]


class IllegalMove(Conflict):
    code = "illegal_move"


class HasState:
    """Mixin for a model with a `state` column and a `MOVES` table. The row must be locked by the caller."""

    MOVES: ClassVar[Moves] = {}
    state: Any

    def can_move_to(self, state: str) -> bool:
        return state in self.MOVES.get(self.state, frozenset())

    def move_to(self, state: str) -> None:
        """Raises IllegalMove when the machine has no such move; moving to the present state is one too."""
        if not self.can_move_to(state):
            raise IllegalMove(f"{type(self).__name__} cannot go from {self.state} to {state}")
        self.state = state


def check_in(column: str, states: Mapping[str, object] | frozenset[str] | tuple[str, ...]) -> str:
    """The SQL of a CHECK that allows just these states."""
    words = ", ".join(f"'{state}'" for state in sorted(states))
    return f"{column} IN ({words})"
