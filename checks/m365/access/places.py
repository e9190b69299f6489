"""Places that policies tell apart, from the named locations: exact atoms of addresses and of countries.

A place is an address and a country, which are taken as independent: geolocation of an address is a guess, and may come
from a telephone. Addresses of the old « trusted IP » list of per-user MFA cannot be read and are not in « AllTrusted ».
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network

from checks.m365.access.search import TooLargeError
from checks.m365.views.policies import Location, Sides
from checks.model import Record

ALL, TRUSTED = "all", "alltrusted"
MAX_PLACES = 4_096
ELSEWHERE = "partout ailleurs"
Names = frozenset[str]


class Place(Record, frozen=True, kw_only=True):
    """What addresses and countries have in common."""

    inside: Names
    """Ids of the named locations it is in."""
    trusted: bool
    label: str


def places(known: Sequence[Location], wanted: Names) -> tuple[Place, ...]:
    """Every combination of the wanted locations that exists, the one outside all of them first.

    Raises `TooLargeError` beyond `MAX_PLACES`.
    """
    used = [one for one in known if one.readable and (one.id in wanted or (TRUSTED in wanted and one.trusted))]
    by_address = _addresses([one for one in used if one.networks])
    by_country = _countries([one for one in used if one.countries or one.unknown_countries])
    if len(by_address) * len(by_country) > MAX_PLACES:
        raise TooLargeError
    by_id = {one.id: one for one in used}
    every = {left | right for left in by_address for right in by_country}
    return tuple(_place(inside, by_id) for inside in sorted(every, key=lambda inside: (len(inside), sorted(inside))))


def _place(inside: Names, by_id: Mapping[str, Location]) -> Place:
    names = sorted(by_id[key].name for key in inside)
    return Place(
        inside=inside,
        trusted=any(by_id[key].trusted for key in inside),
        label=" et ".join(f"« {name} »" for name in names) if names else ELSEWHERE,
    )


def _addresses(used: Sequence[Location]) -> set[Names]:
    """Sets of locations that some address is in, found by walking over the bounds of their ranges."""
    found: set[Names] = {frozenset()}
    for version in (4, 6):
        bounds: list[tuple[int, int, str]] = []
        for one in used:
            for network in one.networks:
                if network.version == version:
                    bounds += _ends(network, one.id)
        open_ranges: dict[str, int] = {}
        bounds.sort()
        for index, (at, step, key) in enumerate(bounds):
            open_ranges[key] = open_ranges.get(key, 0) + step
            if index + 1 == len(bounds) or bounds[index + 1][0] != at:
                found.add(frozenset(name for name, depth in open_ranges.items() if depth))
                _bounded(found)
    return found


def _ends(network: IPv4Network | IPv6Network, key: str) -> tuple[tuple[int, int, str], tuple[int, int, str]]:
    return (int(network.network_address), 1, key), (int(network.broadcast_address) + 1, -1, key)


def _countries(used: Sequence[Location]) -> set[Names]:
    codes: dict[str, set[str]] = {}
    for one in used:
        for code in one.countries:
            codes.setdefault(code, set()).add(one.id)
        if one.unknown_countries:
            codes.setdefault("", set()).add(one.id)
    found = {frozenset[str](), *(frozenset(ids) for ids in codes.values())}
    _bounded(found)
    return found


def _bounded(found: set[Names]) -> None:
    if len(found) > MAX_PLACES:
        raise TooLargeError


def within(sides: Sides | None, place: Place, readable: Names) -> bool | None:
    """Whether a location condition holds at a place; None when it names a location that could not be read."""
    if sides is None:
        return True
    # The service asks for an included place: what an empty list stands for is not documented.
    inside = _any(sides.include, place, readable) if sides.include else None
    return both(inside, opposite(_any(sides.exclude, place, readable)))


def _any(names: Iterable[str], place: Place, readable: Names) -> bool | None:
    return either(_one(name, place, readable) for name in names)


def _one(name: str, place: Place, readable: Names) -> bool | None:
    if name == ALL:
        return True
    if name == TRUSTED:
        return True if place.trusted else None if TRUSTED not in readable else False
    return name in place.inside if name in readable else None


def either(told: Iterable[bool | None]) -> bool | None:
    """Three-valued « or »."""
    seen = set(told)
    return True if True in seen else None if None in seen else False


def both(left: bool | None, right: bool | None) -> bool | None:
    """Three-valued « and »."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def opposite(told: bool | None) -> bool | None:
    """Three-valued « not »."""
    return None if told is None else not told
