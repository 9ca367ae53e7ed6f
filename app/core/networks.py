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
    where = _read(address)
    return where is not None and any(where in network for network in networks)


def start(address: str | None, *, v4: int, v6: int) -> str:
    """The first address of the network of so many bits that an address is in: `203.0.0.0` of 16; empty for what is none."""
    where = _read(address)
    if where is None:
        return ""
    if isinstance(where, IPv4Address):
        return str(IPv4Network((int(where), v4), strict=False).network_address)
    return str(IPv6Network((int(where), v6), strict=False).network_address)


def _read(address: str | None) -> IPv4Address | IPv6Address | None:
    try:
        where = ip_address(address or "")
    except ValueError:
        return None
    return where.ipv4_mapped or where if isinstance(where, IPv6Address) else where
