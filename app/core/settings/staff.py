"""Settings of the back office's door: from where it opens, and to how many browsers of one person at once."""

from __future__ import annotations

from dataclasses import dataclass

from app.core import networks
from app.core.networks import Network
from app.core.settings.reader import Reader


@dataclass(frozen=True)
class StaffDoor:
    networks: tuple[Network, ...] = ()  # none: from everywhere
    max_sessions: int = 20
    trust_days: int = 30  # how long a browser may be trusted without a code; 0: never

    def opens_to(self, address: str | None) -> bool:
        """Whether staff may come from this address."""
        return not self.networks or networks.include(self.networks, address)


def read_staff_door(get: Reader) -> StaffDoor:
    allowed, wrong = networks.parsed(get.words("ADMIN_IP_ALLOW", ""))
    get.faults += [
        f"ADMIN_IP_ALLOW={word} is no address or network, such as 203.0.113.7 or 203.0.113.0/24" for word in wrong
    ]
    most = get.number("STAFF_MAX_SESSIONS", StaffDoor.max_sessions, low=1, high=1000)
    days = get.number("STAFF_TRUST_DAYS", StaffDoor.trust_days, low=0, high=30)
    return StaffDoor(networks=allowed, max_sessions=most, trust_days=days)
