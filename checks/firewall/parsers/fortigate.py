"""FortiGate configuration: backup, `show` or `show full-configuration`; one device per virtual domain."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.facts import Chain, Device
from checks.firewall.parsers import fortigate_local as flocal
from checks.firewall.parsers import fortigate_objects as fobj
from checks.firewall.parsers import fortigate_policies as fpol
from checks.firewall.parsers import fortigate_system as fsys
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.fortigate_objects import V4, V6, Objects, enabled, value, values
from checks.firewall.parsers.fortigate_policies import Context
from checks.firewall.parsers.fortigate_text import Block, Tree, parse_tree
from checks.firewall.parsers.fortigate_zones import (
    Port,
    Zones,
    default_routes,
    interfaces,
    read_ports,
    read_zones,
)
from checks.firewall.parsers.source import ParseError, SourceFile

TITLE = "Fortinet FortiGate"
TOGETHER = False

_VERSION = re.compile(r"^#config-version=(\w+)-(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?-\w+-build(\d+)", re.MULTILINE)
_VDOM_BACKUP = re.compile(r"^#global_vdom=0:vd_name=(\S+)", re.MULTILINE)
_OPENING = re.compile(
    r"^[^\S\n]*(?:\S+ (?:\(\S+\) )?[#$] )?"
    r"(?:config (?:global|vdom|(?:system|firewall|router|vpn|user|log) [\w-]+)|#config-version=F\w+-)",
    re.MULTILINE,
)
_CLOSING = re.compile(r"^[^\S\n]*(?:edit|set|next|end)\b", re.MULTILINE)

_CHAINS = frozenset({"firewall policy", "firewall policy6", "firewall consolidated policy", "firewall local-in-policy",
                     "firewall local-in-policy6"})  # fmt: skip
_READ = frozenset({
    "firewall address", "firewall address6", "firewall addrgrp", "firewall addrgrp6", "firewall service custom",
    "firewall service group", "firewall schedule recurring", "firewall schedule onetime", "firewall schedule group",
    "firewall vip", "firewall vip6", "firewall vipgrp", "firewall vipgrp6", "firewall central-snat-map",
})  # fmt: skip
_SIDE_PATHS = {
    "firewall acl": "un paquet que « firewall acl » refuse n'atteint pas les politiques : refus non évalués",
    "firewall acl6": "un paquet que « firewall acl6 » refuse n'atteint pas les politiques : refus non évalués",
    "firewall multicast-policy": "le trafic multicast n'est pas évalué",
    "firewall multicast-policy6": "le trafic multicast n'est pas évalué",
    "firewall proxy-policy": "le trafic du mandataire (proxy) n'est pas évalué",
    "firewall explicit-proxy-policy": "le trafic du mandataire (proxy) n'est pas évalué",
    "firewall security-policy": "les politiques applicatives (NGFW) ne sont pas évaluées",
    "firewall policy46": "les flux traduits d'IPv4 vers IPv6 ne sont pas évalués",
    "firewall policy64": "les flux traduits d'IPv6 vers IPv4 ne sont pas évalués",
    "firewall vip46": "les flux traduits d'IPv4 vers IPv6 ne sont pas évalués",
    "firewall vip64": "les flux traduits d'IPv6 vers IPv4 ne sont pas évalués",
    "firewall DoS-policy": "les seuils contre le déni de service ne sont pas évalués",
    "firewall DoS-policy6": "les seuils contre le déni de service ne sont pas évalués",
    "firewall ttl-policy": "le filtrage sur la durée de vie (TTL) n'est pas évalué",
    "firewall ipmacbinding table": "l'association des adresses IP et MAC n'est pas évaluée",
}
"""Tables with a decision of their own: they are named as soon as they hold something."""
_HARMLESS = re.compile(
    r"firewall (?:service category|schedule \w+|multicast-address6?|ippool6?|ip-translation|address6?-template"
    r"|wildcard-fqdn .*|shaper .*|shaping-\w+|traffic-class|profile-group|identity-based-route|auth-portal"
    r"|interface-policy6?|sniffer|on-demand-sniffer|ldb-monitor|proxy-\w+|network-service-dynamic|internet-service.*"
    r"|global|region|country|city|decrypted-traffic-mirror|mms-profile|gtp|carrier-endpoint-bwl|vendor-mac.*"
    r"|access-proxy.*|ipmacbinding setting|dnstranslation|pfcp|ssl-server|ipv6-eh-filter)"
)
"""Tables without any decision, or that only the tables above use."""

_LIMITS = (
    "Compteurs d'utilisation des politiques : absents d'une sauvegarde de configuration.",
    "Le trafic qui ressort par son interface d'entrée (allow-traffic-redirect, actif par défaut) n'est pas évalué.",
    "Services locaux automatiques autres que l'administration et les VPN (DHCP, DNS, routage…) : non évalués.",
)
_IPSEC_DEFAULTS = (
    "Les propositions IPsec et les groupes Diffie-Hellman laissés à leur valeur par défaut "
    "n'apparaissent pas dans l'export."
)


class _Header(NamedTuple):
    product: str
    firmware: str
    version: tuple[int, int, int] | None
    vdom: str


def recognise(file: SourceFile) -> bool:
    """Blocks `config system|firewall|…` closed by `end`."""
    head = file.head
    return bool(_OPENING.search(head)) and bool(_CLOSING.search(head)) and not head.lstrip().startswith(("<", "{"))


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device per virtual domain. Raises `ParseError`."""
    return tuple(device for file in files for device in _parse(file))


