"""Small random firewalls with every feature of the model, and a plain reading of them to compare with.

The reading follows one packet line by line, as the documentation of the model says, and keeps every outcome that is
possible when a line may or may not match. It shares no code with the engine but the sets of addresses and services.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.decide import Packet
from checks.firewall.algebra.intervals import contains
from checks.firewall.facts import (
    DENY,
    FORWARD,
    GOTO,
    JUMP,
    NONE,
    PERMIT,
    RETURN,
    AddressSet,
    Chain,
    Device,
    Interface,
    Rule,
    ServiceSet,
)
from tests.firewall.devices import Builder

ADDRESSES = ("any", "any4", "10.0.0.0/29", "10.0.0.4-10.0.0.11", "10.0.0.3", "10.0.0.12/30", "2001:db8::/64")
SERVICES = ("any", "tcp", "tcp/80", "tcp/443,tcp/80", "udp/53", "icmp", "icmp/8", "tcp@1024-65535", "gre")
ZONES = ((), (), (), ("eth0",), ("eth1",), ("eth0", "eth1"), ("ppp*",), ("ppp1",))
NAMES = ("eth0", "eth1", "ppp0", "ppp1", "wlan0", "")
STATES = ((), (), (), (), ("new",), ("established", "related"), ("invalid",))
VIP = "VIP_WEB"


def device(seed: int, *, doubt: bool = True, plain: bool = False) -> Device:
    """A firewall. `doubt` allows what is not certain; `plain` leaves out called chains and odd lists."""
    rng = random.Random(seed)
    build = Builder()
    called = () if plain else ("a", "b", "c")
    chains = [
        Chain(
            name=name,
            default=RETURN,
            rules=_rules(rng, build, called[number + 1 :], doubt=doubt),
            exact=not doubt or rng.random() > 0.1,
        )
        for number, name in enumerate(called)
    ]
    chains += [
        Chain(
            name=f"base{number}",
            hook=FORWARD,
            priority=10 - number,
            families=rng.choice([(4, 6), (4, 6), (4,)]),
            default=rng.choice([PERMIT, DENY]),
            default_certain=not doubt or rng.random() > 0.1,
            rules=_rules(rng, build, called, doubt=doubt),
        )
        for number in range(rng.choice([1, 1, 2]))
    ]
    return Device(
        vendor="test",
        name="test",
        chains=tuple(chains),
        interfaces=(Interface(name="eth0", networks=("10.0.0.0/28",)),),
        addresses=tuple(build.addresses),
        services=tuple(build.services),
    )


def _rules(rng: random.Random, build: Builder, called: tuple[str, ...], *, doubt: bool) -> tuple[Rule, ...]:
    return tuple(_rule(rng, build, called, f"{rng.randrange(1_000_000)}", doubt) for _ in range(rng.randint(1, 6)))


def _rule(rng: random.Random, build: Builder, called: tuple[str, ...], ref: str, doubt: bool) -> Rule:
    actions = [PERMIT, DENY, PERMIT, DENY, NONE, *([JUMP, JUMP, GOTO, RETURN] if called else [RETURN])]
    action = rng.choice(actions)

    def cell(choices: tuple[str, ...]) -> str:
        text = rng.choice(choices)
        unsure = doubt and rng.random() < 0.15 and "any" not in text
        return f"{text},?fqdn:{rng.randrange(9)}" if unsure else text

    zones = rng.choice(ZONES)
    return build.rule(
        ref,
        action,
        cell(ADDRESSES),
        cell(ADDRESSES),
        cell(SERVICES),
        line=rng.randrange(1, 1_000_000),
        target=rng.choice(called) if action in (JUMP, GOTO) else "",
        enabled=rng.random() > 0.1,
        in_zones=zones,
        out_zones=rng.choice(ZONES),
        in_negated=bool(zones) and rng.random() < 0.3,
        state=rng.choice(STATES),
        translated=rng.choice([(), (), (), (VIP,), ("-",)]),
        conditions=("utilisateur : soins",) if doubt and rng.random() < 0.1 else (),
    )


def packet(rng: random.Random) -> Packet:
    """A packet that the rules may name, or not."""
    six = rng.random() < 0.2
    prefix, span = ("2001:db8::", 4) if six else ("10.0.0.", 18)
    protocol = rng.choice(["tcp", "tcp", "tcp", "udp", "icmp", "gre"])
    return Packet(
        source=f"{prefix}{rng.randrange(span)}",
        destination=f"{prefix}{rng.randrange(span)}" if rng.random() < 0.9 or six else "203.0.113.9",
        protocol=protocol,
        port=rng.choice([80, 443, 53, 22]) if protocol in ("tcp", "udp") else 0,
        source_port=rng.choice([40000, 80]),
        icmp_type=rng.choice([8, 3]),
        in_zone=rng.choice(NAMES),
        out_zone=rng.choice(NAMES),
        state=rng.choice(["new", "new", "new", "established", "invalid"]),
        translated=rng.choice(["-", "-", VIP]),
    )


# --- The plain reading

NO, MAYBE, YES = range(3)
END = "end"


class Reading:
    """Every outcome that is possible for packets of one firewall."""

    def __init__(self, one: Device) -> None:
        self._chains = {chain.name: chain for chain in one.chains}
        self._addresses = [ip.from_fact(fact) for fact in one.addresses]
        self._services = [svc.from_fact(fact) for fact in one.services]
        self._published = {name for chain in one.chains for rule in chain.rules for name in rule.translated}

    def verdicts(self, found: Packet) -> set[str]:
        """Possible verdicts; none when no base chain reads this IP version."""
        family = 6 if ":" in found.source else 4
        if found.translated not in self._published:  # a published address that no rule names
            found = found._replace(translated="-")
        bases = [chain for chain in self._chains.values() if chain.hook == FORWARD and family in chain.families]
        each = [self._base(chain, found) for chain in bases]
        verdicts = {DENY} if any(DENY in one for one in each) else set()
        return verdicts | ({PERMIT} if each and all(PERMIT in one for one in each) else set())

    def _base(self, chain: Chain, found: Packet) -> set[str]:
        default = {chain.default} if chain.default_certain and chain.exact else {PERMIT, DENY}
        outcomes = self._walk(chain, found)
        return outcomes - {END} | (default if END in outcomes else set())

    def _walk(self, chain: Chain, found: Packet) -> set[str]:
        outcomes: set[str] = set() if chain.exact else {PERMIT, DENY}
        for rule in chain.rules:
            match = self._match(rule, found) if rule.enabled else NO
            if match == NO or rule.action == NONE:
                continue
            after = {rule.action} if rule.action in (PERMIT, DENY) else {END}
            if rule.action in (JUMP, GOTO):
                after = self._walk(self._chains[rule.target], found)
            goes_on = match == MAYBE or not chain.exact or (rule.action == JUMP and END in after)
            outcomes |= after - {END} if rule.action == JUMP else after
            if not goes_on:
                return outcomes
        return outcomes | {END}

    def _match(self, rule: Rule, found: Packet) -> int:
        plain = (
            _zone(rule.in_zones, found.in_zone) is not rule.in_negated
            and _zone(rule.out_zones, found.out_zone) is not rule.out_negated
            and (not rule.state or found.state in rule.state)
            and (not rule.translated or found.translated in rule.translated)
        )
        if not plain:
            return NO
        cells = [
            self._address(rule.source, found.source),
            self._address(rule.destination, found.destination),
            self._service(rule.services, found),
        ]
        return min(MAYBE, *cells) if rule.conditions else min(cells)

    def _address(self, index: int, text: str) -> int:
        family, value = ip.parse_address(text)
        one = self._addresses[index]
        sure, maybe = (one.v4, one.maybe4) if family == 4 else (one.v6, one.maybe6)
        return YES if contains(sure, value) else MAYBE if contains(maybe, value) else NO

    def _service(self, index: int, found: Packet) -> int:
        number = svc.protocol_number(found.protocol)
        low = found.icmp_type * 256 if number in svc.ICMP_LIKE else found.port
        one = self._services[index]

        def holds(boxes: Iterable[svc.Box]) -> bool:
            value = number * svc.PORTS + low
            return any(contains(b.services, value) and contains(b.source_ports, found.source_port) for b in boxes)

        return YES if holds(one.sure) else MAYBE if holds(one.maybe) else NO


def _zone(names: tuple[str, ...], name: str) -> bool:
    """A cell without names holds every zone."""
    if not names:
        return True
    return any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in names)


def as_packet(witness: Mapping[str, str]) -> Packet:
    """A packet described by the engine, to be sent through it again."""
    fields: dict[str, Any] = {
        "source": witness["src"],
        "destination": witness["dst"],
        "protocol": witness["proto"],
        "port": int(witness.get("dport", 0)),
        "source_port": int(witness.get("sport", 40000)),
        "icmp_type": int(witness.get("type", 8)),
        "icmp_code": int(witness.get("code", 0)),
        "in_zone": _named(witness.get("in", "")),
        "out_zone": _named(witness.get("out", "")),
        "state": witness["state"],
    }
    return Packet(**fields, translated=witness.get("translated", "-"))


def _named(zone: str) -> str:
    if zone.endswith("*"):
        return f"{zone[:-1]}9"
    return "" if zone.startswith("(") else zone


def in_cell(fact: AddressSet, text: str) -> bool:
    """An address is among those of a fact."""
    family, value = ip.parse_address(text)
    one = ip.from_fact(fact)
    return contains(one.v4 if family == 4 else one.v6, value)


def in_services(fact: ServiceSet, found: Packet) -> bool:
    """The service of a packet is among those of a fact."""
    number = svc.protocol_number(found.protocol)
    value = number * svc.PORTS + (found.icmp_type * 256 if number in svc.ICMP_LIKE else found.port)
    return any(
        contains(box.services, value) and contains(box.source_ports, found.source_port)
        for box in svc.from_fact(fact).sure
    )


def in_zones(names: tuple[str, ...], name: str) -> bool:
    """A zone is among those a flow names; none stands for all."""
    shown = name if name in ("eth0", "eth1", "ppp1") else "ppp*" if name.startswith("ppp") else "(autre interface)"
    return not names or shown in names or name in names
