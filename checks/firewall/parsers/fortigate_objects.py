"""Objects of a FortiGate: addresses, services, schedules, published addresses (VIP)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, Addresses
from checks.firewall.algebra.intervals import Intervals, difference, intersection, normal
from checks.firewall.algebra.services import ServiceError, Services
from checks.firewall.parsers.builder import DeviceBuilder, NamedSets, address_objects, service_objects
from checks.firewall.parsers.fortigate_text import Block, Command, Setting, apply
from checks.firewall.parsers.source import MAX_DEPTH, ParseError

V4, V6 = 4, 6
OFF = frozenset({"", "disable", "none", "0", "0x00", "00:00:00:00:00:00"})
"""Values of an option that is not used."""
UNKNOWN_OFF = "aucun sur le filtrage : option inconnue, désactivée"
BITS4 = 32
MAX_WILDCARD = 1024
"""Networks a wildcard mask may stand for before the object is left unresolved."""
MAX_SERVICE_RANGES = 4096
MAX_HELD = 1_000_000
"""Ranges that named objects may hold together before the rest is left out of their review."""
MAX_VISITS = 5_000_000
"""Members looked at to order the groups that leave some out."""

_ADDRESS_NEUTRAL = frozenset({
    "uuid", "comment", "color", "visibility", "associated-interface", "allow-routing", "fabric-object", "tags",
    "cache-ttl", "clearpass-spt", "tagging", "passive-fqdn-learning", "sub-type", "node-ip-only", "obj-id", "obj-tag",
    "obj-type", "tag-type", "tag-detection-level", "hw-model", "hw-vendor", "os", "sw-version", "sdn-tag",
    "sdn-addr-type", "fsso-group", "organization", "policy-group", "tenant", "epg-name", "subnet-name", "filter",
    "list", "route-tag", "agent-id", "sso-attribute-value", "host-type",
})  # fmt: skip
"""Settings that do not change which addresses an object holds, or that its type already covers."""
_ADDRESS_KEYS = frozenset({"type", "subnet", "start-ip", "end-ip", "wildcard", "ip6", "interface", "fqdn", "country",
                           "wildcard-fqdn", "host", "template", "sdn", "macaddr", "start-mac", "end-mac"})  # fmt: skip
_SERVICE_NEUTRAL = frozenset({
    "category", "comment", "color", "visibility", "uuid", "fabric-object", "session-ttl", "check-reset-range",
    "tcp-halfclose-timer", "tcp-halfopen-timer", "tcp-timewait-timer", "tcp-rst-timer", "udp-idle-timer", "helper",
})  # fmt: skip
_SERVICE_KEYS = frozenset({"protocol", "protocol-number", "icmptype", "icmpcode", "tcp-portrange", "udp-portrange",
                           "sctp-portrange", "udplite-portrange", "iprange", "fqdn", "explicit-proxy", "proxy",
                           "app-service-type", "application", "app-category"})  # fmt: skip
_PORTED = {"tcp-portrange": 6, "udp-portrange": 17, "sctp-portrange": 132, "udplite-portrange": 136}
_TRANSPORT = frozenset({"TCP/UDP/SCTP", "TCP/UDP/UDP-LITE/SCTP", "TCP/UDP"})

# Services every FortiOS is delivered with, as a default configuration lists them. They serve only when an export
# leaves the table out: a full configuration defines them itself, and may have changed them.
_DEFAULT_SERVICES: Mapping[str, str] = {
    "ALL": "any", "ANY": "any", "ALL_TCP": "tcp/1-65535", "ALL_UDP": "udp/1-65535", "ALL_ICMP": "icmp",
    "ALL_ICMP6": "icmp6", "GRE": "gre", "AH": "ah", "ESP": "esp", "OSPF": "ospf", "BGP": "tcp/179",
    "DHCP": "udp/67-68", "DHCP6": "udp/546-547", "DNS": "tcp/53 udp/53", "FTP": "tcp/21", "FTP_GET": "tcp/21",
    "FTP_PUT": "tcp/21", "HTTP": "tcp/80", "HTTPS": "tcp/443", "IKE": "udp/500 udp/4500", "IMAP": "tcp/143",
    "IMAPS": "tcp/993", "KERBEROS": "tcp/88 tcp/464 udp/88 udp/464", "LDAP": "tcp/389", "LDAP_UDP": "udp/389",
    "MS-SQL": "tcp/1433-1434", "MYSQL": "tcp/3306", "NTP": "tcp/123 udp/123", "PING": "icmp/8", "PING6": "icmp6/128",
    "POP3": "tcp/110", "POP3S": "tcp/995", "PPTP": "tcp/1723", "RADIUS": "udp/1812-1813", "RDP": "tcp/3389",
    "RIP": "udp/520", "SAMBA": "tcp/139", "SIP": "tcp/5060 udp/5060", "SMB": "tcp/445", "SMTP": "tcp/25",
    "SMTPS": "tcp/465", "SNMP": "tcp/161-162 udp/161-162", "SOCKS": "tcp/1080 udp/1080", "SQUID": "tcp/3128",
    "SSH": "tcp/22", "SYSLOG": "udp/514", "TELNET": "tcp/23", "TFTP": "udp/69", "TRACEROUTE": "udp/33434-33535",
    "VNC": "tcp/5900", "X-WINDOWS": "tcp/6000-6063",
}  # fmt: skip

Report = Callable[[int, str, str], None]
"""Records a line that is not understood: line, text, effect."""


class Schedule(NamedTuple):
    """A time table a policy may name."""

    permanent: bool
    text: str
    """What it says, in French, for a condition."""
    expires: str = ""


class Vip(NamedTuple):
    """One published address."""

    name: str
    line: int
    mapped: Addresses
    external: Addresses
    services: Services
    """What arrives on the published address."""
    to_address: str
    to_ports: str
    interface: str
    source: Addresses
    filtered: bool
    """Only some sources see it."""
    enabled: bool
    comment: str


class Objects:
    """Everything the policies of one virtual domain may name."""

    def __init__(self) -> None:
        self.addresses4 = GroupsWithExclusion()
        self.addresses6 = GroupsWithExclusion()
        self.services: NamedSets[Services] = service_objects()
        self.schedules: dict[str, Schedule] = {}
        self.seen_off: set[str] = set()
        """Unknown options already reported as switched off."""
        self.vips: dict[int, dict[str, Vip]] = {V4: {}, V6: {}}
        self.vip_groups: dict[int, dict[str, tuple[str, ...]]] = {V4: {}, V6: {}}

    def addresses(self, family: int) -> GroupsWithExclusion:
        """Table of one IP version."""
        return self.addresses4 if family == V4 else self.addresses6

    def vips_of(self, name: str, family: int) -> tuple[Vip, ...]:
        """Published addresses behind a name: itself, or the members of a group; empty for another object."""
        vips = self.vips[family]
        if name in vips:
            return (vips[name],)
        return tuple(vips[member] for member in self.vip_groups[family].get(name, ()) if member in vips)


class GroupsWithExclusion:
    """Address objects and groups, some of which leave members out."""

    def __init__(self) -> None:
        self.sets = address_objects()
        self._excluded: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
        self._open: set[str] = set()
        self._visits = 0

    def __contains__(self, name: str) -> bool:
        return name in self.sets or name in self._excluded

    def define(self, name: str, value: Addresses) -> None:
        """Define an object."""
        self.sets.define(name, value)

    def define_group(self, name: str, members: tuple[str, ...], excluded: tuple[str, ...]) -> None:
        """Define a group."""
        if excluded:
            self._excluded[name] = members, excluded
        else:
            self.sets.define_group(name, members)

    def settle(self) -> None:
        """Compute the groups that leave members out, innermost first; then every name resolves alike."""
        for name in tuple(self._excluded):
            self._settle(name)

    def _settle(self, name: str) -> None:
        found = self._excluded.get(name)
        if found is None:
            return
        if name in self._open or len(self._open) >= MAX_DEPTH:
            self._excluded.pop(name, None)
            self.sets.define(name, ip.unknown(f"cycle:{name}"))
            return
        self._open.add(name)
        members, excluded = found
        for member in self._below((*members, *excluded)):
            self._settle(member)
        self._open.discard(name)
        if self._excluded.pop(name, None) is not None:
            value = without(self.sets.resolve_all(members), self.sets.resolve_all(excluded))
            self.sets.define(name, value)

    def _below(self, names: tuple[str, ...]) -> list[str]:
        """Groups with exclusion reached through plain groups."""
        found: list[str] = []
        seen: set[str] = set()
        stack = list(names)
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            self._visits += 1
            if self._visits > MAX_VISITS:
                raise ParseError("groupes d'adresses trop imbriqués")
            if name in self._excluded:
                found.append(name)
            else:
                stack += self.sets.groups().get(name, ())
        return found

    def resolve_all(self, names: Iterable[str]) -> Addresses:
        """The union of what several names hold."""
        return self.sets.resolve_all(names)


def without(one: Addresses, removed: Addresses) -> Addresses:
    """What `one` holds and `removed` does not."""

    def part(sure: Intervals, maybe: Intervals, gone: Intervals, doubt: Intervals) -> tuple[Intervals, Intervals]:
        kept = difference(difference(sure, gone), doubt)
        left = difference(normal((*sure, *maybe)), gone)
        return kept, difference(left, kept)

    v4, maybe4 = part(one.v4, one.maybe4, removed.v4, removed.maybe4)
    v6, maybe6 = part(one.v6, one.maybe6, removed.v6, removed.maybe6)
    return Addresses(v4, v6, maybe4, maybe6, tuple(dict.fromkeys((*one.unresolved, *removed.unresolved))))


def common(one: Addresses, limit: Addresses) -> Addresses:
    """What `one` holds inside an exact set."""
    return Addresses(
        intersection(one.v4, limit.v4),
        intersection(one.v6, limit.v6),
        intersection(one.maybe4, limit.v4),
        intersection(one.maybe6, limit.v6),
        one.unresolved,
    )


def value(settings: Mapping[str, Setting], key: str, default: str = "") -> str:
    """First word of a setting."""
    found = settings.get(key)
    return found.values[0] if found and found.values else default


def values(settings: Mapping[str, Setting], key: str) -> tuple[str, ...]:
    """All words of a setting."""
    found = settings.get(key)
    return found.values if found else ()


def enabled(settings: Mapping[str, Setting], key: str, default: bool = False) -> bool:
    """A setting that is `enable` or `disable`."""
    text = value(settings, key)
    return text == "enable" if text else default


# --- Addresses


def read_addresses(objects: Objects, table: Block, family: int, nets: Mapping[str, str], report: Report) -> None:
    """Every address object of one IP version; `nets` gives the network of an interface."""
    known = objects.addresses(family)
    if family == V4:
        known.define("all", ip.ANY4)
        known.define("none", ip.from_ranges(("0.0.0.0",)))
    else:
        known.define("all", ip.ANY6)
        known.define("none", ip.from_ranges(("::",)))
    for name, entry in table.entries.items():
        settings = entry.settings()
        try:
            found = _address(name, settings, nets) if family == V4 else _address6(name, settings)
        except AddressError:
            found = ip.unknown(f"illisible:{name}", families=(family,))
            report(entry.line, f"edit {name}", f"contenu de l'objet adresse « {name} »")
        if not _understood(
            objects, entry, settings, _ADDRESS_KEYS | _ADDRESS_NEUTRAL, f"l'objet adresse « {name} »", report
        ):
            found = ip.unknown(f"directive:{name}", families=(family,))
        known.define(name, found)


def _understood(
    objects: Objects,
    entry: Block,
    settings: Mapping[str, Setting],
    known: frozenset[str],
    what: str,
    report: Report,
) -> bool:
    """Every setting of an object is known or switched off; otherwise its content is not known."""
    strange = [(command.line, " ".join((command.key, *command.values))) for command in entry.unknown()]
    strange += [(nested.line, f"config {path}") for path, nested in entry.tables.items() if path not in _NESTED]
    for key, one in settings.items():
        if key in known:
            continue
        text = " ".join((key, *one.values))
        if not OFF.issuperset(one.values):
            strange.append((one.line, text))
        elif key not in objects.seen_off:
            objects.seen_off.add(key)
            report(one.line, text, UNKNOWN_OFF)
    for line, text in strange:
        report(line, text, f"contenu de {what}")
    return not strange


_NESTED = frozenset({"tagging", "list", "subnet-segment", "realservers", "ssl-cipher-suites", "quic"})


def _address(name: str, settings: Mapping[str, Setting], nets: Mapping[str, str]) -> Addresses:
    kind = value(settings, "type", "ipmask")
    if kind in ("ipmask", "subnet"):
        return ip.from_ranges((_network(values(settings, "subnet")),))
    if kind == "iprange":
        first, last = value(settings, "start-ip", "0.0.0.0"), value(settings, "end-ip", "0.0.0.0")
        return ip.from_ranges((f"{first}-{last}",))
    if kind == "wildcard":
        base, mask = (*values(settings, "wildcard"), "0.0.0.0", "0.0.0.0")[:2]
        return wildcard(name, base, mask)
    if kind == "interface-subnet":
        written = values(settings, "subnet")
        net = _network(written) if written else nets.get(value(settings, "interface"), "")
        return ip.from_ranges((net,)) if net else ip.unknown(f"interface:{name}", families=(V4,))
    if kind == "fqdn":
        return ip.unknown(f"fqdn:{value(settings, 'fqdn', name)}", families=(V4,))
    if kind == "wildcard-fqdn":
        return ip.unknown(f"fqdn:{value(settings, 'wildcard-fqdn', name)}", families=(V4,))
    if kind == "geography":
        return ip.unknown(f"geo:{value(settings, 'country', name)}", families=(V4,))
    return ip.unknown(f"{kind}:{name}", families=(V4,))


def _address6(name: str, settings: Mapping[str, Setting]) -> Addresses:
    kind = value(settings, "type", "ipprefix")
    if kind == "ipprefix":
        return ip.from_ranges((value(settings, "ip6", "::/0"),))
    if kind == "iprange":
        return ip.from_ranges((f"{value(settings, 'start-ip', '::')}-{value(settings, 'end-ip', '::')}",))
    label = {"fqdn": "fqdn", "geography": "geo"}.get(kind, kind)
    content = value(settings, "fqdn") or value(settings, "country") or name
    return ip.unknown(f"{label}:{content}", families=(V6,))


def _network(words: tuple[str, ...]) -> str:
    """`10.0.0.0 255.255.255.0`, `10.0.0.0/24` or nothing, which is everything."""
    if not words:
        return "0.0.0.0/0"
    return f"{words[0]}/{words[1]}" if len(words) > 1 else words[0]


def wildcard(name: str, base: str, mask: str) -> Addresses:
    """Addresses whose bits under `mask` are those of `base`."""
    family, value_ = ip.parse_address(base)
    other, bits = ip.parse_address(mask)
    if not family == other == V4:
        raise AddressError("not an IPv4 wildcard")
    free = ~bits & ((1 << BITS4) - 1)
    low = (free ^ (free + 1)) >> 1  # free bits at the bottom make one block
    choices = [1 << bit for bit in range(BITS4) if free & ~low & (1 << bit)]
    if 1 << len(choices) > MAX_WILDCARD:
        return ip.unknown(f"wildcard:{name}", families=(V4,))
    starts = [value_ & bits]
    for choice in choices:
        starts += [start | choice for start in starts]
    return Addresses(v4=normal((start, start | low) for start in starts))


def read_groups(objects: Objects, table: Block, family: int, report: Report) -> None:
    """Every address group of one IP version."""
    known = objects.addresses(family)
    neutral = _ADDRESS_NEUTRAL | {"member", "exclude", "exclude-member", "type", "category"}
    for name, entry in table.entries.items():
        settings = entry.settings()
        if not _understood(objects, entry, settings, neutral, f"le groupe « {name} »", report):
            known.define(name, ip.unknown(f"directive:{name}", families=(family,)))
            continue
        left_out = values(settings, "exclude-member") if enabled(settings, "exclude") else ()
        known.define_group(name, values(settings, "member"), left_out)


# --- Services


def read_services(objects: Objects, custom: Block, groups: Block, report: Report) -> None:
    """Services of the export, and the ones of the product it leaves out."""
    for name, text in _DEFAULT_SERVICES.items():
        objects.services.define(name, svc.join(*(svc.parse_service(word) for word in text.split())))
    for name, entry in custom.entries.items():
        folded = _service_settings(entry.commands)
        try:
            found = _service(name, folded)
        except ServiceError:
            found = svc.unknown(f"illisible:{name}")
            report(entry.line, f"edit {name}", f"contenu du service « {name} »")
        if not _understood(objects, entry, folded, _SERVICE_KEYS | _SERVICE_NEUTRAL, f"le service « {name} »", report):
            found = svc.unknown(f"directive:{name}")
        objects.services.define(name, found)
    for name, entry in groups.entries.items():
        settings = entry.settings()
        neutral = _SERVICE_NEUTRAL | {"member", "proxy", "explicit-proxy"}
        if _understood(objects, entry, settings, neutral, f"le groupe de services « {name} »", report):
            objects.services.define_group(name, values(settings, "member"))
        else:
            objects.services.define(name, svc.unknown(f"directive:{name}"))


def _service_settings(commands: list[Command]) -> dict[str, Setting]:
    """Settings of a service: a new protocol erases what the former one needed, no type leaves no code."""
    found: dict[str, Setting] = {}
    for verb, key, words, line in commands:
        changed = key == "protocol" and verb == "set" and words[:1] != (value(found, "protocol", "TCP/UDP/SCTP"),)
        gone: tuple[str, ...] = ("protocol-number", "icmptype", "icmpcode", *_PORTED) if changed else ()
        if key == "icmptype" and verb == "unset":
            gone = ("icmpcode",)
        for other in gone:
            found.pop(other, None)
        apply(found, verb, key, words, line)
    return found


def _service(name: str, settings: Mapping[str, Setting]) -> Services:
    protocol = value(settings, "protocol", "TCP/UDP/SCTP").upper()
    if "enable" in (value(settings, "explicit-proxy"), value(settings, "proxy")):
        return svc.unknown(f"proxy:{name}", protocols=(6,))
    if protocol in _TRANSPORT:
        found = _transport(settings)
    elif protocol in ("ICMP", "ICMP6"):
        found = _icmp(1 if protocol == "ICMP" else 58, settings)
    elif protocol == "IP":
        number = svc.protocol_number(value(settings, "protocol-number", "0"))
        found = svc.of(number) if number else svc.ANY
    else:
        return svc.unknown(f"{protocol.lower()}:{name}")
    if _narrowed(settings):
        # The service also demands a destination or an application: it may match less than its ports.
        return Services(maybe=found.sure, unresolved=(f"restreint:{name}",))
    return found


def _narrowed(settings: Mapping[str, Setting]) -> bool:
    everywhere = ("0.0.0.0", "0.0.0.0-0.0.0.0", "")
    return bool(
        value(settings, "iprange") not in everywhere
        or value(settings, "fqdn")
        or value(settings, "app-service-type", "disable") != "disable"
        or values(settings, "application")
        or values(settings, "app-category")
    )


def _transport(settings: Mapping[str, Setting]) -> Services:
    found: list[Services] = []
    for key, protocol in _PORTED.items():
        words = values(settings, key)
        if len(words) > MAX_SERVICE_RANGES:
            raise ServiceError("too many port ranges")
        for word in words:
            ports, _, source = word.partition(":")
            found.append(svc.of(protocol, svc.parse_ports(ports), svc.parse_ports(source) if source else svc.ANY_PORT))
    return svc.join(*found) if found else svc.NOTHING


def _icmp(protocol: int, settings: Mapping[str, Setting]) -> Services:
    kind, code = value(settings, "icmptype"), value(settings, "icmpcode")
    if not kind:
        return svc.of(protocol)
    if not (kind.isdecimal() and (not code or code.isdecimal()) and int(kind[:4]) <= svc.TOP_TYPE):
        raise ServiceError("not an ICMP type")
    if code and int(code[:4]) > svc.TOP_TYPE:
        raise ServiceError("not an ICMP code")
    return svc.icmp(protocol, int(kind), int(code) if code else None)


# --- Schedules

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOMENT = re.compile(r"(\d{2}):(\d{2}) (\d{4})/(\d{2})/(\d{2})")


def read_schedules(objects: Objects, recurring: Block, once: Block, groups: Block) -> None:
    """Time tables; `always` is known even when the export leaves it out."""
    objects.schedules["always"] = Schedule(True, "")
    for name, entry in recurring.entries.items():
        settings = entry.settings()
        days = values(settings, "day")
        start, end = value(settings, "start", "00:00"), value(settings, "end", "00:00")
        whole = set(days) >= set(_DAYS) and start == end == "00:00"
        never = not days or days == ("none",)
        text = f"horaire : {name}" + (" (jamais)" if never else "")
        objects.schedules[name] = Schedule(whole, text)
    for name, entry in once.entries.items():
        end = " ".join(values(entry.settings(), "end"))
        found = _MOMENT.fullmatch(end)
        expires = f"{found[3]}-{found[4]}-{found[5]}T{found[1]}:{found[2]}:00" if found else ""
        objects.schedules[name] = Schedule(False, f"période : {name}", expires)
    for name in groups.entries:
        objects.schedules[name] = Schedule(False, f"horaire : groupe {name}")


# --- Published addresses

_VIP_KEYS = frozenset({
    "id", "uuid", "comment", "color", "type", "extip", "extaddr", "mappedip", "mapped-addr", "extintf", "arp-reply",
    "nat-source-vip", "portforward", "protocol", "extport", "mappedport", "src-filter", "srcintf-filter", "service",
    "status", "gratuitous-arp-interval", "portmapping-type", "nat44", "nat46", "nat64", "server-type", "ldb-method",
    "persistence", "monitor", "max-embryonic-connections", "http-host", "one-click-gslb-server", "src-vip-filter",
    "ipv6-mappedip", "ipv6-mappedport", "add-nat46-route", "ipv4-mappedip", "ipv4-mappedport", "add-nat64-route",
    "ndp-reply",
})  # fmt: skip
_VIP_PREFIXES = ("ssl-", "http-", "https-", "dns-", "websphere-", "weblogic-", "outlook-", "gslb-", "h2-", "h3-",
                 "empty-cert", "client-cert", "user-agent", "http2", "http3")  # fmt: skip
"""Settings of published web servers that do not change what is reached."""


def read_vips(objects: Objects, table: Block, family: int, report: Report) -> None:
    """Published addresses of one IP version."""
    for name, entry in table.entries.items():
        settings = entry.settings()
        known = _VIP_KEYS | {key for key in settings if key.startswith(_VIP_PREFIXES)}
        clear = _understood(objects, entry, settings, known, f"l'adresse publiée « {name} »", report)
        try:
            vip = _vip(objects, entry, settings, family)
        except (AddressError, ServiceError):
            report(entry.line, f"edit {name}", f"contenu de l'adresse publiée « {name} »")
            vip = None
        if vip is None or not clear:
            doubt = ip.unknown(f"vip:{name}", families=(family,))
            line, comment = entry.line, value(settings, "comment")
            vip = Vip(name, line, doubt, doubt, svc.unknown(f"vip:{name}"), "", "", "", doubt, False, True, comment)
        objects.vips[family][name] = vip


def _vip(objects: Objects, entry: Block, settings: Mapping[str, Setting], family: int) -> Vip:
    name = entry.name
    any_address = ip.ANY4 if family == V4 else ip.ANY6
    kind = value(settings, "type", "static-nat")
    external = ip.from_ranges(values(settings, "extip")) if values(settings, "extip") else None
    if values(settings, "extaddr"):
        external = objects.addresses(family).resolve_all(values(settings, "extaddr"))
    if external is None or value(settings, "extip") in ("0.0.0.0", "::"):
        external = ip.unknown(f"vip:{name}", families=(family,))
    mapped, to_address = _mapped(entry, settings, family, kind)
    services, to_ports = _forwarded(objects, settings)
    filters = tuple(word for word in values(settings, "src-filter") if word)
    interface = value(settings, "extintf", "any")
    return Vip(
        name=name,
        line=entry.line,
        mapped=mapped,
        external=external,
        services=services,
        to_address=to_address,
        to_ports=to_ports,
        interface="" if interface == "any" else interface,
        source=ip.from_ranges(filters) if filters else any_address,
        filtered=bool(filters),
        enabled=enabled(settings, "status", True),
        comment=value(settings, "comment"),
    )


def _mapped(entry: Block, settings: Mapping[str, Setting], family: int, kind: str) -> tuple[Addresses, str]:
    """Where the published address really leads."""
    name = entry.name
    servers = [value(one.settings(), "ip") for one in entry.table("realservers").entries.values()]
    if kind == "server-load-balance":
        known = [server for server in servers if server]
        if not known or len(known) < len(servers):
            return ip.unknown(f"vip:{name}", families=(family,)), ""
        return ip.from_ranges(known), ", ".join(known)
    found = values(settings, "mappedip")
    if kind in ("static-nat", "load-balance") and found:
        return ip.from_ranges(found), ", ".join(found)
    return ip.unknown(f"vip:{name}", families=(family,)), ""


def _forwarded(objects: Objects, settings: Mapping[str, Setting]) -> tuple[Services, str]:
    """Services that arrive, and ports they become."""
    named = values(settings, "service")
    services = objects.services.resolve_all(named) if named else svc.ANY
    kind = value(settings, "type", "static-nat")
    if not (enabled(settings, "portforward") or (kind == "server-load-balance" and "extport" in settings)):
        return services, ""
    protocol = value(settings, "protocol", "tcp")
    if protocol == "icmp":
        return svc.of(1), ""
    ports = " ".join(values(settings, "extport")) or "0-65535"
    return svc.of(svc.protocol_number(protocol), svc.parse_ports(ports)), value(settings, "mappedport")


def read_vip_groups(objects: Objects, table: Block, family: int) -> None:
    """Groups of published addresses: a product never nests them."""
    for name, entry in table.entries.items():
        objects.vip_groups[family][name] = values(entry.settings(), "member")


# --- For the review of duplicates and unused objects

_DELIVERED_TEXT = """
    all none always NONE FABRIC_DEVICE FIREWALL_AUTH_PORTAL_ADDRESS SSLVPN_TUNNEL_ADDR1
    SSLVPN_TUNNEL_IPv6_ADDR1 EMS_ALL_UNKNOWN_CLIENTS EMS_ALL_UNMANAGEABLE_CLIENTS gmail.com
    login.microsoft.com login.microsoftonline.com login.windows.net wildcard.dropbox.com wildcard.google.com
    AFS3 AOL CVSPSERVER DCE-RPC FINGER GOPHER H323 INFO_ADDRESS INFO_REQUEST IRC Internet-Locator-Service L2TP
    MGCP MMS NFS NNTP NetMeeting ONC-RPC PC-Anywhere QUAKE RADIUS-OLD RAUDIO REXEC RLOGIN RSH RTSP SCCP
    SIP-MSNmessenger TALK TIMESTAMP UUCP VDOLIVE WAIS WINFRAME WINS webproxy
"""
_SPACED = {"G Suite", "Microsoft Office 365", "Email Access", "Web Access", "Windows AD", "Exchange Server"}
_DELIVERED = frozenset(_DELIVERED_TEXT.split()) | _SPACED
"""What the product is delivered with: nobody has to tidy it."""


def record(objects: Objects, builder: DeviceBuilder, tables: Mapping[str, tuple[Block, int]], used: set[str]) -> int:
    """Keep the objects the administrator named; `used` holds names that policies cite.

    Returns how many were left out, once those kept hold too much.
    """
    left_out = held = 0
    for kind, (table, family) in tables.items():
        service = "service" in kind
        for name, entry in table.entries.items():
            if name in _DELIVERED or (service and name in _DEFAULT_SERVICES):
                continue
            if held > MAX_HELD:
                left_out += 1
                continue
            content: Addresses | Services
            if service:
                content = objects.services.resolve(name)
                held += len(content.sure)
            else:
                content = objects.addresses(family).sets.resolve(name)
                held += len(content.v4) + len(content.v6)
            builder.add_object(name, kind.partition(" ")[0], content, line=entry.line, used=name in used)
    return left_out
