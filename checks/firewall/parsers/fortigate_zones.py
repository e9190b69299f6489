"""Interfaces and zones of a FortiGate: one disjoint set of names for rules, networks, administration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_interface
from typing import NamedTuple

from checks.firewall.facts import Interface
from checks.firewall.parsers.fortigate_objects import enabled, value, values
from checks.firewall.parsers.fortigate_text import Block

SDWAN = "virtual-wan-link"
"""Zone of the SD-WAN members that name none."""
_ROLES = frozenset({"wan", "lan", "dmz"})


class Zone(NamedTuple):
    """One zone as configured."""

    name: str
    line: int
    members: tuple[str, ...]
    title: str
    intrazone_line: int
    """Line that allows traffic between its interfaces; 0 when refused."""


class Port(NamedTuple):
    """One interface as configured."""

    name: str
    line: int
    title: str
    networks: tuple[str, ...]
    role: str
    enabled: bool
    access4: tuple[str, ...]
    access6: tuple[str, ...]
    ipv6: bool


class Zones:
    """Names rules use. A zone stays one name, unless a policy also names one of its interfaces."""

    def __init__(self, described: Iterable[Zone], cited: set[str]) -> None:
        self.described = tuple(described)
        self._zones = {zone.name: zone for zone in self.described}
        self.opened = {zone.name for zone in self.described if cited.intersection(zone.members)}
        self._of = {
            member: zone.name for zone in self.described if zone.name not in self.opened for member in zone.members
        }

    def label(self, interface: str) -> str:
        """Name under which rules see an interface."""
        return self._of.get(interface, interface)

    def shared(self, interface: str) -> bool:
        """The name stands for other interfaces too."""
        zone = self._zones.get(self.label(interface))
        return zone is not None and interface in zone.members and len(zone.members) > 1

    def expand(self, names: Iterable[str]) -> tuple[str, ...]:
        """Disjoint names for a cell; empty for any."""
        found: dict[str, None] = {}
        for name in names:
            if name == "any":
                return ()
            zone = self._zones.get(name)
            members = zone.members if zone is not None and name in self.opened else (name,)
            found.update(dict.fromkeys(self.label(member) for member in members))
        return tuple(found)

    def zone(self, name: str) -> Zone | None:
        """A zone that stays one name."""
        return None if name in self.opened else self._zones.get(name)


def read_zones(tables: Block) -> Iterator[Zone]:
    """Zones, then SD-WAN zones."""
    for name, entry in tables.table("system zone").entries.items():
        settings = entry.settings()
        allowed = settings.get("intrazone")
        line = allowed.line if allowed and allowed.values == ("allow",) else 0
        yield Zone(name, entry.line, values(settings, "interface"), value(settings, "description"), line)
    yield from _sdwan(tables)


def _sdwan(tables: Block) -> Iterator[Zone]:
    for path in ("system sdwan", "system virtual-wan-link"):
        table = tables.table(path)
        members: dict[str, list[str]] = {name: [] for name in table.table("zone").entries}
        for entry in table.table("members").entries.values():
            settings = entry.settings()
            if value(settings, "interface"):
                members.setdefault(value(settings, "zone", SDWAN), []).append(value(settings, "interface"))
        for name, interfaces in members.items():
            if not interfaces:  # delivered with the product: nothing enters nor leaves by it
                continue
            named = table.table("zone").entries.get(name)
            yield Zone(name, named.line if named else table.line, tuple(interfaces), "SD-WAN", 0)


def read_ports(table: Block, vdom: str, tunnels: Mapping[str, int]) -> dict[str, Port]:
    """Interfaces of one virtual domain; all of them when the export has none."""
    found: dict[str, Port] = {}
    for name, entry in table.entries.items():
        settings = entry.settings()
        if vdom and value(settings, "vdom", "root") != vdom:
            continue
        six = entry.table("ipv6").settings()
        role = value(settings, "role")
        tunnel = value(settings, "type") == "tunnel" or name in tunnels or name.startswith("ssl.")
        found[name] = Port(
            name=name,
            line=entry.line,
            title=value(settings, "alias") or value(settings, "description"),
            networks=tuple(dict.fromkeys(_networks(entry, six_text=value(six, "ip6-address")))),
            role=role if role in _ROLES else "vpn" if tunnel else "",
            enabled=value(settings, "status", "up") != "down",
            access4=values(settings, "allowaccess"),
            access6=values(six, "ip6-allowaccess"),
            ipv6=_has_ipv6(entry),
        )
    return found


def _has_ipv6(entry: Block) -> bool:
    six = entry.table("ipv6").settings()
    return (
        value(six, "ip6-address", "::/0") != "::/0"
        or value(six, "ip6-mode", "static") != "static"
        or enabled(six, "autoconf")
    )


def _networks(entry: Block, six_text: str) -> Iterator[str]:
    written = [values(entry.settings(), "ip")]
    if enabled(entry.settings(), "secondary-IP"):
        written += [values(one.settings(), "ip") for one in entry.table("secondaryip").entries.values()]
    written.append((six_text,) if six_text else ())
    for words in written:
        if not words:
            continue
        try:
            network = ip_interface("/".join(words[:2])).network
        except ValueError:
            continue
        if network.network_address.is_unspecified:
            continue
        yield str(network)


def interfaces(
    ports: Mapping[str, Port], zones: Zones, routes: set[str], restricted: Mapping[str, bool | None]
) -> tuple[Interface, ...]:
    """Facts, under the names rules use; `restricted` says where administration is limited to some sources."""
    groups: dict[str, list[Port]] = {}
    for zone in zones.described:
        if zones.zone(zone.name):
            groups[zone.name] = []
    for port in ports.values():
        groups.setdefault(zones.label(port.name), []).append(port)
    return tuple(_interface(name, members, zones.zone(name), routes, restricted) for name, members in groups.items())


def _interface(
    name: str, ports: list[Port], zone: Zone | None, routes: set[str], restricted: Mapping[str, bool | None]
) -> Interface:
    access = dict.fromkeys(service for port in ports for service in (*port.access4, *port.access6))
    # What answers decides: one interface open to everyone is enough.
    open_to = {restricted.get(port.name) for port in ports if port.access4 or port.access6}
    limited = False if False in open_to else None if None in open_to or not open_to else True
    roles = {port.role for port in ports}
    members = zone.members if zone else ()
    # Where the administrator closes it, when the zone answers more than `ping`.
    answering = [port.line for port in ports if {*port.access4, *port.access6} - {"ping"}]
    titles = dict.fromkeys(port.title for port in ports if port.title)
    return Interface(
        name=name,
        title=(zone.title or ", ".join(titles)) if zone else ports[0].title,
        line=answering[0] if zone and answering else zone.line if zone else ports[0].line,
        members=members,
        networks=tuple(dict.fromkeys(network for port in ports for network in port.networks)),
        role=roles.pop() if len(roles) == 1 else "",
        default_route=name in routes or any(port.name in routes for port in ports),
        management=tuple(access) if ports else None,
        management_restricted=limited,
        enabled=any(port.enabled for port in ports) if ports else True,
    )


def default_routes(tables: Block) -> set[str]:
    """Interfaces and zones the default route goes through."""
    found: set[str] = set()
    sdwan = {zone.name for zone in _sdwan(tables)}
    for path, everything in (("router static", "0.0.0.0"), ("router static6", "::/0")):
        for entry in tables.table(path).entries.values():
            settings = entry.settings()
            written = value(settings, "dst", everything)
            named = "dstaddr" in settings or "internet-service" in settings
            if named or not enabled(settings, "status", True) or enabled(settings, "blackhole"):
                continue
            if written not in (everything, f"{everything}/0"):
                continue
            if value(settings, "device"):
                found.add(value(settings, "device"))
            found.update(values(settings, "sdwan-zone"))
            if enabled(settings, "sdwan") or enabled(settings, "virtual-wan-link"):
                found |= sdwan
    return found
