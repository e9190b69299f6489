"""Which traffic gets through: every permitting rule, cut to a question, minus what is refused before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.firewall.algebra.addresses import ALL4, ALL6, Addresses, to_fact
from checks.firewall.algebra.cubes import Budget, BudgetError, uncovered
from checks.firewall.algebra.flatten import Entry, Policy, policies_of
from checks.firewall.algebra.intervals import Intervals, normal, union
from checks.firewall.algebra.lines import Lines
from checks.firewall.algebra.services import ANY_PORT, Box, Services
from checks.firewall.algebra.services import to_fact as services_to_fact
from checks.firewall.algebra.space import (
    DESTINATION,
    IN,
    NEW,
    OUT,
    SERVICE,
    SOURCE,
    SOURCE_PORT,
    STATE,
    Cube,
    Point,
    meet_cubes,
    representative,
)
from checks.firewall.facts import DENY, FORWARD, PERMIT, AddressSet, Device, Rule, ServiceSet

QUESTION = 50_000
"""Comparisons of cubes for one flow before it is reported as uncertain."""


class Flow(NamedTuple):
    """Traffic that one rule lets through, within the question asked."""

    rule: Rule
    chain: str
    family: int
    in_zones: tuple[str, ...]
    out_zones: tuple[str, ...]
    sources: AddressSet
    """What the rule matches of the question. Earlier refusals may take part of it; `witness` is what surely passes."""
    destinations: AddressSet
    services: ServiceSet
    certain: bool
    """False when it depends on objects or conditions whose content is not known."""
    witness: dict[str, str]
    """A packet that passes (see `Space.describe`)."""


class Question(NamedTuple):
    """What is asked: None stands for anything."""

    sources: Addresses | None = None
    destinations: Addresses | None = None
    services: Services | None = None
    in_zones: tuple[str, ...] | None = None
    out_zones: tuple[str, ...] | None = None


class Flows:
    """Asks one device; the rule set is unfolded once."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._policies: dict[str, tuple[Policy, ...]] = {}
        self._lines: dict[int, Lines] = {}

    def policies(self, hook: str) -> tuple[Policy, ...]:
        """Flat rule sets of a hook."""
        found = self._policies.get(hook)
        if found is None:
            found = self._policies[hook] = policies_of(self._device, hook)
        return found

    def reach(
        self,
        *,
        sources: Addresses | None = None,
        destinations: Addresses | None = None,
        services: Services | None = None,
        in_zones: Iterable[str] | None = None,
        out_zones: Iterable[str] | None = None,
        hook: str = FORWARD,
    ) -> tuple[Flow, ...]:
        """New connections within the question that some rule lets through, in rule order, once per rule and IP version.

        All base chains of the hook must permit. A rule without any packet left by earlier refusals gives nothing.
        A zone unknown to the device gives nothing. Rules that permit by default are included.
        """
        question = Question(
            sources=sources,
            destinations=destinations,
            services=services,
            in_zones=None if in_zones is None else tuple(in_zones),
            out_zones=None if out_zones is None else tuple(out_zones),
        )
        found: list[Flow] = []
        for family in (4, 6):
            stages = [policy for policy in self.policies(hook) if policy.space.family == family]
            if stages:
                # The stage with the most rules names the flows: the others are usually a short guard.
                main = max(stages, key=lambda policy: len(policy.entries))
                found += _Search(self._indexed(main), stages, question).flows()
        return tuple(found)

    def _indexed(self, policy: Policy) -> Lines:
        found = self._lines.get(id(policy))
        if found is None:
            found = self._lines[id(policy)] = Lines(policy)
        return found


