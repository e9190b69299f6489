"""Objects of a Palo Alto: addresses, groups, regions, services, applications, schedules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects, service_objects
from checks.firewall.parsers.fortigate_objects import wildcard
from checks.firewall.parsers.paloalto_text import Tree
from checks.firewall.parsers.source import MAX_DEPTH

DEFAULT_PORTS = "application-default"
MAX_HELD = 1_000_000
"""Ranges that named objects may hold together before the rest is left out of their review."""
_ADDRESS_KINDS = ("ip-netmask", "ip-range", "ip-wildcard", "fqdn")
_NEUTRAL = frozenset({"description", "tag", "disable-override", "id", "loc", "uuid"})
_DELIVERED_SERVICES = {"service-http": "tcp/80 tcp/8080", "service-https": "tcp/443"}
# What these applications run over, whatever port they use: it bounds what `application-default` may allow.
_RUN_OVER = {"ping": (1, 58), "icmp": (1,), "ipv6-icmp": (58,), "ssl": (6,), "web-browsing": (6,), "ssh": (6,),
             "telnet": (6,), "ftp": (6,), "smtp": (6,)}  # fmt: skip
_COUNTRY = re.compile(r"[A-Z]{2}")
_PERIOD = re.compile(r"\d{4}/\d{2}/\d{2}@\d{2}:\d{2}-(\d{4})/(\d{2})/(\d{2})@(\d{2}:\d{2})")
_PROTOCOL_PORTS = re.compile(r"(tcp|udp|sctp)/(\S+)")


class Objects:
    """Everything the rules of one firewall may name, nearest definition first."""

    def __init__(self, builder: DeviceBuilder, scopes: Sequence[Tree]) -> None:
        """`scopes` go from the farthest (shared) to the nearest: the last definition wins."""
        self._builder = builder
        self.addresses: NamedSets[Addresses] = address_objects()
        self.services: NamedSets[Services] = service_objects()
        self.applications: dict[str, Tree] = {}
        self.application_groups: dict[str, tuple[str, ...]] = {}
        self.application_filters: set[str] = set()
        self.schedules: dict[str, Tree] = {}
        self.cited: set[str] = set()
        """Names in the cells of rules and in groups."""
        for name, text in _DELIVERED_SERVICES.items():
            self.services.define(name, svc.join(*(svc.parse_service(word) for word in text.split())))
        for scope in scopes:
            self._read(scope)

    def _read(self, scope: Tree) -> None:
        for entry in scope.at("region"):
            self.addresses.define(entry.name, _literals(entry.name, entry.values("address")))
        for entry in scope.at("external-list"):
            self.addresses.define(entry.name, ip.unknown(f"edl:{entry.name}"))
        for entry in scope.at("address"):
            self.addresses.define(entry.name, self._address(entry))
        for entry in scope.at("address-group"):
            self._address_group(entry)
        for entry in scope.at("service"):
            self.services.define(entry.name, self._service(entry))
        for entry in scope.at("service-group"):
            members = entry.values("members") or entry.values("member")
            self.cited.update(members)
            self.services.define_group(entry.name, members)
        for entry in scope.at("application"):
            self.applications[entry.name] = entry
        for entry in scope.at("application-group"):
            self.application_groups[entry.name] = entry.values("members") or entry.values("member")
        self.application_filters.update(entry.name for entry in scope.at("application-filter"))
        for entry in scope.at("schedule"):
            self.schedules[entry.name] = entry

    def _strange(self, entry: Tree, known: Iterable[str], what: str) -> bool:
        """Report what an object holds that is not known; its content is then not known either."""
        strange = [child for child in entry if child.name not in known]
        for child in strange:
            text = " ".join((child.name, *child.children))
            self._builder.not_understood(child.line, text, f"contenu de {what} « {entry.name} »")
        return bool(strange)

    # --- Addresses

    def _address(self, entry: Tree) -> Addresses:
        if self._strange(entry, {*_ADDRESS_KINDS, *_NEUTRAL}, "l'adresse"):
            return ip.unknown(f"directive:{entry.name}")
        kinds = [child.name for child in entry if child.name in _ADDRESS_KINDS]
        if not kinds:
            return ip.unknown(f"vide:{entry.name}")
        text = entry.value(kinds[-1])
        try:
            return _address(kinds[-1], text)
        except AddressError:
            if not text.startswith("$"):  # a template variable has no value here
                self._builder.not_understood(entry.line, f"{entry.name} {text}", f"contenu de « {entry.name} »")
            return ip.unknown(f"illisible:{entry.name}")

    def _address_group(self, entry: Tree) -> None:
        if self._strange(entry, {"static", "dynamic", *_NEUTRAL}, "le groupe"):
            self.addresses.define(entry.name, ip.unknown(f"directive:{entry.name}"))
        elif entry.has("dynamic"):
            self.addresses.define(entry.name, ip.unknown(f"dynamique:{entry.name}"))
        else:
            members = entry.values("static")
            self.cited.update(members)
            self.addresses.define_group(entry.name, members)

    def address(self, names: tuple[str, ...]) -> Addresses:
        """What a cell holds: objects first, then what reads as an address, then countries."""
        self.cited.update(names)
        return ip.join(*(self._named_address(name) for name in names))

    def _named_address(self, name: str) -> Addresses:
        if name in self.addresses:
            return self.addresses.resolve(name)
        if name == "any":
            return ip.ANY
        try:
            return ip.from_ranges((name,))
        except AddressError:
            pass
        if _COUNTRY.fullmatch(name):
            return ip.unknown(f"geo:{name}")
        return ip.unknown(f"edl:{name}" if name.startswith("panw-") else f"absent:{name}")

    # --- Services

    def _service(self, entry: Tree) -> Services:
        if self._strange(entry, {"protocol", *_NEUTRAL}, "le service"):
            return svc.unknown(f"directive:{entry.name}")
        found: list[Services] = []
        try:
            for protocol in entry.at("protocol"):
                number = svc.protocol_number(protocol.name)
                ports = _ports(protocol, "port")
                source = _ports(protocol, "source-port") if protocol.has("source-port") else svc.ANY_PORT
                found.append(svc.of(number, ports, source))
        except ServiceError:
            self._builder.not_understood(entry.line, entry.name, f"contenu du service « {entry.name} »")
            return svc.unknown(f"illisible:{entry.name}")
        return svc.join(*found) if found else svc.unknown(f"vide:{entry.name}")

    def service(self, names: tuple[str, ...], applications: tuple[str, ...]) -> Services:
        """What a cell allows; `application-default` asks the applications."""
        self.cited.update(names)
        found: list[Services] = []
        for name in names:
            if name == "any":
                found.append(svc.ANY)
            elif name == DEFAULT_PORTS:
                found += self._default_ports(applications)
            else:
                found.append(self.services.resolve(name))
        return svc.join(*found)

    def _default_ports(self, names: tuple[str, ...]) -> list[Services]:
        found: list[Services] = []
        for name in self._applications(names):
            custom = self.applications.get(name)
            if custom is not None:
                found.append(_ports_of(custom))
            else:
                found.append(svc.unknown(f"{DEFAULT_PORTS}:{name}", protocols=_RUN_OVER.get(name, ())))
        return found

    def _applications(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Applications, groups opened."""
        found: dict[str, None] = {}
        opened: set[str] = set()
        stack = [(name, 0) for name in reversed(names)]
        while stack:
            name, depth = stack.pop()
            members = self.application_groups.get(name)
            if members is None or depth >= MAX_DEPTH:
                found[name] = None
            elif name not in opened:
                opened.add(name)
                stack += [(member, depth + 1) for member in reversed(members)]
        return tuple(found)

    # --- Schedules

    def expires(self, name: str) -> str:
        """End of the last period of a schedule; empty when it comes back or is not in the export."""
        entry = self.schedules.get(name)
        if entry is None:
            return ""
        kind = entry.at("schedule-type") if entry.has("schedule-type") else entry
        if kind.has("recurring"):
            return ""
        ends = [found for text in kind.values("non-recurring") if (found := _PERIOD.fullmatch(text))]
        return max((f"{end[1]}-{end[2]}-{end[3]}T{end[4]}:00" for end in ends), default="")

    def record(self, scopes: Sequence[Tree]) -> int:
        """Keep named objects for the review of duplicates and unused ones. Returns how many were left out."""
        left_out = held = 0
        for scope in scopes:
            for section in ("address", "address-group", "service", "service-group"):
                for entry in scope.at(section):
                    if held > MAX_HELD:
                        left_out += 1
                        continue
                    used = entry.name in self.cited
                    content: Addresses | Services
                    if section.startswith("service"):
                        content = self.services.resolve(entry.name)
                        held += len(content.sure)
                    else:
                        content = self.addresses.resolve(entry.name)
                        held += len(content.v4) + len(content.v6)
                    self._builder.add_object(entry.name, section, content, line=entry.line, used=used)
        return left_out