def _parse(file: SourceFile) -> Iterator[Device]:
    tree = parse_tree(file)
    root = tree.root
    if not root.tables:
        raise ParseError("aucun bloc de configuration FortiGate dans ce fichier", file.name)
    header = _header(file)
    shared = root.table("global") if "global" in root.tables else root
    vdoms = root.table("vdom").entries
    filled = {name: block for name, block in vdoms.items() if block.tables}
    if not filled:
        rest = root if "global" not in root.tables else shared
        yield _device(file, tree, header, rest, shared, header.vdom)
        return
    for name, block in filled.items():
        yield _device(file, tree, header, block, shared, name)


def _header(file: SourceFile) -> _Header:
    found = _VERSION.search(file.head)
    alone = _VDOM_BACKUP.search(file.head)
    vdom = alone[1] if alone else ""
    if found is None:
        return _Header("", "", None, vdom)
    major, minor, patch = int(found[2]), int(found[3]), int(found[4] or 0)
    dotted = f"{major}.{minor}" + (f".{patch}" if found[4] else "")
    return _Header(f"FortiGate ({found[1]})", f"{dotted} build {found[5]}", (major, minor, patch), vdom)


def _device(file: SourceFile, tree: Tree, header: _Header, tables: Block, shared: Block, vdom: str) -> Device:
    builder = DeviceBuilder("fortigate", (file,))
    for problem in tree.problems:
        builder.not_understood(problem.line, problem.text, problem.effect)
    context = _context(builder, header, tables, shared, vdom)
    ports = read_ports(_interfaces(tables, shared), vdom, _tunnels(tables))
    published = _published(context, tables)
    context = context._replace(cited=frozenset(published))
    chains = _forward_chains(context, tables)
    local = _local_in_chains(context, tables)
    merged = Chain(name="", rules=tuple(rule for chain in local for rule in chain.rules)) if local else None
    chains += local
    chains.append(fsys.management_chain(context, ports, tables, shared, merged))
    _side_tables(builder, tables)
    cited = _cited(tables, shared)
    left_out = _record(context, tables, cited)
    answering, limited = flocal.answered(context, ports, tables, shared)
    host = value(shared.table("system global").settings(), "hostname")
    tunnels = fsys.vpns(tables, header.version)
    limits = [*_LIMITS]
    if any(vpn.kind == "ipsec" and not (vpn.encryption and vpn.dh_groups) for vpn in tunnels):
        limits.append(_IPSEC_DEFAULTS)
    if left_out:
        limits.append(f"{left_out} objets ne sont pas passés en revue : les autres contiennent déjà trop d'adresses.")
    return builder.build(
        name=f"{host or file.name}/{vdom}" if vdom else host,
        product=header.product,
        firmware=header.firmware,
        interfaces=interfaces(answering, context.zones, default_routes(tables), limited),
        chains=tuple(chains),
        nat=(
            *fpol.vip_rules(context, published),
            *fpol.source_nat_rules(context, tables.table("firewall central-snat-map")),
        ),
        administrators=fsys.administrators(shared),
        users=fsys.users(tables.table("user local")),
        vpns=tunnels,
        ipv6=_ipv6(header, tables, [port.ipv6 for port in ports.values()]),
        limits=tuple(limits),
    )


