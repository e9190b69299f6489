"""Sophos Firewall (XG, XGS, SFOS): exports (`Entities.xml`), API answers, HTML configuration report.

Rules are read from the top, the first that matches decides, what none describes is dropped. Translations permit
nothing. Administration is opened per zone (device access) and by local service rules, not by firewall rules.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import DENY, FORWARD, Administrator, Chain, Device, Interface, NatRule, User, Vpn
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.sophos_html import Report, read_report
from checks.firewall.parsers.sophos_objects import TAGS, Objects
from checks.firewall.parsers.sophos_rules import RawRule, RuleReader, ordered, raw_rule
from checks.firewall.parsers.source import SourceFile
from checks.firewall.parsers.xmltree import Node, parse_xml
from checks.model import Gap, Reason

TITLE = "Sophos Firewall (SFOS)"
TOGETHER = True

RULES = ("FirewallRule", "SecurityPolicy")
INTERFACES = ("Interface", "VLAN", "LAG", "BridgePair", "Alias", "XFRMInterface", "WirelessNetworks")
_DYNAMIC = re.compile(r"dhcp|pppoe", re.IGNORECASE)
ROLES = {"LAN": "lan", "WAN": "wan", "DMZ": "dmz", "VPN": "vpn"}
ADMIN = {"HTTPS": "https", "HTTP": "http", "SSH": "ssh", "Telnet": "telnet", "Ping": "ping", "SNMP": "snmp"}
_XML = re.compile(
    r"<Response\b[^>]{0,200}\bAPIVersion=|"
    r"<(?:FirewallRule|SecurityPolicy|IPHost|IPHostGroup|NATRule|Zone|LocalServiceACL|Services) transactionid="
)
_HTML = re.compile(r'<title>\s*Sophos Config Viewer|id="section-content-firewall-rules"')

NO_OBJECTS = "Le rapport HTML ne détaille pas les objets : réseaux et services nommés ne sont pas résolus."
NO_ACCESS = "L'accès à l'administration par zone n'est pas dans l'export."
NO_RULES_ONLY = "L'export ne contient qu'une partie des objets : les noms absents ne sont pas résolus."
ONE_ANSWER = "Réponse de l'API avec une seule règle : d'autres règles peuvent exister."


def recognise(file: SourceFile) -> bool:
    """An export or an API answer of SFOS, or its HTML report."""
    head = file.head
    return bool(_XML.search(head) or _HTML.search(head))


def parse(files: Sequence[SourceFile]) -> tuple[Device, ...]:
    """The firewalls the files describe: files without rules complete those that have some. Raises `ParseError`."""
    with_rules = [file for file in files if _has_rules(file)]
    others = [file for file in files if not _has_rules(file)]
    if not with_rules:
        return (_Firewall(others).device(),)
    return tuple(_Firewall([file, *others]).device() for file in with_rules)


def _has_rules(file: SourceFile) -> bool:
    return bool(re.search(r"<(?:FirewallRule|SecurityPolicy)[ >]|id=\"section-content-firewall-rules\"", file.text))


def _on(text: str) -> bool:
    return text.strip().lower() in ("enable", "enabled", "on")


class _Firewall:
    """Puts one firewall together."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        self._files = files
        self._builder = DeviceBuilder("sophos", files)
        self._objects = Objects(self._builder)
        self._nodes: dict[str, list[tuple[Node, int]]] = {}
        self._reports: list[Report] = []
        self._version = ""
        self._answer = False

    def device(self) -> Device:
        for index, file in enumerate(self._files):
            if _HTML.search(file.head):
                self._reports.append(read_report(file, index))
            else:
                self._read(parse_xml(file), index)
        for one, _ in self._all(*INTERFACES):
            if not _DYNAMIC.search(one.value("IPv4Assignment") or one.value("IPAssignment")):
                self._objects.own(one.value("Hardware") or one.value("Name"), one.value("IPAddress"))
        self._objects.finish()
        groups = {
            one.text.strip(): node.value("Name")
            for node, _ in self._all("FirewallRuleGroup")
            for one in node.all("SecurityPolicyList", "SecurityPolicy")
        }
        reader = RuleReader(self._builder, self._objects, groups, self._zones_of_interfaces())
        chain = self._chain(reader)
        nat = tuple(one for node, file in self._all("NATRule") for one in reader.nat(node, file))
        interfaces = self._interfaces(chain)
        users = self._users()
        self._unread()
        self._objects.record()
        return self._builder.build(
            name=self._files[0].name,
            product=f"Sophos Firewall (API {self._version})" if self._version else "Sophos Firewall",
            limits=self._limits(interfaces),
            interfaces=interfaces,
            chains=(chain,),
            nat=(*nat, *self._reported_nat()),
            administrators=users[0],
            users=users[1],
            vpns=tuple(self._vpns()),
        )

    def _read(self, root: Node, index: int) -> None:
        self._version = self._version or root.attributes.get("APIVersion", "")
        self._answer = self._answer or root.tag == "Response"
        for node in root:
            # A status without a name says that there is nothing of the kind.
            if node.tag in TAGS and node.value("Name"):
                self._objects.add(node, index)
            elif node.children:
                self._nodes.setdefault(node.tag, []).append((node, index))

    def _all(self, *tags: str) -> list[tuple[Node, int]]:
        return [one for tag in tags for one in self._nodes.get(tag, ())]

    def _chain(self, reader: RuleReader) -> Chain:
        raws = [raw_rule(node, file) for node, file in self._all(*RULES) if node.value("Name")]
        kept: list[RawRule] = []
        why = ""
        for family in ("IPv4", "IPv6"):
            found, problem = ordered(one) if (one := [raw for raw in raws if raw.family == family]) else ([], "")
            kept += found
            why = why or problem
        other = [raw for raw in raws if raw.family not in ("IPv4", "IPv6")]
        if other:
            found, problem = ordered(raws)
            kept, why = found, why or problem
        for report in self._reports:
            kept += report.rules
            why = why or ("" if report.numbered else "les règles du rapport ne se suivent pas")
        rules = tuple(reader.rule(raw) for raw in kept)
        if reader.unknown_action:
            why = why or "une action n'est pas comprise"
        if not rules:
            why = why or "l'export ne contient aucune règle"
        alone = self._answer and len(raws) == 1
        return Chain(
            name="Règles de pare-feu",
            hook=FORWARD,
            default=DENY,
            default_certain=not (why or alone),
            exact=not why,
            why_not_exact=why,
            rules=rules,
        )

    def _zones_of_interfaces(self) -> dict[str, str]:
        """Interface to the zone it is in: rules name zones, translations name interfaces."""
        return {
            name: zone
            for one, _ in self._all(*INTERFACES)
            if (zone := one.value("NetworkZone") or one.value("Zone"))
            for name in (one.value("Hardware"), one.value("Name"))
            if name
        }

    def _interfaces(self, chain: Chain) -> tuple[Interface, ...]:
        found: dict[str, Interface] = {}
        for node, _ in self._all("Zone"):
            found[node.value("Name")] = self._zone(node)
        for report in self._reports:
            for name, kind, line in report.zones:
                found.setdefault(name, Interface(name=name, line=line, role=ROLES.get(kind, "")))
        for rule in chain.rules:
            for name in (*rule.in_zones, *rule.out_zones):
                found.setdefault(name, Interface(name=name))
        return tuple(found.values())

    def _zone(self, node: Node) -> Interface:
        name = node.value("Name")
        members, networks = [], []
        exits = {route.value("Interface") for route, _ in self._all("UnicastRoute") if _is_default(route)}
        for one, _ in self._all(*INTERFACES):
            if (one.value("NetworkZone") or one.value("Zone")) != name:
                continue
            members.append(one.value("Name") or one.value("Hardware"))
            if network := _network(one.value("IPAddress"), one.value("Netmask")):
                networks.append(network)
        management, restricted = self._management(node)
        return Interface(
            name=name,
            title=node.value("Description"),
            line=node.line,
            members=tuple(members),
            networks=tuple(networks),
            role=ROLES.get(node.value("Type"), ""),
            default_route=any(member in exits for member in members),
            management=management,
            management_restricted=restricted,
        )

    def _management(self, zone: Node) -> tuple[tuple[str, ...] | None, bool | None]:
        access = zone.child("ApplianceAccess")
        rules = [
            rule
            for rule, _ in self._all("LocalServiceACL")
            if rule.value("SourceZone") in (zone.value("Name"), "Any", "") and rule.value("Action").lower() == "accept"
        ]
        if access is None and not rules:
            return None, None
        everywhere = {ADMIN[one.tag] for part in (access or ()) for one in part if one.tag in ADMIN and _on(one.text)}
        limited: set[str] = set()
        for rule in rules:
            hosts = [one.text.strip() for one in rule.all("Hosts", "Host")]
            wanted = {ADMIN[name] for one in rule.all("Services", "Service") if (name := one.text.strip()) in ADMIN}
            (limited if hosts and "Any" not in hosts else everywhere).update(wanted)
        found = tuple(name for name in ADMIN.values() if name in everywhere | limited)
        return found, (not everywhere if found else None)

    def _users(self) -> tuple[tuple[Administrator, ...] | Gap, tuple[User, ...] | Gap]:
        nodes = self._all("User")
        if not nodes:
            gap = Gap(reason=Reason.UNSUPPORTED, detail="L'export ne contient pas les comptes.")
            return gap, gap
        settings = {child.tag: child.text.strip() for node, _ in self._all("OTPSettings") for child in node}
        for report in self._reports:
            settings.update(report.settings)
        mfa = _on(settings["OTP"]) and _on(settings.get("otpWebAdmin", "")) if "OTP" in settings else None
        administrators, users = [], []
        for node, _ in nodes:
            name = node.value("Username") or node.value("Name")
            enabled = node.value("Status").lower() not in ("inactive", "disable", "disabled")
            if node.value("UserType").lower() == "administrator":
                full = node.value("Profile") == "Administrator" if node.value("Profile") else None
                administrators.append(
                    Administrator(
                        name=name, line=node.line, enabled=enabled, factory=name == "admin", full_rights=full, mfa=mfa
                    )
                )
            else:
                users.append(User(name=name, line=node.line, enabled=enabled))
        return tuple(administrators), tuple(users)

    def _vpns(self) -> Iterable[Vpn]:
        kinds = {"PresharedKey": "psk", "RSAKey": "certificate", "DigitalCertificate": "certificate"}
        for node, _ in self._all("VPNIPSecConnection"):
            for one in node.all("Configuration"):
                yield Vpn(
                    kind="ipsec",
                    name=one.value("Name"),
                    line=one.line,
                    enabled=one.value("Status").lower() not in ("deactive", "inactive", "disable"),
                    remote_access=one.value("ConnectionType") == "RemoteAccess",
                    authentication=kinds.get(one.value("AuthenticationType"), ""),
                )

    def _reported_nat(self) -> Iterable[NatRule]:
        kinds = {"masquerade": "source", "snat": "source", "dnat": "destination"}
        for report in self._reports:
            for row in report.translations:
                name = row.get("Rule Name", "")
                kind = kinds.get(row.get("Type", "").lower())
                if kind is None:
                    self._builder.not_understood(int(row["line"]), f"NAT {name}", "la translation d'adresses")
                    continue
                source, destination = row.get("Source", "Any"), row.get("Destination", "Any")
                yield NatRule(
                    ref=name,
                    name=name,
                    line=int(row["line"]),
                    kind=kind,
                    source=self._builder.address(self._objects.addresses([source]), (source,)),
                    destination=self._builder.address(
                        ip.unknown(f"rapport:{destination}") if destination != "Any" else ip.ANY, (destination,)
                    ),
                    services=self._builder.service(svc.unknown("rapport:service"), ("?",)),
                )

    def _unread(self) -> None:
        for report in self._reports:
            for name, line in report.unread:
                self._builder.not_understood(line, name, "section du rapport non lue : aucun sur le filtrage")

    def _limits(self, interfaces: Sequence[Interface]) -> list[str]:
        found = []
        if self._reports:
            found.append(NO_OBJECTS)
        if all(one.management is None for one in interfaces):
            found.append(NO_ACCESS)
        if not self._reports and not self._nodes.keys() & {"Zone"}:
            found.append(NO_RULES_ONLY)
        if self._answer and len(self._all(*RULES)) == 1:
            found.append(ONE_ANSWER)
        return found


def _is_default(route: Node) -> bool:
    return route.value("DestinationIP") == "0.0.0.0" and route.value("Netmask") in ("0.0.0.0", "0", "/0")


def _network(address: str, mask: str) -> str:
    try:
        return str(ipaddress.ip_interface(f"{address}/{mask}").network)
    except ValueError:
        return ""
