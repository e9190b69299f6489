"""What the controls share: one judgement per firewall, how a rule is pointed at, what is wide, what is missing."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from checks.common.french import listed
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import intervals
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.reach import Flow
from checks.firewall.controls.whereabouts import behind_others, holder, leaving_by_any
from checks.firewall.facts import (
    DENY,
    FORWARD,
    INPUT,
    NOT_TRANSLATED,
    PERMIT,
    AddressSet,
    Chain,
    Device,
    Rule,
    ServiceSet,
)
from checks.firewall.review import DeviceReview, FirewallReview
from checks.model import Affected, Context, Evidence, Gap, Judgement, Origin, Reason, not_applicable, not_assessed

Judge = Callable[[DeviceReview, Context], Judgement]
Control = Callable[[FirewallReview, Context], list[Judgement]]

RULES_ONLY = frozenset({"iptables", "nftables", "windows", "unifi", "checkpoint"})
"""Exports that hold rules and never accounts nor VPN settings."""
_WIDE_V4 = 1 << 31
"""Half of IPv4: what holds more is "the Internet", `any` or `any except our networks`."""
_WIDE_V6 = 1 << 125
"""The block 2000::/3: all public IPv6."""
_WIDE_PREFIX = 8
ALL_TCP: intervals.Intervals = ((6 * svc.PORTS, 6 * svc.PORTS + svc.TOP_PORT),)


def each_device(judge: Judge) -> Control:
    """Make a control out of a function that judges one firewall."""

    @functools.wraps(judge)
    def control(review: FirewallReview, context: Context) -> list[Judgement]:
        return [judge(one, context) for one in review.devices]

    return control


# --- What is missing


def unsupported(device: Device, detail: str) -> Judgement:
    """The export does not hold what the control needs."""
    return not_assessed(device.name, Gap(reason=Reason.UNSUPPORTED, detail=detail))


def undeclared(device: Device, *missing: str) -> Judgement:
    """No zone has a role the control needs: the profile can say it."""
    names = " ou ".join(f"« {roles.TITLES[role]} »" for role in missing)
    detail = f"Aucune zone reconnue comme {names} : la déclarer dans [firewall.roles] du profil de site."
    return not_assessed(device.name, Gap(reason=Reason.NOT_CONFIGURED, detail=detail))


def silent_accounts(device: Device, what: str) -> Judgement:
    """The export says nothing of accounts or VPN services: an empty list proves nothing."""
    return unsupported(device, f"L'export de {device.name} ne contient pas {what}.")


# --- Evidence and affected objects


def source(device: Device, line: int = 0, file: int = 0) -> str:
    """File and line for a piece of evidence."""
    name = device.files[file].name if file < len(device.files) else device.name
    return f"{name}, ligne {line}" if line else name


def evidence(device: Device, value: str, line: int = 0, file: int = 0) -> Evidence:
    """One observation in an export."""
    return Evidence(value=value, source=source(device, line, file), origin=Origin.IMPORTED)


def label(rule: Rule) -> str:
    """How people find the rule: `règle 12 « Accès Wi-Fi »`, by its comment when it has no name."""
    if rule.automatic:
        return f"règle automatique « {rule.name or rule.ref} »"
    said = rule.name or " ".join(rule.comment.split())[:_QUOTED]
    name = f" « {said} »" if said and said != rule.ref else ""
    if name and _UUID.fullmatch(rule.ref):  # what no page of the product shows
        return f"règle{name}"
    return f"règle {rule.ref}{name}"


_QUOTED = 60
"""Characters of a comment that stand for a name."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def content(device: Device, rule: Rule) -> str:
    """What the rule says, as a short hash that no line number enters."""
    parts: list[str] = [rule.action, rule.target, *sorted(rule.in_zones), ">", *sorted(rule.out_zones)]
    if rule.automatic and not device.addresses:  # the default of a chain, which points at no set
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    for cell in (device.addresses[rule.source], device.addresses[rule.destination]):
        parts += ["|", *cell.ranges, *cell.maybe, *cell.unresolved]
    services = device.services[rule.services]
    parts += ["|", *services.services, *services.maybe, *services.unresolved, "|", *rule.conditions, *rule.state]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def point(
    device: Device,
    rule: Rule,
    kind: str,
    detail: str,
    related: Iterable[str] = (),
    witness: Mapping[str, str] | None = None,
) -> Affected:
    """Point at a rule. Its identity is its reference and content: a re-export of the same rule is the same finding."""
    return Affected(
        id=f"{rule.ref}#{content(device, rule)}",
        label=label(rule),
        detail=detail,
        kind=kind,
        ref=rule.ref,
        line=rule.line or None,
        related=tuple(related),
        witness=witness or {},
    )


