"""Sophos Firewall rules: one shape for API, exports and reports, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import ALL4, ALL6, Addresses
from checks.firewall.algebra.intervals import difference, intersection
from checks.firewall.facts import DENY, NONE, PERMIT, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.sophos_objects import Objects
from checks.firewall.parsers.xmltree import Node

ACTIONS = {"accept": PERMIT, "drop": DENY, "reject": DENY}
FOREVER = frozenset({"", "all the time", "none"})
POLICIES = ("NetworkPolicy", "UserPolicy")
WEB = "HTTPBasedPolicy"
CELLS = {"SourceZones": "Zone", "DestinationZones": "Zone", "SourceNetworks": "Network",
         "DestinationNetworks": "Network", "Services": "Service"}  # fmt: skip
PROFILES = ("WebFilter", "ApplicationControl", "IntrusionPrevention")
SCANS = ("ScanVirus", "ZeroDayProtection", "DecryptHTTPS")
IDLE_TAGS = frozenset({
    "Name", "Description", "IPFamily", "Status", "Position", "PolicyType", "After", "Before", "Action", "LogTraffic",
    "Schedule", "MatchIdentity", "Identity", "Exclusions", "WebCategoryBaseQoSPolicy", "BlockQuickQuic", "ProxyMode",
    "ApplicationBaseQoSPolicy", "TrafficShappingPolicy", "WebFilterInternetScheme", "ApplicationControlInternetScheme",
    "DSCPMarking", "ScanSMTP", "ScanSMTPS", "ScanIMAP", "ScanIMAPS", "ScanPOP3", "ScanPOP3S", "ScanFTP",
    "SourceSecurityHeartbeat", "MinimumSourceHBPermitted", "DestSecurityHeartbeat", "MinimumDestinationHBPermitted",
    "DataAccounting", "ShowCaptivePortal", "SkipLocalDestined", "ApplyNAT", "RewriteSourceAddress", "OutboundAddress",
    "GatewaySpecificNATPolicy", "OverrideGatewayDefaultNATPolicy", "PrimaryGateway", "BackupGateway", "AttachIdentity",
    "SandstormScan", *POLICIES, WEB, *CELLS, *PROFILES, *SCANS,
})  # fmt: skip
"""Elements that are read, or that change nothing to what the rule matches."""


class RawRule(NamedTuple):
    """One rule, before names are resolved."""

    name: str
    line: int
    file: int = 0
    family: str = ""
    """`IPv4`, `IPv6`, or empty when the export does not say."""
    enabled: bool = True
    action: str = ""
    cells: Mapping[str, tuple[str, ...]] = {}
    exclusions: Mapping[str, tuple[str, ...]] = {}
    conditions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    schedule: str = ""
    log: bool | None = None
    comment: str = ""
    profiles: tuple[str, ...] | None = None
    position: str = ""
    after: str = ""
    number: str = ""


def raw_rule(node: Node, file: int) -> RawRule:
    """A `FirewallRule` or an older `SecurityPolicy`."""
    policy = next((one for tag in (*POLICIES, WEB) if (one := node.child(tag)) is not None), node)
    conditions = []
    kind = node.value("PolicyType")
    if policy.tag == WEB or kind not in ("", "Network", "User"):
        conditions.append(f"règle de publication : {kind or policy.tag}")
    users = [one.text.strip() for one in policy.all("Identity", "Member")]
    if policy.value("MatchIdentity") == "Enable" or users:
        conditions.append(f"utilisateur : {', '.join(users) or 'identifié'}")
    schedule = policy.value("Schedule")
    if schedule.lower() not in FOREVER:
        conditions.append(f"horaire : {schedule}")
    if policy.value("SkipLocalDestined") == "Enable":
        conditions.append("hors trafic destiné au pare-feu")
    conditions += [
        f"état de santé du poste : {policy.value(level)}"
        for flag, level in (
            ("SourceSecurityHeartbeat", "MinimumSourceHBPermitted"),
            ("DestSecurityHeartbeat", "MinimumDestinationHBPermitted"),
        )
        if policy.value(flag) == "Enable"
    ]
    unknown = tuple(
        dict.fromkeys(
            child.tag
            for parent in dict.fromkeys((node, policy))
            for child in parent
            if child.tag not in IDLE_TAGS and (child.text.strip() or child.children) and policy.tag != WEB
        )
    )
    log = policy.value("LogTraffic")
    return RawRule(
        name=node.value("Name"),
        line=node.line,
        file=file,
        family=node.value("IPFamily"),
        enabled=node.value("Status", default="Enable") != "Disable",
        action=policy.value("Action") or ("Accept" if policy.tag == WEB else ""),
        cells=_cells(policy),
        exclusions=_cells(policy.child("Exclusions")),
        conditions=tuple(conditions),
        unknown=unknown,
        schedule="" if schedule.lower() in FOREVER else schedule,
        log=log == "Enable" if log else None,
        comment=node.value("Description"),
        profiles=_profiles(policy),
        position=node.value("Position"),
        after=node.value("After", "Name"),
    )


def _cells(policy: Node | None) -> dict[str, tuple[str, ...]]:
    if policy is None:
        return {}
    return {
        cell: tuple(text for one in policy.all(cell, member) if (text := one.text.strip()))
        for cell, member in CELLS.items()
        if policy.child(cell) is not None
    }


def _profiles(policy: Node) -> tuple[str, ...] | None:
    if not any(policy.child(tag) is not None for tag in (*PROFILES, *SCANS)):
        return None
    return named_profiles({tag: policy.value(tag) for tag in (*PROFILES, *SCANS)})


def named_profiles(values: Mapping[str, str]) -> tuple[str, ...]:
    """Inspections a rule applies."""
    labels = {"WebFilter": "web", "ApplicationControl": "applications", "IntrusionPrevention": "ips",
              "ScanVirus": "antivirus", "ZeroDayProtection": "bac à sable", "DecryptHTTPS": "tls"}  # fmt: skip
    off = ("", "None", "Disable", "Deny All", "Allow All", "AllowAll", "N/A")
    return tuple(label for tag, label in labels.items() if values.get(tag, "") not in off)


def ordered(rules: Sequence[RawRule]) -> tuple[list[RawRule], str]:
    """Rules of one IP version in evaluation order, and why the order is not certain.

    Each rule says after which other it comes: the list is rebuilt from its top. The order of the file is kept when the
    links do not make one list.
    """
    following: dict[str, list[RawRule]] = {}
    for rule in rules:
        following.setdefault(rule.after if rule.position == "After" else "", []).append(rule)
    tops = [rule for rule in following.get("", []) if rule.position == "Top"]
    bottoms = [rule for rule in following.get("", []) if rule.position == "Bottom"]
    if len(tops) != 1 or len(bottoms) > 1 or len(following.get("", [])) != len(tops) + len(bottoms):
        return list(rules), "la première règle de la liste n'est pas identifiable"
    found = [tops[0]]
    seen = {tops[0].name}
    while after := following.get(found[-1].name):
        if len(after) > 1 or after[0].name in seen:
            return list(rules), "deux règles disent suivre la même règle"
        found.append(after[0])
        seen.add(after[0].name)
    found += [rule for rule in bottoms if rule.name not in seen]
    if len(found) != len(rules):
        return list(rules), "des règles de la liste manquent dans l'export"
    return found, ""


class RuleReader:
    """Resolves the names of rules."""

    def __init__(
        self, builder: DeviceBuilder, objects: Objects, groups: Mapping[str, str], zones: Mapping[str, str]
    ) -> None:
        self._builder = builder
        self._objects = objects
        self._groups = groups
        self._zone_of = zones
        self.unknown_action = False

    def rule(self, raw: RawRule) -> Rule:
        """One rule of the model."""
        action = ACTIONS.get(raw.action.lower())
        if action is None:
            self.unknown_action = True
            self._builder.not_understood(
                raw.line, f"{raw.name} : action « {raw.action} »", "le sort du trafic de cette règle", raw.file
            )
            action = NONE
        conditions = list(raw.conditions)
        for tag in raw.unknown:
            self._builder.not_understood(raw.line, f"{raw.name} : {tag}", "la règle ne prouve rien", raw.file)
            conditions.append(f"directive non comprise : {tag}")
        excluded = {cell: names for cell, names in raw.exclusions.items() if names}
        if len(excluded) > 1:
            conditions.append(f"exclusions : {', '.join(name for names in excluded.values() for name in names)}")
            excluded = {}
        incoming, in_negated = self._zones(raw, "SourceZones", excluded)
        outgoing, out_negated = self._zones(raw, "DestinationZones", excluded)
        return Rule(
            ref=raw.name,
            name=raw.name,
            line=raw.line,
            file=raw.file,
            action=action,
            enabled=raw.enabled and incoming is not None and outgoing is not None,
            source=self._addresses(raw, "SourceNetworks", excluded),
            destination=self._addresses(raw, "DestinationNetworks", excluded),
            services=self._services(raw, excluded),
            in_zones=incoming or (),
            in_negated=in_negated,
            out_zones=outgoing or (),
            out_negated=out_negated,
            conditions=tuple(conditions),
            schedule=raw.schedule,
            log=raw.log,
            comment=raw.comment,
            profiles=raw.profiles if action == PERMIT else None,
            section=self._groups.get(raw.name, ""),
        )

    @staticmethod
    def _zones(raw: RawRule, cell: str, excluded: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...] | None, bool]:
        """Names and negation; None when every zone is excluded."""
        names = tuple(name for name in raw.cells.get(cell, ()) if name.lower() != "any")
        if any(name.lower() == "any" for name in raw.cells.get(cell, ())):
            names = ()
        out = excluded.get(cell, ())
        if not out:
            return names, False
        if not names:
            return out, True
        left = tuple(name for name in names if name not in out)
        return left or None, False

    def _addresses(self, raw: RawRule, cell: str, excluded: Mapping[str, tuple[str, ...]]) -> int:
        names = raw.cells.get(cell, ())
        value = self._objects.addresses(names)
        if out := excluded.get(cell, ()):
            value = _without(value, self._objects.addresses(out))
        return self._builder.address(_of_family(value, raw.family), (*(names or ("any",)), *(f"!{one}" for one in out)))

    def _services(self, raw: RawRule, excluded: Mapping[str, tuple[str, ...]]) -> int:
        names = raw.cells.get("Services", ())
        value = self._objects.services(names)
        out = excluded.get("Services", ())
        if out:
            rest = svc.negate(self._objects.services(out))
            wide = svc.join(svc.Services(sure=value.sure), svc.Services(sure=value.maybe)).sure
            value = rest if value == svc.ANY else svc.Services(maybe=wide, unresolved=(*value.unresolved, "exclusion"))
        return self._builder.service(value, (*(names or ("any",)), *(f"!{one}" for one in out)))

    def nat(self, node: Node, file: int) -> tuple[NatRule, ...]:
        """Translations of a `NATRule`."""
        found = []
        for kind, tag in (("source", "TranslatedSource"), ("destination", "TranslatedDestination")):
            target = node.value(tag)
            if target in ("", "Original"):
                continue
            sources = [one.text.strip() for one in node.all("OriginalSourceNetworks", "Network")]
            destinations = [one.text.strip() for one in node.all("OriginalDestinationNetworks", "Network")]
            names = [one.text.strip() for one in node.all("OriginalServices", "Service")]
            port = node.value("TranslatedService")
            incoming = [one.text.strip() for one in node.all("InboundInterfaces", "Interface")]
            found.append(
                NatRule(
                    ref=node.value("Name"),
                    name=node.value("Name"),
                    line=node.line,
                    file=file,
                    kind=kind,
                    enabled=node.value("Status", default="Enable") != "Disable",
                    in_zones=tuple(dict.fromkeys(self._zone_of.get(name, name) for name in incoming)),
                    source=self._builder.address(self._objects.addresses(sources), sources or ("any",)),
                    destination=self._builder.address(self._objects.addresses(destinations), destinations or ("any",)),
                    services=self._builder.service(self._objects.services(names), names or ("any",)),
                    to_address="" if target == "MASQ" else self._one_address(target),
                    to_ports="" if port in ("", "Original") else self._one_port(port),
                    comment=node.value("Description"),
                )
            )
        return tuple(found)

    def _one_address(self, name: str) -> str:
        value = self._objects.addresses([name])
        ranges = ip.to_fact(value).ranges
        return ranges[0] if value.exact and len(ranges) == 1 else ""

    def _one_port(self, name: str) -> str:
        texts = {text.partition("/")[2] for text in svc.to_fact(self._objects.services([name])).services}
        return texts.pop() if len(texts) == 1 else ""


def _of_family(value: Addresses, family: str) -> Addresses:
    if family == "IPv6":
        return ip.only(value, 6)
    if family == "IPv4":
        return ip.only(value, 4)
    # The export does not say: IPv4 is what every version has, IPv6 is possible.
    return Addresses(
        v4=value.v4,
        maybe4=value.maybe4,
        maybe6=value.over6,
        unresolved=(*value.unresolved, *(("famille d'adresses",) if value.over6 else ())),
    )


def _without(value: Addresses, out: Addresses) -> Addresses:
    """What stays of a cell once another set is excluded."""
    outside = ip.negate(out)
    v4, v6 = intersection(value.v4, outside.v4), intersection(value.v6, outside.v6)
    over4 = intersection(value.over4, difference(ALL4, out.v4))
    over6 = intersection(value.over6, difference(ALL6, out.v6))
    return Addresses(
        v4=v4,
        v6=v6,
        maybe4=difference(over4, v4),
        maybe6=difference(over6, v6),
        unresolved=(*value.unresolved, *out.unresolved),
    )
