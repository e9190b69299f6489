"""Palo Alto configuration: XML, `set` commands or braces; one device per virtual system or device group."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checks.firewall.facts import Device
from checks.firewall.parsers import paloalto_rules as prules
from checks.firewall.parsers import paloalto_system as psys
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.paloalto_objects import Objects
from checks.firewall.parsers.paloalto_text import Document, Tree, read
from checks.firewall.parsers.source import MAX_DEPTH, ParseError, SourceFile

TITLE = "Palo Alto Networks"
TOGETHER = False

_XML = re.compile(
    r"<config\b[^>]*\b(?:urldb|version|detail-version)="
    r"|<(?:config|result)>\s*<(?:devices|mgt-config|shared|rulebase)>"
)
_SET = re.compile(
    r"^[^\S\n]*(?:\S+@\S+[>#] ?)?set (?:deviceconfig |mgt-config |rulebase |(?:pre|post)-rulebase |device-group "
    r"|network (?:interface|profiles|ike|virtual-router) |vsys \S+ (?:rulebase|zone|address|import) |policy panorama "
    r"|template \S+ config |shared (?:address|service|application|log-settings|pre-rulebase|post-rulebase)"
    r"|zone \S+ network |address \S+ (?:ip-netmask|ip-range|fqdn) )",
    re.MULTILINE,
)
_BRACES = re.compile(r"^[^\S\n]*(?:deviceconfig|mgt-config|rulebase|(?:pre|post)-rulebase) \{[^\S\n]*$", re.MULTILINE)
_SYSTEM_VERSION = re.compile(r"^sw-version: (\S+)$", re.MULTILINE)
_MODEL = re.compile(r"^model: (\S+)$", re.MULTILINE)

_LIMITS = (
    "Compteurs d'utilisation des règles : absents d'une configuration exportée.",
    "Les règles s'évaluent sur les adresses d'avant traduction et sur la zone de destination d'après traduction.",
    "Trafic vers le pare-feu lui-même autre que l'administration (routage, IPsec, GlobalProtect) : non évalué.",
)
_CENTRAL = (
    "Export de Panorama : les règles locales des pare-feu, entre les règles « pre » et « post », ne sont pas visibles."
)
_FLAT = "La hiérarchie des groupes d'équipements n'est pas dans cet export : chaque groupe est lu sous « shared » seul."


class _Place(NamedTuple):
    """One firewall of the export: where its objects and rules are."""

    name: str
    scopes: tuple[Tree, ...]
    """Farthest first."""
    bases: tuple[tuple[Tree, str], ...]
    """Rulebases in order of evaluation, and how to name them."""
    defaults: tuple[Tree, ...]
    """Where the default rules may be overridden, nearest first."""
    zones: Tree
    local: bool


def recognise(file: SourceFile) -> bool:
    """A `config` element of PAN-OS, `set` commands or braces with its section names."""
    head = file.head.lstrip()
    if head.startswith("<"):
        return bool(_XML.search(head))
    return bool(_SET.search(head)) or bool(_BRACES.search(head))


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One device per virtual system or device group. Raises `ParseError`."""
    return tuple(device for file in files for device in _parse(file))


def _parse(file: SourceFile) -> Iterator[Device]:
    document = read(file)
    places = list(_groups(document.root) if document.root.at("device-group").children else _systems(document.root))
    if not document.root.children or not places:
        raise ParseError("aucune configuration Palo Alto dans ce fichier", file.name)
    for place in places:
        yield _device(file, document, place)


# --- Where things are

_SECTIONS = ("rulebase", "zone", "address", "address-group", "service", "service-group", "import")


def _systems(root: Tree) -> Iterator[_Place]:
    """Virtual systems of a firewall. Without any, the top of the export is the only one."""
    shared = root.at("shared")
    systems = [node for node in root.at("vsys") if any(node.has(section) for section in _SECTIONS)]
    if any(root.has(section) for section in _SECTIONS) or not systems:
        systems = [root, *systems]
    for system in systems:
        name = "" if len(systems) == 1 else system.name or "vsys1"
        pushed = tuple(node for node in _pushed(root, system.name or "vsys1") if node.children)
        before = tuple((node.at("pre-rulebase"), "Panorama, avant") for node in pushed)
        after = tuple((node.at("post-rulebase"), "Panorama, après") for node in reversed(pushed))
        yield _Place(
            name=name,
            scopes=(shared, *pushed, system),
            bases=(*before, (system.at("rulebase"), ""), *after),
            defaults=(system.at("rulebase"), *(node.at("post-rulebase") for node in reversed(pushed))),
            zones=system.at("zone"),
            local=True,
        )