def _context(builder: DeviceBuilder, header: _Header, tables: Block, shared: Block, vdom: str) -> Context:
    objects = Objects()
    report = builder.not_understood
    ports = read_ports(_interfaces(tables, shared), vdom, _tunnels(tables))
    nets = {name: port.networks[0] for name, port in ports.items() if port.networks and ":" not in port.networks[0]}
    for family, suffix in ((V4, ""), (V6, "6")):
        fobj.read_addresses(objects, tables.table(f"firewall address{suffix}"), family, nets, report)
        fobj.read_groups(objects, tables.table(f"firewall addrgrp{suffix}"), family, report)
        objects.addresses(family).settle()
    custom, groups = tables.table("firewall service custom"), tables.table("firewall service group")
    fobj.read_services(objects, custom, groups, report)
    fobj.read_schedules(
        objects,
        tables.table("firewall schedule recurring"),
        tables.table("firewall schedule onetime"),
        tables.table("firewall schedule group"),
    )
    for family, suffix in ((V4, ""), (V6, "6")):
        fobj.read_vips(objects, tables.table(f"firewall vip{suffix}"), family, report)
        fobj.read_vip_groups(objects, tables.table(f"firewall vipgrp{suffix}"), family)
    zones = Zones(read_zones(tables), _cited_interfaces(tables))
    settings = tables.table("system settings").settings()
    central = enabled(settings, "central-nat") or value(settings, "ngfw-mode") == "policy-based"
    homes = {} if tables.table("router policy").entries else _homes(ports, zones)
    return Context(builder, objects, zones, header.version, central, homes)


def _homes(ports: Mapping[str, Port], zones: Zones) -> dict[str, Addresses]:
    """Networks directly behind each zone: an address of one of them leaves by no other."""
    found: dict[str, list[str]] = {}
    for port in ports.values():
        if port.enabled:
            found.setdefault(zones.label(port.name), []).extend(port.networks)
    return {zone: ip.from_ranges(networks) for zone, networks in found.items() if networks}


def _interfaces(tables: Block, shared: Block) -> Block:
    return tables.table("system interface") if "system interface" in tables.tables else shared.table("system interface")


def _tunnels(tables: Block) -> dict[str, int]:
    return {name: entry.line for name, entry in tables.table("vpn ipsec phase1-interface").entries.items()}


def _cited_interfaces(tables: Block) -> set[str]:
    keys = ("srcintf", "dstintf", "intf")
    found: set[str] = set()
    for path in _CHAINS:
        for entry in tables.table(path).entries.values():
            settings = entry.settings()
            found.update(word for key in keys for word in values(settings, key))
    return found


