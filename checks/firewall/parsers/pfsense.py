"""pfSense: `config.xml` (Diagnostics > Backup & Restore), CE and Plus.

Semantics read in the product's `filter.inc`: automatic rules, then floating rules, interface groups (OpenVPN, IPsec,
L2TP, PPPoE and WireGuard tabs are groups), then interfaces. Interface rules are always `quick` and incoming; a
floating rule is quick only when it says so, and otherwise the last match wins. Flags count by their presence.
"""

from __future__ import annotations

from collections.abc import Sequence

from checks.firewall.algebra.addresses import Addresses
from checks.firewall.facts import Device, Vpn
from checks.firewall.parsers import pf_automatic as automatic
from checks.firewall.parsers import pf_system as system
from checks.firewall.parsers import pf_vpn as vpn
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.pf_common import (
    FLOATING,
    Assembly,
    Dialect,
    LegacyReader,
    NatReader,
    assemble,
    configuration,
    has_root,
    ipsec_peers,
    load_legacy_aliases,
    totp_servers,
)
from checks.firewall.parsers.pf_objects import V4, PfObjects, literal_address
from checks.firewall.parsers.pf_rules import PfRule
from checks.firewall.parsers.source import SourceFile
from checks.firewall.parsers.xmltree import Node

TITLE = "pfSense"
TOGETHER = False

DIALECT = Dialect(
    vendor="pfsense", presence=True, default_families=(V4,), floating_direction="any", missing_cell_is_any=False
)


def recognise(file: SourceFile) -> bool:
    """Root element `pfsense`."""
    return has_root(file, "pfsense")


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device per file. Raises `ParseError`."""
    return tuple(device for file in files for device in _parse(file))


def _parse(file: SourceFile) -> tuple[Device, ...]:
    root = configuration(file, "pfsense")
    builder = DeviceBuilder("pfsense", (file,))
    objects = PfObjects(all_addresses_of_interface=False)
    system.load_interfaces(root, objects)
    load_legacy_aliases(root, objects)
    reader = LegacyReader(DIALECT, root, objects, builder)
    rules = _in_load_order(
        [reader.rule(node) for node in root.all("filter", "rule") if node.child("separator") is None]
    )
    nat_reader = NatReader(reader, DIALECT, objects, builder)
    nat = nat_reader.legacy(root)
    ssh = root.at("system", "enablesshd") is not None or root.at("system", "ssh", "enable") is not None
    ssh = ssh or root.at("system", "ssh", "enabled") is not None
    return assemble(
        Assembly(
            dialect=DIALECT,
            product="pfSense",
            root=root,
            objects=objects,
            builder=builder,
            reader=reader,
            rules=rules,
            nat=nat,
            passing=nat_reader.passing,
            settings=_settings(root, objects, ssh=ssh),
            after=automatic.static_route_rules(_bypassed_routes(root, objects)),
            vpns=_vpns(root),
            gateways=root.all("gateways", "gateway_item"),
            ssh=ssh,
            factory="admin",
            limits=_limits(root),
        )
    )


def _in_load_order(rules: list[PfRule]) -> list[PfRule]:
    """Floating rules, then those of groups, then those of interfaces."""

    def rank(rule: PfRule) -> int:
        if rule.section == FLOATING:
            return 0
        return (
            2 if rule.zones == (rule.section,) and rule.section not in system.GROUPS and rule.section != "enc0" else 1
        )

    return sorted(rules, key=rank)


def _settings(root: Node, objects: PfObjects, *, ssh: bool) -> automatic.Settings:
    web = root.at("system", "webgui")
    lockout = root.at("system", "webgui", "noantilockout")
    several = len(objects.interfaces) > 1
    allow = root.at("system", "ipv6allow")
    interfaces = root.child("interfaces")
    return automatic.Settings(
        ipv6=allow is not None,
        ipv6_line=0,
        log_block=root.at("syslog", "nologdefaultblock") is None,
        apipa_block=root.at("system", "no_apipa_block") is None,
        shared_is_private=False,
        anti_lockout="" if lockout is not None or web is None else "lan" if several else "wan",
        anti_lockout_line=web.line if web is not None else 0,
        anti_lockout_self=False,
        admin_ports=system.anti_lockout_ports(root, ssh=ssh),
        dhcp_servers=_enabled_children(root, "dhcpd"),
        dhcp6_servers=_enabled_children(root, "dhcpdv6"),
        carp=bool(root.all("virtualip", "vip")) or bool(root.all("hasync", "synchronizetoip")),
        flags=automatic.interface_flags(interfaces) if interfaces is not None else {},
        ipsec_peers=ipsec_peers(root, presence=True),
    )


def _enabled_children(root: Node, tag: str) -> frozenset[str]:
    return frozenset(node.tag for node in root.child(tag) or () if node.child("enable") is not None)


def _bypassed_routes(root: Node, objects: PfObjects) -> list[tuple[str, Addresses, Addresses, int]]:
    flag = root.at("filter", "bypassstaticroutes")
    if flag is None:
        return []
    gateways = {item.value("name"): item.value("interface") for item in root.all("gateways", "gateway_item")}
    found = []
    for route in root.all("staticroutes", "route"):
        name = gateways.get(route.value("gateway"), "")
        far = literal_address(route.value("network"))
        if name in objects.interfaces and far is not None and route.child("disabled") is None:
            found.append((name, objects.network_of(name), far, flag.line))
    return found


def _vpns(root: Node) -> list[Vpn]:
    found = vpn.openvpn(root, totp_servers=totp_servers(root), presence=True) + vpn.ipsec(root, presence=True)
    package = root.at("installedpackages", "wireguard")
    if package is not None:
        running = package.value("config", "enable") == "on"
        found += vpn.wireguard(package.all("tunnels", "item"), enabled=running)
    return found


def _limits(root: Node) -> list[str]:
    found = []
    version = root.value("version")
    if version:
        found.append(f"L'export donne la révision du format de configuration ({version}), pas la version du logiciel.")
    if any(node.child("enable") is not None for node in root.all("installedpackages", "miniupnpd", "config")):
        found.append("UPnP est activé : des ouvertures demandées par les postes peuvent s'ajouter aux règles.")
    if any(one.child("enable") is not None for one in root.child("captiveportal") or ()):
        found.append("Un portail captif est activé : ses règles ne sont pas dans l'export.")
    return found
