"""From the rules of a pf firewall (pfSense, OPNsense) to chains where the first match wins.

pf keeps the LAST rule that matches, unless a rule says `quick`. In the order pf loads them, the quick rules then
the others in reverse order give the same answer with first match.

A packet that crosses the firewall meets the rules of direction `in` on the interface it enters by, then those of
direction `out` on the one it leaves by; both must pass it. A packet for the firewall itself only meets the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.firewall.algebra.addresses import Addresses
from checks.firewall.algebra.services import Services
from checks.firewall.facts import DENY, FORWARD, INPUT, NONE, OUTPUT, PERMIT, Chain, Rule
from checks.firewall.parsers.builder import DeviceBuilder
from checks.firewall.parsers.pf_objects import V4, V6, Cell, PfObjects

IN, OUT = "in", "out"
ACTIONS = {"pass": PERMIT, "block": DENY, "reject": DENY, "match": NONE}
BOTH_FAMILIES = (V4, V6)


class PfRule(NamedTuple):
    """One rule in the order pf loads it."""

    ref: str
    line: int
    action: str
    source: Cell | Addresses
    destination: Cell | Addresses
    services: Services
    service_names: tuple[str, ...] = ()
    quick: bool = True
    directions: tuple[str, ...] = (IN,)
    zones: tuple[str, ...] = ()
    zones_negated: bool = False
    families: tuple[int, ...] = BOTH_FAMILIES
    name: str = ""
    enabled: bool = True
    conditions: tuple[str, ...] = ()
    schedule: str = ""
    log: bool | None = None
    comment: str = ""
    section: str = ""
    automatic: bool = False
    translated: tuple[str, ...] = ()


def evaluation_order(loaded: Sequence[PfRule]) -> list[PfRule]:
    """The rules so that the first match is the answer pf gives."""
    return [rule for rule in loaded if rule.quick] + [rule for rule in reversed(loaded) if not rule.quick]


class ChainMaker:
    """Turns loaded rules into the base chains of the device."""

    def __init__(self, objects: PfObjects, builder: DeviceBuilder) -> None:
        self._objects = objects
        self._builder = builder
        self._cells: dict[tuple[Cell, tuple[int, ...], bool], int] = {}

    def chains(
        self, loaded: Sequence[PfRule], *, default: str, default_line: int, default_log: bool
    ) -> tuple[Chain, ...]:
        """The base chains.

        The chain of outgoing rules comes before that of incoming ones: both must pass the packet, so the order does
        not change the fate of a packet, and the line shown for a permitted one is that of the incoming rule. It is
        left out for forwarded traffic when no rule of it was written by the administrator: it then passes all that
        the incoming rules pass.
        """
        ordered = evaluation_order(loaded)
        incoming = [rule for rule in ordered if IN in rule.directions]
        outgoing = [rule for rule in ordered if OUT in rule.directions]

        def chain(name: str, hook: str, priority: int, rules: Iterable[PfRule]) -> Chain:
            way = OUT if name.startswith("sortie") else IN
            return Chain(
                name=name,
                hook=hook,
                priority=priority,
                default=default,
                default_line=default_line,
                default_log=default_log,
                rules=tuple(self._rule(rule, way, through=hook == FORWARD) for rule in rules),
            )

        found = [chain("entrée", FORWARD, 10, incoming), chain("entrée (vers le pare-feu)", INPUT, 10, incoming)]
        if any(not rule.automatic for rule in outgoing):
            found.append(chain("sortie", FORWARD, 0, outgoing))
        found.append(chain("sortie (depuis le pare-feu)", OUTPUT, 10, outgoing))
        return tuple(found)

    def address(self, value: Cell | Addresses, families: tuple[int, ...], *, through: bool) -> int:
        """Index of a cell."""
        if not isinstance(value, Cell):
            return self._builder.address(value)
        key = (value, families, through)
        if key not in self._cells:
            names = tuple(("! " if value.negated else "") + target for target in value.targets)
            self._cells[key] = self._builder.address(self._objects.resolve(value, families, through=through), names)
        return self._cells[key]

    def _rule(self, rule: PfRule, way: str, *, through: bool) -> Rule:
        return Rule(
            ref=rule.ref,
            line=rule.line,
            action=rule.action,
            source=self.address(rule.source, rule.families, through=False),
            destination=self.address(rule.destination, rule.families, through=through),
            services=self._builder.service(rule.services, rule.service_names),
            name=rule.name,
            enabled=rule.enabled,
            in_zones=rule.zones if way == IN else (),
            in_negated=rule.zones_negated and way == IN,
            out_zones=rule.zones if way == OUT else (),
            out_negated=rule.zones_negated and way == OUT,
            conditions=rule.conditions,
            schedule=rule.schedule,
            log=rule.log,
            comment=rule.comment,
            section=rule.section,
            automatic=rule.automatic,
            translated=rule.translated,
        )
