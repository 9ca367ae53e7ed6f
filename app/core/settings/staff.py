"""Settings of the back office's door: from where it opens, and to how many browsers of one person at once."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from app.core.settings.reader import Reader


@dataclass(frozen=True)
class StaffDoor:
    networks: tuple[IPv4Network | IPv6Network, ...] = ()  # none: from everywhere
    max_sessions: int = 20
    trust_days: int = 30  # how long a browser may be trusted without a code; 0: never

    def opens_to(self, address: str | None) -> bool:
        """Whether staff may come from this address. An IPv4 address written as IPv6 is the IPv4 address."""
        if not self.networks:
            return True
        try:
            where: IPv4Address | IPv6Address = ip_address(address or "")
        except ValueError:
            return False
        if isinstance(where, IPv6Address) and where.ipv4_mapped:
            where = where.ipv4_mapped
        return any(where in network for network in self.networks)


def read_staff_door(get: Reader) -> StaffDoor:
    networks = []
    for word in get.words("ADMIN_IP_ALLOW", ""):
        try:
            networks.append(ip_network(word))
        except ValueError:
            get.faults.append(f"ADMIN_IP_ALLOW={word} is no address or network, such as 203.0.113.7 or 203.0.113.0/24")
    most = get.number("STAFF_MAX_SESSIONS", StaffDoor.max_sessions, low=1, high=1000)
    days = get.number("STAFF_TRUST_DAYS", StaffDoor.trust_days, low=0, high=30)
    return StaffDoor(networks=tuple(networks), max_sessions=most, trust_days=days)
