"""Sophos Firewall named objects: hosts, groups, services."""

from __future__ import annotations

from collections.abc import Iterable

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects, service_objects
from checks.firewall.parsers.xmltree import Node

UNRESOLVED = {"FQDNHost": "fqdn", "FQDNHostGroup": "fqdn", "MACHost": "mac", "CountryGroup": "geo"}
GROUPS = {"IPHostGroup": ("HostList", "Host"), "ServiceGroup": ("ServiceList", "Service")}
TAGS = frozenset({"IPHost", "Services", *UNRESOLVED, *GROUPS})
ALL_PORTS = frozenset({"1:65535", "0:65535", "Any", "any", "*", ""})
ANY_ICMP = frozenset({"", "Any Type", "Any Code", "Any", "-1"})


class Objects:
    """Every named object of the exports."""

    def __init__(self, builder: DeviceBuilder) -> None:
        self._builder = builder
        self._addresses: NamedSets[Addresses] = address_objects()
        self._services: NamedSets[Services] = service_objects()
        self._by_host: dict[str, list[str]] = {}
        self._defined: list[tuple[str, str, int, int]] = []

    def add(self, node: Node, file: int) -> None:
        """One object element."""
        name = node.value("Name")
        kind = "address"
        if node.tag == "IPHost":
            self._host(node, name)
        elif node.tag == "Services":
            kind = "service"
            self._service(node, name, file)
        elif node.tag in GROUPS:
            listed, member = GROUPS[node.tag]
            table: NamedSets[Addresses] | NamedSets[Services]
            table = self._services if node.tag == "ServiceGroup" else self._addresses
            kind = "service-group" if node.tag == "ServiceGroup" else "address-group"
            table.define_group(name, [one.text.strip() for one in node.all(listed, member)])
        else:
            self._addresses.define(name, ip.unknown(f"{UNRESOLVED[node.tag]}:{name}"))
        self._defined.append((name, kind, node.line, file))

    def _host(self, node: Node, name: str) -> None:
        kind = node.value("HostType")
        for group in node.all("HostGroupList", "HostGroup"):
            self._by_host.setdefault(group.text.strip(), []).append(name)
        texts: list[str] = []
        if kind == "IP":
            texts = [node.value("IPAddress")]
        elif kind == "Network":
            texts = [f"{node.value('IPAddress')}/{node.value('Subnet')}"]
        elif kind == "IPRange":
            texts = [f"{node.value('StartIPAddress')}-{node.value('EndIPAddress')}"]
        elif kind == "IPList":
            texts = [text.strip() for text in node.value("ListOfIPAddresses").split(",") if text.strip()]
        try:
            value = ip.from_ranges(texts) if texts else ip.unknown(f"système:{name}")
        except AddressError:
            value = ip.unknown(f"illisible:{name}")
        self._addresses.define(name, value)

    def _service(self, node: Node, name: str, file: int) -> None:
        try:
            self._services.define(name, _whole(node))
        except ServiceError:
            self._builder.not_understood(node.line, f"Services {name}", f"service {name} : contenu inconnu", file)
            self._services.define(name, svc.unknown(f"illisible:{name}"))

    def own(self, interface: str, address: str) -> None:
        """The product names the address of an interface `#` and its port."""
        try:
            self._addresses.define(f"#{interface}", ip.from_ranges((address,)))
        except AddressError:
            return

    def finish(self) -> None:
        """Groups that only their members name hold at least those members."""
        for group, members in self._by_host.items():
            if group not in self._addresses:
                known = self._addresses.resolve_all(members)
                self._addresses.define(group, ip.join(known, ip.unknown(f"absent:{group}")))

    def addresses(self, names: Iterable[str]) -> Addresses:
        """What a cell of networks holds; any when it is empty."""
        wanted = list(names)
        if not wanted or any(name.lower() == "any" for name in wanted):
            return ip.ANY
        return self._addresses.resolve_all(wanted)

    def services(self, names: Iterable[str]) -> Services:
        """What a cell of services holds; any when it is empty."""
        wanted = list(names)
        if not wanted or any(name.lower() == "any" for name in wanted):
            return svc.ANY
        return self._services.resolve_all(wanted)

    def record(self) -> None:
        """Hand the objects to the builder, once every rule has been read."""
        named = {
            member
            for table in (self._addresses, self._services)
            for members in table.groups().values()
            for member in members
        }
        for name, kind, line, file in self._defined:
            if name.startswith("#"):  # nobody wrote it
                continue
            table: NamedSets[Addresses] | NamedSets[Services]
            table = self._services if kind.startswith("service") else self._addresses
            used = name in table.used or name in named
            self._builder.add_object(name, kind, table.resolve(name), line=line, file=file, used=used)


def _whole(node: Node) -> Services:
    parts = [_detail(node.value("Type"), one) for one in node.all("ServiceDetails", "ServiceDetail")]
    if not parts:
        raise ServiceError("no detail")
    return svc.join(*parts)


def _detail(kind: str, node: Node) -> Services:
    if kind == "TCPorUDP":
        number = svc.protocol_number(node.value("Protocol"))
        return svc.of(number, _ports(node.value("DestinationPort")), _ports(node.value("SourcePort")))
    if kind == "IP":
        return svc.of(svc.protocol_number(node.value("ProtocolName") or node.value("Protocol")))
    if kind in ("ICMP", "ICMPv6"):
        number = 1 if kind == "ICMP" else 58
        types = [node.value(f"{kind}{part}") for part in ("Type", "Code")]
        if types[0] in ANY_ICMP:
            return svc.of(number)
        codes = [None if text in ANY_ICMP else int(text) for text in types if text.isdecimal() or text in ANY_ICMP]
        if len(codes) != 2 or codes[0] is None or max(code or 0 for code in codes) > svc.TOP_TYPE:  # noqa: PLR2004
            raise ServiceError("not an ICMP type")
        return svc.icmp(number, codes[0], codes[1])
    raise ServiceError("not a kind of service")


def _ports(text: str) -> Intervals:
    return svc.ANY_PORT if text in ALL_PORTS else svc.parse_ports(text)
