"""Which cubes overlap, contain or are contained in another, without comparing them two by two.

Cubes are numbered in rule order; a set of cubes is one Python integer, bit i for cube i. On each axis the ends of all
sets cut the line into atoms; for each atom, one integer says which cubes hold it. Every relation between a set and
all cubes is then a few ANDs and ORs of integers, whatever the number of rules.

Cubes are also split by pair of zones: a rule is only compared with rules of the pairs it belongs to.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checks.firewall.algebra.intervals import Intervals, contains
from checks.firewall.algebra.space import IN, OUT, Cube, representative

SPREAD = 6
"""Zone pairs are treated apart as long as that does not store a cube more than this many times on average."""
SAMPLE = 48
"""Atoms looked at on each axis when searching quickly for a packet that nothing matches."""


def bits(mask: int) -> Iterator[int]:
    """Numbers of the cubes of a mask, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class Axis:
    """One axis of one part: its atoms and the cubes that hold each."""

    __slots__ = (
        "_contain",
        "_contained",
        "_end_tree",
        "_overlap",
        "_sets",
        "_spans",
        "_tree",
        "_users",
        "everything",
        "points",
        "stab",
        "top",
    )

    def __init__(self, sets: Sequence[Intervals], users: Sequence[int], everything: int, top: int) -> None:
        """`users[i]` is the mask of the cubes that have `sets[i]`; `top` is the highest value of the axis."""
        self._sets = sets
        self._users = users
        self.everything = everything
        self.top = top
        toggles: dict[int, int] = {0: 0}
        for one, mask in zip(sets, users, strict=True):
            for low, high in one:
                toggles[low] = toggles.get(low, 0) ^ mask
                if high < top:
                    toggles[high + 1] = toggles.get(high + 1, 0) ^ mask
        self.points = sorted(toggles)
        self.stab: list[int] = []
        active = 0
        for point in self.points:
            # Intervals of a set never touch, so a cube is switched on and off at distinct points.
            active ^= toggles[point]
            self.stab.append(active)
        self._tree: list[int] = []
        self._end_tree: list[int] = []
        self._spans: dict[int, tuple[tuple[int, int], ...]] = {}
        self._overlap: dict[int, int] = {}
        self._contain: dict[int, int] = {}
        self._contained: dict[int, int] = {}

    def atom(self, value: int) -> int:
        """Number of the atom that holds a value."""
        return bisect_right(self.points, value) - 1

    def spans(self, number: int) -> tuple[tuple[int, int], ...]:
        """First and last atom of each interval of a set."""
        found = self._spans.get(number)
        if found is None:
            found = tuple((self.atom(low), self.atom(high)) for low, high in self._sets[number])
            self._spans[number] = found
        return found

    def overlap(self, number: int) -> int:
        """Cubes whose set shares a value with set `number`."""
        found = self._overlap.get(number)
        if found is None:
            found = 0
            for first, last in self.spans(number):
                found |= self._any(first, last)
            self._overlap[number] = found
        return found

    def contain(self, number: int) -> int:
        """Cubes whose set holds all of set `number`."""
        found = self._contain.get(number)
        if found is None:
            found = self.everything
            for first, last in self.spans(number):
                found &= self.stab[first]
                if last > first and found:
                    found &= ~self._ends(first, last - 1)
            self._contain[number] = found
        return found

    def contained(self, number: int) -> int:
        """Cubes whose set lies within set `number`."""
        found = self._contained.get(number)
        if found is None:
            outside = 0
            start = 0
            for first, last in self.spans(number):
                if first > start:
                    outside |= self._any(start, first - 1)
                start = last + 1
            if start < len(self.stab):
                outside |= self._any(start, len(self.stab) - 1)
            found = self._contained[number] = self.everything & ~outside
        return found

    def _any(self, first: int, last: int) -> int:
        """Cubes that hold one of the atoms first..last."""
        if first == last:
            return self.stab[first]
        if not self._tree:
            self._tree = _or_tree(self.stab)
        return _query(self._tree, first, last)

    def _ends(self, first: int, last: int) -> int:
        """Cubes of which an interval ends in one of the atoms first..last."""
        if not self._end_tree:
            ends = [0] * len(self.stab)
            for one, mask in zip(self._sets, self._users, strict=True):
                for _, high in one:
                    ends[self.atom(high)] |= mask
            self._end_tree = _or_tree(ends)
        return _query(self._end_tree, first, last)


def _or_tree(leaves: Sequence[int]) -> list[int]:
    count = len(leaves)
    tree = [0] * count + list(leaves)
    for node in range(count - 1, 0, -1):
        tree[node] = tree[2 * node] | tree[2 * node + 1]
    return tree


