"""What happens to what no rule foresees, what IPv6 escapes, what leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator

from checks.common.french import listed, plural
from checks.firewall import roles
from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import intervals
from checks.firewall.algebra.reach import Flow
from checks.firewall.controls.common import (
    Wide,
    base_chains,
    blame,
    crossings,
    distinct,
    doubtful,
    each_device,
    evidence,
    no_rule,
    openings,
    point,
    services_of,
    unconditional,
    unsupported,
    wide,
    zones,
)
from checks.firewall.facts import DENY, FORWARD, GOTO, INPUT, JUMP, NONE, PERMIT, Chain, Device, Rule
from checks.firewall.review import DeviceReview
from checks.model import Affected, Context, Judgement, failed, passed

_HOOKS = {FORWARD: "traversée du pare-feu", INPUT: "accès au pare-feu lui-même"}


@each_device
def default_deny(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when what no rule permits is refused, through the firewall and to it.

    Chains of one hook are all crossed: one of them that refuses is enough. What few exports show, the end of the
    access to the firewall itself, may stay unknown: the administration controls judge that access.
    """
    device = review.device
    sets = wide(device)
    hooks = [hook for hook in _HOOKS if base_chains(device, hook)]
    if FORWARD not in hooks and INPUT not in hooks:
        return unsupported(device, f"L'export de {device.name} ne contient aucune chaîne de filtrage.")
    unused = {6} if device.ipv6 == "off" else set()
    opened: list[Affected] = []
    doubts: dict[str, None] = {}
    for hook in hooks:
        chains = base_chains(device, hook)
        for family in sorted({family for chain in chains for family in chain.families} - unused):
            state, chain = _end(device, chains, family, sets)
            if state is False:
                opened.append(_open_end(chain, hook, family))
            elif state is None:
                doubts.setdefault(hook)
    seen = evidence(device, f"fins de chaîne examinées : {listed(_HOOKS[hook] for hook in hooks)}")
    if opened:
        message = f"Ce qu'aucune règle ne prévoit passe quand même ({listed(item.label for item in opened)})."
        return failed(device.name, message, seen, affected=tuple(opened))
    unknown = listed(_HOOKS[hook] for hook in doubts)
    if FORWARD in doubts or (doubts and FORWARD not in hooks):
        return unsupported(
            device, f"L'export ne montre pas ce qui arrive quand aucune règle ne s'applique ({unknown})."
        )
    message = "Ce qu'aucune règle n'autorise est refusé."
    if doubts:
        message = (
            f"Ce qui traverse le pare-feu sans être autorisé est refusé ; l'export ne montre pas la fin de : {unknown}."
        )
    return passed(device.name, message, seen)


def _end(device: Device, chains: tuple[Chain, ...], family: int, sets: Wide) -> tuple[bool | None, Chain]:
    """True when one chain of the hook refuses by default, None when that is not certain, False otherwise."""
    concerned = [chain for chain in chains if family in chain.families]
    if any(_refuses(device, chain, family, sets) for chain in concerned):
        return True, concerned[0]
    doubtful = [chain for chain in concerned if not chain.default_certain]
    return (None, doubtful[0]) if doubtful else (False, concerned[0])


def _refuses(device: Device, chain: Chain, family: int, sets: Wide) -> bool:
    """The chain ends with a refusal: its default, or a last written rule that refuses everything."""
    if chain.default == DENY and chain.default_certain:
        return True
    return any(_catch_all(device, rule, family, sets) for rule in chain.rules)


def _catch_all(device: Device, rule: Rule, family: int, sets: Wide) -> bool:
    """The rule refuses all that is left, in one IP version."""
    if rule.action != DENY or not rule.enabled or not unconditional(rule) or rule.in_zones or rule.out_zones:
        return False
    every = "0.0.0.0/0" if family == 4 else "::/0"  # noqa: PLR2004 - IP version
    whole = every in device.addresses[rule.source].ranges and every in device.addresses[rule.destination].ranges
    return whole and rule.services in sets.services and "any" in device.services[rule.services].services


def _open_end(chain: Chain, hook: str, family: int) -> Affected:
    return Affected(
        id=f"default:{hook}:{family}",
        label=f"{_HOOKS[hook]}, IPv{family}",
        detail=f"la chaîne {chain.name} se termine par une autorisation",
        kind="default-permit",
        ref=chain.name,
        line=chain.default_line or None,
    )


