"""OPNsense: `config.xml` (System > Configuration > Backups).

Rules live in two places: `<filter><rule>` (legacy) and `<OPNsense><Firewall><Filter>` (new pages). Semantics read in
the product's `filter.inc`, `FilterRuleField.php` and `FilterRule.php`: automatic rules, then priority 200000 for
floating rules, 300000 and the sequence of the group for groups, 400000 for interfaces; at equal priority the rules of
the new pages come first, by sequence. A rule of the new pages with no interface, or several, is floating.
"""

from __future__ import annotations

from collections.abc import Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.facts import PERMIT, Device, NatRule, Vpn
from checks.firewall.parsers import pf_automatic as automatic
from checks.firewall.parsers import pf_system as system
from checks.firewall.parsers import pf_vpn as vpn
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.pf_common import (
    FAMILIES,
    FLOATING,
    Assembly,
    Dialect,
    LegacyReader,
    NatReader,
    assemble,
    configuration,
    define_unknown,
    has_root,
    ipsec_peers,
    load_legacy_aliases,
    match_conditions,
    service_names,
    totp_servers,
)
from checks.firewall.parsers.pf_objects import (
    V4,
    V6,
    Cell,
    PfObjects,
    define_alias,
    define_port_alias,
    literal_address,
    protocols_of,
    services_of,
)
from checks.firewall.parsers.pf_rules import ACTIONS, BOTH_FAMILIES, IN, OUT, PfRule
from checks.firewall.parsers.source import SourceFile
from checks.firewall.parsers.xmltree import Node

TITLE = "OPNsense"
TOGETHER = False

DIALECT = Dialect(
    vendor="opnsense",
    presence=False,
    default_families=BOTH_FAMILIES,
    floating_direction="in",
    missing_cell_is_any=True,
)
FLOATING_PRIORITY, GROUP_PRIORITY, INTERFACE_PRIORITY = 200_000, 300_000, 400_000
FETCHED = {"url", "urltable", "urljson", "geoip", "mac", "asn", "dynipv6host", "authgroup", "internal", "external"}
"""Alias types whose content is found at run time."""