def thing(kind: str, name: str, detail: str, line: int = 0, *, word: str = "") -> Affected:
    """Point at something that is not a rule: an account, an interface, an object."""
    return Affected(
        id=f"{kind}:{name}",
        label=f"{word} {name}".strip(),
        detail=detail,
        kind=kind,
        ref=name,
        line=line or None,
    )


def distinct(found: Iterable[Affected]) -> tuple[Affected, ...]:
    """One entry per identity, in order: one written rule may live in several chains.

    Such a rule may hold something else in each; when nothing was proved of one of them, the first stands for all.
    """
    kept: dict[tuple[object, ...], Affected] = {}
    for item in found:
        same = (item.kind, item.ref, item.line) if item.line and not item.witness and not item.related else (item.id,)
        kept.setdefault(same, item)
    return tuple(kept.values())


# --- Rules


def base_chains(device: Device, *hooks: str) -> tuple[Chain, ...]:
    """Chains the traffic enters by itself; through and to the firewall by default."""
    return tuple(chain for chain in device.chains if chain.hook in (hooks or (FORWARD, INPUT)))


def written(device: Device, *, disabled: bool = False) -> Iterator[tuple[Chain, Rule]]:
    """Rules an administrator wrote that decide; with the disabled ones on request.

    A list that nothing calls (an ACL bound to no interface) filters nothing: its rules are not looked at.
    """
    called = _called(device)
    for chain in device.chains:
        for rule in chain.rules if chain.hook or chain.name in called else ():
            if rule.action in (PERMIT, DENY) and not rule.automatic and (rule.enabled or disabled):
                yield chain, rule


def _called(device: Device) -> set[str]:
    """Chains that the traffic reaches through others."""
    chains = {chain.name: chain for chain in device.chains}
    waiting = [chain.name for chain in device.chains if chain.hook]
    seen = set(waiting)
    while waiting:
        targets = {rule.target for rule in chains[waiting.pop()].rules if rule.enabled and rule.target in chains}
        waiting += targets - seen
        seen |= targets
    return seen


def opens(rule: Rule) -> bool:
    """The rule lets new connections in; one kept for answers only opens nothing."""
    return rule.action == PERMIT and (not rule.state or "new" in rule.state)


class Wide(NamedTuple):
    """Which sets of a device hold practically everything."""

    addresses: frozenset[int]
    services: frozenset[int]

    def anywhere(self, rule: Rule) -> bool:
        """Any source, any destination, any service."""
        return rule.source in self.addresses and rule.destination in self.addresses and rule.services in self.services


def wide(device: Device) -> Wide:
    """Look once at every set of a device."""
    return Wide(
        frozenset(i for i, one in enumerate(device.addresses) if wide_addresses(one)),
        frozenset(i for i, one in enumerate(device.services) if wide_services(one)),
    )


def wide_addresses(one: AddressSet) -> bool:
    """The set surely holds half of IPv4 or more, or all public IPv6: practically all of the Internet."""
    if not any(_may_be_wide(text) for text in one.ranges):
        return False
    held = ip.from_ranges(one.ranges)
    return intervals.size(held.v4) >= _WIDE_V4 or intervals.size(held.v6) >= _WIDE_V6


def _may_be_wide(text: str) -> bool:
    """Cheap test before the arithmetic: a range, or a network of few bits."""
    _, slash, length = text.rpartition("/")
    return "-" in text or (bool(slash) and int(length) <= _WIDE_PREFIX)


def wide_services(one: ServiceSet) -> bool:
    """The set surely holds every TCP port."""
    return intervals.covers(sure_services(one), ALL_TCP)


def sure_services(one: ServiceSet) -> intervals.Intervals:
    """Destination services surely held, source ports aside."""
    return intervals.union(*(box.services for text in one.services for box in svc.parse_service(text).sure))


