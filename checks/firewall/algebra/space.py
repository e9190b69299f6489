"""The space packets live in: eight axes of integers, and how names become numbers on them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from checks.firewall.algebra.addresses import ALL4, ALL6, format_address
from checks.firewall.algebra.cubes import Box, meet
from checks.firewall.algebra.intervals import Intervals, contains, difference, normal
from checks.firewall.algebra.services import ALL, ANY_PORT, ICMP_LIKE, NAMES, PORTED, PORTS
from checks.firewall.facts import NOT_TRANSLATED, Chain, Device

IN, OUT, SOURCE, DESTINATION, SERVICE, SOURCE_PORT, STATE, TRANSLATED = range(8)
"""Axes of a cube, in order."""

STATES = ("new", "established", "related", "invalid", "untracked")
NEW = 0
"""Value of a new connection on the state axis."""
OTHER_ZONE = "(autre interface)"
"""Stands for every interface that no rule and no list of interfaces names."""

Cube = tuple[Intervals, Intervals, Intervals, Intervals, Intervals, Intervals, Intervals, Intervals]
"""A product set: one set per axis. Empty as soon as one of them is."""

Point = tuple[int, int, int, int, int, int, int, int]
"""One packet."""


class Space(NamedTuple):
    """The axes of one chain for one IP version."""

    family: int
    zones: tuple[str, ...]
    """Names of the values of the two zone axes; the last one is every other interface."""
    prefixes: tuple[str, ...]
    """Wildcard prefixes; each has a zone `prefix*` that stands for the unnamed interfaces it matches."""
    translated: tuple[str, ...]

    @property
    def full(self) -> Cube:
        """Every packet."""
        zones: Intervals = ((0, len(self.zones) - 1),)
        addresses = ALL4 if self.family == 4 else ALL6  # noqa: PLR2004
        states: Intervals = ((0, len(STATES) - 1),)
        return (zones, zones, addresses, addresses, ALL, ANY_PORT, states, ((0, len(self.translated) - 1),))

    def zone_set(self, names: Iterable[str], *, negated: bool = False) -> Intervals:
        """Values of some zones; all of them when no name is given."""
        everything: Intervals = ((0, len(self.zones) - 1),)
        wanted = tuple(names)
        if not wanted:
            return everything
        found = normal(
            (index, index) for index, zone in enumerate(self.zones) if any(_zone_matches(zone, name) for name in wanted)
        )
        return difference(everything, found) if negated else found

    def state_set(self, states: Iterable[str]) -> Intervals:
        """Values of some connection states; all of them when none is given."""
        return normal((STATES.index(state),) * 2 for state in states) or ((0, len(STATES) - 1),)

    def translated_set(self, names: Iterable[str]) -> Intervals:
        """Values of some published addresses; all of them when none is given."""
        return normal((self.translated.index(name),) * 2 for name in names) or ((0, len(self.translated) - 1),)

    def describe(self, point: Point) -> dict[str, str]:
        """A packet as people write it.

        Keys: `family`, `src`, `dst`, `proto`, and those that apply of `sport`, `dport`,
        `type`, `code`, `in`, `out`, `state`, `translated`.
        """
        protocol, low = divmod(point[SERVICE], PORTS)
        found = {
            "family": str(self.family),
            "src": format_address(self.family, point[SOURCE]),
            "dst": format_address(self.family, point[DESTINATION]),
            "proto": NAMES.get(protocol, str(protocol)),
        }
        if protocol in PORTED:
            found["dport"] = str(low)
            found["sport"] = str(point[SOURCE_PORT])
        elif protocol in ICMP_LIKE:
            found["type"], found["code"] = str(low // 256), str(low % 256)
        if len(self.zones) > 1:
            found["in"], found["out"] = self.zones[point[IN]], self.zones[point[OUT]]
        found["state"] = STATES[point[STATE]]
        if point[TRANSLATED]:
            found["translated"] = self.translated[point[TRANSLATED]]
        return found


def _zone_matches(zone: str, name: str) -> bool:
    if name.endswith("*"):
        return zone.startswith(name[:-1]) and zone != OTHER_ZONE
    return zone == name


def space_of(device: Device, chains: Iterable[Chain], family: int) -> Space:
    """The axes needed by some chains of a device."""
    zones = {interface.name for interface in device.interfaces}
    prefixes: set[str] = set()
    translated: set[str] = set()
    for chain in chains:
        for rule in chain.rules:
            for name in (*rule.in_zones, *rule.out_zones):
                (prefixes if name.endswith("*") else zones).add(name)
            translated.update(rule.translated)
    # Sorted: two states of a device number alike whatever the order of their rules.
    return Space(
        family=family,
        zones=(*sorted(zones), *sorted(prefixes), OTHER_ZONE),
        prefixes=tuple(sorted(prefixes)),
        translated=(NOT_TRANSLATED, *sorted(translated - {NOT_TRANSLATED})),
    )


def inside(cube: Cube, point: Point) -> bool:
    """The packet is in the cube."""
    return all(contains(axis, value) for axis, value in zip(cube, point, strict=True))


def meet_cubes(left: Cube, right: Cube) -> Cube | None:
    """Common packets, None when there are none."""
    return cast("Cube | None", meet(left, right))


def with_state(cube: Cube, state: int) -> Cube:
    """The cube cut to one connection state that it holds."""
    a, b, c, d, e, f, _, h = cube
    return (a, b, c, d, e, f, ((state, state),), h)


def representative(cube: Box) -> Point:
    """One packet of a non-empty cube, a likely one when possible.

    A new connection, TCP, an address that is not the first of its network; an address of documentation
    (RFC 5737, RFC 3849) among all those of the Internet.
    """
    chosen = []
    for axis, one in enumerate(cube):
        wanted = _LIKELY.get(axis, ())
        chosen.append(next((value for value in wanted if contains(one, value)), _plain(axis, one)))
    a, b, c, d, e, f, g, h = chosen
    return (a, b, c, d, e, f, g, h)


def _plain(axis: int, one: Intervals) -> int:
    """The lowest value; the next one for addresses when there is room, as the lowest often names the network."""
    low, high = one[0]
    return low + 1 if axis in (SOURCE, DESTINATION) and high - low > 1 else low


_DOCUMENTATION = (0x20010DB8 << 96 | 0x10, 203 << 24 | 113 << 8 | 10)
_LIKELY: dict[int, tuple[int, ...]] = {
    SOURCE: _DOCUMENTATION,
    DESTINATION: _DOCUMENTATION,
    SERVICE: (*(6 * PORTS + port for port in (443, 80, 445, 22, 3389)), 17 * PORTS + 53),
    SOURCE_PORT: (40000,),
    STATE: (NEW,),
}
