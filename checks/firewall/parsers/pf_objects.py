"""Addresses, aliases, ports and interfaces of a pf firewall (pfSense, OPNsense), three-valued."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection, union
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError

V4, V6 = 4, 6
SELF = "(self)"
LOOPBACK = ip.from_ranges(("127.0.0.1", "::1"))
LINK_LOCAL = ip.from_ranges(("fe80::/10",))

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(r"(?=.{1,253}$)(?:[A-Za-z0-9_*](?:[A-Za-z0-9_-]{0,62})\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\.?")

MORE_PROTOCOLS = {
    "ipv6": 41,
    "ipencap": 4,
    "ipip": 4,
    "carp": 112,
    "pfsync": 240,
    "etherip": 97,
    "eigrp": 88,
    "egp": 8,
    "igp": 9,
    "rsvp": 46,
    "ipv6-icmp": 58,
    "icmp6": 58,
    "encap": 98,
    "ipcomp": 108,
    "udplite": 136,
    "mobile": 55,
    "ipv6-route": 43,
    "ipv6-frag": 44,
    "ipv6-nonxt": 59,
    "ipv6-opts": 60,
}
"""Protocol names of the two products beside those every parser knows."""

WELL_KNOWN_PORTS = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "dns": 53, "tftp": 69, "http": 80, "pop3": 110,
    "ntp": 123, "imap": 143, "snmp": 161, "snmptrap": 162, "ldap": 389, "https": 443, "microsoft-ds": 445,
    "submission": 587, "ldaps": 636, "imaps": 993, "pop3s": 995, "openvpn": 1194, "l2tp": 1701, "pptp": 1723,
    "radius": 1812, "radius-acct": 1813, "rdp": 3389, "ms-wbt-server": 3389, "sip": 5060, "isakmp": 500,
    "ipsec-msft": 4500,
}  # fmt: skip
"""Names of /etc/services that the web interface of OPNsense offers."""

ICMP_TYPES = {
    "echorep": 0, "unreach": 3, "squench": 4, "redir": 5, "althost": 6, "echoreq": 8, "routeradv": 9, "routersol": 10,
    "timex": 11, "paramprob": 12, "timereq": 13, "timerep": 14, "inforeq": 15, "inforep": 16, "maskreq": 17,
    "maskrep": 18, "trace": 30, "dataconv": 31, "mobredir": 32, "ipv6-where": 33, "ipv6-here": 34, "mobregreq": 35,
    "mobregrep": 36, "skip": 39, "photuris": 40,
}  # fmt: skip
ICMP6_TYPES = {
    "unreach": 1, "toobig": 2, "timex": 3, "paramprob": 4, "echoreq": 128, "echorep": 129, "groupqry": 130,
    "listqry": 130, "grouprep": 131, "listenrep": 131, "groupterm": 132, "listendone": 132, "routersol": 133,
    "routeradv": 134, "neighbrsol": 135, "neighbradv": 136, "redir": 137, "routrrenum": 138, "wrureq": 139,
    "niqry": 139, "fqdnreq": 139, "wrurep": 140, "nirep": 140, "fqdnrep": 140, "mtraceresp": 200, "mtrace": 201,
}  # fmt: skip
"""Names of pf.conf(5)."""


class PortSet(NamedTuple):
    """Ports: what surely belongs, what may too, and why."""

    sure: Intervals = ()
    maybe: Intervals = ()
    unresolved: tuple[str, ...] = ()

    @property
    def over(self) -> Intervals:
        """Every port that may belong."""
        return union(self.sure, self.maybe)


ANY_PORTS = PortSet(svc.ANY_PORT)


def unknown_ports(*why: str) -> PortSet:
    """Ports of which nothing is known."""
    return PortSet(maybe=svc.ANY_PORT, unresolved=why)


def join_ports(*sets: PortSet) -> PortSet:
    """The union of several sets of ports."""
    sure = union(*(one.sure for one in sets))
    return PortSet(
        sure=sure,
        maybe=difference(union(*(one.maybe for one in sets)), sure),
        unresolved=tuple(dict.fromkeys(why for one in sets for why in one.unresolved)),
    )


class PfInterface(NamedTuple):
    """One assigned interface, as rules know it."""

    name: str
    """`wan`, `lan`, `opt1`: the name rules use."""
    device: str
    title: str
    line: int
    enabled: bool
    address: Addresses
    """Its own addresses; uncertain when they are obtained at run time."""
    network: Addresses
    """What `<network>lan</network>` stands for."""
    networks: tuple[str, ...]
    """Networks directly behind it, in CIDR form."""
    kind4: str
    """`static`, `none`, or the way the IPv4 address is obtained (`dhcp`, `pppoe`…)."""
    kind6: str
    gateway: bool
    """It leads to an upstream gateway."""
    gateway_names: tuple[str, ...] = ()


class Cell(NamedTuple):
    """The source or the destination of a rule, as written."""

    targets: tuple[str, ...]
    """`any`, `(self)`, interface names, aliases, addresses."""
    negated: bool = False
    port: str = ""


ANYWHERE = Cell(("any",))


class PfObjects:
    """Everything names resolve to."""

    def __init__(self, *, all_addresses_of_interface: bool) -> None:
        self.interfaces: dict[str, PfInterface] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        """Interface groups and their members, already expanded to zones."""
        self.addresses: NamedSets[Addresses] = address_objects()
        self.ports: NamedSets[PortSet] = NamedSets(
            unknown_ports, lambda *sets: join_ports(*sets) if sets else PortSet(), PortSet()
        )
        self.aliases: dict[str, tuple[str, int]] = {}
        """Alias name to its type and line."""
        self.disabled_aliases: set[str] = set()
        self.members: set[str] = set()
        """Aliases that another alias names."""
        self.used: set[str] = set()
        """Aliases that a rule or a translation names."""
        self.virtual: dict[str, list[str]] = {}
        """Virtual addresses (`address/length`) carried by each interface."""
        self._all_addresses = all_addresses_of_interface
        self._own: Addresses | None = None
        self._resolved: dict[tuple[Cell, tuple[int, ...], bool], Addresses] = {}
        self._expanded = 0

    def own(self) -> Addresses:
        """`(self)`: every address of the firewall."""
        if self._own is None:
            up = [one.address for one in self.interfaces.values() if one.enabled]
            extra = ip.from_ranges(text.partition("/")[0] for found in self.virtual.values() for text in found)
            own = ip.join(LOOPBACK, extra, *up)
            self._own = ip.join(own, _maybe(LINK_LOCAL))
        return self._own

    def address_of(self, name: str) -> Addresses:
        """`wanip`: the addresses of one interface."""
        interface = self.interfaces[name]
        if not interface.enabled:
            return ip.NOTHING
        extra = ip.from_ranges(text.partition("/")[0] for text in self.virtual.get(name, ()))
        return ip.join(interface.address, extra if self._all_addresses else _maybe(extra))

    def network_of(self, name: str) -> Addresses:
        """`lan`: the networks of one interface, those of its virtual addresses included."""
        interface = self.interfaces[name]
        if not interface.enabled:
            return ip.NOTHING
        return ip.join(interface.network, ip.from_ranges(self.virtual.get(name, ())))

    def zones_of(self, name: str) -> tuple[str, ...]:
        """The zones a name of the `interface` field stands for; empty when it is not in the export."""
        if name in self.groups:
            self._expanded += len(self.groups[name])
            if self._expanded > MAX_OBJECTS:
                raise ParseError("trop d'interfaces dans les groupes")
            return self.groups[name]
        return (name,) if name in self.interfaces else ()

    def resolve(self, cell: Cell, families: tuple[int, ...], *, through: bool) -> Addresses:
        """What a cell holds within some IP versions.

        `through`: for traffic that crosses the firewall. Such traffic never goes to an address of the firewall, so
        what is not known of these addresses cannot make it uncertain.
        """
        key = (cell, families, through)
        if key not in self._resolved:
            self._resolved[key] = self._resolve(cell, families, through=through)
        return self._resolved[key]

    def _resolve(self, cell: Cell, families: tuple[int, ...], *, through: bool) -> Addresses:
        parts = [self._target(target, through=through) for target in cell.targets] or [ip.NOTHING]
        value = _only_families(ip.join(*parts), families)
        if not cell.negated or "any" in cell.targets:
            return value
        if len(cell.targets) > 1 or self._many_networks(cell.targets[0]):
            # pf expands `{ !a !b }` into two rules that together match everything: not what the screen shows.
            return ip.unknown(f"négation de plusieurs réseaux : {', '.join(cell.targets)}", families=families)
        return ip.negate(value, families)

    def _many_networks(self, target: str) -> bool:
        if target not in self.interfaces:
            return False
        network = self.network_of(target)
        return len(network.v4) > 1 or len(network.v6) > 1

    def _target(self, target: str, *, through: bool) -> Addresses:
        if target == "any":
            return ip.ANY
        special = self._of_firewall(target, through=through)
        if special is not None:
            return special
        literal = literal_address(target)
        if literal is not None:
            return literal
        self.used.add(target)
        if target in self.disabled_aliases:
            return ip.unknown(f"alias désactivé : {target}")
        if target in self.ports and target not in self.addresses:
            return ip.unknown(f"alias de ports pris comme adresse : {target}")
        return self.addresses.resolve(target)

    def _of_firewall(self, target: str, *, through: bool) -> Addresses | None:
        if target in (SELF, "self"):
            own = self.own()
            return ip.Addresses(v4=own.v4, v6=own.v6) if through else own
        name = target[:-2] if target.endswith("ip") and target[:-2] in self.interfaces else ""
        if name and target not in self.interfaces:
            own = self.address_of(name)
            return ip.Addresses(v4=own.v4, v6=own.v6) if through else own
        if target.startswith("__") and target.endswith("_network") and target[2:-8] in self.interfaces:
            target = target[2:-8]
        if target in self.interfaces:
            return self.network_of(target)
        if target in self.groups:
            members = [self.network_of(one) for one in self.groups[target] if one in self.interfaces]
            return ip.join(ip.unknown(f"réseaux du groupe : {target}"), *members)
        return None

    def resolve_ports(self, text: str) -> PortSet:
        """Ports of a rule: number, range, alias, list or well-known name."""
        text = text.strip().lower() if text.strip().lower() == "any" else text.strip()
        if text in ("", "any"):
            return ANY_PORTS
        return join_ports(*(self._port(part) for part in text.replace(",", " ").split()))

    def _port(self, text: str) -> PortSet:
        if text in self.ports:
            self.used.add(text)
            return self.ports.resolve(text)
        return literal_ports(text) or self._unknown_port(text)

    def _unknown_port(self, text: str) -> PortSet:
        self.used.add(text)
        return unknown_ports(f"absent:{text}")


def _maybe(one: Addresses) -> Addresses:
    return Addresses(maybe4=one.over4, maybe6=one.over6, unresolved=one.unresolved)


def _only_families(one: Addresses, families: tuple[int, ...]) -> Addresses:
    return one if families == (V4, V6) else ip.only(one, families[0])


def literal_address(text: str) -> Addresses | None:
    """The set of `10.0.0.1`, `10.0.0.0/24` or `10.0.0.1-10.0.0.9`; None when the text is a name."""
    try:
        return ip.from_ranges((text,))
    except AddressError:
        return None


def literal_ports(text: str) -> PortSet | None:
    """The set of `443`, `8000:8010`, `1024-any` or `https`; None when the text is another name."""
    low, _, high = text.lower().replace(":", "-").partition("-")
    if high == "any":
        text = f"{low}-{svc.TOP_PORT}"
    elif low == "any" and high:
        text = f"1-{high}"
    try:
        return PortSet(svc.parse_ports(text, WELL_KNOWN_PORTS))
    except ServiceError:
        return None


def define_alias(
    objects: PfObjects, name: str, kind: str, entries: Iterable[str], line: int, known: AbstractSet[str]
) -> None:
    """Define a table: addresses, networks, ranges, host names, other aliases (`known`), and `!` exclusions.

    An exclusion wins over a wider entry and loses against a narrower one (longest prefix first, as pf reads tables).
    """
    objects.aliases[name] = (kind, line)
    kept: list[tuple[int, bool, Addresses]] = []
    unknown: list[str] = []
    nested: list[str] = []
    for entry in entries:
        negated, text = entry.startswith("!"), entry.lstrip("!")
        literal = literal_address(text)
        if literal is not None:
            kept.append((_prefix(literal), negated, literal))
        elif negated:
            unknown.append(f"exclusion : {text}")
        elif text in known:
            nested.append(text)
        else:
            unknown.append(_why_unknown(text))
    objects.members.update(nested)
    if any(why.startswith("exclusion") for why in unknown) or (nested and any(negated for _, negated, _ in kept)):
        objects.addresses.define(name, ip.unknown(*(unknown or (f"exclusion dans {name}",))))
        return
    exact = _by_prefix(kept)
    if any(negated for _, negated, _ in kept) and unknown:
        exact = _maybe(exact)
    value = ip.join(exact, ip.unknown(*unknown)) if unknown else exact
    objects.addresses.define(f"={name}", value)
    objects.addresses.define_group(name, (f"={name}", *nested))


def define_port_alias(
    objects: PfObjects, name: str, entries: Iterable[str], line: int, known: AbstractSet[str]
) -> None:
    """Define a port alias: ports, ranges, other port aliases (`known`)."""
    objects.aliases[name] = ("port", line)
    literals: list[PortSet] = []
    nested: list[str] = []
    for entry in entries:
        if entry in known:
            nested.append(entry)
        else:
            literals.append(literal_ports(entry) or unknown_ports(f"absent:{entry}"))
    objects.members.update(nested)
    objects.ports.define(f"={name}", join_ports(*literals))
    objects.ports.define_group(name, (f"={name}", *nested))


def _why_unknown(text: str) -> str:
    if "." in text and _HOST.fullmatch(text) and not text.replace(".", "").isdigit():
        return f"fqdn:{text}"
    return f"absent:{text}" if _NAME.fullmatch(text) else f"entrée non comprise : {text[:60]}"


def _by_prefix(kept: list[tuple[int, bool, Addresses]]) -> Addresses:
    if not any(negated for _, negated, _ in kept):
        return _union(one for _, _, one in kept)
    steps: dict[int, tuple[list[Addresses], list[Addresses]]] = {}
    for length, negated, one in kept:
        steps.setdefault(length, ([], []))[negated].append(one)
    found = ip.NOTHING
    for _, (added, removed) in sorted(steps.items()):
        wider, less = _union((found, *added)), _union(removed)
        found = Addresses(v4=difference(wider.v4, less.v4), v6=difference(wider.v6, less.v6))
    return found


def _union(sets: Iterable[Addresses]) -> Addresses:
    found = list(sets)
    return Addresses(v4=union(*(one.v4 for one in found)), v6=union(*(one.v6 for one in found)))


def _prefix(one: Addresses) -> int:
    """Length of the prefix that holds the entry: wider entries first."""
    intervals, bits = (one.v4, 32) if one.v4 else (one.v6, 128)
    low, high = intervals[0]
    return bits - (high - low).bit_length()


def protocols_of(text: str, families: tuple[int, ...]) -> tuple[int, ...] | None:
    """Protocol numbers of the `protocol` field; empty for any, None when it is not known."""
    name = text.strip().lower()
    if name in ("", "any"):
        return ()
    if name == "tcp/udp":
        return (6, 17)
    if name == "icmp":
        return tuple({V4: 1, V6: 58}[family] for family in families)
    if name in MORE_PROTOCOLS:
        return (MORE_PROTOCOLS[name],)
    try:
        return (svc.protocol_number(name),)
    except ServiceError:
        return None


def services_of(
    protocol: str, families: tuple[int, ...], source: PortSet, destination: PortSet, icmp_types: str = ""
) -> Services:
    """The services of a rule. Ports only count for TCP and UDP, as on the product."""
    numbers = protocols_of(protocol, families)
    if numbers is None:
        return svc.unknown(f"protocole : {protocol}")
    if not numbers:
        return svc.ANY
    if set(numbers) <= svc.ICMP_LIKE and icmp_types.strip() not in ("", "any"):
        return svc.join(*(_icmp(number, kind) for number in numbers for kind in icmp_types.replace(",", " ").split()))
    if not set(numbers) <= {6, 17}:
        return svc.join(*(svc.of(number) for number in numbers))
    sure = [svc.of(number, destination.sure, source.sure) for number in numbers]
    exact = svc.join(*sure)
    if not (source.maybe or destination.maybe):
        return exact
    may = svc.join(*(svc.of(number, destination.over, source.over) for number in numbers))
    return Services(
        sure=exact.sure,
        maybe=may.sure,
        unresolved=tuple(dict.fromkeys((*source.unresolved, *destination.unresolved))),
    )


def _icmp(number: int, name: str) -> Services:
    kinds: Mapping[str, int] = ICMP_TYPES if number == 1 else ICMP6_TYPES
    name = name.strip().lower()
    if name.isdecimal() and len(name) <= 3 and int(name) <= svc.TOP_TYPE:  # noqa: PLR2004
        return svc.icmp(number, int(name))
    if name in kinds:
        return svc.icmp(number, kinds[name])
    if name in ICMP_TYPES or name in ICMP6_TYPES:
        return svc.NOTHING  # a type of the other IP version: that half of the rule does not exist
    return svc.unknown(f"type ICMP : {name}", protocols=(number,))


def port_services(ports: PortSet) -> Services:
    """A port alias as a service object: TCP and UDP."""
    sure = svc.join(svc.of(6, ports.sure), svc.of(17, ports.sure)) if ports.sure else svc.NOTHING
    maybe = svc.join(svc.of(6, ports.maybe), svc.of(17, ports.maybe)) if ports.maybe else svc.NOTHING
    return Services(sure=sure.sure, maybe=maybe.sure, unresolved=ports.unresolved)


def is_subset(one: Addresses, other: Addresses) -> bool:
    """Every address that may be in `one` surely is in `other`."""
    return not difference(one.over4, other.v4) and not difference(one.over6, other.v6)


def overlap(one: Addresses, other: Addresses) -> bool:
    """Some address may be in both."""
    return bool(intersection(one.over4, other.over4) or intersection(one.over6, other.over6))


def cidr_of(address: str, length: str) -> str:
    """`10.1.0.0/16` from an interface address and its prefix length; empty when they are not static."""
    try:
        return str(ipaddress.ip_interface(f"{address}/{length}").network)
    except ValueError:
        return ""


def record_aliases(objects: PfObjects, builder: DeviceBuilder) -> None:
    """Add every alias to the named objects of the device."""
    for name, (kind, line) in objects.aliases.items():
        used = name in objects.used or name in objects.members
        if kind == "port":
            builder.add_object(name, "service", port_services(objects.ports.resolve(name)), line=line, used=used)
        else:
            value = objects.addresses.resolve(name)
            builder.add_object(name, "address-group", value, line=line, used=used)