def _query(tree: Sequence[int], first: int, last: int) -> int:
    count = len(tree) // 2
    low, high = first + count, last + count + 1
    found = 0
    while low < high:
        if low & 1:
            found |= tree[low]
            low += 1
        if high & 1:
            high -= 1
            found |= tree[high]
        low >>= 1
        high >>= 1
    return found


class Part:
    """The cubes of some zone pairs that all see the same rules, numbered again from 0."""

    __slots__ = ("_axes", "_cubes", "_ids", "axes", "global_of", "zones")

    def __init__(
        self, cubes: Sequence[Cube], members: Sequence[int], full: Cube, zones: tuple[int, int] | None
    ) -> None:
        """`members`: ascending global numbers. `zones`: one pair they all hold; None keeps the zone axes."""
        self.global_of = members
        self._cubes = cubes
        self.zones = zones
        everything = (1 << len(members)) - 1
        self.axes: list[int] = []
        """Axes on which some cube is not whole."""
        self._axes: dict[int, Axis] = {}
        self._ids: dict[int, list[int]] = {}
        for axis in range(len(full)):
            if zones is not None and axis in (IN, OUT):
                continue
            numbers: dict[Intervals, int] = {}
            ids = [numbers.setdefault(cubes[member][axis], len(numbers)) for member in members]
            if list(numbers) in ([], [full[axis]]):
                continue
            users = _masks(ids, len(numbers))
            self._axes[axis] = Axis(tuple(numbers), users, everything, full[axis][-1][1])
            self._ids[axis] = ids
            self.axes.append(axis)
        # The axis with the most atoms separates best: it comes first in every search.
        self.axes.sort(key=lambda axis: -len(self._axes[axis].points))

    def __len__(self) -> int:
        return len(self.global_of)

    def cube(self, local: int) -> Cube:
        """The cube of a local number, on all axes."""
        return self._cubes[self.global_of[local]]

    def overlapping(self, local: int, among: int) -> int:
        """Cubes of `among` that share a packet with a cube."""
        for axis in self.axes:
            if not among:
                break
            among &= self._axes[axis].overlap(self._ids[axis][local])
        return among

    def containing(self, local: int, among: int) -> int:
        """Cubes of `among` that hold all packets of a cube."""
        for axis in self.axes:
            if not among:
                break
            among &= self._axes[axis].contain(self._ids[axis][local])
        return among

    def contained(self, local: int, among: int) -> int:
        """Cubes of `among` that lie within a cube."""
        for axis in self.axes:
            if not among:
                break
            among &= self._axes[axis].contained(self._ids[axis][local])
        return among

    def matching(self, point: Sequence[int], among: int) -> int:
        """Cubes of `among` that hold a packet of this part."""
        for axis in self.axes:
            if not among:
                break
            found = self._axes[axis]
            among &= found.stab[found.atom(point[axis])]
        return among

    def free_packet(self, local: int, among: int) -> list[int] | None:
        """A packet of a cube that no cube of `among` holds, if a quick search finds one.

        On each axis in turn, the atom that the fewest remaining cubes hold. None proves nothing.
        """
        cube = self.cube(local)
        point = list(representative(cube))
        if self.zones is not None:
            point[IN], point[OUT] = self.zones
        if not self.matching(point, among):
            return point
        for axis in self.axes:
            line = self._axes[axis]
            best, best_mask, fewest = -1, among, -1
            for atom in _sample(line.spans(self._ids[axis][local])):
                mask = among & line.stab[atom]
                if not mask:
                    best, best_mask, fewest = atom, 0, 0
                    break
                held = mask.bit_count()
                if fewest < 0 or held < fewest:
                    best, best_mask, fewest = atom, mask, held
            if not contains(((line.points[best], self._last(line, best)),), point[axis]):
                point[axis] = line.points[best]
            among = best_mask
            if not among:
                return point
        return None

    def stripes(self, local: int, among: int) -> list[int] | None:
        """Cubes of `among` that hold a cube together by each holding it on all axes but one, the same for all.

        None when no axis has such a cover, which proves nothing.
        """
        held = {axis: self._axes[axis].contain(self._ids[axis][local]) for axis in self.axes}
        for axis in self.axes:
            usable = among
            for other, mask in held.items():
                if other != axis:
                    usable &= mask
            if not usable & (usable - 1):
                continue
            found = self._stripe_cover(self._axes[axis], self._ids[axis][local], usable)
            if found is not None:
                return found
        return None

    @staticmethod
    def _stripe_cover(line: Axis, number: int, usable: int) -> list[int] | None:
        found: dict[int, None] = {}
        for first, last in line.spans(number):
            for atom in range(first, last + 1):
                mask = line.stab[atom] & usable
                if not mask:
                    return None
                found[(mask & -mask).bit_length() - 1] = None
        return list(found)

    def narrow(self, cube: Cube) -> tuple[Intervals, ...]:
        """A cube on the axes of this part only: fewer comparisons."""
        return tuple(cube[axis] for axis in self.axes)

    def widen(self, narrow: Sequence[Intervals], cube: Cube) -> Cube:
        """The inverse of `narrow`, the other axes taken from `cube`."""
        wide = list(cube)
        for axis, one in zip(self.axes, narrow, strict=True):
            wide[axis] = one
        if self.zones is not None:
            wide[IN], wide[OUT] = ((self.zones[0], self.zones[0]),), ((self.zones[1], self.zones[1]),)
        return tuple(wide)  # type: ignore[return-value]

    @staticmethod
    def _last(line: Axis, atom: int) -> int:
        return line.points[atom + 1] - 1 if atom + 1 < len(line.points) else line.top


