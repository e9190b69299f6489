"""Sets of integers as sorted tuples of disjoint, non-adjacent, inclusive intervals."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]
"""`((low, high), …)`: sorted, inclusive, disjoint, never adjacent. `()` is the empty set."""


def normal(pairs: Iterable[tuple[int, int]]) -> Intervals:
    """The canonical form of any pairs with low <= high, in any order."""
    ordered = sorted(pairs)
    if len(ordered) < 2:  # noqa: PLR2004 - nothing to merge
        return tuple(ordered)
    merged: list[tuple[int, int]] = []
    low, high = ordered[0]
    for next_low, next_high in ordered:
        if next_low <= high + 1:
            high = max(high, next_high)
        else:
            merged.append((low, high))
            low, high = next_low, next_high
    merged.append((low, high))
    return tuple(merged)


def union(*sets: Intervals) -> Intervals:
    """All members."""
    kept = [one for one in sets if one]
    if len(kept) < 2:  # noqa: PLR2004 - already canonical
        return kept[0] if kept else ()
    return normal(pair for one in kept for pair in one)


def intersection(left: Intervals, right: Intervals) -> Intervals:
    """Common members."""
    if len(left) == 1 == len(right):  # by far the most frequent
        low = max(left[0][0], right[0][0])
        high = min(left[0][1], right[0][1])
        return ((low, high),) if low <= high else ()
    if len(right) == 1:
        return _cut(left, *right[0])
    if len(left) == 1:
        return _cut(right, *left[0])
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        low = max(left[i][0], right[j][0])
        high = min(left[i][1], right[j][1])
        if low <= high:
            found.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def _cut(one: Intervals, low: int, high: int) -> Intervals:
    """Members between two values, without walking over the others."""
    first = bisect_right(one, low, key=_low) - 1
    if first < 0 or one[first][1] < low:
        first += 1
    last = bisect_right(one, high, key=_low)
    found = one[first:last]
    if found and (found[0][0] < low or found[-1][1] > high):
        ends = list(found)
        ends[0] = (max(low, ends[0][0]), ends[0][1])
        ends[-1] = (ends[-1][0], min(high, ends[-1][1]))
        return tuple(ends)
    return found


def _low(pair: tuple[int, int]) -> int:
    return pair[0]


def difference(left: Intervals, right: Intervals) -> Intervals:
    """Members of `left` that are not in `right`."""
    if not right:
        return left
    found: list[tuple[int, int]] = []
    j = 0
    for low, high in left:
        start = low
        while j < len(right) and right[j][1] < start:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= high:
            if right[k][0] > start:
                found.append((start, right[k][0] - 1))
            start = right[k][1] + 1
            k += 1
        if start <= high:
            found.append((start, high))
    return tuple(found)


def covers(left: Intervals, right: Intervals) -> bool:
    """Every member of `right` is in `left`."""
    i = 0
    for low, high in right:
        while i < len(left) and left[i][1] < low:
            i += 1
        if i == len(left) or left[i][0] > low or left[i][1] < high:
            return False
    return True


def contains(one: Intervals, value: int) -> bool:
    """`value` is a member."""
    index = bisect_right(one, (value, float("inf"))) - 1
    return index >= 0 and one[index][1] >= value


def size(one: Intervals) -> int:
    """Number of members."""
    return sum(high - low + 1 for low, high in one)