def _forward_chains(context: Context, tables: Block) -> list[Chain]:
    settings = tables.table("system settings").settings()
    logs = tables.table("log setting").settings()
    told = "log setting" in tables.tables
    log4 = enabled(logs, "fwpolicy-implicit-log") if told else None
    if enabled(settings, "consolidated-firewall-mode"):
        chains = [fpol.forward_chain(context, tables.table("firewall consolidated policy"), (4, 6), log4)]
    elif "firewall policy6" in tables.tables:
        log6 = enabled(logs, "fwpolicy6-implicit-log") if told else None
        chains = [
            fpol.forward_chain(context, tables.table("firewall policy"), (4,), log4),
            fpol.forward_chain(context, tables.table("firewall policy6"), (6,), log6),
        ]
    else:
        chains = [fpol.forward_chain(context, tables.table("firewall policy"), (4, 6), log4)]
    if value(settings, "ngfw-mode") == "policy-based":
        why = "mode NGFW par politiques : les politiques applicatives (security-policy) décident aussi"
        return [_inexact(chain, why) for chain in chains]
    return chains


def _inexact(chain: Chain, why: str) -> Chain:
    fields = {name: getattr(chain, name) for name in chain.__struct_fields__}
    return Chain(**{**fields, "exact": False, "why_not_exact": why})


def _local_in_chains(context: Context, tables: Block) -> list[Chain]:
    found = []
    for path, family in (("firewall local-in-policy", V4), ("firewall local-in-policy6", V6)):
        if tables.table(path).entries:
            found.append(fpol.local_in_chain(context, tables.table(path), family))
    return found


def _side_tables(builder: DeviceBuilder, tables: Block) -> None:
    consolidated = enabled(tables.table("system settings").settings(), "consolidated-firewall-mode")
    for path, table in tables.tables.items():
        if not path.startswith("firewall ") or not (table.entries or table.commands):
            continue
        effect = _SIDE_PATHS.get(path, "")
        if path in _CHAINS:
            unused = (path in ("firewall policy", "firewall policy6")) == consolidated
            effect = "table sans effet dans ce mode" if unused and "local-in" not in path else ""
        elif not effect and path not in _READ and not _HARMLESS.fullmatch(path):
            effect = "table inconnue : son effet sur le filtrage n'est pas évalué"
        if effect:
            builder.not_understood(table.line, f"config {path}", effect)


_DEFINED = re.compile(r"firewall (?:address6?|service custom)")
"""Tables of objects that name no other."""


def _cited(*tables: Block) -> set[str]:
    """Every word of every setting, apart from those that define an object: names that something uses."""
    found: set[str] = set()
    waiting = [table for block in tables for path, table in block.tables.items() if not _DEFINED.fullmatch(path)]
    while waiting:
        block = waiting.pop()
        found.update(word for command in block.commands for word in command.values)
        waiting += (*block.entries.values(), *block.tables.values())
    return found


def _published(context: Context, tables: Block) -> set[str]:
    """Published addresses that an enabled policy names: the others translate nothing."""
    found: set[str] = set()
    for path in ("firewall policy", "firewall policy6", "firewall consolidated policy"):
        for entry in tables.table(path).entries.values():
            settings = entry.settings()
            if enabled(settings, "status", True):
                found.update(vip.name for vip in fpol.published(context, settings, path == "firewall policy6")[0])
    return found


def _record(context: Context, tables: Block, cited: set[str]) -> int:
    kinds = {
        "address": (tables.table("firewall address"), V4),
        "address 6": (tables.table("firewall address6"), V6),
        "address-group": (tables.table("firewall addrgrp"), V4),
        "address-group 6": (tables.table("firewall addrgrp6"), V6),
        "service": (tables.table("firewall service custom"), V4),
        "service-group": (tables.table("firewall service group"), V4),
    }
    return fobj.record(context.objects, context.builder, kinds, cited)


def _ipv6(header: _Header, tables: Block, addressed: list[bool]) -> str:
    if any(addressed):
        return "on"
    return "off" if header.firmware and addressed and "firewall policy" in tables.tables else ""
