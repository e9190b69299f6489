"""WatchGuard Fireware: the XML profile that Policy Manager or the Web UI saves.

No real export could be used to check this parser: element names and values come from the documentation and from public
programs that read the same file. What they disagree about, or leave out, is kept uncertain and said in `limits`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from checks.common.text import clean
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra.services import PORTS, Services
from checks.firewall.facts import (
    DENY,
    FORWARD,
    INPUT,
    OUTPUT,
    PERMIT,
    Administrator,
    Chain,
    Device,
    Interface,
    NatRule,
    Rule,
    User,
    Vpn,
)
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError, SourceFile
from checks.firewall.parsers.watchguard_objects import ANY, FIREBOX, Objects, Part, Triple
from checks.firewall.parsers.watchguard_order import Place, place
from checks.firewall.parsers.xmltree import Node, parse_xml
from checks.model import Gap, Reason

TITLE = "WatchGuard Fireware"
TOGETHER = False

_NAME, _TEXT = 200, 4000
_ROOT = re.compile(r"^\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<profile[\s>]", re.DOTALL)
_SIGNS = re.compile(r"<(?:for-version|product-grade|rs-version|base-model|address-group-list|abs-policy-list)[\s>/]")
_ALLOWED = frozenset(("allow", "allowed", "1"))
_PROXIED = frozenset(("proxy", "4"))
_REFUSED = frozenset(("block", "deny", "denied", "drop", "reject", "2"))
_TRUE = frozenset(("true", "1", "yes"))
_HARMLESS = frozenset(
    (
        "name", "description", "property", "type", "traffic-type", "enabled", "enable", "firewall", "reject-action",
        "from-alias-list", "to-alias-list", "policy-nat", "settings", "policy-list", "service", "app-action",
        "tag-list", "route-policy", "sdwan-action", "proxy", "traffic-mgmt", "qos-marking", "nat", "schedule",
        "connection-rate", "connection-rate-alarm", "log", "log-for-report", "log-enabled", "idle-timeout",
        "ips-monitor-enabled", "alarm", "send-tcp-reset", "policy-routing", "using-global-sticky-setting",
        "policy-sticky-timer", "global-1to1-nat", "global-dnat", "geo-action", "geo-deny-page", "tor-block-enabled",
        "apply-one-to-one-nat-rules", "apply-dnat-global", "apply-dnat-all-traffic", "dnat-src-ip",
        "auto-block-enabled", "snmp-enabled", "notification-enabled",
    )
)  # fmt: skip
_ADMINISTRATION = {22: "ssh", 80: "http", 443: "https", 4105: "https", 4117: "https", 4118: "ssh", 8080: "https",
                   161: "snmp"}  # fmt: skip
_LIMITS = (
    (
        "La lecture de ce format n'a pas été vérifiée sur un export réel : elle suit la documentation et des "
        "programmes publics. Contrôler les premiers résultats à l'écran du pare-feu."
    ),
    (
        "Les sites bloqués, la protection contre les attaques, la géolocalisation, le NAT dynamique et les algorithmes "
        "des tunnels IPsec de ce format ne sont pas étudiés."
    ),
    "Les compteurs d'usage des règles ne sont pas dans le profil.",
)


_Shown = tuple[tuple[str, ...], tuple[str, ...]]
"""What the two address cells of a policy show."""


class _Policy(NamedTuple):
    """One policy, before it is cut into rules."""

    node: Node
    name: str
    action: str
    sources: tuple[Triple, ...]
    destinations: tuple[Triple, ...]
    services: Services
    service: str
    place: Place


def recognise(file: SourceFile) -> bool:
    """A Fireware profile."""
    return _ROOT.match(file.head[:4000]) is not None and _SIGNS.search(file.head) is not None


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """One firewall per file. Raises `ParseError`."""
    return tuple(_Reader(file).device() for file in files)


class _Reader:
    """Reads one profile."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._profile = parse_xml(file)
        if self._profile.tag != "profile":
            raise ParseError("ce n'est pas un profil Fireware", file.name, self._profile.line)
        self._builder = DeviceBuilder("watchguard", (file,))
        self._objects = Objects(self._profile, self._builder)
        self._doubts: list[str] = []
        self._odd: set[str] = set()
        self._count = 0

    def device(self) -> Device:
        """Everything the profile says."""
        policies = self._policies()
        chains = self._chains(policies)
        nat = (*self._static_nat(), *self._one_to_one())
        self._publish()
        profile = self._profile
        kinds = [port.ipv6 for port in self._objects.ports if port.ipv6 is not None]
        return self._builder.build(
            name=_first(profile.child("system-parameters"), "system-name"),
            limits=_LIMITS,
            product=" ".join(filter(None, ("WatchGuard", clean(profile.value("base-model"), _NAME)))),
            firmware=clean(profile.value("for-version"), _NAME),
            interfaces=tuple(self._interfaces(policies)),
            chains=chains,
            nat=nat,
            administrators=_administrators(profile),
            users=_users(profile),
            vpns=tuple(_vpns(profile)),
            ipv6="on" if any(kinds) else "off" if kinds and len(kinds) == len(self._objects.ports) else "",
        )

    def _policies(self) -> list[_Policy]:
        nodes = self._profile.all("abs-policy-list", "abs-policy")
        if not nodes:
            # Without it, the compiled list is all there is; with it, the compiled list says the same again.
            nodes = self._profile.all("policy-list", "policy")
        found = [self._policy(node) for node in nodes]
        return [one for one in found if one is not None]

    def _policy(self, node: Node) -> _Policy | None:
        name = node.value("name")
        text = node.value("firewall").lower()
        action = PERMIT if text in _ALLOWED | _PROXIED else DENY if text in _REFUSED else ""
        if not action:
            effect = "action inconnue : rien n'est prouvé sur l'ensemble des règles"
            self._builder.not_understood(node.line, f"{name} firewall {text}", effect)
            self._doubts.append(f"l'action de la règle {name} (ligne {node.line}) n'est pas comprise")
            return None
        sources = self._side(node, "from-alias-list")
        destinations = self._side(node, "to-alias-list")
        service = node.value("service")
        services = self._objects.service(service)
        return _Policy(
            node=node,
            name=name,
            action=action,
            sources=sources,
            destinations=destinations,
            services=services,
            service=service,
            place=place(
                services,
                tuple((one, self._objects.address(one)) for one in destinations),
                tuple((one, self._objects.address(one)) for one in sources),
                (service, name),
                0 if action == DENY else 1 if text in _PROXIED else 2,
                self._setting(node, "schedule"),
            ),
        )

    def _side(self, node: Node, tag: str) -> tuple[Triple, ...]:
        names = [alias.text.strip() for alias in node.all(tag, "alias")]
        kept = dict.fromkeys(triple for name in names for triple in self._objects.triples(name))
        self._count += len(kept)
        if self._count > 4 * MAX_OBJECTS:
            raise ParseError("trop de membres de règles", self._file.name, node.line)
        return tuple(kept) or (Triple(ANY, "absent:liste vide", ANY),)

    @staticmethod
    def _setting(node: Node, tag: str) -> str:
        """A setting of a policy: in its `settings`, or beside them in the compiled list."""
        return node.value("settings", tag) or node.value(tag)

    def _chains(self, policies: list[_Policy]) -> tuple[Chain, ...]:
        why = self._order()
        ordered = policies
        if why:
            ordered = sorted(policies, key=lambda one: one.place)
        doubts = [*([why] if why else []), *self._doubts[:3]]
        by_hook: dict[str, list[Rule]] = {FORWARD: [], INPUT: [], OUTPUT: []}
        for policy in ordered:
            for hook, rule in self._rules(policy):
                by_hook[hook].append(rule)
        titles = {FORWARD: "règles", INPUT: "règles vers le pare-feu", OUTPUT: "règles depuis le pare-feu"}
        if not policies and not self._doubts:
            return ()
        return tuple(
            Chain(
                name=titles[hook],
                hook=hook,
                default=PERMIT if hook == OUTPUT else DENY,
                default_certain=hook == FORWARD,
                exact=not doubts,
                why_not_exact=" ; ".join(doubts),
                rules=tuple(rules),
            )
            for hook, rules in by_hook.items()
            if rules or hook == FORWARD
        )

    def _order(self) -> str:
        """Why the order of the file is not for certain the order of evaluation; empty when it is."""
        values = set(_all_values(self._profile.child("policy-view"), "auto-order-enabled"))
        values |= set(_all_values(self._profile.at("system-parameters", "misc-global-setting"), "auto-order-enabled"))
        if values and values <= {"0", "false"}:
            return ""
        if values & _TRUE:
            return (
                "l'ordre automatique est actif : le pare-feu trie les règles lui-même, et la documentation ne permet "
                "pas de refaire ce tri avec certitude"
            )
        return "l'export ne dit pas si l'ordre des règles est automatique ou manuel"

    def _rules(self, policy: _Policy) -> Iterator[tuple[str, Rule]]:
        """One rule for each pair of parts that share no interface."""
        to_box = tuple(one for one in policy.destinations if one.address == FIREBOX)
        through = tuple(one for one in policy.destinations if one.address != FIREBOX)
        from_box = tuple(one for one in policy.sources if one.address == FIREBOX)
        outside = tuple(one for one in policy.sources if one.address != FIREBOX)
        common = self._common(policy)
        shown = (self._names(policy.node, "from-alias-list"), self._names(policy.node, "to-alias-list"))
        whole = Part((), False, self._objects.address(_ALL))
        sources = self._objects.parts(outside)
        destinations = self._objects.parts(through)
        for source in sources:
            for destination in destinations:
                yield FORWARD, self._rule(common, shown, source, destination)
            if to_box or any(_everything(one) for one in through):
                yield INPUT, self._rule(common, shown, source, whole)
        if from_box:
            for destination in destinations:
                yield OUTPUT, self._rule(common, shown, whole, destination)

    def _rule(self, common: Rule, shown: _Shown, source: Part, destination: Part) -> Rule:
        self._count += 1
        if self._count > 4 * MAX_OBJECTS:
            raise ParseError("trop de règles", self._file.name, common.line)
        return msgspec.structs.replace(
            common,
            source=self._builder.address(source.addresses, shown[0]),
            destination=self._builder.address(destination.addresses, shown[1]),
            in_zones=source.zones,
            in_negated=source.negated,
            out_zones=destination.zones,
            out_negated=destination.negated,
        )

    def _common(self, policy: _Policy) -> Rule:
        """What every rule of a policy shares."""
        node = policy.node
        schedule = self._setting(node, "schedule")
        permanent = schedule in ("", "Always On")
        proxy = clean(self._setting(node, "proxy"), _NAME)
        application = clean(self._setting(node, "app-action"), _NAME)
        inspected = self._setting(node, "ips-monitor-enabled").lower() in _TRUE
        profiles = [proxy, f"contrôle d'application : {application}" if application else "", "IPS" if inspected else ""]
        logged = (self._setting(node, "log-enabled") or self._setting(node, "log")).lower()
        return Rule(
            ref=clean(policy.name, _NAME),
            name=clean(policy.name, _NAME),
            line=node.line,
            action=policy.action,
            source=0,
            destination=0,
            services=self._builder.service(policy.services, (policy.service,)),
            enabled=(node.value("enabled") or node.value("enable", default="true")).lower() in _TRUE,
            conditions=tuple(self._conditions(node, "" if permanent else schedule)),
            schedule="" if permanent else clean(schedule, _NAME),
            log=logged in _TRUE if logged else None,
            comment=clean(node.value("description"), _TEXT),
            profiles=tuple(filter(None, profiles)),
            section=", ".join(clean(tag.text.strip(), _NAME) for tag in node.all("tag-list", "tag")),
            # Policies the product adds and hides: what no other policy handled, its own traffic.
            automatic=node.value("property") == "32",
        )

    def _conditions(self, node: Node, schedule: str) -> Iterator[str]:
        if schedule:
            yield f"horaire : {clean(schedule, _NAME)}"
        kind = node.value("type", default="Firewall")
        if kind != "Firewall":
            yield f"règle de type {clean(kind, 60)}"
        rate = self._setting(node, "connection-rate")
        if rate not in ("", "0"):
            yield f"limite de connexions : {clean(rate, 40)}"
        settings = node.child("settings")
        for child in (*node, *(settings or ())):
            if child.tag in _HARMLESS or not _demands(child):
                continue
            if child.tag not in self._odd:
                self._odd.add(child.tag)
                effect = "les règles qui portent ce réglage sont incertaines"
                self._builder.not_understood(child.line, f"<{child.tag}> {child.text.strip()}", effect)
            yield f"directive non comprise : {clean(child.tag, 60)}"

    def _names(self, node: Node, tag: str) -> tuple[str, ...]:
        found: list[str] = []
        for alias in node.all(tag, "alias"):
            name = alias.text.strip()
            private = re.search(r"\.\d+\.(?:from|to|in|out)$", name)
            found += self._objects.members(name) if private else [name]
        return tuple(found)

    def _interfaces(self, policies: list[_Policy]) -> Iterator[Interface]:
        opened: dict[str, dict[str, None]] = {}
        limited: dict[str, bool] = {}
        for policy in policies:
            enabled = (policy.node.value("enabled") or policy.node.value("enable", default="true")).lower() in _TRUE
            if policy.action != PERMIT or not enabled or not any(one.address == FIREBOX for one in policy.destinations):
                continue
            names = _administration(policy.services)
            sources = self._objects.parts(tuple(one for one in policy.sources if one.address != FIREBOX))
            for part in sources if names else ():
                for port in self._objects.ports:
                    if part.zones and (port.name in part.zones) is part.negated:
                        continue
                    opened.setdefault(port.name, {}).update(dict.fromkeys(names))
                    wide = part.addresses.over4 == ip.ALL4
                    limited[port.name] = limited.get(port.name, True) and not wide
        known = bool(policies)
        for port in self._objects.ports:
            yield Interface(
                name=clean(port.name, _NAME),
                title=clean(port.title, _NAME),
                line=port.line,
                members=(clean(port.device, _NAME),) if port.device else (),
                networks=port.networks,
                role={"1": "lan", "2": "wan"}.get(port.kind, ""),
                default_route=port.kind == "2",
                management=tuple(opened.get(port.name, ())) if known else None,
                management_restricted=limited.get(port.name),
                enabled=port.enabled,
            )

    def _static_nat(self) -> Iterator[NatRule]:
        """Publications: translations of type 7."""
        for node in self._profile.all("nat-list", "nat"):
            members = node.all("nat-item", "member")
            if not members:
                continue
            name = node.value("name")
            if node.value("type") != "7":
                effect = "traduction d'adresses indéterminée"
                self._builder.not_understood(node.line, f"nat {name} type {node.value('type')}", effect)
                continue
            for member in members:
                outer, inner = member.value("ext-addr-name"), member.value("addr-name")
                zone, port = member.value("interface"), member.value("port")
                self._objects.used |= {outer, inner}
                yield NatRule(
                    ref=clean(name, _NAME),
                    line=member.line,
                    kind="destination",
                    name=clean(name, _NAME),
                    in_zones=self._seen_on(zone),
                    destination=self._builder.address(self._outer(outer), (outer,)),
                    to_address=self._text(inner),
                    to_ports=port if port.isdecimal() and port != "0" else "",
                )

    def _seen_on(self, interface: str) -> tuple[str, ...]:
        """Interfaces where a published address is seen."""
        parts = self._objects.parts((Triple(ANY, ANY, interface or ANY),))
        return parts[0].zones

    def _outer(self, name: str) -> ip.Addresses:
        if name in self._objects.groups and name != FIREBOX:
            return self._objects.groups[name]
        return ip.unknown(f"adresse publique:{name}")

    def _text(self, name: str) -> str:
        value = self._objects.groups.get(name)
        fact = ip.to_fact(value) if value is not None else None
        return fact.ranges[0] if fact and len(fact.ranges) == 1 and not fact.maybe else clean(name, _NAME)

    def _one_to_one(self) -> Iterator[NatRule]:
        for number, node in enumerate(self._profile.all("one-to-one-nat-list", "one-to-one-nat"), start=1):
            real, mapped = node.value("real-address"), node.value("nat-address")
            yield NatRule(
                ref=f"1-to-1 {number}",
                line=node.line,
                kind="static",
                in_zones=self._seen_on(node.value("interface")),
                destination=self._builder.address(self._outer(mapped), (mapped,)),
                to_address=self._text(real),
            )

    def _publish(self) -> None:
        """Aliases and services the administrator made."""
        objects = self._objects
        for name, line in objects.alias_lines.items():
            if name in objects.generated or re.search(r"\.(?:from|to|in|out|snat)$", name):
                continue
            used = name in objects.used
            value = ip.join(*map(objects.address, objects.triples(name))) if objects.triples(name) else ip.NOTHING
            self._builder.add_object(name, "address-group", value, line=line, used=used)
        # Those of property 4 are delivered with the product.
        delivered = {
            node.value("name") for node in self._profile.all("service-list", "service") if node.value("property") == "4"
        }
        for name, services in objects.services().items():
            if name not in delivered:
                used = name in objects.used
                self._builder.add_object(name, "service", services, line=objects.service_lines[name], used=used)


