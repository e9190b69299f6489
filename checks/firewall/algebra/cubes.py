"""Product sets: intersection, inclusion, and what a union of them leaves uncovered."""

from __future__ import annotations

from collections.abc import Sequence

from checks.firewall.algebra.intervals import covers, difference, intersection, size
from checks.firewall.algebra.space import Cube


class BudgetError(Exception):
    """The proof needs more steps than allowed: the answer stays undetermined."""


class Budget:
    """Steps left for one question."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises `BudgetError` when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise BudgetError


def meet(left: Cube, right: Cube) -> Cube | None:
    """Common packets, None when there are none."""
    found = []
    for one, other in zip(left, right, strict=True):
        if one is other or one == other:
            found.append(one)
            continue
        common = intersection(one, other)
        if not common:
            return None
        found.append(common)
    return tuple(found)  # type: ignore[return-value]  # as many axes as its operands


def includes(big: Cube, small: Cube) -> bool:
    """Every packet of `small` is in `big`."""
    return all(one is other or covers(one, other) for one, other in zip(big, small, strict=True))


def volume(cube: Cube) -> int:
    """Number of packets."""
    total = 1
    for axis in cube:
        total *= size(axis)
    return total


def subtract(cube: Cube, other: Cube) -> list[Cube]:
    """Disjoint cubes that hold the packets of `cube` that are not in `other`; at most one per axis."""
    if meet(cube, other) is None:
        return [cube]
    pieces: list[Cube] = []
    rest = list(cube)
    for axis, (one, taken) in enumerate(zip(cube, other, strict=True)):
        if one is taken:
            continue
        left = difference(one, taken)
        if left:
            pieces.append((*rest[:axis], left, *rest[axis + 1 :]))  # type: ignore[arg-type]
            rest[axis] = intersection(one, taken)
    return pieces


def uncovered(cube: Cube, cover: Sequence[Cube], budget: Budget, used: set[int] | None = None) -> Cube | None:
    """A part of `cube` that no cube of `cover` touches, None when the union covers it all.

    Exact. `used` receives the positions in `cover` of the cubes the proof relied on. Raises `BudgetError`.

    A depth-first search: cubes that hold the rest on all axes but one are taken off together (crossed stripes would
    otherwise cost their product), then the largest one is cut out and each remaining slice is examined, until a piece
    that nothing touches is found.
    """
    numbered = list(enumerate(cover))
    stack = [(cube, numbered)]
    while stack:
        rest, around = stack.pop()
        budget.spend(1 + len(around) // 8)
        found = _reduce(rest, around, used)
        if found is None:
            continue
        rest, around = found
        if not around:
            return rest
        # Largest overlap first: fewer and smaller slices remain.
        position, biggest = max(around, key=lambda item: volume(item[1]))
        _note(used, position)
        others = [item for item in around if item[0] != position]
        stack.extend((piece, others) for piece in subtract(rest, biggest))
    return None


Numbered = list[tuple[int, Cube]]
"""Cubes with their positions in the cover."""


def _reduce(rest: Cube, around: Numbered, used: set[int] | None) -> tuple[Cube, Numbered] | None:
    """Clip the cover to `rest` and take stripes off until nothing changes; None when `rest` is covered."""
    while True:
        around = [(position, common) for position, other in around if (common := meet(rest, other)) is not None]
        stripes: list[tuple[int, int, Cube]] = []
        for position, common in around:
            narrow = [axis for axis in range(len(rest)) if common[axis] != rest[axis]]
            if not narrow:
                _note(used, position)
                return None
            if len(narrow) == 1:
                stripes.append((narrow[0], position, common))
        if not stripes:
            return rest, around
        shrunk = list(rest)
        for axis, position, common in stripes:
            left = difference(shrunk[axis], common[axis])
            if left != shrunk[axis]:
                _note(used, position)
                shrunk[axis] = left
            if not left:
                return None
        rest = tuple(shrunk)  # type: ignore[assignment]


def _note(used: set[int] | None, position: int) -> None:
    if used is not None:
        used.add(position)
