"""UniFi gateways: answers of the controller's API, given together.

Zone policies (Network 9 and later): `firewall-policies`, `firewall/zone`, `rest/networkconf`, `rest/firewallgroup`.
Older controllers: `rest/firewallrule` with its rulesets. Policies of one pair of zones are read by growing index.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import AddressError, parse_range
from checks.firewall.facts import (
    DENY,
    FORWARD,
    INPUT,
    OUTPUT,
    PERMIT,
    Chain,
    Device,
    Interface,
    NatRule,
    Rule,
    Vpn,
)
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.firewall.parsers.unifi_json import Element, elements
from checks.firewall.parsers.unifi_rules import Objects, RuleReader
from checks.model import Gap, Reason

TITLE = "UniFi"
TOGETHER = True

GATEWAY, EXTERNAL = "gateway", "external"
RULESET = re.compile(r"(WAN|LAN|GUEST)(v6)?_(IN|OUT|LOCAL)")
_SIGNS = (
    re.compile(r'"ruleset"\s*:\s*"(?:WAN|LAN|GUEST)'),
    re.compile(r'"(?:source_zone_id|matching_target|ipProtocolScope)"\s*:'),
    re.compile(r'"(?:networkIds|network_ids)"\s*:\s*\['),
    re.compile(r'"group_type"\s*:\s*"(?:ipv6-)?(?:address|port)-group"'),
    re.compile(r'"purpose"\s*:\s*"(?:wan|corporate|guest|vlan-only|remote-user-vpn|site-vpn|vpn-client)"'),
    re.compile(r'"(?:pfwd_interface|fwd_port)"\s*:'),
)
VPN_KINDS = {"l2tp-server": "l2tp", "pptp-server": "pptp", "openvpn-server": "openvpn", "wireguard-server": "wireguard",
             "ipsec-vpn": "ipsec", "openvpn-vpn": "openvpn", "openvpn-client": "openvpn",
             "wireguard-client": "wireguard", "auto": "ipsec"}  # fmt: skip
NO_PREDEFINED = (
    "Les politiques prédéfinies ne sont pas dans l'export : ce qui arrive au trafic qu'aucune règle ne décrit n'est "
    "pas connu."
)
NO_LEGACY_DEFAULT = (
    "Les règles prédéfinies et l'action finale de chaque jeu de règles ne sont pas dans l'export de l'ancien pare-feu."
)
NO_ZONES = "La liste des zones n'est pas dans l'export : les règles montrent leurs identifiants."
BOTH_ENGINES = "L'export contient aussi d'anciennes règles : elles ne servent plus quand les zones sont actives."
NO_ADMIN = "Les comptes du contrôleur ne sont pas dans ces exports."
NO_MANAGEMENT = "L'accès à l'administration du contrôleur n'est pas dans ces exports."


def recognise(file: SourceFile) -> bool:
    """A JSON answer of a UniFi controller."""
    head = file.head.lstrip()
    return head[:1] in ("[", "{") and any(sign.search(head) for sign in _SIGNS)


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """The gateway the files describe. Raises `ParseError`."""
    builder = DeviceBuilder("unifi", files)
    objects = Objects(builder)
    policies: list[Element] = []
    rules: list[Element] = []
    forwards: list[Element] = []
    for index, file in enumerate(files):
        if '"ipProtocolScope"' in file.head:
            raise ParseError("export de l'API d'intégration : exporter l'API v2 (firewall-policies)", file.name)
        for one in elements(file, index):
            _sort(one, builder, objects, policies, rules, forwards)
    if not policies and not rules:
        raise ParseError(
            "aucune règle : joindre les politiques (firewall-policies) ou les anciennes règles (firewallrule)",
            files[0].name if files else "",
        )
    reader = RuleReader(builder, objects)
    chains = _zone_chains(policies, reader, objects, builder) if policies else _legacy_chains(rules, reader)
    nat = tuple(_forward(one, builder) for one in forwards)
    objects.record()
    return (
        builder.build(
            name=files[0].name,
            product="UniFi",
            limits=_limits(policies, rules, objects),
            interfaces=_interfaces(objects, chains, zoned=bool(policies)),
            chains=tuple(chains),
            nat=nat,
            administrators=Gap(reason=Reason.UNSUPPORTED, detail=NO_ADMIN),
            users=Gap(reason=Reason.UNSUPPORTED, detail=NO_ADMIN),
            vpns=tuple(_vpns(objects.networks.values())),
        ),
    )


def _sort(
    one: Element,
    builder: DeviceBuilder,
    objects: Objects,
    policies: list[Element],
    rules: list[Element],
    forwards: list[Element],
) -> None:
    fields = one.fields
    if "ruleset" in fields:
        rules.append(one)
    elif "action" in fields and ("source_zone_id" in fields or isinstance(fields.get("source"), dict)):
        policies.append(one)
    elif "group_type" in fields:
        objects.add_group(one)
    elif "pfwd_interface" in fields or "fwd_port" in fields:
        forwards.append(one)
    elif "purpose" in fields:
        objects.networks[one.text("_id", "id")] = one
    elif "networkIds" in fields or "network_ids" in fields or "zone_key" in fields:
        objects.zones[one.text("_id", "id")] = one
    elif "ip_subnet" in fields or "vlan" in fields:
        objects.networks[one.text("_id", "id")] = one
    elif fields:
        kind = ", ".join(sorted(fields)[:6])
        builder.not_understood(one.line, kind, "élément non reconnu : son effet n'est pas connu", one.file)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1  # noqa: PLR2004


def _is(objects: Objects, name: str, key: str) -> bool:
    """A zone of that name is the built-in zone `key`."""
    return any(
        one.text("name") == name and (one.text("zone_key").lower() or name.lower()) == key
        for one in objects.zones.values()
    ) or (not objects.zones and name.lower() == key)


def _zone_chains(
    policies: Sequence[Element], reader: RuleReader, objects: Objects, builder: DeviceBuilder
) -> list[Chain]:
    ordered = sorted(policies, key=lambda one: _number(one.text("index")))
    why = ""
    seen: set[tuple[tuple[str, ...], tuple[str, ...], str]] = set()
    sorted_rules: dict[str, list[Rule]] = {FORWARD: [], INPUT: [], OUTPUT: []}
    for one in ordered:
        rule = reader.policy(one)
        place = (rule.in_zones, rule.out_zones, one.text("index"))
        if _number(one.text("index")) < 0:
            why = "une politique n'a pas d'ordre"
        elif place in seen:
            why = "deux politiques d'une même paire de zones ont le même ordre"
        seen.add(place)
        hook = FORWARD
        if any(_is(objects, name, GATEWAY) for name in rule.out_zones):
            hook = INPUT
        elif any(_is(objects, name, GATEWAY) for name in rule.in_zones):
            hook = OUTPUT
        sorted_rules[hook].append(rule)
    if reader.unknown_action:
        why = "une action n'est pas comprise"
    complete = any(one.on("predefined") for one in policies)
    titles = {FORWARD: "Politiques", INPUT: "Politiques vers la passerelle", OUTPUT: "Politiques depuis la passerelle"}
    if not complete:
        for hook, rules in _new_zone_defaults(objects, builder).items():
            sorted_rules[hook] += rules
    return [
        Chain(
            name=titles[hook],
            hook=hook,
            default=DENY,
            default_certain=False,
            exact=not why,
            why_not_exact=why,
            rules=tuple(rules),
        )
        for hook, rules in sorted_rules.items()
        if rules or hook == FORWARD
    ]


def _new_zone_defaults(objects: Objects, builder: DeviceBuilder) -> dict[str, list[Rule]]:
    """A zone someone created reaches the Internet and the gateway, and no other zone (vendor's help centre)."""
    keyed = {key: one.text("zone_key").lower() for key, one in objects.zones.items()}
    found: dict[str, list[Rule]] = {FORWARD: [], INPUT: []}
    if not any(keyed.values()):
        return found
    created = [key for key, one in objects.zones.items() if "default_zone" in one.fields and not one.on("default_zone")]
    for key in created:
        for other, kind in keyed.items():
            if other == key:
                continue
            open_zone = kind in (EXTERNAL, GATEWAY)
            hook = INPUT if kind == GATEWAY else FORWARD
            found[hook].append(
                Rule(
                    ref=f"défaut {objects.zone(key)} vers {objects.zone(other)}",
                    line=objects.zones[key].line,
                    file=objects.zones[key].file,
                    action=PERMIT if open_zone else DENY,
                    source=builder.any_address,
                    destination=builder.any_address,
                    services=builder.any_service,
                    in_zones=(objects.zone(key),),
                    out_zones=(objects.zone(other),),
                    automatic=True,
                )
            )
    return found


def _legacy_chains(rules: Sequence[Element], reader: RuleReader) -> list[Chain]:
    titles = {"in": ("Entrée", FORWARD, 0), "out": ("Sortie", FORWARD, 10), "local": ("Vers la passerelle", INPUT, 0)}
    grouped: dict[tuple[str, int], list[Rule]] = {(side, family): [] for side in ("in", "local") for family in (4,)}
    why = ""
    seen: set[tuple[str, str]] = set()
    for one in sorted(rules, key=lambda one: _number(one.text("rule_index"))):
        found = RULESET.fullmatch(one.text("ruleset"))
        if found is None or _number(one.text("rule_index")) < 0:
            why = "un jeu de règles ou un ordre n'est pas connu"
            continue
        place = (one.text("ruleset"), one.text("rule_index"))
        if place in seen:
            why = "deux règles d'un même jeu ont le même ordre"
        seen.add(place)
        side, family = found[3].lower(), 6 if found[2] else 4
        grouped.setdefault((side, family), []).append(reader.legacy(one, side, found[1], family))
    if reader.unknown_action:
        why = "une action n'est pas comprise"
    return [
        Chain(
            name=f"{titles[side][0]} IPv{family}",
            hook=titles[side][1],
            priority=titles[side][2],
            families=(family,),
            default=PERMIT if side == "out" else DENY,
            default_certain=False,
            exact=not why,
            why_not_exact=why,
            rules=tuple(found),
        )
        for (side, family), found in sorted(grouped.items(), key=lambda one: (titles[one[0][0]][2], one[0]))
    ]


def _forward(one: Element, builder: DeviceBuilder) -> NatRule:
    source = one.text("src")
    try:
        value = ip.ANY4 if source in ("", "any") else ip.from_ranges([source])
    except AddressError:
        value = ip.unknown(f"illisible:{source}")
    try:
        ports = svc.parse_ports(one.text("dst_port"))
        numbers = {"tcp": (6,), "udp": (17,)}.get(one.text("proto"), (6, 17))
        services = svc.join(*(svc.of(number, ports) for number in numbers))
    except svc.ServiceError:
        services = svc.unknown(f"port:{one.text('dst_port')}")
    return NatRule(
        ref=one.text("_id", "name"),
        name=one.text("name"),
        line=one.line,
        file=one.file,
        kind="destination",
        enabled=one.on("enabled", default=True),
        in_zones=(one.text("pfwd_interface"),) if one.text("pfwd_interface") else (),
        source=builder.address(value, (source or "any",)),
        services=builder.service(services, (one.text("dst_port"),)),
        to_address=one.text("fwd"),
        to_ports=one.text("fwd_port"),
        permits=True,
    )


def _interfaces(objects: Objects, chains: Iterable[Chain], *, zoned: bool) -> tuple[Interface, ...]:
    found: list[Interface] = []
    if zoned:
        for one in objects.zones.values():
            keys = one.texts("networkIds", "network_ids")
            found.append(_interface(one.text("name") or one.text("_id"), keys, objects, one.line, one.text("zone_key")))
    else:
        groups = {"wan": "WAN", "corporate": "LAN", "guest": "GUEST"}
        for purpose, zone in groups.items():
            keys = [key for key, one in objects.networks.items() if one.text("purpose") == purpose]
            found.append(_interface(zone, keys, objects, 0, zone.lower() if zone != "GUEST" else ""))
    known = {one.name for one in found}
    named = {zone for chain in chains for rule in chain.rules for zone in (*rule.in_zones, *rule.out_zones)}
    return (*found, *(Interface(name=name) for name in sorted(named - known)))


def _interface(name: str, keys: Sequence[str], objects: Objects, line: int, key: str) -> Interface:
    networks = []
    for one in (objects.networks[key] for key in keys if key in objects.networks):
        try:
            family, low, high = parse_range(one.text("ip_subnet"))
        except AddressError:
            continue
        networks.append(ip.format_interval(family, low, high))
    roles = {"external": "wan", "internal": "lan", "dmz": "dmz", "vpn": "vpn", "wan": "wan", "lan": "lan"}
    return Interface(
        name=name,
        line=line,
        members=tuple(objects.network_name(key) for key in keys),
        networks=tuple(networks),
        role=roles.get(key.lower(), ""),
        default_route=key.lower() in ("external", "wan"),
    )


def _vpns(networks: Iterable[Element]) -> Iterable[Vpn]:
    for one in networks:
        purpose, kind = one.text("purpose"), VPN_KINDS.get(one.text("vpn_type"), "")
        if purpose not in ("remote-user-vpn", "site-vpn", "vpn-client") or not kind:
            continue
        exchange = one.text("ipsec_key_exchange")
        group = one.text("ipsec_ike_dh_group", "ipsec_dh_group")
        yield Vpn(
            kind=kind,
            name=one.text("name"),
            line=one.line,
            enabled=one.on("enabled", default=True),
            remote_access=purpose == "remote-user-vpn",
            ike_versions={"ikev1": (1,), "ikev2": (2,)}.get(exchange, ()),
            encryption=tuple(dict.fromkeys(filter(None, (one.text("ipsec_ike_encryption", "ipsec_encryption"),)))),
            integrity=tuple(dict.fromkeys(filter(None, (one.text("ipsec_ike_hash", "ipsec_hash"),)))),
            dh_groups=(int(group),) if group.isascii() and group.isdigit() and len(group) < 4 else (),  # noqa: PLR2004
            pfs=one.on("ipsec_pfs") if "ipsec_pfs" in one.fields else None,
        )


def _limits(policies: Sequence[Element], rules: Sequence[Element], objects: Objects) -> list[str]:
    found = []
    if policies and not any(one.on("predefined") for one in policies):
        found.append(NO_PREDEFINED)
    if policies and rules:
        found.append(BOTH_ENGINES)
    if not policies:
        found.append(NO_LEGACY_DEFAULT)
    if policies and not objects.zones:
        found.append(NO_ZONES)
    found.append(NO_MANAGEMENT)
    return found
