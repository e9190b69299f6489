"""Rules of a Palo Alto: security rulebases in their order, default rules, translations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.facts import DENY, FORWARD, PERMIT, Chain, NatRule, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.paloalto_objects import Objects
from checks.firewall.parsers.paloalto_text import Tree
from checks.firewall.parsers.source import MAX_OBJECTS, ParseError

INTRAZONE, INTERZONE = "intrazone-default", "interzone-default"
_ACTIONS = {"allow": PERMIT, "deny": DENY, "drop": DENY, "reset-client": DENY, "reset-server": DENY,
            "reset-both": DENY}  # fmt: skip
_READ = frozenset({
    "from", "to", "source", "destination", "service", "application", "action", "log-start", "log-end", "log-setting",
    "profile-setting", "schedule", "tag", "group-tag", "negate-source", "negate-destination", "disabled",
    "description", "rule-type", "target", "uuid", "loc", "id",
})  # fmt: skip
_NEUTRAL = frozenset({"option", "qos", "icmp-unreachable", "disable-inspect", "audit-comment",
                      "disable-server-response-inspection"})  # fmt: skip
_CONDITIONS = {
    "source-user": "utilisateurs", "category": "catégories d'URL", "hip-profiles": "conformité du poste (HIP)",
    "source-hip": "conformité du poste (HIP)", "destination-hip": "conformité du poste (HIP)",
    "source-imsi": "abonnés mobiles", "source-imei": "équipements mobiles", "source-nw-slice": "tranches réseau",
    "saas-user-list": "utilisateurs SaaS", "saas-tenant-list": "clients SaaS",
}  # fmt: skip
_FREE = frozenset({"any", "no-hip"})
_NAT_READ = frozenset({
    "from", "to", "source", "destination", "service", "to-interface", "source-translation", "destination-translation",
    "dynamic-destination-translation", "disabled", "nat-type", "description", "tag", "group-tag", "target", "uuid",
    "active-active-device-binding", "loc", "audit-comment",
})  # fmt: skip
_OTHER_BASES = frozenset({"decryption", "qos", "application-override", "captive-portal", "authentication",
                          "tunnel-inspect", "network-packet-broker", "sdwan", "default-security-rules"})  # fmt: skip
"""Rulebases that change how traffic is inspected or routed, never whether it passes."""


class Context(NamedTuple):
    """What the rules of one firewall are read with."""

    builder: DeviceBuilder
    objects: Objects
    zones: tuple[str, ...]
    """Every zone the export names."""

    def report(self, line: int, text: str, effect: str) -> None:
        """Record a line that is not understood."""
        self.builder.not_understood(line, text, effect)


def zones_cited(rulebases: Iterable[Tree]) -> dict[str, None]:
    """Zones that rules name, in order."""
    found: dict[str, None] = {}
    for base in rulebases:
        for rule in base.at("security", "rules"):
            for side in ("from", "to"):
                found.update((name, None) for name in rule.values(side) if name != "any")
    return found


# --- One rule


def _conditions(context: Context, rule: Tree) -> Iterator[str]:
    applications = [name for name in rule.values("application") if name != "any"]
    if applications:
        yield f"application : {', '.join(applications)}"
    elif not rule.has("application"):
        yield "application absente de l'export"
    for key, label in _CONDITIONS.items():
        names = [name for name in rule.values(key) if name not in _FREE]
        if names:
            yield f"{label} : {', '.join(names)}"
    schedule = rule.value("schedule")
    if schedule:
        yield f"horaire : {schedule}"
    target = rule.at("target")
    if target.values("devices") or target.values("tags"):
        yield "cible : certains pare-feu seulement"
    for side in ("from", "to"):
        if not rule.has(side):
            yield f"zone ({side}) absente de l'export"
    for child in rule:
        if child.name not in _READ and child.name not in _NEUTRAL and child.name not in _CONDITIONS:
            text = " ".join((child.name, *child.children))
            context.report(child.line, text, f"portée de la règle « {rule.name} »")
            yield f"directive non comprise : {child.name}"


def _action(context: Context, rule: Tree) -> tuple[str, tuple[str, ...]]:
    text = rule.value("action")
    action = _ACTIONS.get(text)
    if action is not None:
        return action, ()
    if text:
        context.report(rule.at("action").line, f"action {text}", f"effet de la règle « {rule.name} »")
    return PERMIT, ("action absente ou non comprise",)


def _cell(context: Context, rule: Tree, side: str) -> int:
    names = rule.values(side)
    if not names:
        return context.builder.address(ip.unknown(f"absent:{side}"))
    content = context.objects.address(names)
    if rule.says(f"negate-{side}"):
        content = ip.negate(content) if content else ip.unknown(f"vide:{side}")
        names = tuple(f"sauf {name}" for name in names)
    return context.builder.address(content, names)


def _services(context: Context, rule: Tree) -> int:
    names = rule.values("service")
    if not names:
        return context.builder.service(svc.unknown("absent:service"))
    content = context.objects.service(names, rule.values("application") or ("any",))
    return context.builder.service(content, names)


def _profiles(rule: Tree) -> tuple[str, ...]:
    setting = rule.at("profile-setting")
    found = [f"groupe : {name}" for name in setting.values("group") if name != "None"]
    found += [f"{kind.name} : {name}" for kind in setting.at("profiles") for name in kind.children if name != "None"]
    return tuple(found)


def _zone_cells(context: Context, rule: Tree) -> Iterator[dict[str, Any]]:
    """Zones of a rule; one that asks for the same zone, or for another one, is several pairs."""
    start = tuple(name for name in rule.values("from") if name != "any")
    end = tuple(name for name in rule.values("to") if name != "any")
    start = () if "any" in rule.values("from") else start
    end = () if "any" in rule.values("to") else end
    kind = rule.value("rule-type", default="universal")
    if kind == "intrazone":
        for zone in start or context.zones:
            yield {"in_zones": (zone,), "out_zones": (zone,)}
    elif kind == "interzone":
        yield from _interzone(context, start, end)
    else:
        yield {"in_zones": start, "out_zones": end}


def _interzone(context: Context, start: tuple[str, ...], end: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if end:
        apart = tuple(zone for zone in start if zone not in end)
        if apart:
            yield {"in_zones": apart, "out_zones": end}
        elif not start:
            yield {"in_zones": end, "in_negated": True, "out_zones": end}
        for zone in end if not start else (zone for zone in start if zone in end):
            others = tuple(name for name in end if name != zone)
            if others:
                yield {"in_zones": (zone,), "out_zones": others}
        return
    for zone in start or context.zones:
        yield {"in_zones": (zone,), "out_zones": (zone,), "out_negated": True}


def security_rule(context: Context, rule: Tree, section: str) -> Iterator[Rule]:
    """The rules of the model one security rule becomes: one, or one per zone when it compares zones."""
    action, why = _action(context, rule)
    unknown_type = rule.value("rule-type", default="universal") not in ("universal", "intrazone", "interzone")
    if unknown_type:
        text = f"rule-type {rule.value('rule-type')}"
        context.report(rule.at("rule-type").line, text, f"portée de la règle « {rule.name} »")
        why = (*why, f"directive non comprise : {text}")
    schedule = rule.value("schedule")
    fields: dict[str, Any] = {
        "ref": rule.name,
        "line": rule.line,
        "name": rule.name,
        "action": action,
        "source": _cell(context, rule, "source"),
        "destination": _cell(context, rule, "destination"),
        "services": _services(context, rule),
        "enabled": not rule.says("disabled"),
        "conditions": (*why, *_conditions(context, rule)),
        "schedule": schedule,
        "expires": context.objects.expires(schedule) if schedule else "",
        "log": rule.value("log-end", default="yes") == "yes" or rule.says("log-start"),
        "comment": rule.value("description"),
        "profiles": _profiles(rule) if action == PERMIT else None,
        "section": rule.value("group-tag") or ", ".join(rule.values("tag")) or section,
    }
    cells = list(_zone_cells(context, rule))
    if not cells:
        # No pair of known zones fits: the rule is still shown, and never certain.
        cells.append({"in_zones": (), "out_zones": ()})
        fields["conditions"] = (*fields["conditions"], f"aucune paire de zones connue ({rule.value('rule-type')})")
    for zones in cells:
        yield Rule(**fields, **zones)


# --- Chain


def chain(context: Context, bases: Sequence[tuple[Tree, str]], defaults: Mapping[str, Tree], *, local: bool) -> Chain:
    """Rulebases in order of evaluation, then the default rules. `local`: the rules of the firewall are known."""
    rules: list[Rule] = []
    for base, section in bases:
        for rule in base.at("security", "rules"):
            rules += security_rule(context, rule, section)
            if len(rules) > MAX_OBJECTS:
                raise ParseError(f"trop de règles (limite {MAX_OBJECTS})")
    rules += _intrazone(context, defaults.get(INTRAZONE))
    last = defaults.get(INTERZONE)
    return Chain(
        name="security",
        hook=FORWARD,
        default=_ACTIONS.get(last.value("action", default="deny"), DENY) if last else DENY,
        default_line=last.line if last else 0,
        default_log=_logs(last),
        default_certain=local,
        rules=tuple(rules),
    )


def _logs(rule: Tree | None) -> bool:
    """Default rules log nothing until they are overridden."""
    return rule is not None and (rule.says("log-end") or rule.says("log-start"))


def _intrazone(context: Context, override: Tree | None) -> Iterator[Rule]:
    """Traffic within one zone, when no rule decided."""
    builder = context.builder
    fields: dict[str, Any] = {
        "ref": INTRAZONE,
        "name": INTRAZONE,
        "line": override.line if override else 0,
        "action": _ACTIONS.get(override.value("action", default="allow"), PERMIT) if override else PERMIT,
        "source": builder.any_address,
        "destination": builder.any_address,
        "services": builder.any_service,
        "log": _logs(override),
        "profiles": _profiles(override) if override else None,
        "automatic": True,
    }
    for zone in context.zones:
        yield Rule(**fields, in_zones=(zone,), out_zones=(zone,))
    unnamed: dict[str, Any] = {
        "in_zones": context.zones,
        "out_zones": context.zones,
        "in_negated": True,
        "out_negated": True,
    }
    yield Rule(**fields, conditions=("même zone, non nommée dans l'export",), **(unnamed if context.zones else {}))


def default_rules(places: Iterable[Tree]) -> dict[str, Tree]:
    """Overrides of the default rules, nearest place first."""
    found: dict[str, Tree] = {}
    for base in places:
        for rule in base.at("default-security-rules", "rules"):
            found.setdefault(rule.name, rule)
    return found


def side_rulebases(context: Context, bases: Iterable[Tree]) -> None:
    """Name the rulebases that can refuse traffic and are not evaluated."""
    for base in bases:
        for kind in base:
            if kind.name in ("security", "nat") or kind.name in _OTHER_BASES or not kind.at("rules").children:
                continue
            effect = "rulebase inconnue : son effet sur le filtrage n'est pas évalué"
            if kind.name == "dos":
                if not any(rule.has("action") and rule.at("action").has("deny") for rule in kind.at("rules")):
                    continue
                effect = "les refus des règles DoS ne sont pas évalués"
            elif kind.name == "pbf":
                if not any(rule.at("action").has("discard") for rule in kind.at("rules")):
                    continue
                effect = "les rejets par routage (PBF discard) ne sont pas évalués"
            context.report(kind.line, kind.name, effect)


# --- Translation


def nat_rules(context: Context, bases: Iterable[tuple[Tree, str]]) -> Iterator[NatRule]:
    """Translations in order; one that changes both sides is two."""
    for base, _ in bases:
        for rule in base.at("nat", "rules"):
            yield from _nat(context, rule)


def _nat(context: Context, rule: Tree) -> Iterator[NatRule]:
    for child in rule:
        if child.name not in _NAT_READ:
            text = " ".join((child.name, *child.children))
            context.report(child.line, text, f"portée de la traduction « {rule.name} »")
    zones = rule.values("from")
    service = rule.values("service")
    fields: dict[str, Any] = {
        "ref": rule.name,
        "line": rule.line,
        "name": rule.name,
        "enabled": not rule.says("disabled"),
        "in_zones": () if "any" in zones else zones,
        "source": _nat_cell(context, rule, "source"),
        "destination": _nat_cell(context, rule, "destination"),
        "services": context.builder.service(context.objects.service(service, ("any",)), service)
        if service
        else context.builder.any_service,
        "comment": rule.value("description"),
    }
    for key in ("destination-translation", "dynamic-destination-translation"):
        to = rule.at(key)
        if to.children:
            address, port = to.value("translated-address"), to.value("translated-port")
            yield NatRule(**fields, kind="destination", to_address=_target(context, address), to_ports=port)
    to = rule.at("source-translation")
    if to.children:
        both = to.at("static-ip").says("bi-directional")
        pools = [name for kind in to for name in (*kind.values("translated-address"), *_interface(kind))]
        context.objects.cited.update(pools)
        yield NatRule(**fields, kind="static" if both else "source", to_address=", ".join(pools))


def _target(context: Context, name: str) -> str:
    """Address or range an object name stands for, when it is only one; the name otherwise."""
    if not name:
        return ""
    found = context.objects.address((name,))
    if not found.exact or len(found.v4) + len(found.v6) != 1:
        return name
    family, ((low, high),) = (4, found.v4) if found.v4 else (6, found.v6)
    return ip.format_interval(family, low, high)


def _interface(kind: Tree) -> tuple[str, ...]:
    address = kind.at("interface-address")
    return address.values("ip") or address.values("interface")


def _nat_cell(context: Context, rule: Tree, side: str) -> int:
    names = rule.values(side)
    if not names or names == ("any",):
        return context.builder.any_address
    return context.builder.address(context.objects.address(names), names)
