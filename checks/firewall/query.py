"""Answers "can 10.20.0.0/24 reach 10.10.0.5:445?" with the rule that decides and its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.answer import Fate, fates
from checks.firewall.algebra.cubes import meet, subtract
from checks.firewall.algebra.decide import UNDETERMINED
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.algebra.intervals import Intervals, contains, covers, intersection, normal, size, union
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
    pairs = [(key.lower(), value.strip("\"'")) for key, value in _PAIR.findall(text)]
    found = dict(pairs)
    rest = _PAIR.sub("", text).strip(" ;,")
    unknown = [key for key in found if key not in KEYS]
    if rest or unknown or not found:
        shown = rest or ", ".join(unknown) or "question vide"
        raise ValueError(
            f"incompris : « {shown[:80]} » (attendu : src=ADRESSE dst=ADRESSE dport=PORT proto=tcp in=ZONE)"
        )
    if len(found) < len(pairs):
        raise ValueError("la même clé est donnée deux fois")
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
        found = ip.from_ranges(part for part in text.split(",") if part)
    except ip.AddressError:
        found = ip.NOTHING
    if not found:
        raise ValueError(f"« {text[:60]} » n'est ni une adresse, ni un réseau, ni une plage")
    return found


def _service(words: Mapping[str, str]) -> Services:
    name = words.get("proto", "tcp" if "dport" in words or "sport" in words else "icmp" if "type" in words else "any")
    try:
        number = None if name == "any" else svc.protocol_number(name)
    except svc.ServiceError:
        raise ValueError(f"proto={name[:40]} : protocole inconnu (tcp, udp, icmp, un numéro…)") from None
    _check_options(words, name, number)
    if number is None:
        return svc.ANY
    if number in ICMP_LIKE:
        if "type" not in words:
            return svc.of(number)
        code = _byte(words, "code") if "code" in words else None
        return svc.icmp(number, _byte(words, "type"), code)
    return svc.of(number, _ports(words, "dport"), _ports(words, "sport"))


def _check_options(words: Mapping[str, str], name: str, number: int | None) -> None:
    """Refuse what the protocol does not have, rather than answer another question."""
    if number not in PORTED and ("dport" in words or "sport" in words):
        raise ValueError(f"proto={name} n'a pas de ports : préciser proto=tcp ou proto=udp")
    if number not in ICMP_LIKE and ("type" in words or "code" in words):
        raise ValueError(f"proto={name} n'a ni type ni code : préciser proto=icmp ou proto=icmp6")
    if "code" in words and "type" not in words:
        raise ValueError("code= demande type=")


def _byte(words: Mapping[str, str], key: str) -> int:
    text = words[key]
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= svc.TOP_TYPE):  # noqa: PLR2004
        raise ValueError(f"{key}={text[:40]} : un nombre de 0 à 255 est attendu")
    return int(text)


def _ports(words: Mapping[str, str], key: str) -> Intervals:
    if key not in words:
        return ANY_PORT
    try:
        return svc.parse_ports(words[key])
    except svc.ServiceError:
        raise ValueError(f"{key}={words[key][:40]} : port incompris (exemples : 443, 80,443, 5000-5010)") from None


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
        space = policies[0].space._replace(family=family)
        asked = _Asked(device, query, space)
        notes += asked.notes
        if stages:
            answers = [(fate, cube) for cube in asked.cubes for fate in fates(stages, [cube])]
            answers += [(Fate(UNDETERMINED, None, cube), cube) for cube in asked.doubtful]
        else:
            answers, said = _without_rules(device, family, asked.cubes)
            notes.append(said)
        zones_matter = zones_matter or _depends_on_zones([asked.open(fate, cube) for fate, cube in answers])
        found += [(fate, space) for fate, _ in answers]
    return _conclude(device, found, notes, zones_matter=zones_matter)


def _without_rules(device: Device, family: int, cubes: Sequence[Cube]) -> tuple[list[tuple[Fate, Cube]], str]:
    """What becomes of an IP version that no rule of the export concerns."""
    if family == 6 and device.ipv6 == "off":  # noqa: PLR2004
        return [(Fate(DENY, None, cube), cube) for cube in cubes], "IPv6 est désactivé sur cet équipement."
    said = f"Aucune règle IPv{family} dans l'export : IPv{family} n'est pas connu."
    return [(Fate(UNDETERMINED, None, cube), cube) for cube in cubes], said


def _of(one: Addresses, family: int) -> Intervals:
    return one.v4 if family == 4 else one.v6  # noqa: PLR2004


_Part = tuple[Intervals, Intervals, Intervals, Intervals, Intervals]
"""A part of the question: entry zones, sources, destinations, services, source ports."""


class _Asked:
    """The question as product sets, destinations translated as the product does before its filter rules."""

    def __init__(self, device: Device, query: _Query, space: Space) -> None:
        self._device = device
        self._query = query
        self._space = space
        self.cubes: list[Cube] = []
        self.doubtful: list[Cube] = []
        """Parts whose translation is not known."""
        self.notes: list[str] = []
        sources, destinations = _of(query.sources, space.family), _of(query.destinations, space.family)
        zone_in = _zones(device, space, query.in_zone, sources, "in")
        self._one_entry = size(zone_in) == 1
        rest = _parts(zone_in, sources, destinations, query.services.sure)
        for nat in device.nat if query.hook == FORWARD else ():
            if nat.enabled and nat.kind in ("destination", "static"):
                rest = self._publish(_Publication(device, nat, space), rest)
        for part in rest:
            self._add(self.cubes, part, part[2])

    def open(self, fate: Fate, cube: Cube) -> Fate:
        """A fate of a cube of the question, on every zone of a side where nothing more precise could be asked."""
        zones = self._space.full[IN]
        zone_in = zones if self._one_entry else fate.cube[IN]
        zone_out = zones if size(cube[OUT]) == 1 else fate.cube[OUT]
        return fate._replace(cube=(zone_in, zone_out, *fate.cube[2:]))

    def _publish(self, nat: _Publication, parts: list[_Part]) -> list[_Part]:
        """Add what a publication takes; give back the rest."""
        if nat.anywhere:
            if any(_common(part, nat.may) for part in parts):
                self.notes.append(f"{nat.title} n'indique pas d'adresse publique : elle n'est pas prise en compte.")
            return parts
        taken = [common for part in parts for common in _common(part, nat.sure)]
        if taken:
            self.notes.append(nat.said)
        for part in taken:
            self._follow(nat, part)
        left = _minus(parts, nat.sure)
        perhaps = [p for part in left for p in _common(part, nat.may) if not self._is_inside(p, nat)]
        if perhaps:
            self.notes.append(f"{nat.title} publie une adresse ou un service que l'export ne donne pas.")
        for part in perhaps:
            self._doubt(nat, part)
        return _minus(left, perhaps)

    def _follow(self, nat: _Publication, part: _Part) -> None:
        if not nat.target:
            self._doubt(nat, part)
            return
        zone_in, sources, destinations, services, ports = part
        target = nat.move_addresses(destinations)
        if self._device.vendor not in SEES_REAL_DESTINATION:
            self._add(self.cubes, part, target)
            return
        moved = nat.move_services(services)
        if moved:
            self._add(self.cubes, (zone_in, sources, target, moved, ports), target, nat.mark)
        else:
            self._doubt(nat, part)

    def _doubt(self, nat: _Publication, part: _Part) -> None:
        """The filter rules read the real destination, which is not known; else only the exit is not known."""
        real = self._device.vendor in SEES_REAL_DESTINATION
        self._add(self.doubtful if real else self.cubes, part, nat.target)

    def _add(self, cubes: list[Cube], part: _Part, leaves_for: Intervals, mark: str = NOT_TRANSLATED) -> None:
        """`leaves_for`: addresses the traffic finally goes to, which tell the exit zone; none when not known."""
        zone_in, sources, destinations, services, ports = part
        anywhere = self._space.full[DESTINATION]
        zone_out = _zones(self._device, self._space, self._query.out_zone, leaves_for or anywhere, "out")
        state = normal(((STATES.index(self._query.state),) * 2,))
        marks = self._space.translated_set((mark,))
        cubes.append((zone_in, zone_out, sources, destinations, services, ports, state, marks))

    def _is_inside(self, part: _Part, nat: _Publication) -> bool:
        """The destination is a network behind an interface where the publication is not: nobody publishes there."""
        behind = _interface_of(self._device, self._space, part[2])
        return bool(behind) and behind not in nat.zones


class _Publication:
    """A destination translation, on the axes of one IP version."""

    def __init__(self, device: Device, nat: NatRule, space: Space) -> None:
        family = space.family
        self._nat = nat
        self.zones = nat.in_zones
        zones = space.zone_set(nat.in_zones)
        source = ip.from_fact(device.addresses[nat.source])
        destination = ip.from_fact(device.addresses[nat.destination])
        services = svc.from_fact(device.services[nat.services])
        self._before = _of(destination, family)
        self.sure = _parts(zones, _of(source, family), self._before, services.sure)
        over = [one.over4 if family == 4 else one.over6 for one in (source, destination)]  # noqa: PLR2004
        self.may = _parts(zones, over[0], over[1], (*services.sure, *services.maybe))
        self.target = _target(nat, family)
        self.anywhere = self._before == space.full[DESTINATION] and not nat.in_zones
        self.mark = next((name for name in (nat.name, nat.ref, "dst-nat") if name in space.translated), NOT_TRANSLATED)
        self._services = tuple(services.sure)

    @property
    def title(self) -> str:
        """The translation, for people."""
        return f"La traduction {self._nat.name or self._nat.ref} (ligne {self._nat.line})"

    @property
    def said(self) -> str:
        """What it does."""
        nat = self._nat
        if not self.target:
            return f"La destination est traduite par la règle {nat.name or nat.ref} (ligne {nat.line}), on ne sait où."
        return (
            f"La destination est traduite vers {nat.to_address}{':' + nat.to_ports if nat.to_ports else ''} "
            f"par la règle {nat.name or nat.ref} (ligne {nat.line})."
        )

    def move_addresses(self, destinations: Intervals) -> Intervals:
        """Where it leads: address for address when both sides have the same size, else anywhere in the target."""
        return _shifted(destinations, self._before, self.target)

    def move_services(self, services: Intervals) -> Intervals:
        """The services as they arrive; nothing when the new ports cannot be read."""
        if not self._nat.to_ports:
            return services
        try:
            ports = svc.parse_ports(self._nat.to_ports)
        except svc.ServiceError:
            return ()
        found: list[Intervals] = []
        for number in PORTED:
            whole = ((number * svc.PORTS, number * svc.PORTS + svc.TOP_PORT),)
            mine = intersection(services, whole)
            if mine:
                before = intersection(union(*(box.services for box in self._services)), whole)
                after = tuple((whole[0][0] + low, whole[0][0] + high) for low, high in ports)
                found.append(_shifted(mine, before, after))
        return union(*found)


def _shifted(asked: Intervals, before: Intervals, after: Intervals) -> Intervals:
    """What becomes of `asked`, inside `before`, when `before` is translated to `after`."""
    if len(before) == 1 == len(after) and size(before) == size(after):
        offset = after[0][0] - before[0][0]
        return tuple((low + offset, high + offset) for low, high in asked)
    return after


def _parts(zones: Intervals, sources: Intervals, destinations: Intervals, boxes: Iterable[svc.Box]) -> list[_Part]:
    found = ((zones, sources, destinations, box.services, box.source_ports) for box in boxes)
    return [part for part in found if all(part)]


def _common(part: _Part, others: Iterable[_Part]) -> list[_Part]:
    found = (meet(part, other) for other in others)
    return [cast("_Part", one) for one in found if one is not None]


def _minus(parts: Iterable[_Part], taken: Iterable[_Part]) -> list[_Part]:
    left = list(parts)
    for other in taken:
        left = [cast("_Part", piece) for part in left for piece in subtract(part, other)]
    return left


def _target(nat: NatRule, family: int) -> Intervals:
    try:
        return _of(ip.from_ranges(text.strip() for text in nat.to_address.split(",") if text.strip()), family)
    except ip.AddressError:
        return ()


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
            held = size(networks)
            if not best or held < width:
                best, width = interface.name, held
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


def _depends_on_zones(found: Sequence[Fate]) -> bool:
    """Two pairs of zones that the question leaves open do not get the same answers."""
    verdicts = [_mask(fate.verdict == one for fate in found) for one in (PERMIT, DENY, UNDETERMINED)]
    entering, leaving = _holders(found, IN), _holders(found, OUT)
    seen = {tuple(bool(one & other & mask) for mask in verdicts) for one in entering for other in leaving}
    return len({answers for answers in seen if any(answers)}) > 1


def _holders(found: Sequence[Fate], axis: int) -> set[int]:
    """Masks of the fates that hold each zone."""
    ends = {end for fate in found for low, high in fate.cube[axis] for end in (low, high + 1)}
    return {_mask(contains(fate.cube[axis], zone) for fate in found) for zone in ends}


def _mask(flags: Iterable[bool]) -> int:
    return sum(1 << number for number, flag in enumerate(flags) if flag)


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
        return f"Ce trafic est bloqué : {where}." if fate.entry else "Ce trafic est bloqué."
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