def recognise(file: SourceFile) -> bool:
    """Root element `opnsense`."""
    return has_root(file, "opnsense")


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device per file. Raises `ParseError`."""
    return tuple(device for file in files for device in _parse(file))


def _parse(file: SourceFile) -> tuple[Device, ...]:
    root = configuration(file, "opnsense")
    builder = DeviceBuilder("opnsense", (file,))
    objects = PfObjects(all_addresses_of_interface=True)
    system.load_interfaces(root, objects)
    load_legacy_aliases(root, objects)
    _load_aliases(root, objects)
    reader = LegacyReader(DIALECT, root, objects, builder)
    rules = _rules(root, reader, objects, builder)
    nat_reader = NatReader(reader, DIALECT, objects, builder)
    nat = nat_reader.legacy(root) + _new_nat(root, objects, builder)
    ssh = root.at("system", "ssh", "enabled") is not None
    return assemble(
        Assembly(
            dialect=DIALECT,
            product="OPNsense",
            root=root,
            objects=objects,
            builder=builder,
            reader=reader,
            rules=rules,
            nat=nat,
            passing=nat_reader.passing,
            settings=_settings(root, objects, ssh=ssh),
            after=(),
            vpns=_vpns(root),
            gateways=[*root.all("OPNsense", "Gateways", "gateway_item"), *root.all("gateways", "gateway_item")],
            ssh=ssh,
            factory="root",
            limits=_limits(root),
        )
    )


def _load_aliases(root: Node, objects: PfObjects) -> None:
    nodes = root.all("OPNsense", "Firewall", "Alias", "aliases", "alias")
    nodes += root.all("OPNSense", "Firewall", "Alias", "aliases", "alias")
    ports = {node.value("name") for node in nodes if node.value("type") == "port"}
    others = {node.value("name") for node in nodes} - ports | set(objects.aliases)
    for node in nodes:
        name, kind = node.value("name"), node.value("type")
        content = node.value("content").replace(",", "\n").split()
        if node.value("enabled", default="1") == "0":
            objects.disabled_aliases.add(name)
        if kind == "port":
            define_port_alias(objects, name, content, node.line, ports)
        elif kind in FETCHED:
            why = f"geo:{','.join(content)}" if kind == "geoip" else f"{kind}:{name}"
            define_unknown(objects, name, kind, why, node.line)
        else:
            define_alias(objects, name, kind, content, node.line, others)


def _rules(root: Node, reader: LegacyReader, objects: PfObjects, builder: DeviceBuilder) -> list[PfRule]:
    """The rules of both places, in the order they are loaded."""
    groups = {entry.value("ifname"): _number(entry.value("sequence")) for entry in root.all("ifgroups", "ifgroupentry")}
    grouped = {node.tag for node in root.child("interfaces") or () if node.value("type") == "group"}
    grouped |= set(groups) | set(system.GROUPS) | {"enc0"}

    def priority(rule: PfRule) -> int:
        if rule.section == FLOATING:
            return FLOATING_PRIORITY
        if rule.section in grouped:
            return GROUP_PRIORITY + groups.get(rule.section, 0)
        return INTERFACE_PRIORITY

    keyed: list[tuple[tuple[int, int, int, int], PfRule]] = []
    categories = {
        node.attributes.get("uuid", ""): node.value("name")
        for node in root.all("OPNsense", "Firewall", "Category", "categories", "category")
    }
    for position, node in enumerate(root.all("OPNsense", "Firewall", "Filter", "rules", "rule")):
        rule = _NewRule(node, objects, builder, categories).read(reader)
        keyed.append(((priority(rule), 0, _number(node.value("sequence", default="1")), position), rule))
    for position, node in enumerate(root.all("filter", "rule")):
        rule = reader.rule(node)
        keyed.append(((priority(rule), 1, position, 0), rule))
    return [rule for _, rule in sorted(keyed, key=lambda item: item[0])]


def _number(text: str) -> int:
    return int(text[:9]) if text.isascii() and text.isdecimal() else 0


class _NewRule:
    """One rule of `<OPNsense><Firewall><Filter><rules>`."""

    def __init__(self, node: Node, objects: PfObjects, builder: DeviceBuilder, categories: dict[str, str]) -> None:
        self._node = node
        self._objects = objects
        self._builder = builder
        self._categories = categories

    def read(self, reader: LegacyReader) -> PfRule:
        node = self._node
        names = _list(node.value("interface"))
        negated = node.value("interfacenot") == "1"
        section = FLOATING if len(names) != 1 or negated else names[0]
        conditions = match_conditions(node, self._builder)
        zones: list[str] = []
        for name in names:
            found = self._objects.zones_of(name)
            if not found:
                conditions.append(f"interface absente de l'export : {name}")
            zones += found or (name,)
        families = FAMILIES.get(node.value("ipprotocol", default="inet") or "inet", (V4,))
        protocol, icmp = node.value("protocol"), node.value("icmptype") or node.value("icmp6type")
        if protocols_of(protocol, families) is None:
            self._builder.not_understood(node.line, f"protocol {protocol}", "les services de cette règle")
        sport, dport = node.value("source_port"), node.value("destination_port")
        action = ACTIONS.get(node.value("action", default="pass") or "pass")
        if action is None:
            conditions.append(f"action non comprise : {node.value('action')}")
            self._builder.not_understood(node.line, f"action {node.value('action')}", "l'action de cette règle")
        direction = node.value("direction", default=IN) or IN
        return PfRule(
            ref=reader.ref(node, section),
            line=node.line,
            action=action or PERMIT,
            source=self._cell("source"),
            destination=self._cell("destination"),
            services=services_of(
                protocol, families, self._objects.resolve_ports(sport), self._objects.resolve_ports(dport), icmp
            ),
            service_names=service_names(protocol, sport, dport, icmp),
            quick=node.value("quick", default="1") != "0",
            directions=(direction,) if direction in (IN, OUT) else (IN, OUT),
            zones=tuple(dict.fromkeys(zones)),
            zones_negated=negated,
            families=families,
            name=node.value("description"),
            enabled=node.value("enabled", default="1") != "0" and not self._only_disabled(names, negated=negated),
            conditions=tuple(conditions),
            schedule=node.value("sched"),
            log=node.value("log", default="0") == "1",
            comment=self._comment(),
            section=section,
        )

    def _only_disabled(self, names: tuple[str, ...], *, negated: bool) -> bool:
        known = [self._objects.interfaces[name] for name in names if name in self._objects.interfaces]
        return bool(names) and not negated and len(known) == len(names) and not any(one.enabled for one in known)

    def _cell(self, side: str) -> Cell:
        targets = _list(self._node.value(f"{side}_net", default="any")) or ("any",)
        return Cell(targets, negated=self._node.value(f"{side}_not") == "1")

    def _comment(self) -> str:
        names = [self._categories.get(uuid, uuid) for uuid in _list(self._node.value("categories"))]
        return f"catégorie {', '.join(names)}" if names else ""


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _new_nat(root: Node, objects: PfObjects, builder: DeviceBuilder) -> list[NatRule]:
    """Outbound, one-to-one and prefix translations of the new pages."""
    tree = root.at("OPNsense", "Firewall", "Filter")
    if tree is None:
        return []

    def index(text: str, families: tuple[int, ...], *, negated: bool = False) -> int:
        cell = Cell((text or "any",), negated=negated)
        return builder.address(
            objects.resolve(cell, families, through=False), (("! " if negated else "") + cell.targets[0],)
        )

    found: list[NatRule] = []
    for tag, kind in (("snatrules", "source"), ("onetoone", "static"), ("npt", "static")):
        nodes = sorted(tree.all(tag, "rule"), key=lambda node: _number(node.value("sequence", default="1")))
        for node in nodes:
            families = (V6,) if tag == "npt" else FAMILIES.get(node.value("ipprotocol"), BOTH_FAMILIES)
            source = index(node.value("source_net"), families, negated=node.value("source_not") == "1")
            target = index(node.value("destination_net"), families, negated=node.value("destination_not") == "1")
            external = node.value("external") or (node.value("destination_net") if tag == "npt" else "")
            published = literal_address(external) or ip.unknown(f"adresse : {external}")
            outgoing = f"sortie par {node.value('interface')}"
            found.append(
                NatRule(
                    ref=node.attributes.get("uuid", "") or f"{tag} n° {len(found) + 1}",
                    line=node.line,
                    kind=kind,
                    name=node.value("description"),
                    enabled=node.value("enabled", default="1") != "0",
                    in_zones=objects.zones_of(node.value("interface")) if kind == "static" else (),
                    source=source if kind == "source" else target if tag == "onetoone" else builder.any_address,
                    destination=target if kind == "source" else builder.address(published, (external,)),
                    to_address=node.value("target") if kind == "source" else node.value("source_net"),
                    to_ports=node.value("target_port"),
                    comment=""
                    if kind == "static"
                    else outgoing + (", sans traduction" if node.value("nonat") == "1" else ""),
                )
            )
    return found


def _settings(root: Node, objects: PfObjects, *, ssh: bool) -> automatic.Settings:
    web = root.at("system", "webgui")
    lockout = root.at("system", "webgui", "noantilockout")
    real = [name for name in objects.interfaces if name != "lo0"]
    place = "lan" if "lan" in real else "opt1" if "opt1" in real else "wan" if real == ["wan"] else ""
    interfaces = root.child("interfaces")
    return automatic.Settings(
        ipv6=root.at("system", "ipv6allow") is not None,
        ipv6_line=0,
        log_block=root.at("syslog", "nologdefaultblock") is None,
        apipa_block=False,
        shared_is_private=True,
        anti_lockout="" if lockout is not None else place,
        anti_lockout_line=web.line if web is not None else 0,
        anti_lockout_self=True,
        admin_ports=system.anti_lockout_ports(root, ssh=ssh),
        dhcp_servers=_dhcp_servers(root),
        dhcp6_servers=frozenset(node.tag for node in root.child("dhcpdv6") or () if node.child("enable") is not None),
        carp=True,
        flags=automatic.interface_flags(interfaces) if interfaces is not None else {},
        ipsec_peers=ipsec_peers(root, presence=False),
    )


def _dhcp_servers(root: Node) -> frozenset[str]:
    legacy = {node.tag for node in root.child("dhcpd") or () if node.child("enable") is not None}
    kea = root.at("OPNsense", "Kea", "dhcp4", "general")
    if kea is not None and kea.value("enabled") == "1" and kea.value("fwrules", default="1") == "1":
        legacy |= set(_list(kea.value("interfaces")))
    return frozenset(legacy)


def _vpns(root: Node) -> list[Vpn]:
    servers = totp_servers(root)
    found = vpn.openvpn(root, totp_servers=servers, presence=False)
    found += vpn.openvpn_instances(root, totp_servers=servers)
    found += vpn.ipsec(root, presence=False) + vpn.swanctl(root)
    tree = root.at("OPNsense", "wireguard")
    if tree is not None:
        running = tree.value("general", "enabled") == "1"
        found += vpn.wireguard(tree.all("server", "servers", "server"), enabled=running)
    return found


def _limits(root: Node) -> list[str]:
    found = ["L'export ne donne pas la version du logiciel."]
    if root.at("filter", "bypassstaticroutes") is not None:
        found.append(
            "L'option qui dispense de filtrage le trafic des routes statiques d'une même interface est active :"
            " son effet n'est pas reproduit."
        )
    if root.all("OPNsense", "Swanctl", "Connections", "Connection"):
        found.append("Les règles automatiques des connexions IPsec (nouvelles pages) ne sont pas reproduites.")
    if any(node.value("enabled") == "1" for node in root.all("OPNsense", "captiveportal", "zones", "zone")):
        found.append("Un portail captif est activé : ses règles ne sont pas dans l'export.")
    return found
