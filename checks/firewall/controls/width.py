"""Rules that permit more than anybody needs, inside and towards the Internet."""

from __future__ import annotations

from checks.common.french import listed, plural
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import intervals
from checks.firewall.algebra import services as svc
from checks.firewall.controls.common import (
    Opening,
    Wide,
    blame,
    by_rule,
    distinct,
    doubtful,
    each_device,
    evidence,
    lasting,
    no_rule,
    openings,
    opens,
    passages,
    point,
    services_of,
    unconditional,
    undeclared,
    wide,
    wide_addresses,
    written,
    zones,
)
from checks.firewall.facts import FORWARD, INPUT, Device, Rule
from checks.firewall.review import DeviceReview
from checks.model import Context, Judgement, Severity, failed, not_applicable, passed


@each_device
def any_to_any(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when no rule permits every service from anywhere to anywhere.

    A rule that only leads to the Internet side is the business of the egress control.
    """
    device = review.device
    sets = wide(device)
    wan = set(roles.with_role(review.roles, roles.WAN))
    candidates = [(chain, rule) for chain, rule in written(device) if chain.hook in (FORWARD, INPUT)]
    if not candidates:
        return no_rule(device)
    found = [
        (chain, rule)
        for chain, rule in candidates
        if opens(rule)
        and unconditional(rule)
        and _everywhere(device, rule, sets)
        and not _only_out(rule, wan)
        and not (chain.hook == INPUT and _loopback(rule))
    ]
    seen = evidence(device, plural(len(candidates), "{n} règle examinée", "{n} règles examinées"))
    if not found:
        return passed(device.name, "Aucune règle n'autorise tout vers tout.", seen)
    affected = distinct(point(device, rule, "any-any", zones(device, rule)) for _, rule in found)
    message = plural(
        len(affected),
        "{n} règle autorise tous les services depuis et vers toute adresse.",
        "{n} règles autorisent tous les services depuis et vers toute adresse.",
    )
    severity = Severity.CRITICAL if any(not rule.in_zones or wan & set(rule.in_zones) for _, rule in found) else None
    return failed(device.name, message, seen, affected=affected, severity=severity)


def _everywhere(device: Device, rule: Rule, sets: Wide) -> bool:
    """Any destination, any service, and any source or the whole network behind the incoming interface.

    Everything except private addresses is the Internet, not anywhere.
    """
    if rule.destination not in sets.addresses or rule.services not in sets.services:
        return False
    if not _inside_too(device, rule):
        return False
    return rule.source in sets.addresses or _whole_interface(device, rule)


_PRIVATE = ip.from_ranges(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")).v4
_PUBLIC_V6 = ip.from_ranges(("2000::/3",)).v6


def _inside_too(device: Device, rule: Rule) -> bool:
    """The destination holds some address of the inside, or all public IPv6, which the inside uses."""
    held = ip.from_ranges(device.addresses[rule.destination].ranges)
    if device.ipv6 != "off" and intervals.covers(held.v6, _PUBLIC_V6):
        return True
    networks = [text for one in device.interfaces if not one.default_route for text in one.networks]
    inside = ip.from_ranges(networks).v4 or _PRIVATE
    return bool(intervals.intersection(held.v4, inside))


def _whole_interface(device: Device, rule: Rule) -> bool:
    """The source holds every network behind the incoming interfaces: as good as `any` there."""
    if not rule.in_zones or rule.in_negated:
        return False
    networks = [n for one in device.interfaces if one.name in rule.in_zones for n in one.networks]
    if not networks:
        return False
    held, behind = ip.from_ranges(device.addresses[rule.source].ranges), ip.from_ranges(networks)
    return bool(behind.v4) and intervals.covers(held.v4, behind.v4)


def _only_out(rule: Rule, wan: set[str]) -> bool:
    """The rule leads to Internet sides only, from inside ones only."""
    out = bool(rule.out_zones) and not rule.out_negated and wan.issuperset(rule.out_zones)
    return out and bool(rule.in_zones) and not rule.in_negated and not wan.intersection(rule.in_zones)


def _to_internet(device: Device, rule: Rule, sets: Wide, wan: set[str]) -> bool:
    """From inside, the rule leads to everything but the inside."""
    entering = not rule.in_zones or rule.in_negated or wan.intersection(rule.in_zones)
    return not entering and rule.destination in sets.addresses and not _inside_too(device, rule)


def _loopback(rule: Rule) -> bool:
    return bool(rule.in_zones) and set(rule.in_zones) <= {"lo", "lo0", "loopback"}


@each_device
def any_service(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when every permitting rule names its services; rules towards the Internet are judged elsewhere."""
    device = review.device
    sets = wide(device)
    wan = set(roles.with_role(review.roles, roles.WAN))
    permits = [rule for chain, rule in written(device) if opens(rule) and chain.hook != "output"]
    if not permits:
        return not_applicable(device.name, f"Aucune règle de {device.name} n'autorise de connexion nouvelle.")
    found = [
        rule
        for rule in permits
        if rule.services in sets.services
        and not _only_out(rule, wan)
        and not _to_internet(device, rule, sets, wan)
        and not _everywhere(device, rule, sets)
        and not _loopback(rule)
    ]
    seen = evidence(device, plural(len(permits), "{n} autorisation", "{n} autorisations"))
    if not found:
        return passed(device.name, "Chaque autorisation nomme les services qu'elle ouvre.", seen)
    affected = distinct(
        point(device, rule, "any-service", f"{zones(device, rule)} : tous les services") for rule in found
    )
    message = plural(
        len(affected),
        "{n} autorisation ouvre tous les services au lieu de ceux qui servent.",
        "{n} autorisations ouvrent tous les services au lieu de ceux qui servent.",
    )
    return failed(device.name, message, seen, affected=affected)


@each_device
def unrestricted_egress(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when no professional zone may use every service towards the whole Internet."""
    device = review.device
    wan = roles.with_role(review.roles, roles.WAN)
    if not wan:
        return undeclared(device, roles.WAN)
    sources = roles.without_role(review.roles, roles.WAN, roles.RESIDENT, roles.GUEST, roles.VPN)
    if not sources:
        return not_applicable(device.name, f"{device.name} n'a pas de zone intérieure professionnelle.")
    leaving = lasting(passages(review, sources, wan), context)
    found = openings(device, (one for one in leaving if one.everything and wide_addresses(one.flow.destinations)))
    meant = [one for one in found if one.meant]
    seen = evidence(device, f"de {listed(sources)} vers {listed(wan)}")
    if not meant:
        good = "Aucune zone professionnelle ne peut tout faire vers Internet."
        return doubtful(device, found) if found else passed(device.name, good, seen)
    affected = blame(meant, "egress")
    message = plural(
        len(affected),
        "{n} règle laisse sortir n'importe quel service vers tout Internet.",
        "{n} règles laissent sortir n'importe quel service vers tout Internet.",
    )
    return failed(device.name, message, seen, affected=affected)


_NEVER_OUT = (
    ("partage de fichiers (SMB)", "tcp/139,tcp/445"),
    ("bureau à distance (RDP)", "tcp/3389"),
    ("courrier direct (SMTP, port 25)", "tcp/25"),
)
"""Services that no workstation of an establishment needs on the Internet: stolen passwords and junk mail use them."""


@each_device
def dangerous_egress(review: DeviceReview, context: Context) -> Judgement:
    """Conforms when file sharing, remote desktop and direct mail cannot go out to the whole Internet."""
    device = review.device
    wan = roles.with_role(review.roles, roles.WAN)
    if not wan:
        return undeclared(device, roles.WAN)
    sources = roles.without_role(review.roles, roles.WAN)
    if not sources:
        return not_applicable(device.name, f"{device.name} n'a pas de zone intérieure.")
    seen = evidence(device, f"{len(_NEVER_OUT)} services cherchés de {listed(sources)} vers {listed(wan)}")
    found = {title: _leaving(review, context, sources, wan, services_of(texts)) for title, texts in _NEVER_OUT}
    leaking = {title: meant for title, rules in found.items() if (meant := [one for one in rules if one.meant])}
    if not leaking:
        doubts = [one for rules in found.values() for one in rules]
        good = "Partage de fichiers, bureau à distance et courrier direct ne sortent pas."
        return doubtful(device, doubts) if doubts else passed(device.name, good, seen)
    affected = distinct(
        point(device, one.rule, "dangerous-egress", f"{one.paths} : {text}", witness=one.witness)
        for text, one in by_rule(leaking)
    )
    message = f"Des services dangereux peuvent sortir vers tout Internet : {listed(leaking)}."
    return failed(device.name, message, seen, affected=affected)


def _leaving(
    review: DeviceReview, context: Context, sources: tuple[str, ...], wan: tuple[str, ...], services: svc.Services
) -> tuple[Opening, ...]:
    """Rules that let some services out to practically all of the Internet."""
    found = lasting(passages(review, sources, wan, services), context)
    return openings(review.device, (one for one in found if wide_addresses(one.flow.destinations)))
