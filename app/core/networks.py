"""Addresses and networks as operators write them: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


def parsed(words: Iterable[str]) -> tuple[tuple[Network, ...], list[str]]:
    """(networks, the words that are none)."""
    networks: list[Network] = []
    wrong = []
    for word in words:
        try:
            networks.append(ip_network(word.replace("%", " ")))  # a zone names nothing outside its own machine
        except ValueError:
            wrong.append(word)
    return tuple(networks), wrong


def include(networks: Iterable[Network], address: str | None) -> bool:
    """Whether an address is in one of them. An IPv4 address written as IPv6 is the IPv4 address."""
    try:
        where: IPv4Address | IPv6Address = ip_address(address or "")
    except ValueError:
        return False
    if isinstance(where, IPv6Address) and where.ipv4_mapped:
        where = where.ipv4_mapped
    return any(where in network for network in networks)
