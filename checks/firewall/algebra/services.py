"""Services as integers: protocol and destination port on one axis, source port on another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from checks.firewall.algebra.intervals import Intervals, difference, intersection, normal, union
from checks.firewall.facts import ServiceSet

PORTS = 65536
TOP_PORT = PORTS - 1
TOP_TYPE = 255
"""Highest ICMP type or code."""
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "icmp6": 58, "ospf": 89,
             "vrrp": 112, "pim": 103, "l2tp": 115, "sctp": 132, "udplite": 136, "dccp": 33}  # fmt: skip
NAMES = {number: name for name, number in PROTOCOLS.items()}
ICMP_LIKE = frozenset({1, 58})
PORTED = frozenset({6, 17, 33, 132, 136})
ANY_PORT: Intervals = ((0, TOP_PORT),)
ALL: Intervals = ((0, 256 * PORTS - 1),)
"""Every protocol (0–255) and every port, type and code."""


class ServiceError(ValueError):
    """A text is not a service."""


class Box(NamedTuple):
    """Services that share a constraint on the source port."""

    services: Intervals
    """`protocol * 65536 + destination port`; `protocol * 65536 + type * 256 + code` for ICMP."""
    source_ports: Intervals = ANY_PORT


class Services(NamedTuple):
    """A three-valued set of services."""

    sure: tuple[Box, ...] = ()
    maybe: tuple[Box, ...] = ()
    """What may belong too."""
    unresolved: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Nothing is uncertain."""
        return not self.maybe

    def __bool__(self) -> bool:
        """False when nothing can belong."""
        return bool(self.sure or self.maybe)


ANY = Services(sure=(Box(ALL),))
NOTHING = Services()


def unknown(*why: str, protocols: Iterable[int] = ()) -> Services:
    """Services of which nothing is known, within `protocols` when they are."""
    inside = normal((number * PORTS, number * PORTS + TOP_PORT) for number in protocols) or ALL
    return Services(maybe=(Box(inside),), unresolved=why)