_ALL = Triple(ANY, ANY, ANY)


def _everything(triple: Triple) -> bool:
    return triple.address == ANY and triple.interface == ANY


def _demands(node: Node) -> bool:
    """A setting that is empty, null or off asks for nothing."""
    if any(_demands(child) for child in node):
        return True
    return node.text.strip().lower() not in ("", "0", "false", "any", "none", "global", "0.0.0.0")


def _administration(services: Services) -> tuple[str, ...]:
    """Administration services among the ports that a policy opens for certain."""
    found: dict[str, None] = {}
    for box in services.sure:
        for low, high in box.services:
            for port, name in _ADMINISTRATION.items():
                number = 17 if name == "snmp" else 6
                if low <= number * PORTS + port <= high:
                    found[name] = None
    return tuple(found)


def _all_values(node: Node | None, tag: str) -> Iterator[str]:
    stack = [node] if node is not None else []
    while stack:
        one = stack.pop()
        if one.tag == tag:
            yield one.text.strip().lower()
        stack.extend(one.children)


def _first(node: Node | None, tag: str) -> str:
    return next((clean(text, _NAME) for text in _texts(node, tag) if text), "")


def _texts(node: Node | None, tag: str) -> Iterator[str]:
    stack = [node] if node is not None else []
    while stack:
        one = stack.pop()
        if one.tag == tag:
            yield one.text.strip()
        stack.extend(reversed(one.children))


