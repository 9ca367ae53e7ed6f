"""Switches per webhook event: late, lost, doubled, reordered, signed with another secret.

A switch is `{"event": "payment.*", …effects…, "count": 3, "probability": 0.2, "seed": 7}`. All that match an event
apply together; without `count` a switch stays until it is cleared. Held in memory: a restart clears them.
"""

import itertools
import random
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

_EFFECTS = {"delay", "drop", "duplicate", "reorder", "wrong_secret", "old_secret"}
_LIMITS = {"count", "probability", "seed"}
HOLD_SECONDS = 2.0


@dataclass
class Plan:
    """What shall happen to one event. `copies` is how often it is sent; `hold` how long it may wait to be overtaken."""

    drop: bool = False
    delay: float = 0.0
    copies: int = 1
    hold: float = 0.0
    secret: str = "current"  # noqa: S105 which of the three, not the secret itself


@dataclass
class Switch:
    id: int
    event: str
    effects: dict[str, Any]
    left: int | None
    probability: float
    coin: random.Random = field(repr=False)

    def applies(self, event: str) -> bool:
        if self.left == 0 or not fnmatchcase(event, self.event):
            return False
        if self.coin.random() >= self.probability:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "event": self.event, **self.effects, "left": self.left, "probability": self.probability}


class Switches:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._switches: list[Switch] = []

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Raises ValueError with a sentence when the switch makes no sense."""
        effects = {name: value for name, value in body.items() if name in _EFFECTS}
        unknown = set(body) - _EFFECTS - _LIMITS - {"event"}
        if unknown or not effects:
            raise ValueError(f"a switch needs one of {sorted(_EFFECTS)}; unknown: {sorted(unknown)}")
        _delay_range(effects.get("delay", 0))
        with self._lock:
            switch = Switch(
                id=next(self._ids),
                event=str(body.get("event", "*")),
                effects=effects,
                left=None if body.get("count") is None else int(body["count"]),
                probability=float(body.get("probability", 1)),
                coin=random.Random(body.get("seed")),
            )
            self._switches.append(switch)
            return switch.shown()

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [switch.shown() for switch in self._switches]

    def clear(self) -> None:
        with self._lock:
            self._switches.clear()

    def plan(self, event: str) -> Plan:
        plan = Plan()
        with self._lock:
            for switch in self._switches:
                if switch.applies(event):
                    _apply(switch, plan)
        return plan


def _apply(switch: Switch, plan: Plan) -> None:
    effects = switch.effects
    plan.drop = plan.drop or bool(effects.get("drop"))
    plan.copies += int(effects.get("duplicate", 0))
    low, high = _delay_range(effects.get("delay", 0))
    plan.delay += switch.coin.uniform(low, high)
    if effects.get("reorder"):
        plan.hold = HOLD_SECONDS
    for secret in ("wrong", "old"):
        if effects.get(f"{secret}_secret"):
            plan.secret = secret


def _delay_range(delay: Any) -> tuple[float, float]:
    low, high = delay if isinstance(delay, list) else (delay, delay)
    if not 0 <= float(low) <= float(high):
        raise ValueError("delay is seconds, or [least, most]")
    return float(low), float(high)
