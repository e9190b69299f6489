"""Auto-order of WatchGuard policies, as far as the vendor documents it.

Criteria, first difference wins: an Any policy last; fewest « any port » protocols; fewest distinct ports; smallest
sum of protocol numbers; most detailed To, then From (by their most general member); refusals, then proxies, then packet
filters; schedule; names. The documentation leaves room for doubt in several of them (what counts as a distinct port,
how ranges compare with networks): the result is the best guess, never taken as certain.
Reference: Fireware Help, "About Policy Precedence".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import size
from checks.firewall.algebra.services import PORTED, PORTS, TOP_PORT, Services
from checks.firewall.parsers.watchguard_objects import ANY, BY_TYPE, FIREBOX, TUNNELS, Triple

_HOST, _NETWORK, _USER, _INTERFACE, _TYPE, _ANY = range(6)


class Place(NamedTuple):
    """Sort key of a policy."""

    is_any: bool
    any_protocols: int
    ports: int
    score: int
    to: tuple[int, int]
    source: tuple[int, int]
    action: int
    schedule: int
    service: str
    name: str


def place(
    services: Services,
    triples: tuple[tuple[Triple, Addresses], ...],
    sources: tuple[tuple[Triple, Addresses], ...],
    names: tuple[str, str],
    action: int,
    schedule: str,
) -> Place:
    """Where auto-order puts a policy; `names` are those of its service and of itself."""
    any_protocols = ports = score = 0
    for box in (*services.sure, *services.maybe):
        for low, high in box.services:
            number = low // PORTS
            score += number
            if number not in PORTED:
                continue
            if low % PORTS == 0 and high % PORTS == TOP_PORT:
                any_protocols += 1
            else:
                ports += high - low + 1
    return Place(
        is_any=services == svc.ANY,
        any_protocols=any_protocols,
        ports=ports,
        score=score,
        to=_detail(triples),
        source=_detail(sources),
        action=action,
        schedule=int(schedule in ("", "Always On")),
        service=names[0].casefold(),
        name=names[1].casefold(),
    )


def _detail(side: Iterable[tuple[Triple, Addresses]]) -> tuple[int, int]:
    """Rank of the most general member, and how many addresses it holds."""
    return max((_rank(triple, addresses) for triple, addresses in side), default=(_ANY, 0))


def _rank(triple: Triple, addresses: Addresses) -> tuple[int, int]:
    if triple.user != ANY:
        return _USER, 0
    if triple.address not in (ANY, FIREBOX):
        count = size(addresses.over4) + size(addresses.over6)
        return (_HOST, 0) if count == 1 else (_NETWORK, min(count, ip.ALL4[0][1]))
    if triple.address == FIREBOX or triple.interface not in (ANY, *BY_TYPE, *TUNNELS):
        return _INTERFACE, 0
    return (_ANY, 0) if triple.interface == ANY else (_TYPE, 0)
