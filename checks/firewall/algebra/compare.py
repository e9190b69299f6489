"""Two rule sets side by side: every packet they treat differently, or the proof that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checks.firewall.algebra.cubes import Budget, BudgetError, uncovered
from checks.firewall.algebra.flatten import Entry, Policy
from checks.firewall.algebra.index import Part, Place, bits
from checks.firewall.algebra.lines import Lines
from checks.firewall.algebra.rules import RuleKey, key_of
from checks.firewall.algebra.space import Cube, Point, meet_cubes, representative
from checks.firewall.facts import DENY, PERMIT

PURSE = 2_000_000
"""Comparisons of cubes for one pair of rule sets (about 20 s)."""


class Difference(NamedTuple):
    """Packets that get another action, or may get it when one of the lines is uncertain."""

    before: Entry
    after: Entry
    cube: Cube
    """A part of them, exact."""
    packet: Point


class Comparison(NamedTuple):
    """What was found."""

    differences: tuple[Difference, ...]
    """At most `limit`, one per pair of lines."""
    complete: bool
    """Everything was compared: without a difference, the two rule sets are equivalent."""


def compare(before: Policy, after: Policy, limit: int = 50) -> Comparison:
    """Compare two policies of the same space.

    An uncertain line that stands in both matches the same packets in both, whatever they are: it is compared like
    another, and a proof holds for all that it may match.
    """
    joined = Policy(before.chain, before.space, before.entries + after.entries, before.complete and after.complete)
    comparing = _Comparing(Lines(joined), len(before.entries))
    found: list[Difference] = []
    try:
        for number in range(len(before.entries)):
            found += comparing.line(number)
            if len(found) >= limit:
                return Comparison(tuple(found[:limit]), complete=False)
    except BudgetError:
        return Comparison(tuple(found), complete=False)
    return Comparison(tuple(found), complete=joined.complete)


class _Comparing:
    """Both rule sets in one index, the second after the first."""

    def __init__(self, lines: Lines, middle: int) -> None:
        self._lines = lines
        self._middle = middle
        self._budget = Budget(PURSE)
        self._twins: dict[int, tuple[int, ...]] = {}
        seen: dict[tuple[RuleKey, str], list[int]] = {}
        for number, entry in enumerate(lines.entries):
            seen.setdefault((key_of(entry.rule, entry.chain), entry.action), []).append(number)
        for numbers in seen.values():
            for number in numbers:
                entry = lines.entries[number]
                if entry.sure != entry.may or not lines.policy.complete:
                    self._twins[number] = tuple(
                        other
                        for other in numbers
                        if (other < middle) is not (number < middle) and lines.entries[other].may == entry.may
                    )

    def line(self, number: int) -> list[Difference]:
        """Packets that reach one line of the first set and get another action in the second."""
        lines = self._lines
        entry = lines.entries[number]
        if entry.action not in (PERMIT, DENY):
            return []
        found: dict[int, Difference] = {}
        for cube in lines.may_of[number]:
            for place in lines.places[cube]:
                for owner, left in self._in_place(place, number):
                    found.setdefault(owner, Difference(entry, lines.entries[owner], left, representative(left)))
        return list(found.values())

    def _in_place(self, place: Place, number: int) -> Iterator[tuple[int, Cube]]:
        """Lines of the second set that treat otherwise some packets of a line of the first, in one part."""
        lines = self._lines
        part, local = place
        masks = lines.masks(part)
        first_set = lines.before_entry(part, self._middle)
        opposed = (masks.deny if lines.entries[number].action == PERMIT else masks.permit) & masks.may & ~first_set
        before = lines.before(place, number)
        earlier = part.overlapping(local, before & masks.sure)
        # A packet that the line takes is one its twin takes too.
        second = part.overlapping(local, (masks.sure | self._cubes(part, self._twins.get(number, ()))) & ~first_set)
        for other in bits(part.overlapping(local, opposed)):
            owner = lines.owner_of(part, other)
            twins = self._cubes(part, self._twins.get(owner, ())) & before
            cover = earlier | twins | second & ((1 << other) - 1)
            piece = meet_cubes(lines.in_part(part, part.cube(local)), part.cube(other))
            if piece is None or part.containing(local, cover):
                continue
            left = _left(part, piece, cover, self._budget)
            if left is not None:
                yield owner, left

    def _cubes(self, part: Part, numbers: tuple[int, ...]) -> int:
        """Local cubes of some entries."""
        found = 0
        for number in numbers:
            for cube in self._lines.may_of[number]:
                for place in self._lines.places[cube]:
                    if place.part is part:
                        found |= 1 << place.local
        return found


def _left(part: Part, piece: Cube, cover: int, budget: Budget) -> Cube | None:
    around = part.matching(representative(piece), cover)
    if not around:
        return piece
    budget.spend()
    members = [part.narrow(part.cube(member)) for member in bits(cover)]
    left = uncovered(part.narrow(piece), members, budget)
    return None if left is None else part.widen(left, piece)
