"""Exact sets of IP addresses as sorted, disjoint intervals of integers. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Self

import msgspec

IPV4, IPV6 = 4, 6
_BITS = {IPV4: 32, IPV6: 128}


class AddressSet(msgspec.Struct, frozen=True):
    """Addresses of one family; `ranges` are inclusive (first, last) pairs, sorted, disjoint, not adjacent."""

    version: int
    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def everything(cls, version: int) -> Self:
        """All addresses of the family."""
        return cls(version, ((0, (1 << _BITS[version]) - 1),))

    @classmethod
    def network(cls, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Self:
        """The addresses of one network."""
        first = int(network.network_address)
        return cls(network.version, ((first, first + network.num_addresses - 1),))

    @classmethod
    def union_of(cls, version: int, parts: Iterable[Self]) -> Self:
        """The addresses that are in at least one part."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(pair for part in parts for pair in part.ranges):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return cls(version, tuple(merged))

    def __or__(self, other: Self) -> Self:
        return self.union_of(self.version, (self, other))

    def __and__(self, other: Self) -> Self:
        common: list[tuple[int, int]] = []
        mine, theirs = list(self.ranges), list(other.ranges)
        i = j = 0
        while i < len(mine) and j < len(theirs):
            first, last = max(mine[i][0], theirs[j][0]), min(mine[i][1], theirs[j][1])
            if first <= last:
                common.append((first, last))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return type(self)(self.version, tuple(common))

    def __sub__(self, other: Self) -> Self:
        return self & other.complement()

    def complement(self) -> Self:
        """The addresses of the family that are not in this set."""
        holes: list[tuple[int, int]] = []
        start = 0
        for first, last in self.ranges:
            if first > start:
                holes.append((start, first - 1))
            start = last + 1
        end = (1 << _BITS[self.version]) - 1
        if start <= end:
            holes.append((start, end))
        return type(self)(self.version, tuple(holes))

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __contains__(self, address: int) -> bool:
        return any(first <= address <= last for first, last in self.ranges)

    @property
    def size(self) -> int:
        """Number of addresses."""
        return sum(last - first + 1 for first, last in self.ranges)

    def widest(self, count: int) -> tuple[str, ...]:
        """The `count` widest networks, widest first, in CIDR notation."""
        kind = ipaddress.IPv4Address if self.version == IPV4 else ipaddress.IPv6Address
        candidates = sorted(self.ranges, key=lambda pair: pair[0] - pair[1])[:count]
        networks = [
            network
            for first, last in candidates
            for network in ipaddress.summarize_address_range(kind(first), kind(last))
        ]
        networks.sort(key=lambda network: (network.prefixlen, int(network.network_address)))
        return tuple(str(network) for network in networks[:count])
