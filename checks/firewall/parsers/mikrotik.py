"""MikroTik RouterOS: `/export` (compact, terse or verbose) and hand-written scripts.

Chains are read from their top, the end of `input`, `forward` and `output` accepts, the end of a called chain goes
back. The raw table comes before the filter table and its drops are final.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from checks.firewall.algebra.decide import Packet, decide_all
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.facts import (
    DENY,
    FORWARD,
    INPUT,
    JUMP,
    OUTPUT,
    PERMIT,
    RETURN,
    Chain,
    Device,
    Interface,
    NatRule,
    Rule,
)
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.mikrotik_objects import AddressLists, InterfaceLists
from checks.firewall.parsers.mikrotik_rsc import Item, read_script
from checks.firewall.parsers.mikrotik_rules import RuleReader
from checks.firewall.parsers.mikrotik_system import (
    Listening,
    administrators,
    interfaces,
    own_addresses,
    services,
    users,
    vpns,
)
from checks.firewall.parsers.source import ParseError, SourceFile
from checks.model import Gap, Reason

TITLE = "MikroTik RouterOS"
TOGETHER = False

BASES = (FORWARD, INPUT, OUTPUT)
RAW_PRIORITY = -300
RAW_BASES = {"prerouting": (FORWARD, INPUT), "output": (OUTPUT,)}
OUTSIDE = {4: "198.51.100.77", 6: "2001:db8:ffff::77"}
"""Documentation addresses that stand for anybody on the Internet."""
MAX_READINGS = 200_000
"""Rules times interfaces beyond which the services that answer are not worked out."""
_EXPORT = re.compile(r"(?m)^# .*\bby RouterOS \d")
_FIREWALL = re.compile(r"(?m)^[ \t]*/(?:ip|ipv6)[ /]firewall[ /](?:filter|nat|raw|mangle|address-list)\b")
_MENU = re.compile(r"(?m)^/(?:ip|ipv6|interface|system)(?:[ /][a-z0-9-]+)*[ \t]*\n(?:#.*\n|\n)*(?:add|set) \S")

NO_HEADER = "Ce script n'est pas un /export : l'équipement peut avoir d'autres règles, avant ou après celles-ci."
FILTER_ONLY = "L'export ne contient pas toute la configuration : listes, adresses et services peuvent manquer."
NO_USERS = "RouterOS n'exporte pas les comptes d'administration : joindre la sortie de « /user export »."
NO_COUNTERS = "L'export ne contient pas les compteurs de règles."
UPNP = "UPnP est actif : des ports s'ouvrent sans que l'export le montre."
HOTSPOT = "Le portail captif ajoute des règles dynamiques que l'export ne montre pas."
IPV6_UNKNOWN = "Le filtrage IPv6 n'est pas dans l'export."


def recognise(file: SourceFile) -> bool:
    """A RouterOS script that holds settings."""
    return any(pattern.search(file.head) for pattern in (_EXPORT, _FIREWALL, _MENU))


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One router per file. Raises `ParseError`."""
    return tuple(_Router(file).device() for file in files)


