"""What pfSense and OPNsense share: the legacy rule format, translations, and the assembly of the device."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.intervals import Intervals
from checks.firewall.facts import DENY, PERMIT, Device, NatRule, Vpn
from checks.firewall.parsers import pf_automatic as automatic
from checks.firewall.parsers import pf_system as system
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.pf_objects import (
    ANYWHERE,
    V4,
    V6,
    Cell,
    PfObjects,
    PortSet,
    define_alias,
    define_port_alias,
    literal_address,
    protocols_of,
    record_aliases,
    services_of,
)
from checks.firewall.parsers.pf_rules import ACTIONS, BOTH_FAMILIES, IN, OUT, ChainMaker, PfRule, evaluation_order
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile
from checks.firewall.parsers.xmltree import Node, parse_xml

FLOATING = "flottantes"
FAMILIES = {"inet": (V4,), "inet6": (V6,), "inet46": BOTH_FAMILIES}
LIMITS = ("max", "max-src-nodes", "max-src-conn", "max-src-states", "max-src-conn-rate", "max-src-conn-rates")
INERT = {
    "id", "tracker", "type", "interface", "ipprotocol", "tag", "statetimeout", "statetype", "descr", "source",
    "destination", "created", "updated", "log", "disabled", "quick", "floating", "direction", "gateway",
    "associated-rule-id", "protocol", "icmptype", "icmp6-type", "nopfsync", "nosync", "allowopts", "disablereplyto",
    "defaultqueue", "ackqueue", "dnpipe", "pdnpipe", "srctrack", "source-track", "label", "category", "categories",
    "vlanprioset", "set-prio", "set-prio-low", "reply-to", "replyto", "state-policy", "adaptivestart", "adaptiveend",
    "udp-first", "udp-single", "udp-multiple", "overload", "shaper1", "shaper2", "seq", "sequence", "sort_order",
    "prio_group", "enabled", "action", "description", "interfacenot", "source_net", "source_not", "source_port",
    "destination_net", "destination_not", "destination_port", "ridentifier", "pflow", "divert-to", "tcpflags_any",
    "tcpflags1", "icmp6type",
}  # fmt: skip
"""Elements of a rule that are read elsewhere here, or that do not change which packets it matches."""
CONDITIONS = {
    "sched": "horaire : {}",
    "tagged": "marque interne : {}",
    "dscp": "marque DSCP : {}",
    "tos": "marque DSCP : {}",
    "vlanprio": "priorité VLAN : {}",
    "prio": "priorité VLAN : {}",
    "frags": "fragments : {}",
}
FILTER_LIMITS = (
    "Les tables d'adresses bloquées pendant la marche (échecs de connexion, IDS, débit) ne sont pas dans l'export.",
    "Les compteurs de passage des règles ne sont pas dans l'export.",
    "Les règles ajoutées par les greffons (UPnP, portail captif, mandataires, réflexion NAT) ne sont pas reproduites.",
)


def has_root(file: SourceFile, tag: str) -> bool:
    """The file seems to be a configuration whose root element is `tag`."""
    return f"<{tag}>" in file.head or f"<{tag} " in file.head


def configuration(file: SourceFile, tag: str) -> Node:
    """Root of a whole configuration. Raises `ParseError` for another document or a partial backup."""
    root = parse_xml(file)
    if root.tag != tag:
        raise ParseError(f"l'élément racine est {root.tag[:40]}, {tag} était attendu", file.name, root.line)
    if root.child("filter") is None and root.child("interfaces") is None:
        raise ParseError(
            "sauvegarde partielle : ni interfaces ni règles ; exporter la configuration entière", file.name
        )
    return root


class Dialect(NamedTuple):
    """How one of the two products reads the legacy format."""

    vendor: str
    presence: bool
    """A flag counts as soon as its element is there (pfSense); else it needs a value (OPNsense)."""
    default_families: tuple[int, ...]
    floating_direction: str
    """Direction of a floating rule that does not tell."""
    missing_cell_is_any: bool


def text_of(node: Node | None) -> str:
    """All the text of a node, for quotes."""
    if node is None:
        return ""
    return " ".join(part for part in (node.text.strip(), *(text_of(child) for child in node)) if part)


class LegacyReader:
    """Reads `<filter><rule>`."""

    def __init__(self, dialect: Dialect, root: Node, objects: PfObjects, builder: DeviceBuilder) -> None:
        self._dialect = dialect
        self._objects = objects
        self._builder = builder
        self._schedules = {node.value("name") for node in root.all("schedules", "schedule")}
        self._skip_gateway = root.at("system", "skip_rules_gw_down") is not None
        self._refs: dict[str, int] = {}
        self._positions: dict[str, int] = {}

    def flag(self, node: Node, tag: str) -> bool:
        """A flag of a rule, read as the product does."""
        child = node.child(tag)
        return child is not None and (self._dialect.presence or system.is_set(child))

    def ref(self, node: Node, section: str) -> str:
        """Identity of a rule: uuid, tracker, or its place in its tab."""
        self._positions[section] = self._positions.get(section, 0) + 1
        name = node.attributes.get("uuid", "") or node.value("tracker") or f"{section} n° {self._positions[section]}"
        seen = self._refs.get(name, 0)
        self._refs[name] = seen + 1
        return f"{name} ({seen + 1})" if seen else name

    def rule(self, node: Node) -> PfRule:
        """One rule."""
        declared = node.child("floating") is not None
        names = tuple(part for part in node.value("interface").replace(" ", "").split(",") if part)
        floating = declared or (not self._dialect.presence and len(names) > 1)
        section = FLOATING if floating else (names[0] if names else "")
        conditions = self._conditions(node)
        families = FAMILIES.get(node.value("ipprotocol"), self._dialect.default_families)
        zones, lost = self._zones(names)
        if lost:
            conditions.append(f"interface absente de l'export : {', '.join(lost)}")
        if not names and not floating:
            conditions.append("règle d'interface sans interface")
        source, destination = self._cell(node, "source"), self._cell(node, "destination")
        for cell, what in ((source, "source"), (destination, "destination")):
            if not cell.targets:
                conditions.append(f"{what} absente")
        enabled, doubt = self._enabled(node, names, floating=floating)
        conditions += doubt
        action = ACTIONS.get(node.value("type", default="pass") or "pass")
        if action is None:
            conditions.append(f"action non comprise : {node.value('type')}")
            self._builder.not_understood(node.line, f"type {node.value('type')}", "l'action de cette règle")
        return PfRule(
            ref=self.ref(node, section),
            line=node.line,
            action=action or PERMIT,
            source=source._replace(targets=source.targets or ("any",)),
            destination=destination._replace(targets=destination.targets or ("any",)),
            services=self._services(node, families, source, destination),
            service_names=service_names(node.value("protocol"), source.port, destination.port, node.value("icmptype")),
            quick=self._quick(node, floating=declared),
            directions=self._directions(node, floating=floating),
            zones=zones,
            families=families,
            name=node.value("descr"),
            enabled=enabled,
            conditions=tuple(conditions),
            schedule=node.value("sched"),
            log=self.flag(node, "log"),
            comment=owner_comment(node),
            section=section,
        )

    def _quick(self, node: Node, *, floating: bool) -> bool:
        if self._dialect.presence:
            return not floating or node.child("quick") is not None
        return system.is_set(node.child("quick")) if node.child("quick") is not None else not floating

    def _directions(self, node: Node, *, floating: bool) -> tuple[str, ...]:
        if self._dialect.presence and not floating:
            return (IN,)
        direction = node.value("direction").lower() or (self._dialect.floating_direction if floating else IN)
        return (direction,) if direction in (IN, OUT) else (IN, OUT)

    def _enabled(self, node: Node, names: tuple[str, ...], *, floating: bool) -> tuple[bool, list[str]]:
        child = node.child("disabled")
        off = [
            name for name in names if name in self._objects.interfaces and not self._objects.interfaces[name].enabled
        ]
        if child is not None and not self._dialect.presence and not child.text.strip():
            return True, ["désactivation incertaine (élément disabled vide)"]
        if self.flag(node, "disabled"):
            return False, []
        if off and len(off) == len(names):
            if floating:
                return True, [f"interfaces désactivées : {', '.join(off)} ; la règle s'applique peut-être à toutes"]
            return False, []
        return True, []

    def _zones(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
        zones: list[str] = []
        lost: list[str] = []
        for name in names:
            if name == "any":
                return (), lost
            found = self._objects.zones_of(name)
            if not found:
                lost.append(name)
            zones += found or (name,)
        return tuple(dict.fromkeys(zones)), lost

    def _cell(self, node: Node, side: str) -> Cell:
        child = node.child(side)
        if child is None:
            return Cell(("any",) if self._dialect.missing_cell_is_any else ())
        self._check_cell(child)
        port = child.value("port")
        if child.child("any") is not None:
            return Cell(("any",), port=port)
        text = child.value("network") or child.value("address")
        negated = self.flag(child, "not")
        targets = tuple(part for part in text.replace(" ", ",").split(",") if part)
        if not targets and self._dialect.missing_cell_is_any and not child.children:
            targets = ("any",)
        return Cell(targets, negated=negated, port=port)

    def _check_cell(self, cell: Node) -> None:
        for child in cell:
            if child.tag not in ("any", "network", "address", "port", "not"):
                effect = "la source ou la destination de cette règle"
                self._builder.not_understood(child.line, f"{child.tag} {child.text.strip()}", effect)

    def _services(self, node: Node, families: tuple[int, ...], source: Cell, destination: Cell) -> svc.Services:
        protocol = node.value("protocol")
        if not protocol and (source.port or destination.port):
            # The product then writes `proto tcp` without the ports.
            protocol = "tcp" if self._dialect.presence else ""
            source, destination = source._replace(port=""), destination._replace(port="")
        if protocols_of(protocol, families) is None:
            self._builder.not_understood(node.line, f"protocol {protocol}", "les services de cette règle")
        return services_of(
            protocol,
            families,
            self._objects.resolve_ports(source.port),
            self._objects.resolve_ports(destination.port),
            node.value("icmptype") or node.value("icmp6-type"),
        )

    def _conditions(self, node: Node) -> list[str]:
        found = match_conditions(node, self._builder)
        if node.value("sched") and node.value("sched") not in self._schedules:
            found.append("horaire absent de l'export")
        if self._skip_gateway and node.value("gateway") not in ("", "default"):
            found.append(f"passerelle en service : {node.value('gateway')}")
        for side in ("source", "destination"):
            cell = node.child(side)
            if cell is not None and _unknown_children(cell):
                found.append(f"{side} non comprise en entier")
        return found


def match_conditions(node: Node, builder: DeviceBuilder) -> list[str]:
    """What a rule demands beside addresses and services; unknown elements are recorded."""
    found = []
    for child in node:
        if child.tag in INERT:
            continue
        known, text = _condition(node, child)
        if known and text:
            found.append(text)
        elif not known:
            found.append(f"directive non comprise : {child.tag}")
            effect = "cette règle peut ne pas s'appliquer comme elle est lue"
            builder.not_understood(child.line, f"{child.tag} {child.text.strip()}", effect)
    return found


def _condition(node: Node, child: Node) -> tuple[bool, str]:
    """Whether the element is known, and the condition it sets, empty when it sets none."""
    text = child.text.strip()
    if child.tag in LIMITS:
        return True, f"limite de connexions : {child.tag} {text}" if text not in ("", "0") else ""
    if child.tag in CONDITIONS:
        return True, CONDITIONS[child.tag].format(text) if text not in ("", "none", "any") else ""
    if child.tag == "os":
        tcp = node.value("protocol").lower() == "tcp"
        return True, f"système d'exploitation de la source : {text}" if text and tcp else ""
    if child.tag == "tcpflags2":
        anything = node.child("tcpflags_any") is not None and node.value("tcpflags_any") != "0"
        return True, f"drapeaux TCP : {node.value('tcpflags1')} parmi {text}" if text and not anything else ""
    return False, ""


def _unknown_children(cell: Node) -> bool:
    return any(child.tag not in ("any", "network", "address", "port", "not") for child in cell)


def service_names(protocol: str, source: str, destination: str, icmp: str) -> tuple[str, ...]:
    """What the services cell shows."""
    text = protocol or "any"
    if icmp and icmp != "any" and "icmp" in protocol.lower():
        text += f"/{icmp}"
    if destination:
        text += f"/{destination}"
    return (text + (f" (port source {source})" if source else ""),)


def owner_comment(node: Node) -> str:
    """Who created and changed the rule, and its category."""
    parts = []
    for tag, verb in (("created", "créée"), ("updated", "modifiée")):
        who, when = node.value(tag, "username"), _date(node.value(tag, "time"))
        if who or when:
            parts.append(
                " ".join(text for text in (verb, f"par {who}" if who else "", f"le {when}" if when else "") if text)
            )
    category = node.value("category")
    if category:
        parts.append(f"catégorie {category}")
    return ", ".join(parts)


def _date(text: str) -> str:
    whole = text.partition(".")[0]
    if not (whole.isascii() and whole.isdecimal()) or not 0 < int(whole[:12]) < 4_000_000_000:  # noqa: PLR2004
        return ""
    return datetime.fromtimestamp(int(whole[:12]), UTC).date().isoformat()


def load_legacy_aliases(root: Node, objects: PfObjects) -> None:
    """Read `<aliases><alias>`."""
    nodes = root.all("aliases", "alias")
    if len(nodes) > MAX_OBJECTS:
        raise ParseError("trop d'alias")
    ports = {node.value("name") for node in nodes if _is_ports(node.value("type"))}
    others = {node.value("name") for node in nodes} - ports
    for node in nodes:
        name, kind = node.value("name"), node.value("type")
        entries = node.value("address").split()
        if name in ports:
            downloaded = kind == "urltable_ports" or (kind == "url_ports" and not entries)
            define_port_alias(objects, name, [f"url:{name}"] if downloaded else entries, node.line, ports)
        elif kind == "urltable" or (kind == "url" and not entries):
            define_unknown(objects, name, kind, f"url:{name}", node.line)
        else:
            define_alias(objects, name, kind, entries, node.line, others)


def _is_ports(kind: str) -> bool:
    return kind in ("port", "url_ports", "urltable_ports")


def define_unknown(objects: PfObjects, name: str, kind: str, why: str, line: int) -> None:
    """An alias whose content is not in the export."""
    objects.aliases[name] = (kind, line)
    objects.addresses.define(name, ip.unknown(why))


class NatReader:
    """Reads port forwards, one-to-one and outbound translations of the legacy format."""

    def __init__(self, reader: LegacyReader, dialect: Dialect, objects: PfObjects, builder: DeviceBuilder) -> None:
        self._reader = reader
        self._dialect = dialect
        self._objects = objects
        self._builder = builder
        self.passing: list[PfRule] = []
        """Rules that `pass` translations stand for: no filter rule is then looked at."""

    def legacy(self, root: Node) -> list[NatRule]:
        """Every translation of `<nat>`."""
        nat = root.child("nat")
        if nat is None:
            return []
        found = [self._forward(node) for node in nat.all("rule")]
        found += [self._one_to_one(node) for node in nat.all("onetoone") if node.children]
        found += [self._prefix(node) for node in nat.all("npt") if node.children]
        outbound = nat.child("outbound")
        if outbound is not None:
            mode = outbound.value("mode") or "automatic"
            active = mode in ("advanced", "hybrid")
            found += [self._outbound(node, active=active) for node in outbound.all("rule")]
            if mode in ("automatic", "hybrid"):
                found.append(
                    NatRule(
                        ref="outbound automatique",
                        line=outbound.line,
                        kind="source",
                        name="NAT sortant automatique",
                        comment="toute adresse interne, vers les interfaces qui ont une passerelle",
                    )
                )
        return found

    def _index(self, cell: Cell, families: tuple[int, ...]) -> int:
        value = self._objects.resolve(cell, families, through=False)
        return self._builder.address(value, tuple(("! " if cell.negated else "") + target for target in cell.targets))

    def _forward(self, node: Node) -> NatRule:
        interface = node.value("interface") or ("wan" if self._dialect.presence else "")
        zones = tuple(zone for name in interface.split(",") if name for zone in self._objects.zones_of(name) or (name,))
        families = FAMILIES.get(node.value("ipprotocol"), (V4,))
        source, destination = _nat_cell(node, "source"), _nat_cell(node, "destination")
        protocol = node.value("protocol")
        services = services_of(
            protocol,
            families,
            self._objects.resolve_ports(source.port),
            self._objects.resolve_ports(destination.port),
        )
        ref = self._reader.ref(node, "nat")
        enabled = not self._reader.flag(node, "disabled")
        redirect = not self._reader.flag(node, "nordr")
        target = node.value("target")
        permits = redirect and (node.value("associated-rule-id") == "pass" or node.value("pass") == "pass")
        found = NatRule(
            ref=ref,
            line=node.line,
            kind="destination",
            name=node.value("descr"),
            enabled=enabled,
            in_zones=tuple(dict.fromkeys(zones)),
            source=self._index(source, families),
            destination=self._index(destination, families),
            services=self._builder.service(services, service_names(protocol, source.port, destination.port, "")),
            to_address=self._translated(target) if redirect else "",
            to_ports=node.value("local-port") if redirect else "",
            permits=permits,
            comment=owner_comment(node) if redirect else "exclusion : ce trafic n'est pas redirigé",
        )
        if enabled and redirect and (permits or node.value("pass") == "rule"):
            self.passing.append(self._passing(node, found, source, destination, families))
        return found

    def _translated(self, target: str) -> str:
        literal = literal_address(target)
        value = literal if literal is not None else self._objects.resolve(Cell((target,)), (V4, V6), through=False)
        fact = ip.to_fact(value)
        return fact.ranges[0] if value.exact and len(fact.ranges) == 1 else target

    def _passing(
        self, node: Node, found: NatRule, source: Cell, destination: Cell, families: tuple[int, ...]
    ) -> PfRule:
        """What a translation lets in by itself: the translated packet, that no filter rule then sees."""
        protocol = node.value("protocol")
        local = node.value("local-port")
        ports = self._objects.resolve_ports(destination.port)
        if local and local != destination.port:
            ports = _shifted(self._objects.resolve_ports(local).over, ports.over, ports)
        conditions = () if found.permits else ("règle associée créée par le produit",)
        return PfRule(
            ref=found.ref,
            line=found.line,
            action=PERMIT,
            source=source,
            destination=Cell((node.value("target") or "any",)),
            services=services_of(protocol, families, self._objects.resolve_ports(source.port), ports),
            service_names=service_names(protocol, source.port, local or destination.port, ""),
            zones=found.in_zones,
            families=families,
            name=found.name,
            comment=found.comment,
            section="nat",
            translated=(found.ref,),
            conditions=conditions,
        )

    def _one_to_one(self, node: Node) -> NatRule:
        inside = _nat_cell(node, "source") if node.child("source") is not None else Cell((node.value("internal"),))
        length = node.value("subnet") or ("32" if ":" not in node.value("external") else "128")
        external = node.value("external")
        outside = external if "/" in external else f"{external}/{length}"
        return NatRule(
            ref=self._reader.ref(node, "1:1"),
            line=node.line,
            kind="static",
            name=node.value("descr"),
            enabled=not self._reader.flag(node, "disabled"),
            in_zones=self._objects.zones_of(node.value("interface")),
            source=self._index(_nat_cell(node, "destination"), BOTH_FAMILIES),
            destination=self._builder.address(
                literal_address(outside) or ip.unknown(f"adresse : {external}"), (external,)
            ),
            to_address=", ".join(inside.targets),
        )

    def _prefix(self, node: Node) -> NatRule:
        inside, outside = _nat_cell(node, "source"), _nat_cell(node, "destination")
        return NatRule(
            ref=self._reader.ref(node, "npt"),
            line=node.line,
            kind="static",
            name=node.value("descr"),
            enabled=not self._reader.flag(node, "disabled"),
            in_zones=self._objects.zones_of(node.value("interface")),
            destination=self._index(outside, (V6,)),
            to_address=", ".join(inside.targets),
        )

    def _outbound(self, node: Node, *, active: bool) -> NatRule:
        source, destination = _nat_cell(node, "source"), _nat_cell(node, "destination")
        families = FAMILIES.get(node.value("ipprotocol"), BOTH_FAMILIES)
        excluded = node.child("nonat") is not None
        parts = [f"sortie par {node.value('interface')}", "sans traduction" if excluded else "", owner_comment(node)]
        return NatRule(
            ref=self._reader.ref(node, "outbound"),
            line=node.line,
            kind="source",
            name=node.value("descr"),
            enabled=active and not self._reader.flag(node, "disabled"),
            source=self._index(source, families),
            destination=self._index(destination, families),
            services=self._builder.service(
                services_of(
                    node.value("protocol"),
                    families,
                    self._objects.resolve_ports(node.value("sourceport")),
                    self._objects.resolve_ports(node.value("dstport") or destination.port),
                )
            ),
            to_address=node.value("target"),
            comment=", ".join(part for part in parts if part),
        )


def _shifted(local: Intervals, public: Intervals, ports: PortSet) -> PortSet:
    """Ports after translation: a range keeps its length from the first local port."""
    if len(local) == 1 and local[0][0] == local[0][1] and len(public) == 1 and not ports.maybe:
        length = public[0][1] - public[0][0]
        return PortSet(((local[0][0], min(local[0][0] + length, svc.TOP_PORT)),))
    return PortSet(local)


def _nat_cell(node: Node, side: str) -> Cell:
    child = node.child(side)
    if child is None:
        return ANYWHERE
    text = child.value("network") or child.value("address")
    port = child.value("port")
    if child.child("any") is not None or not text:
        return Cell(("any",), port=port)
    return Cell((text,), negated=child.child("not") is not None and child.value("not") != "0", port=port)


class Assembly(NamedTuple):
    """What a product's module hands over to make the device."""

    dialect: Dialect
    product: str
    root: Node
    objects: PfObjects
    builder: DeviceBuilder
    reader: LegacyReader
    rules: Sequence[PfRule]
    """Rules of the administrator, in the order they are loaded."""
    nat: Sequence[NatRule]
    passing: Sequence[PfRule]
    settings: automatic.Settings
    after: Sequence[PfRule]
    vpns: Sequence[Vpn]
    gateways: Sequence[Node]
    ssh: bool
    factory: str
    limits: Sequence[str]