def unconditional(rule: Rule) -> bool:
    """Nothing but addresses, services and zones is asked: no user, time table, state, published address.

    A rule for traffic that no published address translated is as wide as its cells say.
    """
    published = rule.translated not in ((), (NOT_TRANSLATED,))
    return not (rule.conditions or rule.schedule or rule.state or published)


def no_rule(device: Device) -> Judgement:
    """Nothing to judge: no administrator wrote a rule."""
    return not_applicable(device.name, f"{device.name} n'a aucune règle écrite par un administrateur.")


def zone_text(device: Device, zone: str) -> str:
    """A zone as people know it: `opt8 (Wi-Fi visiteurs)`."""
    title = next((one.title for one in device.interfaces if one.name == zone), "")
    return f"{zone} ({title})" if title and title.casefold() != zone.casefold() else zone


def zones(device: Device, rule: Rule) -> str:
    """`de LAN vers toute interface`."""

    def side(names: tuple[str, ...], *, negated: bool) -> str:
        if not names:
            return "toute interface"
        return ("toute interface sauf " if negated else "") + listed(zone_text(device, name) for name in names)

    return f"de {side(rule.in_zones, negated=rule.in_negated)} vers {side(rule.out_zones, negated=rule.out_negated)}"


# --- Flows


def services_of(*texts: str) -> svc.Services:
    """A set from texts that may hold several services: `tcp/22,udp/161`."""
    return svc.join(*(svc.parse_service(one) for text in texts for one in text.split(",")))


class Passage(NamedTuple):
    """Traffic one rule lets through from one zone to another; at least `witness` passes earlier refusals."""

    device: Device
    flow: Flow
    in_zone: str
    out_zone: str
    """Empty for the firewall itself."""
    everything: bool
    """The rule holds every TCP port, and TCP is not refused before it."""

    @property
    def text(self) -> str:
        """`RESIDENTS → PRO`."""
        return f"{zone_text(self.device, self.in_zone)} → {zone_text(self.device, self.out_zone) or 'pare-feu'}"

    @property
    def services(self) -> str:
        """Services for a sentence."""
        return "tous les services" if self.everything else listed(self.flow.services.services)


def passages(
    review: DeviceReview,
    sources: Iterable[str],
    targets: Iterable[str] | None,
    services: svc.Services | None = None,
    destinations: ip.Addresses | None = None,
) -> tuple[Passage, ...]:
    """New connections from some zones to others, asked pair by pair: one flow proves nothing of another pair.

    Without targets, connections to the firewall itself.
    """
    ways = (tuple(sources), None if targets is None else tuple(targets))
    hook = INPUT if targets is None else FORWARD
    known: dict[str, ip.Addresses] = {}

    def ask(
        source: Iterable[str],
        target: Iterable[str] | None,
        what: svc.Services | None,
        where: ip.Addresses | None = destinations,
    ) -> tuple[Flow, ...]:
        named = tuple(source)
        found = review.flows.reach(in_zones=named, out_zones=target, services=what, destinations=where, hook=hook)
        return tuple(
            flow for flow in found if _counts(review.device, flow, hook) and comes_from(review, flow, named, known)
        )

    pairs = {
        (one, other): None
        for flow in ask(*ways, services)
        for one in (flow.in_zones or ways[0])
        for other in ((flow.out_zones or ways[1]) if ways[1] is not None else ("",))
        if one != other
    }
    routed = {other: _routed(review, (other,), destinations) if other else destinations for _, other in pairs}
    passing: list[Passage] = []
    for one, other in pairs:
        target = None if targets is None else (other,)
        found = ask((one,), target, services, routed[other])
        whole = {id(flow.rule) for flow in found if wide_services(flow.services)}
        if whole:
            asked = ask((one,), target, _TCP, routed[other])
            whole = {id(flow.rule) for flow in asked if wide_services(flow.services)}
        passing += [Passage(review.device, flow, one, other, id(flow.rule) in whole) for flow in found]
    return tuple(passing)


_TCP = svc.parse_service("tcp")