def _pushed(root: Tree, system: str) -> Iterator[Tree]:
    """What Panorama sent to a firewall, farthest first."""
    for top in (root.at("policy", "shared"), root.at("policy", "panorama"), root.at("panorama")):
        yield top
        yield top.at("shared")
        yield top.at("vsys", system)


def _groups(root: Tree) -> Iterator[_Place]:
    """Device groups of Panorama, each with what it inherits."""
    shared = root.at("shared")
    groups = {node.name: node for node in root.at("device-group")}
    parents = _parents(root)
    for group in groups.values():
        line = [group]
        while len(line) < MAX_DEPTH and (above := groups.get(parents.get(line[-1].name, ""))) and above not in line:
            line.append(above)
        down = (shared, *reversed(line))
        before = tuple((node.at("pre-rulebase"), f"avant ({node.name})") for node in down)
        after = tuple((node.at("post-rulebase"), f"après ({node.name})") for node in reversed(down))
        yield _Place(
            name=group.name,
            scopes=down,
            bases=(*before, *after),
            defaults=tuple(node.at("post-rulebase") for node in reversed(down)),
            zones=Tree("zone", 0),
            local=False,
        )


def _parents(root: Tree) -> dict[str, str]:
    found: dict[str, str] = {}
    for top in (root.at("readonly"), *root.at("readonly", "devices")):
        for group in top.at("device-group"):
            if group.value("parent-dg"):
                found[group.name] = group.value("parent-dg")
    return found


# --- One firewall


def _device(file: SourceFile, document: Document, place: _Place) -> Device:
    builder = DeviceBuilder("paloalto", (file,))
    for problem in document.problems:
        builder.not_understood(problem.line, problem.text, problem.effect)
    root = document.root
    network, system = root.at("network"), root.at("deviceconfig", "system")
    objects = Objects(builder, place.scopes)
    bases = [base for base, _ in place.bases]
    zones = {**dict.fromkeys(zone.name for zone in place.zones), **prules.zones_cited(bases)}
    context = prules.Context(builder, objects, tuple(zones))
    ports = psys.read_ports(network)
    chains = [
        prules.chain(context, place.bases, prules.default_rules(place.defaults), local=place.local),
    ]
    if place.local:
        portal = any(scope.has("global-protect") for scope in place.scopes)
        chains.append(psys.management_chain(builder, network, place.zones, ports, system, portal))
    prules.side_rulebases(context, bases)
    nat = tuple(prules.nat_rules(context, place.bases))
    limits = list(_LIMITS)
    left_out = objects.record(place.scopes)
    if left_out:
        limits.append(f"{left_out} objets ne sont pas passés en revue : les autres contiennent déjà trop d'adresses.")
    if not place.local:
        limits += [_CENTRAL] if _parents(root) else [_CENTRAL, _FLAT]
    if root.at("deviceconfig", "setting", "session").value("ipv6-firewalling") == "no":
        limits.append("Le filtrage IPv6 est désactivé (ipv6-firewalling no) : les règles ne valent que pour IPv4.")
    host = system.value("hostname")
    return builder.build(
        name=f"{host or file.name}/{place.name}" if place.name else host,
        product=_found(_MODEL, file) or ("Panorama" if not place.local else "PAN-OS"),
        firmware=_found(_SYSTEM_VERSION, file) or document.version,
        interfaces=psys.interfaces(network, place.zones, ports, system) if place.local else (),
        chains=tuple(chains),
        nat=nat,
        administrators=psys.administrators(root.at("mgt-config")),
        users=psys.users(place.scopes),
        vpns=psys.vpns(network, place.scopes),
        ipv6="on" if any(port.ipv6 for port in ports.values()) else "",
        limits=tuple(limits),
    )


def _found(pattern: re.Pattern[str], file: SourceFile) -> str:
    match = pattern.search(file.head)
    return match[1] if match else ""
