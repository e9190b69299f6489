"""Answers "can 10.20.0.0/24 reach 10.10.0.5:445?" with the rule that decides and its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.answer import Fate, fates
from checks.firewall.algebra.decide import UNDETERMINED
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.algebra.intervals import Intervals, covers, difference, intersection, normal
from checks.firewall.algebra.services import ANY_PORT, ICMP_LIKE, PORTED, Services
from checks.firewall.algebra.space import DESTINATION, IN, OUT, SERVICE, SOURCE, STATES, Cube, Space
from checks.firewall.facts import DENY, FORWARD, INPUT, NOT_TRANSLATED, OUTPUT, PERMIT, Device, FirewallFacts, NatRule
from checks.model import Record

KEYS = frozenset({"src", "dst", "dport", "proto", "sport", "type", "code", "in", "out", "hook", "state", "device"})
_PAIR = re.compile(r"(\w+)\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s;]+)")
SEES_REAL_DESTINATION = frozenset(
    {"iptables", "nftables", "pfsense", "opnsense", "asa", "mikrotik", "unifi", "fortigate"}
)
"""Products whose filter rules read the destination after translation; the others read it as it arrives."""
LISTED = 20
"""Parts of an answer that are detailed."""


class Answer(Record, frozen=True, kw_only=True):
    """The answer to one question."""

    verdict: str
    """`permit`, `deny` or `undetermined`."""
    message: str
    """One or two French sentences."""
    details: Mapping[str, Any] = {}
    """For programs: `rule` (`ref`, `name`, `line`, `file`, `chain`), `parts`, `translation`, `device`."""


class _Query(NamedTuple):
    sources: Addresses
    destinations: Addresses
    services: Services
    in_zone: str
    out_zone: str
    hook: str
    state: str


def answer(facts: FirewallFacts, text: str) -> Answer:
    """Answer `src=… dst=… [dport=…] [proto=tcp] [sport=] [type=] [in=] [out=] [hook=] [state=] [device=]`.

    Addresses may be networks or ranges: the verdict is then `permit` when some of it surely passes, and the message
    says when it is only a part. Raises ValueError, in French, when the question cannot be understood.
    """
    words = _words(text)
    query = _query(words)
    devices = [device for device in facts.devices if words.get("device", device.name) == device.name]
    if not devices:
        names = ", ".join(device.name for device in facts.devices)
        raise ValueError(f"équipement inconnu : {words.get('device', '')} (connus : {names})")
    answers = [_ask(device, query) for device in devices]
    if len(answers) == 1:
        return answers[0]
    verdicts = {one.verdict for one in answers}
    named = [f"{device.name} : {one.message}" for device, one in zip(devices, answers, strict=True)]
    return Answer(
        verdict=verdicts.pop() if len(verdicts) == 1 else UNDETERMINED,
        message=" ".join(named),
        details={
            "devices": [
                {"device": d.name, "verdict": a.verdict, **a.details} for d, a in zip(devices, answers, strict=True)
            ]
        },
    )


def _words(text: str) -> dict[str, str]:
    found = {key.lower(): value.strip("\"'") for key, value in _PAIR.findall(text)}
    rest = _PAIR.sub("", text).strip(" ;,")
    unknown = [key for key in found if key not in KEYS]
    if rest or unknown or not found:
        shown = rest or ", ".join(unknown) or "question vide"
        raise ValueError(
            f"incompris : « {shown[:80]} » (attendu : src=ADRESSE dst=ADRESSE dport=PORT proto=tcp in=ZONE)"
        )
    return found


def _query(words: Mapping[str, str]) -> _Query:
    if "src" not in words and "dst" not in words:
        raise ValueError("indiquer au moins src= ou dst=")
    hook = words.get("hook", FORWARD)
    if hook not in (FORWARD, INPUT, OUTPUT):
        raise ValueError(f"hook={hook} : forward, input ou output est attendu")
    state = words.get("state", "new")
    if state not in STATES:
        raise ValueError(f"state={state} : {', '.join(STATES)} attendu")
    return _Query(
        sources=_address(words.get("src", "any")),
        destinations=_address(words.get("dst", "any")),
        services=_service(words),
        in_zone=words.get("in", ""),
        out_zone=words.get("out", ""),
        hook=hook,
        state=state,
    )


def _address(text: str) -> Addresses:
    if text.lower() in ("any", "all", "*"):
        return ip.ANY
    try:
        return ip.from_ranges(part for part in text.split(",") if part)
    except ip.AddressError:
        raise ValueError(f"« {text[:60]} » n'est ni une adresse, ni un réseau, ni une plage") from None


def _service(words: Mapping[str, str]) -> Services:
    name = words.get("proto", "tcp" if "dport" in words or "sport" in words else "icmp" if "type" in words else "any")
    if name == "any":
        return svc.ANY
    try:
        number = svc.protocol_number(name)
        if number in ICMP_LIKE:
            if "type" not in words:
                return svc.of(number)
            return svc.icmp(number, int(words["type"]), int(words["code"]) if "code" in words else None)
        if number not in PORTED and ("dport" in words or "sport" in words):
            raise ValueError(f"proto={name} n'a pas de ports")
        ports = svc.parse_ports(words["dport"]) if "dport" in words else ANY_PORT
        sources = svc.parse_ports(words["sport"]) if "sport" in words else ANY_PORT
        return svc.of(number, ports, sources)
    except svc.ServiceError as error:
        raise ValueError(f"service incompris ({error})") from None


def _ask(device: Device, query: _Query) -> Answer:
    policies = policies_of(device, query.hook)
    families = [family for family in (4, 6) if _of(query.sources, family) and _of(query.destinations, family)]
    if not families:
        raise ValueError("src= et dst= ne sont pas de la même version d'IP")
    if not policies:
        return Answer(
            verdict=UNDETERMINED,
            message=f"L'export de {device.name} ne contient aucune règle pour ce trafic ({query.hook}).",
            details={"device": device.name},
        )
    zones_matter = False
    found: list[tuple[Fate, Space]] = []
    notes: list[str] = []
    for family in families:
        stages = [policy for policy in policies if policy.space.family == family]
        if not stages:
            notes.append(f"Aucune règle IPv{family} dans l'export : IPv{family} n'est pas connu.")
            continue
        space = stages[0].space
        cubes, said = _cubes(device, query, space)
        notes += said
        here = fates(stages, cubes)
        zones_matter = zones_matter or any(_depends_on_zones(fate, cubes) for fate in here)
        found += [(fate, space) for fate in here]
    if not found:
        return Answer(verdict=UNDETERMINED, message=" ".join(notes), details={"device": device.name})
    return _conclude(device, found, notes, zones_matter=zones_matter)


def _of(one: Addresses, family: int) -> Intervals:
    return one.v4 if family == 4 else one.v6  # noqa: PLR2004


class _Variant(NamedTuple):
    """A part of the question, as the filter rules read it."""

    zone_in: Intervals
    destination: Intervals
    services: Services
    translated: str
    leaves_for: Intervals
    """Addresses the traffic finally goes to: they tell the exit zone."""


def _cubes(device: Device, query: _Query, space: Space) -> tuple[list[Cube], list[str]]:
    """The question as product sets, destinations translated as the product does before its filter rules."""
    notes: list[str] = []
    family = space.family
    sources = _of(query.sources, family)
    state = normal(((STATES.index(query.state),) * 2,))
    cubes: list[Cube] = []
    for variant in _variants(device, query, space, _zones(device, space, query.in_zone, sources, "in"), notes):
        zone_out = _zones(device, space, query.out_zone, variant.leaves_for, "out")
        mark = space.translated_set((variant.translated,))
        cubes += [
            (variant.zone_in, zone_out, sources, variant.destination, box.services, box.source_ports, state, mark)
            for box in variant.services.sure
        ]
    return cubes, notes


def _variants(device: Device, query: _Query, space: Space, zone_in: Intervals, notes: list[str]) -> Iterable[_Variant]:
    """What publications take of the question, zone by zone, then the rest of it, untouched."""
    family = space.family
    destination = _of(query.destinations, family)
    services = query.services
    for nat in device.nat if query.hook == FORWARD else ():
        here = intersection(zone_in, space.zone_set(nat.in_zones))
        target = _target(nat, family)
        if not (here and target and _publishes(device, nat, destination, services, space)):
            continue
        notes.append(
            f"La destination est traduite vers {nat.to_address}{':' + nat.to_ports if nat.to_ports else ''} "
            f"par la règle {nat.name or nat.ref} (ligne {nat.line})."
        )
        if device.vendor in SEES_REAL_DESTINATION:
            moved = _moved(services, svc.parse_ports(nat.to_ports)) if nat.to_ports else services
            names = [name for name in (nat.name, nat.ref, "dst-nat") if name in space.translated]
            yield _Variant(here, target, moved, names[0] if names else NOT_TRANSLATED, target)
        else:
            yield _Variant(here, destination, services, NOT_TRANSLATED, target)
        zone_in = difference(zone_in, here)
    if zone_in and destination:
        yield _Variant(zone_in, destination, services, NOT_TRANSLATED, destination)


def _publishes(device: Device, nat: NatRule, destination: Intervals, services: Services, space: Space) -> bool:
    """The rule is an enabled publication that takes all the addresses and services asked."""
    if not nat.enabled or nat.kind not in ("destination", "static"):
        return False
    mine = _of(ip.from_fact(device.addresses[nat.destination]), space.family)
    taken = normal(pair for box in svc.from_fact(device.services[nat.services]).sure for pair in box.services)
    precise = mine != space.full[DESTINATION] or bool(nat.in_zones)
    return precise and covers(mine, destination) and all(covers(taken, box.services) for box in services.sure)


def _target(nat: NatRule, family: int) -> Intervals:
    try:
        return _of(ip.from_ranges([nat.to_address]), family)
    except ip.AddressError:
        return ()


def _moved(services: Services, ports: Intervals) -> Services:
    protocols = {low // svc.PORTS for box in services.sure for low, _ in box.services}
    return svc.join(*(svc.of(number, ports) for number in sorted(protocols)))


def _zones(device: Device, space: Space, given: str, addresses: Intervals, side: str) -> Intervals:
    """Zones of one side: the one given, else the interface whose network holds the addresses, else any."""
    if given:
        if given not in space.zones:
            known = ", ".join(space.zones[:-1])
            raise ValueError(
                f"{side}={given} : interface ou zone inconnue de {device.name} (connues : {known or 'aucune'})"
            )
        return space.zone_set((given,))
    guessed = _interface_of(device, space, addresses)
    return space.zone_set((guessed,)) if guessed else space.full[IN if side == "in" else OUT]


def _interface_of(device: Device, space: Space, addresses: Intervals) -> str:
    """The interface whose directly connected network holds all the addresses; the most precise one."""
    best, width = "", 0
    everything: list[Intervals] = []
    for interface in device.interfaces:
        networks = _networks(interface.networks, space.family)
        everything.append(networks)
        if interface.enabled and networks and covers(networks, addresses):
            size = sum(high - low + 1 for low, high in networks)
            if not best or size < width:
                best, width = interface.name, size
    if best:
        return best
    exits = [interface.name for interface in device.interfaces if interface.default_route and interface.enabled]
    known = normal(pair for one in everything for pair in one)
    if len(exits) == 1 and known and not intersection(known, addresses) and addresses != space.full[SOURCE]:
        return exits[0] if _public(addresses, space.family) else ""
    return ""


def _public(addresses: Intervals, family: int) -> bool:
    """None of the addresses is private: they can only be beyond the default route."""
    private = ip.from_ranges(
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"]
    )
    return not intersection(_of(private, family), addresses)


def _networks(texts: Sequence[str], family: int) -> Intervals:
    try:
        return _of(ip.from_ranges(texts), family)
    except ip.AddressError:
        return ()


def _depends_on_zones(fate: Fate, asked: Sequence[Cube]) -> bool:
    """The fate holds for some zones only of those the question leaves open."""
    return all(fate.cube[IN] != cube[IN] or fate.cube[OUT] != cube[OUT] for cube in asked)


def _conclude(
    device: Device, found: Sequence[tuple[Fate, Space]], notes: Sequence[str], *, zones_matter: bool
) -> Answer:
    verdicts = {fate.verdict for fate, _ in found}
    parts = [_part(device, fate, space) for fate, space in found[:LISTED]]
    if len(verdicts) == 1:
        verdict = verdicts.pop()
        partial = False
    elif zones_matter:
        verdict, partial = UNDETERMINED, False
        notes = [*notes, "La réponse dépend de l'interface d'entrée ou de sortie : préciser in=ZONE et out=ZONE."]
    elif PERMIT in verdicts:
        verdict, partial = PERMIT, True
    else:
        verdict, partial = UNDETERMINED, False
    fate = next((fate for fate, _ in found if fate.verdict == verdict), found[0][0])
    if verdict == UNDETERMINED and len({one.verdict for one, _ in found}) > 1:
        fate = next((one for one, _ in found if one.verdict == UNDETERMINED), fate)
    message = _sentence(device, verdict, fate, partial=partial)
    details: dict[str, Any] = {"device": device.name, "partial": partial, "parts": parts, "notes": list(notes)}
    if fate.entry is not None:
        details["rule"] = _rule(device, fate)
    return Answer(verdict=verdict, message=" ".join([message, *dict.fromkeys(notes)]), details=details)


def _sentence(device: Device, verdict: str, fate: Fate, *, partial: bool) -> str:
    where = _named(device, fate)
    if verdict == PERMIT:
        return f"{'Une partie de ce trafic passe' if partial else 'Ce trafic passe'} : {where}."
    if verdict == DENY:
        return f"Ce trafic est bloqué : {where}."
    if fate.entry is None:
        return "On ne peut pas le dire : aucune règle ne décide de façon certaine."
    if fate.verdict != UNDETERMINED:
        return f"On ne peut pas le dire dans tous les cas ; par exemple : {where}."
    why = "; ".join(fate.entry.rule.conditions) or "objets dont le contenu n'est pas connu"
    return f"On ne peut pas le dire : cela dépend de {where} ({why})."


def _named(device: Device, fate: Fate) -> str:
    if fate.entry is None:
        return "aucune règle ne décide"
    rule = fate.entry.rule
    if rule.automatic and not rule.line:
        return f"{rule.name or 'règle implicite du produit'}"
    name = f" « {rule.name} »" if rule.name and rule.name != rule.ref else ""
    file = device.files[rule.file].name if rule.file < len(device.files) else ""
    line = f", ligne {rule.line}" if rule.line else ""
    return f"règle {rule.ref}{name} ({fate.entry.chain}{', ' + file if file else ''}{line})"


def _rule(device: Device, fate: Fate) -> dict[str, Any]:
    entry = fate.entry
    if entry is None:
        return {}
    rule = entry.rule
    return {
        "ref": rule.ref,
        "name": rule.name,
        "line": rule.line,
        "file": device.files[rule.file].name if rule.file < len(device.files) else "",
        "chain": entry.chain,
        "action": entry.action,
        "automatic": rule.automatic,
    }


def _part(device: Device, fate: Fate, space: Space) -> dict[str, Any]:
    cube = fate.cube
    addresses = [
        Addresses(v4=cube[axis]) if space.family == 4 else Addresses(v6=cube[axis])  # noqa: PLR2004
        for axis in (SOURCE, DESTINATION)
    ]
    return {
        "verdict": fate.verdict,
        "src": list(ip.to_fact(addresses[0]).ranges),
        "dst": list(ip.to_fact(addresses[1]).ranges),
        "services": list(svc.to_fact(Services(sure=(svc.Box(cube[SERVICE], cube[SERVICE + 1]),))).services),
        "in": _zone_names(cube[IN], space),
        "out": _zone_names(cube[OUT], space),
        "rule": _rule(device, fate),
    }


def _zone_names(values: Intervals, space: Space) -> list[str]:
    if values == space.full[IN]:
        return []
    return [space.zones[value] for low, high in values for value in range(low, high + 1)]