def _merge(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """One box per constraint on source ports, boxes inside the unconstrained one dropped."""
    groups: dict[Intervals, list[Intervals]] = {}
    for box in boxes:
        if box.services and box.source_ports:
            groups.setdefault(box.source_ports, []).append(box.services)
    merged = {ports: union(*found) for ports, found in groups.items()}
    free = merged.get(ANY_PORT, ())
    if free:
        merged = {p: found if p == ANY_PORT else difference(found, free) for p, found in merged.items()}
    return tuple(Box(found, ports) for ports, found in sorted(merged.items()) if found)


def join(*sets: Services) -> Services:
    """The union: what a group holds."""
    if len(sets) == 1:
        return sets[0]
    return Services(
        sure=_merge(box for one in sets for box in one.sure),
        maybe=_merge(box for one in sets for box in one.maybe),
        unresolved=tuple(dict.fromkeys(why for one in sets for why in one.unresolved)),
    )


def negate(one: Services) -> Services:
    """Every service that is not in the set.

    Exact when no source port is constrained; otherwise the constrained services become uncertain.
    """
    free = union(*(box.services for box in one.sure if box.source_ports == ANY_PORT))
    doubtful = difference(
        union(
            *(box.services for box in one.sure if box.source_ports != ANY_PORT), *(box.services for box in one.maybe)
        ),
        free,
    )
    sure = difference(ALL, union(free, doubtful))
    return Services(
        sure=(Box(sure),) if sure else (),
        maybe=(Box(doubtful),) if doubtful else (),
        unresolved=one.unresolved,
    )


def within(one: Services, protocols: Iterable[int]) -> Services:
    """The part of some protocols: the meaning of `-p tcp` beside another match."""
    inside = normal((number * PORTS, number * PORTS + TOP_PORT) for number in protocols)

    def cut(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
        found = (Box(intersection(box.services, inside), box.source_ports) for box in boxes)
        return tuple(box for box in found if box.services)

    return Services(sure=cut(one.sure), maybe=cut(one.maybe), unresolved=one.unresolved)


def protocol_number(text: str) -> int:
    """IANA number of a protocol name or number. Raises `ServiceError`."""
    name = text.strip().lower()
    name = {
        "icmpv6": "icmp6",
        "ipv6-icmp": "icmp6",
        "icmp-v6": "icmp6",
        "ipv6icmp": "icmp6",
        "ipencap": "4",
        "ipip": "4",
    }.get(name, name)
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    if name.isascii() and name.isdigit() and len(name) <= 3 and int(name) <= 255:  # noqa: PLR2004
        return int(name)
    raise ServiceError(f"not a protocol: {text[:40]!r}")


def parse_ports(text: str, mapping: Mapping[str, int] | None = None) -> Intervals:
    """`443`, `5000-5010`, `5000:5010`, and lists with commas or spaces; names through `mapping`.

    Raises `ServiceError`.
    """
    pairs = []
    for part in text.replace(",", " ").split():
        low, _, high = part.replace(":", "-").partition("-")
        first = _port(low, mapping)
        last = _port(high, mapping) if high else first
        if last < first:
            raise ServiceError(f"not a port range: {part[:40]!r}")
        pairs.append((first, last))
    if not pairs:
        raise ServiceError("no port")
    return normal(pairs)


def _port(text: str, mapping: Mapping[str, int] | None) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= TOP_PORT:  # noqa: PLR2004
        return int(text)
    if mapping and text.lower() in mapping:
        return mapping[text.lower()]
    raise ServiceError(f"not a port: {text[:40]!r}")


def of(protocol: int, ports: Intervals = ANY_PORT, source_ports: Intervals = ANY_PORT) -> Services:
    """Services of one protocol. For ICMP, `ports` holds `type * 256 + code`."""
    shifted = tuple((protocol * PORTS + low, protocol * PORTS + high) for low, high in ports)
    return Services(sure=(Box(shifted, source_ports),))


def icmp(protocol: int, kind: int, code: int | None = None) -> Services:
    """One ICMP (1) or ICMPv6 (58) type, all its codes when `code` is None."""
    low = kind * 256 + (code or 0)
    return of(protocol, ((low, low if code is not None else low + 255),))


def parse_service(text: str) -> Services:
    """One service as the facts write it (see `ServiceSet`). Raises `ServiceError`."""
    if text == "any":
        return ANY
    main, _, source = text.partition("@")
    head, slash, rest = main.partition("/")
    sports = parse_ports(source) if source else ANY_PORT
    if head == "any":
        raise ServiceError(f"not a service: {text[:60]!r}")
    low, dash, high = head.partition("-")
    if dash:
        first, last = protocol_number(low), protocol_number(high)
        if last < first or slash:
            raise ServiceError(f"not a service: {text[:60]!r}")
        if last < first:
            raise ServiceError(f"not a service: {text[:60]!r}")
        return Services(sure=(Box(((first * PORTS, last * PORTS + TOP_PORT),), sports),))
    number = protocol_number(head)
    if not slash:
        return of(number, source_ports=sports)
    if number in ICMP_LIKE:
        kind, _, code = rest.partition("/")
        ((first, last),) = parse_ports(kind)
        if last > TOP_TYPE or not (code == "" or (first == last and code.isdecimal() and int(code[:4]) <= TOP_TYPE)):
            raise ServiceError(f"not a service: {text[:60]!r}")
        types = ((first * 256 + int(code or 0), last * 256 + int(code or 255)),)
        return of(number, types, sports)
    return of(number, parse_ports(rest), sports)


def _texts(box: Box) -> list[str]:
    suffix = "" if box.source_ports == ANY_PORT else "@" + ",".join(_span(low, high) for low, high in box.source_ports)
    if box.services == ALL and not suffix:
        return ["any"]
    found: list[str] = []
    for low, high in box.services:
        first, last = low // PORTS, high // PORTS
        if first == last:
            found += _of_protocol(first, low % PORTS, high % PORTS)
            continue
        if low % PORTS:
            found += _of_protocol(first, low % PORTS, TOP_PORT)
            first += 1
        partial = high % PORTS != TOP_PORT
        whole = last - 1 if partial else last
        if whole > first:
            found.append(f"{first}-{whole}")
        elif whole == first:
            found += _of_protocol(first, 0, TOP_PORT)
        if partial:
            found += _of_protocol(last, 0, high % PORTS)
    return [text + suffix for text in found]


def _of_protocol(number: int, low: int, high: int) -> list[str]:
    name = NAMES.get(number, str(number))
    if (low, high) == (0, TOP_PORT):
        return [name]
    if number not in ICMP_LIKE:
        return [f"{name}/{_span(low, high)}"]
    found = []
    value = low
    while value <= high:
        kind, code = divmod(value, 256)
        whole = (high + 1) // 256 - 1
        if code == 0 and whole >= kind:
            found.append(f"{name}/{_span(kind, whole)}")
            value = (whole + 1) * 256
        else:
            found.append(f"{name}/{kind}/{code}")
            value += 1
    return found


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"


def to_fact(one: Services, names: Iterable[str] = ()) -> ServiceSet:
    """The readable form kept in the facts."""
    return ServiceSet(
        names=tuple(names),
        services=tuple(text for box in one.sure for text in _texts(box)),
        maybe=tuple(text for box in one.maybe for text in _texts(box)),
        unresolved=one.unresolved,
    )


def from_fact(fact: ServiceSet) -> Services:
    """The inverse of `to_fact`. Raises `ServiceError` on facts somebody edited."""
    return Services(
        sure=_merge(box for text in fact.services for box in parse_service(text).sure),
        maybe=_merge(box for text in fact.maybe for box in parse_service(text).sure),
        unresolved=fact.unresolved,
    )