def comes_from(
    review: DeviceReview, flow: Flow, zones: tuple[str, ...], known: dict[str, ip.Addresses] | None = None
) -> bool:
    """Somebody behind one of the zones may send this; a rule that names its way in is taken at its word.

    `known` remembers from one flow to the next what is not behind each zone.
    """
    known = {} if known is None else known
    if flow.rule.in_zones or not flow.sources.ranges or wide_addresses(flow.sources):
        return True
    sources = ip.from_fact(flow.sources)
    for zone in zones:
        if zone not in known:
            known[zone] = behind_others(review.device, review.roles, zone)
        elsewhere = known[zone]
        if intervals.difference(sources.over4, elsewhere.v4) or intervals.difference(sources.over6, elsewhere.v6):
            return True
    return False


def _routed(review: DeviceReview, targets: tuple[str, ...], destinations: ip.Addresses | None) -> ip.Addresses | None:
    """Destinations asked that may really leave by some zones."""
    routed = leaving_by_any(review.device, review.roles, targets)
    if routed is None or destinations is None:
        return destinations if routed is None else routed
    return ip.Addresses(
        v4=intervals.intersection(destinations.over4, routed.v4),
        v6=intervals.intersection(destinations.over6, routed.v6),
    )


def _counts(device: Device, flow: Flow, hook: str) -> bool:
    """New connections that somebody decided, or that the product lets through as a whole.

    What a product adds for its own needs (DHCP, clusters, neighbour discovery) joins no two networks. What rules say
    of IPv6 leads nowhere while the firewall does not route it.
    """
    rule = flow.rule
    if not opens(rule) or (flow.family == 6 and device.ipv6 == "off" and hook == FORWARD):  # noqa: PLR2004
        return False
    return not rule.automatic or hook == INPUT or not device.services or wide_services(device.services[rule.services])


def crossings(
    review: DeviceReview,
    sources: Iterable[str],
    targets: Iterable[str] | None,
    services: svc.Services | None = None,
    destinations: ip.Addresses | None = None,
) -> tuple[Passage, ...]:
    """Like `passages`, one question for all zones: each rule with the one pair of zones its witness crosses."""
    hook = INPUT if targets is None else FORWARD
    named = tuple(sources)
    known: dict[str, ip.Addresses] = {}
    ways = None if targets is None else tuple(targets)
    found = review.flows.reach(
        in_zones=named,
        out_zones=ways,
        services=services,
        destinations=destinations if ways is None else _routed(review, ways, destinations),
        hook=hook,
    )
    counting = (flow for flow in found if _counts(review.device, flow, hook) and comes_from(review, flow, named, known))
    return tuple(
        Passage(
            review.device,
            shown,
            shown.witness.get("in", ""),
            "" if ways is None else shown.witness.get("out", ""),
            everything=False,
        )
        for flow in counting
        for shown in [flow if ways is None else _by_its_network(review, flow, ways, services)]
    )


def _by_its_network(review: DeviceReview, flow: Flow, targets: tuple[str, ...], services: svc.Services | None) -> Flow:
    """The flow, with an example that leaves by the zone its destination is behind."""
    target = flow.witness.get("dst", "")
    zone = holder(review.device, target)
    if zone not in targets or zone == flow.witness.get("out"):
        return flow
    found = review.flows.reach(
        in_zones=(flow.witness.get("in", ""),),
        out_zones=(zone,),
        services=services,
        destinations=ip.from_ranges((target,)),
    )
    same = next((one for one in found if one.rule is flow.rule and one.family == flow.family), None)
    return flow if same is None or same.certain is not flow.certain else flow._replace(witness=same.witness)


def lasting(found: Iterable[Passage], context: Context) -> tuple[Passage, ...]:
    """Passages by rules that still work: those past their date let nothing through."""
    return tuple(one for one in found if not is_past(one.flow.rule.expires, context.now))


def is_past(text: str, now: datetime) -> bool:
    """The moment is over; a text that is not one never is."""
    end = moment(text, end_of_day=True)
    return end is not None and end < now