class _Router:
    """Puts one router together."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._script = read_script(file)
        if not any(path.startswith("/") for path in self._script.tables):
            raise ParseError("aucun réglage RouterOS dans ce fichier", file.name)
        self._builder = DeviceBuilder("mikrotik", [file])
        self._lists = InterfaceLists(self._script)
        self._exported = bool(self._script.version)
        self._complete = self._exported and any(
            items and not path.startswith(("/ip firewall", "/ipv6 firewall"))
            for path, items in self._script.tables.items()
        )

    def device(self) -> Device:
        script = self._script
        doubtful = self._report()
        chains: list[Chain] = []
        nat: list[NatRule] = []
        for menu, family in (("/ip firewall", 4), ("/ipv6 firewall", 6)):
            lists = AddressLists(script, menu, family, self._builder)
            reader = RuleReader(self._builder, lists, self._lists, family)
            if family == 4 or self._has_ipv6():  # noqa: PLR2004
                chains += self._chains(menu, family, reader, menu in doubtful)
            nat += self._nat(menu, family, reader)
            lists.record()
        listed = interfaces(script)
        known = {one.name for one in listed}
        named = {zone for chain in chains for rule in chain.rules for zone in (*rule.in_zones, *rule.out_zones)}
        listed += [Interface(name=name) for name in sorted(named - known)]
        accounts = administrators(script)
        device = self._builder.build(
            name=script.setting("/system identity").get("name") or self._file.name,
            product=" ".join(part for part in ("MikroTik", script.model) if part),
            firmware=script.version,
            limits=self._limits(bool(accounts)),
            interfaces=tuple(listed),
            chains=tuple(chains),
            nat=tuple(nat),
            administrators=accounts or Gap(reason=Reason.UNSUPPORTED, detail=NO_USERS),
            users=users(script),
            vpns=vpns(script),
            ipv6=self._ipv6(),
        )
        return _with_management(device, services(script), own_addresses(script)) if self._complete else device

    def _report(self) -> set[str]:
        """Lists what was not carried out; returns the firewall menus whose order or content is not certain."""
        doubtful: set[str] = set()
        for path, line, text in self._script.refused:
            concerned = [menu for menu in ("/ip firewall", "/ipv6 firewall") if path.startswith(menu)]
            spelled = text.replace("/", " ")
            if "firewall" in spelled:
                concerned.append("/ipv6 firewall" if "ipv6 firewall" in spelled else "/ip firewall")
            effect = "l'ordre ou le contenu des règles" if concerned else "aucun sur le filtrage"
            self._builder.not_understood(line, text, effect)
            doubtful.update(concerned)
        for item in self._script.items("/interface bridge filter"):
            self._builder.not_understood(item.line, item.text, "le filtrage entre les ports d'un pont n'est pas évalué")
        return doubtful

    def _has_ipv6(self) -> bool:
        if any(path.startswith("/ipv6 firewall") and items for path, items in self._script.tables.items()):
            return True
        # Since version 7 IPv6 is part of the system and on unless it is turned off.
        return self._complete and self._script.version.startswith("7")

    def _ipv6(self) -> str:
        settings = self._script.setting("/ipv6 settings")
        if settings.on("disable-ipv6"):
            return "off"
        return "on" if self._script.items("/ipv6 address") else ""

    def _chains(self, menu: str, family: int, reader: RuleReader, doubtful: bool) -> Iterator[Chain]:
        prefix = "" if family == 4 else "ipv6 "  # noqa: PLR2004
        why = "une commande qui change les règles n'est pas comprise" if doubtful else ""
        published = any(
            item.get("chain") == "dstnat" and not item.disabled and item.get("action") != "accept"
            for item in self._script.items(f"{menu} nat")
        )
        yield from self._raw(menu, family, reader, why, published)
        grouped = self._grouped(f"{menu} filter")
        # A chain without rules exists as soon as a rule calls it.
        called = (item.get("jump-target") for item in self._script.items(f"{menu} filter"))
        names = list(dict.fromkeys([*BASES, *grouped, *(name for name in called if name)]))
        for name in names:
            rules, unknown = self._rules(grouped.get(name, []), f"{prefix}{name}", reader, prefix=prefix)
            base = name in BASES
            if name in (FORWARD, INPUT):
                rules = [*self._portal(family), *rules]
            yield Chain(
                name=f"{prefix}{name}",
                hook=name if base else "",
                families=(family,),
                default=PERMIT if base else RETURN,
                default_log=False if base else None,
                default_certain=self._exported,
                exact=not (why or unknown),
                why_not_exact=why or unknown,
                rules=tuple(rules),
            )

    def _grouped(self, path: str) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = {}
        for item in self._script.items(path):
            found.setdefault(item.get("chain"), []).append(item)
        return found

    def _rules(
        self, items: Sequence[Item], chain: str, reader: RuleReader, *, prefix: str, before_nat: bool = False
    ) -> tuple[list[Rule], str]:
        rules = []
        unknown = ""
        for order, item in enumerate(items, 1):
            rule = reader.rule(item, f"{chain} {order}", prefix=prefix, before_nat=before_nat)
            if rule is None:
                unknown = "une action n'est pas comprise"
                self._builder.not_understood(item.line, item.text, f"la suite de la chaîne {chain}")
            else:
                rules.append(rule)
        return rules, unknown

    def _raw(self, menu: str, family: int, reader: RuleReader, why: str, published: bool) -> Iterator[Chain]:
        prefix = "raw " if family == 4 else "ipv6 raw "  # noqa: PLR2004
        grouped = self._grouped(f"{menu} raw")
        called = (item.get("jump-target") for item in self._script.items(f"{menu} raw"))
        for name in dict.fromkeys([*grouped, *(name for name in called if name)]):
            items = grouped.get(name, [])
            rules, unknown = self._rules(items, f"{prefix}{name}", reader, prefix=prefix, before_nat=published)
            yield Chain(
                name=f"{prefix}{name}",
                families=(family,),
                exact=not (why or unknown),
                why_not_exact=why or unknown,
                rules=tuple(rules),
            )
            for hook in RAW_BASES.get(name, ()):
                yield Chain(
                    name=f"{prefix}{name} ({hook})",
                    hook=hook,
                    priority=RAW_PRIORITY,
                    families=(family,),
                    default=PERMIT,
                    rules=(self._call(f"{prefix}{name}"),),
                )

    def _call(self, target: str) -> Rule:
        return Rule(
            ref=target,
            line=0,
            action=JUMP,
            target=target,
            source=self._builder.any_address,
            destination=self._builder.any_address,
            services=self._builder.any_service,
            automatic=True,
        )

    def _portal(self, family: int) -> list[Rule]:
        """Rules the captive portal adds at the top of the chains."""
        if family != 4:  # noqa: PLR2004
            return []
        return [
            Rule(
                ref=f"hotspot {item.get('name')}".strip(),
                line=item.line,
                action=DENY,
                source=self._builder.any_address,
                destination=self._builder.any_address,
                services=self._builder.any_service,
                in_zones=(item.get("interface"),),
                conditions=("portail captif : règles dynamiques",),
                automatic=True,
            )
            for item in self._script.items("/ip hotspot")
            if item.get("interface") and not item.disabled
        ]

    def _nat(self, menu: str, family: int, reader: RuleReader) -> list[NatRule]:
        prefix = "nat" if family == 4 else "ipv6 nat"  # noqa: PLR2004
        found = []
        for chain, items in self._grouped(f"{menu} nat").items():
            for order, item in enumerate(items, 1):
                rule = reader.nat(item, f"{prefix} {chain} {order}")
                if rule is not None:
                    found.append(rule)
        return found

    def _limits(self, accounts: bool) -> list[str]:
        script = self._script
        found = []
        if not self._exported:
            found.append(NO_HEADER)
        elif not self._complete:
            found.append(FILTER_ONLY)
        if not self._has_ipv6():
            found.append(IPV6_UNKNOWN)
        if not accounts:
            found.append(NO_USERS)
        if script.setting("/ip upnp").on("enabled"):
            found.append(UPNP)
        if any(not item.disabled for item in script.items("/ip hotspot")):
            found.append(HOTSPOT)
        found.append(NO_COUNTERS)
        return found


def _with_management(device: Device, listening: Sequence[Listening], own: dict[str, list[tuple[str, str]]]) -> Device:
    """Says of each interface which services answer there, once the input chain is crossed."""
    policies = policies_of(device, INPUT)
    if sum(len(policy.entries) for policy in policies) * len(device.interfaces) > MAX_READINGS:
        return device
    fallback = next((address for addresses in own.values() for address, _ in addresses), "192.0.2.1")

    def seen(interface: Interface) -> list[Listening]:
        addresses = own.get(interface.name) or [(fallback, OUTSIDE[4])]
        outside = interface.default_route or interface.role == "wan" or interface.name not in own
        found = []
        for service in listening:
            for router, neighbour in addresses:
                source = OUTSIDE[ipaddress.ip_address(router).version] if outside else neighbour
                packet = Packet(source, router, protocol=service.protocol, port=service.port, in_zone=interface.name)
                if decide_all(policies, packet).verdict != DENY:
                    found.append(service)
                    break
        return found

    answers = {one.name: seen(one) for one in device.interfaces}
    return replace(
        device,
        interfaces=tuple(
            replace(
                one,
                management=tuple(service.name for service in answers[one.name]),
                management_restricted=all(service.restricted for service in answers[one.name])
                if answers[one.name]
                else None,
            )
            for one in device.interfaces
        ),
    )
