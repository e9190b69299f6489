"""Two rule sets side by side: every packet they treat differently, or the proof that there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from checks.firewall.algebra.cubes import Budget, BudgetError, uncovered
from checks.firewall.algebra.flatten import Entry, Policy
from checks.firewall.algebra.index import Part, Place, bits
from checks.firewall.algebra.lines import Lines
from checks.firewall.algebra.space import Cube, Point, meet_cubes, representative
from checks.firewall.facts import DENY, PERMIT

PURSE = 2_000_000
"""Comparisons of cubes for one pair of rule sets (about 20 s)."""


class Difference(NamedTuple):
    """Packets that get another action."""

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
    """Compare two policies of the same space. What is uncertain in one of them makes the comparison incomplete."""
    joined = Policy(before.chain, before.space, before.entries + after.entries, before.complete and after.complete)
    lines = Lines(joined)
    middle = len(before.entries)
    found: list[Difference] = []
    budget = Budget(PURSE)
    try:
        for number in range(middle):
            found += _of_line(lines, number, middle, budget)
            if len(found) >= limit:
                return Comparison(tuple(found[:limit]), complete=False)
    except BudgetError:
        return Comparison(tuple(found), complete=False)
    return Comparison(tuple(found), complete=joined.complete and _same_doubts(before, after))


def _same_doubts(before: Policy, after: Policy) -> bool:
    """Uncertain lines are those of the other side, in the same order: whatever they match, they match it in both.

    A line taken out of an uncertain order may matter: the proof then holds only when no uncertain line was touched.
    """

    def doubts(policy: Policy) -> list[tuple[str, int, str]]:
        return [(e.rule.ref, e.rule.line, e.action) for e in policy.entries if e.sure != e.may]

    return doubts(before) == doubts(after)


def _of_line(lines: Lines, number: int, middle: int, budget: Budget) -> list[Difference]:
    """Packets that reach one line of the first set and get another action in the second."""
    entry = lines.entries[number]
    if entry.action not in (PERMIT, DENY):
        return []
    found: dict[int, Difference] = {}
    for cube in lines.may_of[number]:
        for place in lines.places[cube]:
            for owner, left in _in_place(lines, place, number, middle, budget):
                found.setdefault(owner, Difference(entry, lines.entries[owner], left, representative(left)))
    return list(found.values())


def _in_place(lines: Lines, place: Place, number: int, middle: int, budget: Budget) -> Iterator[tuple[int, Cube]]:
    """Lines of the second set that treat otherwise some packets of a line of the first, in one part."""
    part, local = place
    masks = lines.masks(part)
    first_set = lines.before_entry(part, middle)
    opposed = (masks.deny if lines.entries[number].action == PERMIT else masks.permit) & masks.may & ~first_set
    earlier = part.overlapping(local, lines.before(place, number) & masks.sure)
    second = part.overlapping(local, masks.sure & ~first_set)
    for other in bits(part.overlapping(local, opposed)):
        cover = earlier | second & ((1 << other) - 1)
        piece = meet_cubes(lines.in_part(part, part.cube(local)), part.cube(other))
        if piece is None or part.containing(local, cover):
            continue
        left = _left(part, piece, cover, budget)
        if left is not None:
            yield lines.owner_of(part, other), left


def _left(part: Part, piece: Cube, cover: int, budget: Budget) -> Cube | None:
    around = part.matching(representative(piece), cover)
    if not around:
        return piece
    budget.spend()
    members = [part.narrow(part.cube(member)) for member in bits(cover)]
    left = uncovered(part.narrow(piece), members, budget)
    return None if left is None else part.widen(left, piece)