def _routes_ipv6(root: Node, objects: PfObjects) -> bool:
    """Some interface or tunnel has an IPv6 address: without any, allowing IPv6 leads nowhere."""
    tunnels = (node for tag in ("openvpn-server", "openvpn-client") for node in root.all("openvpn", tag))
    assigned = any(one.enabled and one.kind6 != "none" for name, one in objects.interfaces.items() if name != "lo0")
    return assigned or any(node.value("tunnel_networkv6") for node in tunnels)


def assemble(parts: Assembly) -> tuple[Device, ...]:
    """The device."""
    root, objects, builder = parts.root, parts.objects, parts.builder
    before = automatic.before_user_rules(parts.settings, objects)
    loaded = [*parts.passing, *before, *parts.rules, *parts.after, *automatic.after_user_rules(parts.settings)]
    off = root.at("system", "disablefilter")
    limits = [*parts.limits, *FILTER_LIMITS]
    if off is not None and (parts.dialect.presence or off.text.strip() != "0"):
        loaded = [_everything(off.line), *loaded]
        limits.append("Le filtrage est entièrement désactivé (disablefilter) : aucune règle n'est appliquée.")
    silent = root.at("syslog", "nologdefaultblock")
    chains = ChainMaker(objects, builder).chains(
        loaded, default=DENY, default_line=silent.line if silent is not None else 0, default_log=silent is None
    )
    zones = [name for name, one in objects.interfaces.items() if one.enabled and name != "lo0"]
    zones += [zone for rule in loaded for zone in rule.zones if zone in system.VIRTUAL_TITLES]
    services = system.admin_services(root, ssh=parts.ssh, presence=parts.dialect.presence)
    management = system.answered_services(dict.fromkeys(zones), services, evaluation_order(loaded), objects)
    default = system.default_interface(root, objects, parts.gateways)
    admins, users = system.accounts(
        root, factory=parts.factory, mfa=system.second_factor(root), presence=parts.dialect.presence
    )
    record_aliases(objects, builder)
    domain = root.value("system", "domain")
    host = root.value("system", "hostname")
    device = builder.build(
        name=f"{host}.{domain}" if host and domain else host,
        product=parts.product,
        interfaces=system.interface_facts(root, objects, management, default),
        chains=chains,
        nat=tuple(parts.nat),
        administrators=admins,
        users=users,
        vpns=tuple(parts.vpns),
        ipv6="on" if parts.settings.ipv6 and _routes_ipv6(root, objects) else "off",
        limits=limits,
    )
    return (device,)


def _everything(line: int) -> PfRule:
    return PfRule(
        ref="filtrage désactivé",
        line=line,
        action=PERMIT,
        source=ANYWHERE,
        destination=ANYWHERE,
        services=svc.ANY,
        directions=(IN, OUT),
        name="filtrage désactivé",
        automatic=True,
    )


def ipsec_peers(root: Node, *, presence: bool) -> tuple[tuple[str, str, Addresses, int], ...]:
    """Interface, description, peer and line of each enabled tunnel."""
    if root.at("system", "disablevpnrules") is not None:
        return ()
    found = []
    for node in root.all("ipsec", "phase1"):
        disabled = node.child("disabled")
        if disabled is not None and (presence or system.is_set(disabled)):
            continue
        gateway = node.value("remote-gateway")
        mobile = node.child("mobile") is not None
        peer = ip.ANY if mobile else literal_address(gateway) or ip.unknown(f"fqdn:{gateway}")
        found.append((node.value("interface"), node.value("descr") or gateway, peer, node.line))
    return tuple(found)


def totp_servers(root: Node) -> frozenset[str]:
    """Names of the authentication servers that ask for one-time codes."""
    return frozenset(
        server.value("name") for server in root.all("system", "authserver") if "otp" in server.value("type")
    )