class _Search:
    """One question on the base chains of one IP version."""

    def __init__(self, lines: Lines, stages: Sequence[Policy], question: Question) -> None:
        self._lines = lines
        self._others = [policy for policy in stages if policy is not lines.policy]
        self._space = lines.policy.space
        self._boxes = _boxes(question, lines.policy)

    def flows(self) -> list[Flow]:
        if not self._boxes:
            return []
        numbered = enumerate(self._lines.entries)
        flows = (self._flow(number, entry) for number, entry in numbered if entry.action == PERMIT)
        return [flow for flow in flows if flow is not None]

    def _within(self, cubes: Iterable[Cube]) -> list[Cube]:
        return [common for cube in cubes for box in self._boxes if (common := meet_cubes(box, cube)) is not None]

    def _flow(self, number: int, entry: Entry) -> Flow | None:
        may = self._within(entry.may)
        if not may:
            return None
        sure = self._within(entry.sure) if self._lines.policy.complete else []
        packet = self._passing(sure, self._lines.refusing(number, certain=False), certain=True) if sure else None
        certain = packet is not None
        if packet is None:
            packet = self._passing(may, self._lines.refusing(number, certain=True), certain=False)
        if packet is None:
            return None
        parts = sure if certain else may
        return Flow(
            rule=entry.rule,
            chain=entry.chain,
            family=self._space.family,
            in_zones=self._names(parts, IN),
            out_zones=self._names(parts, OUT),
            sources=self._addresses(parts, SOURCE),
            destinations=self._addresses(parts, DESTINATION),
            services=services_to_fact(_services(parts)),
            certain=certain,
            witness=self._lines.policy.describe(packet),
        )

    def _passing(self, cubes: Sequence[Cube], refused: Sequence[Cube], *, certain: bool) -> Point | None:
        """A packet of the cubes that nothing refuses, here and in the other base chains."""
        budget = Budget(QUESTION)
        try:
            for cube in cubes:
                for piece in _through(cube, self._others, certain=certain):
                    cover = [*refused, *piece.refused]
                    left = uncovered(piece.cube, cover, budget)
                    if left is not None:
                        return representative(left)
        except BudgetError:
            return None if certain else representative(cubes[0])
        return None

    def _names(self, cubes: Sequence[Cube], axis: int) -> tuple[str, ...]:
        values = union(*(cube[axis] for cube in cubes))
        if values == self._space.full[axis]:
            return ()
        return tuple(self._space.zones[value] for low, high in values for value in range(low, high + 1))

    def _addresses(self, cubes: Sequence[Cube], axis: int) -> AddressSet:
        values = union(*(cube[axis] for cube in cubes))
        found = Addresses(v4=values) if self._space.family == 4 else Addresses(v6=values)  # noqa: PLR2004
        return to_fact(found)


class _Piece(NamedTuple):
    cube: Cube
    refused: tuple[Cube, ...]


def _through(cube: Cube, stages: Sequence[Policy], *, certain: bool) -> Iterable[_Piece]:
    """What the other base chains may let through of a cube, with what they refuse before."""
    pieces = [_Piece(cube, ())]
    for policy in stages:
        crossed: list[_Piece] = []
        for piece in pieces:
            refused: list[Cube] = []
            for entry in policy.entries:
                surely = entry.sure if policy.complete else ()
                cubes = surely if (entry.action == PERMIT) is certain else entry.may
                found = [common for one in cubes if (common := meet_cubes(piece.cube, one)) is not None]
                if entry.action == PERMIT:
                    crossed += [_Piece(common, (*piece.refused, *refused)) for common in found]
                elif entry.action == DENY:
                    refused += found
        pieces = crossed
    return pieces


def _boxes(question: Question, policy: Policy) -> list[Cube]:
    """The question as product sets: what may belong to it, for new connections."""
    space = policy.space
    full = space.full
    zones_in = full[IN] if question.in_zones is None else _zones(question.in_zones, policy)
    zones_out = full[OUT] if question.out_zones is None else _zones(question.out_zones, policy)
    sources = _addresses_of(question.sources, space.family)
    destinations = _addresses_of(question.destinations, space.family)
    boxes: tuple[Box, ...] = (Box(full[SERVICE], full[SOURCE_PORT]),)
    if question.services is not None:
        boxes = (*question.services.sure, *question.services.maybe)
    # Replies are not openings.
    state: Intervals = ((NEW, NEW),)
    found = []
    for box in boxes:
        cube: Cube = (
            zones_in,
            zones_out,
            sources,
            destinations,
            box.services,
            box.source_ports,
            state,
            full[STATE + 1],
        )
        if all(cube):
            found.append(cube)
    return found


def _zones(names: Iterable[str], policy: Policy) -> Intervals:
    known = policy.space.zones
    return normal((known.index(name),) * 2 for name in names if name in known)


def _addresses_of(one: Addresses | None, family: int) -> Intervals:
    if one is None:
        return ALL4 if family == 4 else ALL6  # noqa: PLR2004
    return one.over4 if family == 4 else one.over6  # noqa: PLR2004


def _services(cubes: Sequence[Cube]) -> Services:
    groups: dict[Intervals, list[Intervals]] = {}
    for cube in cubes:
        groups.setdefault(cube[SOURCE_PORT], []).append(cube[SERVICE])
    boxes = [Box(union(*found), ports) for ports, found in groups.items()]
    boxes.sort(key=lambda box: box.source_ports != ANY_PORT)
    return Services(sure=tuple(boxes))