@each_device
def ipv6_filtered(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when IPv6 is off, or refused by default and not wide open from the Internet."""
    device = review.device
    if device.ipv6 == "off":
        return passed(device.name, "IPv6 est bloqué ou désactivé.", evidence(device, "ipv6 : désactivé"))
    sets = wide(device)
    chains = [chain for chain in base_chains(device) if 6 in chain.families]  # noqa: PLR2004 - IP version
    if not any(chain.hook == FORWARD for chain in chains) and base_chains(device, FORWARD):
        detail = f"L'export de {device.name} ne contient aucune règle IPv6 : rien ne dit si ce trafic est filtré."
        if device.ipv6 != "on":
            return unsupported(device, detail)
        whole = Affected(id="ipv6", label="IPv6", detail="actif, sans aucune règle", kind="ipv6-hole")
        seen = evidence(device, "ipv6 : actif, sans règle")
        return failed(device.name, "IPv6 est actif et aucune règle ne le filtre.", seen, affected=(whole,))
    if not chains:
        return unsupported(device, f"L'export de {device.name} ne dit rien d'IPv6.")
    opened = [
        _open_end(chain, hook, 6)
        for hook in (FORWARD, INPUT)
        if (concerned := tuple(chain for chain in chains if chain.hook == hook))
        for state, chain in [_end(device, concerned, 6, sets)]
        if state is False
    ]
    wan = roles.with_role(review.roles, roles.WAN)
    inside = roles.without_role(review.roles, roles.WAN)
    entering = crossings(review, wan, inside, _PORTED, ip.ANY6)
    found = openings(device, (one for one in entering if _ample(one.flow)))
    affected = (*opened, *blame((one for one in found if one.meant), "ipv6-hole"))
    seen = evidence(device, f"IPv6 : {device.ipv6 or 'état non indiqué'}")
    if affected:
        return failed(device.name, "IPv6 ouvre un chemin que les règles IPv4 ferment.", seen, affected=affected)
    if found:
        return doubtful(device, found)
    return passed(device.name, "IPv6 est filtré par défaut et n'est pas ouvert depuis Internet.", seen)


_PORTED = services_of("tcp,udp")


def _ample(flow: Flow) -> bool:
    """Anybody may reach a practically unbounded part of IPv6."""
    sources, targets = ip.from_ranges(flow.sources.ranges), ip.from_ranges(flow.destinations.ranges)
    return intervals.size(sources.v6) >= 1 << 125 and intervals.size(targets.v6) >= 1 << 64


# --- Logging


@each_device
def logged(review: DeviceReview, context: Context) -> Judgement:  # noqa: ARG001
    """Conforms when refusals and permissions leave a trace in the log."""
    device = review.device
    sets = wide(device)
    silent = [
        _silent_end(c)
        for c in base_chains(device)
        if c.default == DENY and c.default_log is False and _reached(device, c, sets)
    ]
    unknown = known = 0
    for chain, rule, state in _log_states(device):
        if state is None:
            unknown += 1
            continue
        known += 1
        if state is False:
            what = "autorise" if rule.action == PERMIT else "refuse"
            silent.append(
                point(device, rule, "no-log", f"{what} sans trace ({zones(device, rule)}, chaîne {chain.name})")
            )
    if not known and not unknown and not silent:
        return no_rule(device)
    affected = distinct(silent)
    seen = evidence(device, f"{len(affected)} sans journal, {known} réglage(s) lu(s), {unknown} non indiqué(s)")
    if affected:
        message = plural(
            len(affected),
            "{n} règle ou refus par défaut ne laisse aucune trace dans le journal.",
            "{n} règles ou refus par défaut ne laissent aucune trace dans le journal.",
        )
        return failed(device.name, message, seen, affected=affected)
    if unknown:
        return unsupported(
            device,
            plural(
                unknown,
                "L'export ne dit pas si {n} règle est journalisée.",
                "L'export ne dit pas si {n} règles sont journalisées.",
            ),
        )
    return passed(device.name, "Les refus et les autorisations sont journalisés.", seen)


def _reached(device: Device, chain: Chain, sets: Wide) -> bool:
    """No rule of the chain, nor of those it always calls, refuses everything before the end."""
    called = {
        rule.target
        for rule in chain.rules
        if rule.action in (JUMP, GOTO) and rule.enabled and unconditional(rule) and sets.anywhere(rule)
    }
    rules = [rule for one in device.chains if one is chain or one.name in called for rule in one.rules]
    return not all(any(_catch_all(device, rule, family, sets) for rule in rules) for family in chain.families)


def _log_states(device: Device) -> Iterator[tuple[Chain, Rule, bool | None]]:
    """Each written rule and whether it is logged, by itself or by a rule before it that only logs."""
    for chain in device.chains:
        loggers: set[tuple[object, ...]] = set()
        for rule in chain.rules:
            if not rule.enabled or rule.automatic:
                continue
            match = (rule.in_zones, rule.out_zones, rule.source, rule.destination, rule.services, rule.state)
            if rule.action == NONE and rule.log:
                loggers.add(match)
            elif rule.action in (PERMIT, DENY):
                yield chain, rule, True if match in loggers else rule.log


def _silent_end(chain: Chain) -> Affected:
    return Affected(
        id=f"default-log:{chain.name}",
        label=f"refus par défaut de {chain.name}",
        detail="ce qui n'est pas prévu est refusé sans trace",
        kind="no-log",
        ref=chain.name,
        line=chain.default_line or None,
    )
