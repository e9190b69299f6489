"""What one Linux rule matches: products of sets, met with one constraint after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection
from checks.firewall.algebra.services import Box, Services

STATES = ("new", "established", "related", "invalid", "untracked")


TRACKED, BEFORE_TRACKING, MAYBE_UNTRACKED = "tracked", "before", "maybe"
"""Where a rule reads the connection state: after connection tracking; before it, when every packet reads `invalid`;
before it, where earlier rules made some packets `untracked`."""
BEFORE, AFTER = -100_000, 100_000
"""Added to the priority of chains crossed before routing, and after the chains of the hook."""
TRACKING_PRIORITY = -200
"""Chains of a lower priority are crossed before connection tracking."""


class Product(NamedTuple):
    """A product of sets; a rule is one of them or several."""

    source: Addresses = ip.ANY
    destination: Addresses = ip.ANY
    services: Services = svc.ANY
    in_zones: tuple[str, ...] = ()
    in_negated: bool = False
    out_zones: tuple[str, ...] = ()
    out_negated: bool = False
    state: tuple[str, ...] = STATES
    conditions: tuple[str, ...] = ()
    empty: bool = False
    """Two constraints contradict each other."""

    def when(self, *conditions: str) -> Product:
        """With conditions that are not evaluated."""
        return self._replace(conditions=tuple(dict.fromkeys((*self.conditions, *conditions))))

    def from_addresses(self, found: Addresses) -> Product:
        """With a constraint on the source."""
        return self._replace(source=meet_addresses(self.source, found))

    def to_addresses(self, found: Addresses) -> Product:
        """With a constraint on the destination."""
        return self._replace(destination=meet_addresses(self.destination, found))

    def of_services(self, found: Services) -> Product:
        """With a constraint on the service."""
        return self._replace(services=meet_services(self.services, found))

    def of_family(self, family: int) -> Product:
        """With a constraint on the IP version."""
        anything = ip.ANY4 if family == 4 else ip.ANY6  # noqa: PLR2004
        return self.from_addresses(anything).to_addresses(anything)

    def in_states(self, states: Iterable[str]) -> Product:
        """With a constraint on the connection state."""
        wanted = frozenset(states)
        kept = tuple(state for state in self.state if state in wanted)
        return self._replace(state=kept, empty=self.empty or not kept)

    def before_tracking(self, states: Iterable[str], tracking: str) -> Product:
        """With a constraint on the state that is read before connection tracking knows it."""
        wanted = frozenset(states)
        if tracking == MAYBE_UNTRACKED and ("invalid" in wanted) != ("untracked" in wanted):
            return self.when("état lu avant le suivi de connexion")
        return self if "invalid" in wanted else self._replace(empty=True)

    def from_zones(self, names: tuple[str, ...], *, negated: bool = False) -> Product:
        """With a constraint on the incoming interface."""
        zones, flag, note = _meet_zones((self.in_zones, self.in_negated), (names, negated))
        found = self._replace(in_zones=zones, in_negated=flag, empty=self.empty or not zones)
        return found.when(note) if note else found

    def to_zones(self, names: tuple[str, ...], *, negated: bool = False) -> Product:
        """With a constraint on the outgoing interface."""
        zones, flag, note = _meet_zones((self.out_zones, self.out_negated), (names, negated))
        found = self._replace(out_zones=zones, out_negated=flag, empty=self.empty or not zones)
        return found.when(note) if note else found

    @property
    def impossible(self) -> bool:
        """Nothing can match."""
        return self.empty or not (self.source and self.destination and self.services)


def meet_addresses(left: Addresses, right: Addresses) -> Addresses:
    """What belongs to both; certain only when certain in both."""
    if right == ip.ANY:
        return left
    if left == ip.ANY:
        return right
    v4, v6 = intersection(left.v4, right.v4), intersection(left.v6, right.v6)
    maybe4 = difference(intersection(left.over4, right.over4), v4)
    maybe6 = difference(intersection(left.over6, right.over6), v6)
    why = tuple(dict.fromkeys((*left.unresolved, *right.unresolved))) if maybe4 or maybe6 else ()
    return Addresses(v4=v4, v6=v6, maybe4=maybe4, maybe6=maybe6, unresolved=why)


def meet_services(left: Services, right: Services) -> Services:
    """What belongs to both; certain only when certain in both."""
    if right == svc.ANY:
        return left
    if left == svc.ANY:
        return right
    sure = _meet_boxes(left.sure, right.sure)
    maybe: tuple[Box, ...] = ()
    if left.maybe or right.maybe:
        maybe = _meet_boxes((*left.sure, *left.maybe), (*right.sure, *right.maybe))
    why = tuple(dict.fromkeys((*left.unresolved, *right.unresolved))) if maybe else ()
    # Joining with nothing puts the boxes in their canonical form.
    return svc.join(Services(sure=sure, maybe=maybe, unresolved=why), svc.NOTHING)


def _meet_boxes(left: tuple[Box, ...], right: tuple[Box, ...]) -> tuple[Box, ...]:
    found = (
        Box(intersection(one.services, other.services), intersection(one.source_ports, other.source_ports))
        for one in left
        for other in right
    )
    return tuple(box for box in found if box.services and box.source_ports)


def ports(protocols: Iterable[int], low: Intervals = svc.ANY_PORT, source: Intervals = svc.ANY_PORT) -> Services:
    """One constraint on ports, for several protocols."""
    return svc.join(*(svc.of(number, low, source) for number in protocols), svc.NOTHING)


def _covers(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return pattern == name


def _overlap(left: str, right: str) -> str:
    """The narrower of two patterns when one covers the other."""
    return right if _covers(left, right) else left if _covers(right, left) else ""


Zones = tuple[tuple[str, ...], bool]


def _meet_zones(left: Zones, right: Zones) -> tuple[tuple[str, ...], bool, str]:
    """The common interfaces, and a condition when they cannot be written exactly. No name at all: none is common."""
    if not left[0]:
        return (*right, "")
    if left[1] and right[1]:
        return tuple(dict.fromkeys((*left[0], *right[0]))), True, ""
    if not left[1] and not right[1]:
        common = dict.fromkeys(_overlap(one, other) for one in left[0] for other in right[0])
        common.pop("", None)
        return tuple(common), False, ""
    wanted, refused = (right[0], left[0]) if left[1] else (left[0], right[0])
    kept = tuple(name for name in wanted if not any(_covers(pattern, name) for pattern in refused))
    partly = any(_covers(name, pattern) for name in kept for pattern in refused)
    return kept, False, f"interface autre que {', '.join(refused)}" if partly else ""
