"""Search of a point that no policy protects, over axes whose values carry masks of policies.

Policies are bits. A value has two masks: those that surely apply to it, and those that may. A point is covered when a
policy that surely meets the goal surely applies on all axes, open when none may, undetermined otherwise: Kleene's
three-valued logic, so that « covered » and « open » hold whatever the undetermined parts turn out to be.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence

from checks.model import Record

MAX_STEPS = 400_000
"""Nodes of one search space; ordinary tenants need a few thousand."""


class State(enum.IntEnum):
    """What is true of a set of points, worst last: the state of a set is that of its worst point."""

    COVERED = 0
    UNKNOWN = 1
    OPEN = 2


class TooLargeError(Exception):
    """The policies make more classes than can be examined."""


class Value(Record, frozen=True, kw_only=True):
    """One class of values of an axis."""

    label: str
    yes: int
    """Policies that surely apply to it."""
    may: int
    """Those, and the ones for which it could not be determined."""


class Axis(Record, frozen=True, kw_only=True):
    """One property of a sign-in. The first value is the most ordinary one."""

    name: str
    values: tuple[Value, ...]


class Found(Record, frozen=True, kw_only=True):
    """The state of a set of points, with one of its worst points."""

    state: State
    witness: tuple[str, ...] = ()
    """One label per axis; empty text where any value does."""
    doubt: int = 0
    """Policies that could cover the witness, when undetermined."""


def classes(values: Sequence[Value]) -> tuple[Value, ...]:
    """Values that policies tell apart; each class is shown by its first value."""
    return tuple({(value.yes, value.may): value for value in reversed(values)}.values())[::-1]


class Search:
    """Examines products of axes; answers already found are kept, as starting masks come back often."""

    def __init__(self, axes: Sequence[Axis], steps: int = MAX_STEPS) -> None:
        self.axes = tuple(Axis(name=axis.name, values=classes(axis.values)) for axis in axes)
        self._left = steps
        self._memo: dict[tuple[int, int, int], Found] = {}
        # Policies that surely apply to every point of the axes from each depth on: they end the search early.
        everywhere = -1
        rest = [everywhere]
        for axis in reversed(self.axes):
            for value in axis.values:
                everywhere &= value.yes
            rest.append(everywhere)
        self._rest = rest[::-1]

    def worst(self, sure: int, possible: int) -> Found:
        """The worst point below: `sure` meet the goal and apply so far, `possible` may. Raises `TooLargeError`."""
        return self._worst(0, sure, possible)

    def _worst(self, depth: int, sure: int, possible: int) -> Found:
        left = len(self.axes) - depth
        if not possible:
            return Found(state=State.OPEN, witness=("",) * left)
        if sure & self._rest[depth]:
            return Found(state=State.COVERED)
        if not left:
            return Found(state=State.UNKNOWN, doubt=possible)
        key = (depth, sure, possible)
        known = self._memo.get(key)
        if known is None:
            known = self._memo[key] = self._through(depth, sure, possible)
        return known

    def _through(self, depth: int, sure: int, possible: int) -> Found:
        worst = Found(state=State.COVERED)
        values = self.axes[depth].values
        for value in values:
            self._left -= 1
            if self._left < 0:
                raise TooLargeError
            below = self._worst(depth + 1, sure & value.yes, possible & value.may)
            if below.state > worst.state:
                label = value.label if len(values) > 1 else ""
                worst = Found(state=below.state, witness=(label, *below.witness), doubt=below.doubt)
                if worst.state is State.OPEN:
                    break
        return worst


def point(axes: Sequence[Axis], labels: Mapping[str, str], sure: int, possible: int) -> State:
    """The state of one point, axis by axis: the definition that the search must agree with."""
    for axis in axes:
        value = next(value for value in axis.values if value.label == labels[axis.name])
        sure, possible = sure & value.yes, possible & value.may
    return State.COVERED if sure else State.UNKNOWN if possible else State.OPEN
