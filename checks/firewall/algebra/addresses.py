"""IP addresses as integers: text to intervals and back, three-valued sets of both families."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from checks.firewall.algebra.intervals import Intervals, difference, intersection, normal, union
from checks.firewall.facts import AddressSet

BITS = {4: 32, 6: 128}
ALL4: Intervals = ((0, (1 << 32) - 1),)
ALL6: Intervals = ((0, (1 << 128) - 1),)


class AddressError(ValueError):
    """A text is not an address, a network or a range."""


class Addresses(NamedTuple):
    """A three-valued set: what surely belongs, what may belong too, and which objects are the cause."""

    v4: Intervals = ()
    v6: Intervals = ()
    maybe4: Intervals = ()
    """Disjoint from `v4`."""
    maybe6: Intervals = ()
    unresolved: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Nothing is uncertain."""
        return not (self.maybe4 or self.maybe6)

    @property
    def over4(self) -> Intervals:
        """Every IPv4 address that may belong."""
        return union(self.v4, self.maybe4)

    @property
    def over6(self) -> Intervals:
        """Every IPv6 address that may belong."""
        return union(self.v6, self.maybe6)

    def __bool__(self) -> bool:
        """False when nothing can belong."""
        return bool(self.v4 or self.v6 or self.maybe4 or self.maybe6)


ANY = Addresses(v4=ALL4, v6=ALL6)
ANY4 = Addresses(v4=ALL4)
ANY6 = Addresses(v6=ALL6)
NOTHING = Addresses()


def unknown(*why: str, families: tuple[int, ...] = (4, 6)) -> Addresses:
    """A set of which nothing is known: any address may belong. `why`: `fqdn:…`, `geo:…`, `absent:…`."""
    return Addresses(maybe4=ALL4 if 4 in families else (), maybe6=ALL6 if 6 in families else (), unresolved=why)  # noqa: PLR2004


def join(*sets: Addresses) -> Addresses:
    """The union: what a group holds."""
    if len(sets) == 1:
        return sets[0]
    v4 = union(*(one.v4 for one in sets))
    v6 = union(*(one.v6 for one in sets))
    return Addresses(
        v4=v4,
        v6=v6,
        maybe4=difference(union(*(one.maybe4 for one in sets)), v4),
        maybe6=difference(union(*(one.maybe6 for one in sets)), v6),
        unresolved=tuple(dict.fromkeys(why for one in sets for why in one.unresolved)),
    )


def negate(one: Addresses, families: tuple[int, ...] = (4, 6)) -> Addresses:
    """Every address of `families` that is not in the set; what was uncertain stays so."""
    all4 = ALL4 if 4 in families else ()  # noqa: PLR2004
    all6 = ALL6 if 6 in families else ()  # noqa: PLR2004
    return Addresses(
        v4=difference(all4, one.over4),
        v6=difference(all6, one.over6),
        maybe4=intersection(all4, one.maybe4),
        maybe6=intersection(all6, one.maybe6),
        unresolved=one.unresolved,
    )


def only(one: Addresses, family: int) -> Addresses:
    """The part of one IP version."""
    if family == 4:  # noqa: PLR2004
        return Addresses(v4=one.v4, maybe4=one.maybe4, unresolved=one.unresolved)
    return Addresses(v6=one.v6, maybe6=one.maybe6, unresolved=one.unresolved)


def parse_address(text: str) -> tuple[int, int]:
    """Family (4 or 6) and value of one address. Raises `AddressError`."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise AddressError(f"not an address: {text[:60]!r}") from error
    return address.version, int(address)


def parse_range(text: str) -> tuple[int, int, int]:
    """Family, lowest and highest value of `10.0.0.1`, `10.0.0.0/24` (host bits ignored) or `10.0.0.1-10.0.0.9`.

    A mask may be written `10.0.0.0/255.255.255.0` when it is contiguous. Raises `AddressError`.
    """
    base, slash, mask = text.partition("/")
    if slash:
        family, value = parse_address(base)
        bits = BITS[family]
        length = _prefix_length(mask, family)
        host = (1 << (bits - length)) - 1
        return family, value & ~host, value | host
    low, dash, high = text.partition("-")
    family, first = parse_address(low.strip())
    if not dash:
        return family, first, first
    other, last = parse_address(high.strip())
    if other != family or last < first:
        raise AddressError(f"not a range: {text[:60]!r}")
    return family, first, last


def _prefix_length(mask: str, family: int) -> int:
    if mask.isascii() and mask.isdigit() and len(mask) <= 3 and int(mask) <= BITS[family]:  # noqa: PLR2004
        return int(mask)
    other, value = parse_address(mask)
    inverted = ~value & ((1 << BITS[other]) - 1)
    if other != family or inverted & (inverted + 1):
        raise AddressError(f"not a contiguous mask: {mask[:40]!r}")
    return BITS[family] - inverted.bit_length()


def from_ranges(texts: Iterable[str]) -> Addresses:
    """The exact set of several addresses, networks and ranges. Raises `AddressError`."""
    v4: list[tuple[int, int]] = []
    v6: list[tuple[int, int]] = []
    for text in texts:
        family, low, high = parse_range(text)
        (v4 if family == 4 else v6).append((low, high))  # noqa: PLR2004
    return Addresses(v4=normal(v4), v6=normal(v6))


def format_address(family: int, value: int) -> str:
    """Text of one address."""
    return str(ipaddress.IPv4Address(value) if family == 4 else ipaddress.IPv6Address(value))  # noqa: PLR2004


def format_interval(family: int, low: int, high: int) -> str:
    """`10.0.0.1`, `10.0.0.0/24` when it is a network, `10.0.0.5-10.0.0.9` otherwise."""
    count = high - low + 1
    if count & (count - 1) == 0 and low & (count - 1) == 0:
        first = format_address(family, low)
        return first if count == 1 else f"{first}/{BITS[family] - count.bit_length() + 1}"
    return f"{format_address(family, low)}-{format_address(family, high)}"


def to_fact(one: Addresses, names: Iterable[str] = ()) -> AddressSet:
    """The readable form kept in the facts."""

    def texts(v4: Intervals, v6: Intervals) -> tuple[str, ...]:
        return (
            *(format_interval(4, low, high) for low, high in v4),
            *(format_interval(6, low, high) for low, high in v6),
        )

    return AddressSet(
        names=tuple(names),
        ranges=texts(one.v4, one.v6),
        maybe=texts(one.maybe4, one.maybe6),
        unresolved=one.unresolved,
    )


def from_fact(fact: AddressSet) -> Addresses:
    """The inverse of `to_fact`. Raises `AddressError` on facts somebody edited."""
    sure, maybe = from_ranges(fact.ranges), from_ranges(fact.maybe)
    return Addresses(v4=sure.v4, v6=sure.v6, maybe4=maybe.v4, maybe6=maybe.v6, unresolved=fact.unresolved)