def _address(kind: str, text: str) -> Addresses:
    if kind == "fqdn":
        return ip.unknown(f"fqdn:{text}")
    if kind == "ip-wildcard":
        base, slash, mask = text.partition("/")
        if not slash:
            raise AddressError("no wildcard mask")
        _, bits = ip.parse_address(mask)
        return wildcard(text, base, ip.format_address(4, bits ^ ((1 << 32) - 1)))
    return ip.from_ranges((text,))


def _literals(name: str, texts: tuple[str, ...]) -> Addresses:
    try:
        return ip.from_ranges(texts) if texts else ip.unknown(f"region:{name}")
    except AddressError:
        return ip.unknown(f"region:{name}")


def _ports(protocol: Tree, key: str) -> Intervals:
    return svc.parse_ports(",".join(protocol.values(key)))


def _ports_of(application: Tree) -> Services:
    """Default ports that a custom application declares."""
    default = application.at("default")
    name = f"{DEFAULT_PORTS}:{application.name}"
    found: list[Services] = []
    try:
        for text in default.values("port"):
            match = _PROTOCOL_PORTS.fullmatch(text)
            if match is None:
                return svc.unknown(name)
            number = svc.protocol_number(match[1])
            ports = [part for part in match[2].split(",") if part != "dynamic"]
            if ports:
                found.append(svc.of(number, svc.parse_ports(",".join(ports))))
            if "dynamic" in match[2].split(","):
                found.append(svc.unknown(name, protocols=(number,)))
        found += [svc.of(svc.protocol_number(text)) for text in default.values("ident-by-ip-protocol")]
        for key, protocol in (("ident-by-icmp-type", 1), ("ident-by-icmp6-type", 58)):
            if default.has(key):
                found.append(_icmp(protocol, default.at(key)))
    except ServiceError:
        return svc.unknown(name)
    return svc.join(*found) if found else svc.unknown(name)


def _icmp(protocol: int, node: Tree) -> Services:
    kind = node.value("type") if node.has("type") else next(iter(node.children), "")
    code = node.value("code")
    return svc.parse_service(f"{svc.NAMES[protocol]}/{kind}" + (f"/{code}" if code else ""))