def moment(text: str, *, end_of_day: bool = False) -> datetime | None:
    """ISO 8601 date or date-time, UTC when it does not say; None when it is not one. A bare date lasts all day."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if end_of_day and len(text) <= len("2026-01-01"):
        found = found.replace(hour=23, minute=59, second=59)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Opening(NamedTuple):
    """What one rule really lets through, pairs of zones together."""

    device: Device
    rule: Rule
    passages: tuple[Passage, ...]

    @property
    def certain(self) -> bool:
        """Something surely passes, or passes under a condition the administrator wrote, such as a time table."""
        known = self._known and not self.rule.automatic
        limited = known and (self.rule.conditions or self.device.addresses[self.rule.source].maybe)
        return any(one.flow.certain for one in self.passages) or bool(limited)

    @property
    def meant(self) -> bool:
        """The rule itself is clear; only an unresolved refusal placed before it (a country, a list) leaves a doubt."""
        return self.certain or (self._known and not self.rule.automatic)

    @property
    def _known(self) -> bool:
        """What the rule permits is not empty: its only unknowns are conditions and named senders."""
        if not self.device.addresses or any(text.startswith(_NOT_UNDERSTOOD) for text in self.rule.conditions):
            return not self.rule.conditions
        source = self.device.addresses[self.rule.source]
        sender = not source.maybe or (bool(self.rule.in_zones) and not any(map(is_broken, source.unresolved)))
        target = self.device.addresses[self.rule.destination]
        return sender and not target.maybe and not self.device.services[self.rule.services].maybe

    @property
    def paths(self) -> str:
        """Pairs of zones."""
        return listed(one.text for one in self.passages)

    @property
    def everything(self) -> bool:
        """All TCP ports pass on at least one pair."""
        return any(one.everything for one in self.passages)

    @property
    def witness(self) -> Mapping[str, str]:
        """A packet that passes, a certain one when there is one."""
        return max(self.passages, key=lambda one: one.flow.certain).flow.witness

    def why(self) -> str:
        """What makes the passage conditional or doubtful; empty when it is certain."""
        if any(one.flow.certain for one in self.passages):
            return ""
        if self.rule.conditions:
            return f" ; sous condition ({listed(self.rule.conditions)})"
        sender = self.device.addresses[self.rule.source] if self.device.addresses else None
        if self._known and sender is not None and sender.maybe:
            return f" ; depuis {listed(sender.names or sender.unresolved)}, dont l'export ne donne pas les adresses"
        if self._known:
            return " ; une règle placée avant, dont un objet n'est pas résolu, en refuse peut-être une partie"
        return " ; à vérifier, un objet de cette règle n'est pas résolu"

    def detail(self) -> str:
        """One sentence about what passes."""
        what = (
            "tous les services"
            if self.everything
            else listed(text for one in self.passages for text in one.flow.services.services)
        )
        return f"{self.paths} : {what}{self.why()}"


def doubtful(device: Device, found: Iterable[Opening]) -> Judgement:
    """Nothing surely passes, something may."""
    names = listed(label(one.rule) for one in found)
    why = "faute de connaître le contenu d'un objet ou d'une condition"
    return unsupported(device, f"Un passage est possible mais pas certain, {why} ({names}).")


_NOT_UNDERSTOOD = "directive non comprise"
"""First words of a condition a parser could not read: it may be anything."""
_BROKEN = ("absent:", "cycle:", "depth:")


def is_broken(why: str) -> bool:
    """The object is not resolved through a fault of the configuration or the export: it may hold nothing.

    An FQDN or a country is not resolved either, but holds something.
    """
    return why.startswith(_BROKEN)


def openings(device: Device, found: Iterable[Passage]) -> tuple[Opening, ...]:
    """Passages grouped by the rule that permits them, in order."""
    groups: dict[int, list[Passage]] = {}
    for one in found:
        groups.setdefault(id(one.flow.rule), []).append(one)
    return tuple(Opening(device, same[0].flow.rule, tuple(same)) for same in groups.values())


def by_rule(found: Mapping[str, Iterable[Opening]]) -> tuple[tuple[str, Opening], ...]:
    """From what passes by which rules, to each rule and all that passes by it, as a text."""
    same: dict[int, tuple[list[str], Opening]] = {}
    for title, rules in found.items():
        for one in rules:
            same.setdefault(id(one.rule), ([], one))[0].append(title)
    return tuple((listed(titles), one) for titles, one in same.values())


def blame(found: Iterable[Opening], kind: str) -> tuple[Affected, ...]:
    """Point at the rule of each opening, with one packet that passes."""
    return distinct(point(one.device, one.rule, kind, one.detail(), witness=one.witness) for one in found)