def _masks(ids: Sequence[int], count: int) -> list[int]:
    """Mask of the positions of each id. Built as bytes: setting bits one by one in big integers would be quadratic."""
    size = len(ids) // 8 + 1
    if count > SPARSE:
        found = [0] * count
        for position, one in enumerate(ids):
            found[one] |= 1 << position
        return found
    arrays = [bytearray(size) for _ in range(count)]
    for position, one in enumerate(ids):
        arrays[one][position >> 3] |= 1 << (position & 7)
    return [int.from_bytes(array, "little") for array in arrays]


SPARSE = 2000
"""Above this number of distinct sets each has few users, and bits are set directly."""


def _sample(spans: Sequence[tuple[int, int]]) -> Iterator[int]:
    """Atoms to try: all when they are few, else spread over the spans, both ends included."""
    total = sum(last - first + 1 for first, last in spans)
    if total <= SAMPLE:
        for first, last in spans:
            yield from range(first, last + 1)
        return
    step = total // SAMPLE
    offset = 0
    for first, last in spans:
        yield from range(first + offset, last + 1, step)
        width = last - first + 1
        offset = (offset - width) % step
    yield spans[-1][1]


class Place(NamedTuple):
    """Where a cube is: in which part, under which local number."""

    part: Part
    local: int


def partition(cubes: Sequence[Cube], full: Cube) -> tuple[list[Part], list[list[Place]]]:
    """The parts of a list of cubes, and the places of each cube."""
    groups = _zone_groups(cubes, full)
    if groups is None:
        parts = [Part(cubes, range(len(cubes)), full, None)]
    else:
        parts = [Part(cubes, members, full, zones) for zones, members in groups]
    places: list[list[Place]] = [[] for _ in cubes]
    for part in parts:
        for local, member in enumerate(part.global_of):
            places[member].append(Place(part, local))
    return parts, places


def _zone_groups(cubes: Sequence[Cube], full: Cube) -> list[tuple[tuple[int, int], list[int]]] | None:
    """Cubes by pair of zones, pairs that see the same cubes together. None when that would repeat them too much."""
    by_zones: dict[tuple[Intervals, Intervals], list[int]] = {}
    for number, cube in enumerate(cubes):
        by_zones.setdefault((cube[IN], cube[OUT]), []).append(number)
    kinds = list(by_zones)
    ins = _classes([kind[0] for kind in kinds], full[IN])
    outs = _classes([kind[1] for kind in kinds], full[OUT])
    if len(ins) * len(outs) > 4 * len(kinds) + 4096:
        return None
    seen: dict[frozenset[int], tuple[int, int]] = {}
    for zone_in, kinds_in in ins:
        for zone_out, kinds_out in outs:
            common = kinds_in & kinds_out
            if common:
                seen.setdefault(common, (zone_in, zone_out))
    total = sum(len(by_zones[kinds[index]]) for common in seen for index in common)
    if total > SPREAD * len(cubes) + 1000:
        return None
    return [
        (zones, sorted(number for index in common for number in by_zones[kinds[index]]))
        for common, zones in seen.items()
    ]


def _classes(sets: Sequence[Intervals], full: Intervals) -> list[tuple[int, frozenset[int]]]:
    """Zones told apart by the sets: one zone of each class and the numbers of the sets that hold it."""
    found: dict[frozenset[int], int] = {}
    for zone in range(full[0][0], full[-1][1] + 1):
        found.setdefault(frozenset(i for i, one in enumerate(sets) if contains(one, zone)), zone)
    return [(zone, held) for held, zone in found.items() if held]
