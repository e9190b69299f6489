"""Product sets on any axes: intersection, inclusion, and what a union of them leaves uncovered."""

from __future__ import annotations

from collections.abc import Sequence

from checks.firewall.algebra.intervals import Intervals, covers, difference, intersection, size, union

Box = tuple[Intervals, ...]
"""A product set: one set per axis, on any number of axes. Empty as soon as one of them is."""


class BudgetError(Exception):
    """The proof needs more steps than allowed: the answer stays undetermined."""


FLOOR = 2_000
"""Comparisons every question may use, even when the common purse is empty: most need far less."""


class Budget:
    """Comparisons of cubes left for one question, taken from a common purse when there is one."""

    __slots__ = ("_purse", "left")

    left: int

    def __init__(self, comparisons: int, purse: Budget | None = None, floor: int = FLOOR) -> None:
        self.left = comparisons if purse is None else min(comparisons, max(purse.left, floor))
        self._purse = purse

    def spend(self, comparisons: int = 1) -> None:
        """Raises `BudgetError` when nothing is left."""
        self.left -= comparisons
        if self._purse is not None:
            self._purse.left -= comparisons
        if self.left < 0:
            raise BudgetError


def meet(left: Box, right: Box) -> Box | None:
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
    return tuple(found)


def includes(big: Box, small: Box) -> bool:
    """Every packet of `small` is in `big`."""
    return all(one is other or covers(one, other) for one, other in zip(big, small, strict=True))


def volume(cube: Box) -> int:
    """Number of packets."""
    total = 1
    for axis in cube:
        total *= size(axis)
    return total


def subtract(cube: Box, other: Box) -> list[Box]:
    """Disjoint cubes that hold the packets of `cube` that are not in `other`; at most one per axis."""
    if meet(cube, other) is None:
        return [cube]
    pieces: list[Box] = []
    rest = list(cube)
    for axis, (one, taken) in enumerate(zip(cube, other, strict=True)):
        if one is taken:
            continue
        left = difference(one, taken)
        if left:
            pieces.append((*rest[:axis], left, *rest[axis + 1 :]))
            rest[axis] = intersection(one, taken)
    return pieces


def uncovered(cube: Box, cover: Sequence[Box], budget: Budget, used: set[int] | None = None) -> Box | None:
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
        budget.spend(1 + len(around))
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


Numbered = list[tuple[int, Box]]
"""Boxs with their positions in the cover."""


def _reduce(rest: Box, around: Numbered, used: set[int] | None) -> tuple[Box, Numbered] | None:
    """Clip the cover to `rest` and take stripes off until nothing changes; None when `rest` is covered."""
    while True:
        around = [(position, common) for position, other in around if (common := meet(rest, other)) is not None]
        stripes: dict[int, list[Intervals]] = {}
        for position, common in around:
            narrow = [axis for axis, one in enumerate(common) if one != rest[axis]]
            if len(narrow) < 2:  # noqa: PLR2004 - holds the rest on all axes, or on all but one
                _note(used, position)
            if not narrow:
                return None
            if len(narrow) == 1:
                stripes.setdefault(narrow[0], []).append(common[narrow[0]])
        if not stripes:
            return rest, around
        shrunk = list(rest)
        for axis, found in stripes.items():
            shrunk[axis] = difference(shrunk[axis], union(*found))
            if not shrunk[axis]:
                return None
        rest = tuple(shrunk)


def _note(used: set[int] | None, position: int) -> None:
    if used is not None:
        used.add(position)
