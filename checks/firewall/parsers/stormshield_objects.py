"""Stormshield SNS objects: lists of the CLI, CSV export of the object base, `object` and `network` files.

References: SNS user manual v4, appendix "Objects base structure" (columns of the CSV); CLI CONFIG OBJECT LIST.
Names are compared without regard to case: SNS itself writes `Firewall_all` and `firewall_all`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects, service_objects
from checks.firewall.parsers.stormshield_text import elements, split_comment

COLUMNS = {
    "host": ("ip", "ipv6", "resolve", "mac", "comment"),
    "range": ("begin", "end", "beginv6", "endv6", "comment"),
    "fqdn": ("ip", "ipv6", "comment"),
    "network": ("ip", "mask", "prefixlen", "ipv6", "prefixlenv6", "comment"),
    "service": ("proto", "port", "toport", "comment"),
    "protocol": ("number", "comment"),
    "group": ("elements", "comment"),
    "servicegroup": ("elements", "comment"),
}
"""Columns after type and name when the table has no header."""
OTHER_TYPES = frozenset({"router", "time", "urlgroup", "cngroup", "geogroup", "iprepgroup", "region", "internet",
                         "webservice"})  # fmt: skip
"""Objects that are neither addresses nor services."""
SECTIONS = {
    "host": "host", "network": "network", "range": "range", "fqdn": "fqdn", "service": "service",
    "protocol": "protocol",
}  # fmt: skip
KNOWN_OPTIONS = frozenset({"resolve", "mac", "comment", "color", "type", "modify", "global", "name", "gui"})
PROTOCOLS = {"vpn-esp": 50, "vpn-ah": 51, "icmpv6": 58}
"""Names of IP protocols that are not those of IANA."""
INTERNALS, INTERNET = "network_internals", "internet"
_SCTP = 132


class _Definition(NamedTuple):
    name: str
    kind: str
    line: int
    file: int


class Objects:
    """Every named object of the exports."""

    def __init__(self, builder: DeviceBuilder) -> None:
        self._builder = builder
        self._addresses: NamedSets[Addresses] = address_objects()
        self._services: NamedSets[Services] = service_objects()
        self._protocols: dict[str, int] = dict(PROTOCOLS)
        self._definitions: dict[tuple[str, str], _Definition] = {}
        self.group_without_members = False

    @property
    def defined(self) -> bool:
        """At least one object was defined."""
        return bool(self._definitions)

    def add(self, kind: str, name: str, fields: Mapping[str, str], *, line: int, file: int) -> None:
        """Define one object. What cannot be read is kept as an object of unknown content."""
        reader = _READERS.get(kind)
        if reader is None:
            if kind not in OTHER_TYPES:
                self._builder.not_understood(line, f"{kind} {name}", f"objet {name} : contenu inconnu", file)
            return
        try:
            reader(self, name, fields)
        except (AddressError, ServiceError):
            self._builder.not_understood(line, f"{kind} {name}", f"objet {name} : contenu inconnu", file)
            if kind in ("service", "servicegroup"):
                self._services.define(name.lower(), svc.unknown(f"illisible:{name}"))
            else:
                self._addresses.define(name.lower(), ip.unknown(f"illisible:{name}"))
        if kind != "protocol":
            self._definitions[kind, name.lower()] = _Definition(name, kind, line, file)

    def _host(self, name: str, fields: Mapping[str, str]) -> None:
        value = ip.from_ranges(text for text in (fields.get("ip", ""), fields.get("ipv6", "")) if text)
        if fields.get("resolve") == "dynamic":
            value = ip.unknown(f"fqdn:{name}")
        elif not value:
            raise AddressError("no address")
        elif fields.get("mac"):
            # The firewall also compares the hardware address.
            value = Addresses(maybe4=value.v4, maybe6=value.v6, unresolved=(f"mac:{name}",))
        self._addresses.define(name.lower(), value)

    def _network(self, name: str, fields: Mapping[str, str]) -> None:
        texts = []
        if base := fields.get("ip", ""):
            mask = fields.get("mask") or fields.get("prefixlen") or fields.get("prefix") or ""
            if not mask and "/" not in base:
                raise AddressError("no mask")
            texts.append(f"{base}/{mask}" if mask and "/" not in base else base)
        if base := fields.get("ipv6", ""):
            mask = fields.get("prefixlenv6") or fields.get("prefixv6") or ""
            if not mask and "/" not in base:
                raise AddressError("no prefix")
            texts.append(f"{base}/{mask}" if mask and "/" not in base else base)
        if not texts:
            raise AddressError("no address")
        self._addresses.define(name.lower(), ip.from_ranges(texts))

    def _range(self, name: str, fields: Mapping[str, str]) -> None:
        texts = []
        for suffix in ("", "v6"):
            low, high = fields.get(f"begin{suffix}", ""), fields.get(f"end{suffix}", "")
            if low or high:
                texts.append(f"{low}-{high}")
        if fields.get("beginmac"):
            raise AddressError("a range of hardware addresses")
        if not texts:
            raise AddressError("no address")
        self._addresses.define(name.lower(), ip.from_ranges(texts))

    def _fqdn(self, name: str, _fields: Mapping[str, str]) -> None:
        self._addresses.define(name.lower(), ip.unknown(f"fqdn:{name}"))

    def _service(self, name: str, fields: Mapping[str, str]) -> None:
        low, high = fields.get("port", ""), fields.get("toport", "")
        ports = svc.parse_ports(f"{low}-{high}" if high and "-" not in low else low)
        protocol = fields.get("proto", "").lower()
        if protocol in ("any", ""):
            both = svc.join(svc.of(6, ports), svc.of(17, ports))
            value = both._replace(maybe=svc.of(_SCTP, ports).sure, unresolved=(f"protocole:{name}",))
        else:
            value = svc.of(svc.protocol_number(protocol), ports)
        self._services.define(name.lower(), value)

    def _protocol(self, name: str, fields: Mapping[str, str]) -> None:
        self._protocols[name.lower()] = svc.protocol_number(fields.get("number") or fields.get("protonumber") or "")

    def _group(self, name: str, fields: Mapping[str, str]) -> None:
        if "elements" not in fields:
            self.group_without_members = True
            self._addresses.define(name.lower(), ip.unknown(f"groupe:{name}"))
        else:
            self._addresses.define_group(name.lower(), [one.lower() for one in elements(fields["elements"])])

    def _service_group(self, name: str, fields: Mapping[str, str]) -> None:
        if "elements" not in fields:
            self.group_without_members = True
            self._services.define(name.lower(), svc.unknown(f"groupe:{name}"))
        else:
            self._services.define_group(name.lower(), [one.lower() for one in elements(fields["elements"])])

    def add_file_line(self, section: str, text: str, *, line: int, file: int) -> None:
        """`NAME=VALUE,option=…` of the `object` file."""
        name, _, rest = split_comment(text)[0].strip().partition("=")
        value, *options = (part.strip() for part in rest.split(","))
        fields: dict[str, str] = {}
        for option in options:
            key, _, content = option.partition("=")
            fields[key.strip().lower()] = content.strip()
        kind = SECTIONS.get(section)
        if kind is None or not name or fields.keys() - KNOWN_OPTIONS - {"ipv6"}:
            self._builder.not_understood(line, text, f"objet {name} : contenu inconnu", file)
            return
        self.add(kind, name.strip(), fields | _file_value(kind, value), line=line, file=file)

    def target(self, text: str) -> Addresses:
        """What a source or destination cell holds."""
        names = list(elements(text))
        refused = [name for name in names if name.startswith("!")]
        value = ip.join(*(self._one_target(name.lstrip("!")) for name in names)) if names else ip.ANY
        if not refused:
            return value
        outside = ip.negate(value)
        if len(names) == 1:
            return outside
        # Whether the mark covers the whole list is not documented: what both readings hold is certain.
        return Addresses(
            v4=outside.v4,
            v6=outside.v6,
            maybe4=value.over4,
            maybe6=value.over6,
            unresolved=(*value.unresolved, f"négation:{text}"),
        )

    def _one_target(self, name: str) -> Addresses:
        key = name.lower()
        if key == "any":
            return ip.ANY
        if key == INTERNET and key not in self._addresses and INTERNALS in self._addresses:
            return ip.negate(self._addresses.resolve(INTERNALS))
        if key not in self._addresses:
            self._addresses.used.add(key)
            return ip.unknown(f"absent:{name}")
        return self._addresses.resolve(key)

    def ports(self, text: str) -> Services:
        """What a port cell holds: TCP, UDP and SCTP ports of service objects, or numbers."""
        names = list(elements(text))
        refused = [name for name in names if name.startswith("!")]
        value = svc.join(*(self._one_port(name.lstrip("!")) for name in names)) if names else svc.ANY
        return svc.unknown(f"négation:{text}") if refused else value

    def _one_port(self, name: str) -> Services:
        key = name.lower()
        if key == "any":
            return svc.ANY
        if key in self._services:
            return self._services.resolve(key)
        self._services.used.add(key)
        if name[:1].isdigit():
            try:
                ports = svc.parse_ports(name)
            except ServiceError:
                return svc.unknown(f"absent:{name}")
            both = svc.join(svc.of(6, ports), svc.of(17, ports))
            return both._replace(maybe=svc.of(_SCTP, ports).sure, unresolved=(f"protocole:{name}",))
        return svc.unknown(f"absent:{name}")

    def protocol(self, name: str) -> int | None:
        """Number of an IP protocol; None when it is not known."""
        known = self._protocols.get(name.lower())
        if known is not None:
            return known
        try:
            return svc.protocol_number(name)
        except ServiceError:
            return None

    def record(self) -> None:
        """Hand the objects to the builder, once every rule has been read."""
        in_groups = {
            member
            for table in (self._addresses, self._services)
            for members in table.groups().values()
            for member in members
        }
        for (kind, key), one in self._definitions.items():
            is_service = kind in ("service", "servicegroup")
            table: NamedSets[Addresses] | NamedSets[Services] = self._services if is_service else self._addresses
            used = key in table.used or key in in_groups
            content = table.resolve(key)
            label = ("service" if is_service else "address") + ("-group" if kind.endswith("group") else "")
            self._builder.add_object(one.name, label, content, line=one.line, file=one.file, used=used)


def _file_value(kind: str, value: str) -> dict[str, str]:
    """Fields of one value of the `object` file, whose text says by itself what it is."""
    if kind == "range":
        low, _, high = value.partition("-")
        return {"begin": low.strip(), "end": high.strip()}
    if kind == "service":
        ports, _, protocol = value.partition("/")
        low, _, high = ports.partition("-")
        return {"port": low, "toport": high, "proto": protocol or "illisible"}
    if kind == "protocol":
        return {"number": value}
    return {"ipv6" if ":" in value else "ip": value}


_Reader = Callable[[Objects, str, Mapping[str, str]], None]
_READERS: dict[str, _Reader] = {
    "host": Objects._host,  # noqa: SLF001 - the table belongs to the class
    "network": Objects._network,  # noqa: SLF001
    "range": Objects._range,  # noqa: SLF001
    "fqdn": Objects._fqdn,  # noqa: SLF001
    "service": Objects._service,  # noqa: SLF001
    "protocol": Objects._protocol,  # noqa: SLF001
    "group": Objects._group,  # noqa: SLF001
    "servicegroup": Objects._service_group,  # noqa: SLF001
}