def _named(profile: Node, *path: str) -> Iterator[tuple[str, Node]]:
    for node in profile.all(*path):
        name = node.value("name") or node.value("user-name") or node.value("user")
        if name:
            yield clean(name, _NAME), node


def _administrators(profile: Node) -> tuple[Administrator, ...] | Gap:
    found = tuple(
        # `admin` and `status` are the accounts of the factory.
        Administrator(name=name, line=node.line, factory=name in ("admin", "status"))
        for name, node in _named(profile, "account-list", "account")
    )
    detail = "Les comptes d'administration de ce profil ne sont pas lisibles : les lire à l'écran du pare-feu."
    return found or Gap(reason=Reason.UNSUPPORTED, detail=detail)


def _users(profile: Node) -> tuple[User, ...] | Gap:
    lists = profile.child("ras-user-list")
    if lists is None:
        return Gap(
            reason=Reason.UNSUPPORTED, detail="La liste des utilisateurs (ras-user-list) n'est pas dans ce profil."
        )
    return tuple(User(name=name, line=node.line) for name, node in _named(profile, "ras-user-list", "ras-user"))


def _vpns(profile: Node) -> Iterator[Vpn]:
    for node in profile.all("sslvpn-list", "sslvpn"):
        enabled = (node.value("enable") or node.value("enabled")).lower() in _TRUE
        yield Vpn(kind="ssl", name="Mobile VPN with SSL", line=node.line, enabled=enabled, remote_access=True)
    for name, node in _named(profile, "abs-ipsec-action-list", "abs-ipsec-action"):
        yield Vpn(kind="ipsec", name=name, line=node.line, enabled=node.value("enabled", default="1").lower() in _TRUE)
