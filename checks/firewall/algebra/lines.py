"""The lines of a flat rule set, indexed: numbered cubes, their places in the parts, and masks of each nature."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from checks.firewall.algebra.flatten import Policy
from checks.firewall.algebra.index import Part, Place, bits, partition
from checks.firewall.algebra.intervals import contains
from checks.firewall.algebra.space import NEW, STATE, Cube
from checks.firewall.facts import NONE, PERMIT


class Masks(NamedTuple):
    """Local cubes of a part, by nature."""

    sure: int
    may: int
    permit: int
    deny: int
    whole: int
    """Cubes of entries without conditions: they match all of their content, once it is known."""
    opening: int
    """Cubes that hold new connections: the others only follow connections that some rule let open."""
    single: int
    """Cubes of entries that have one cube, in one part only."""


class Lines:
    """A policy whose cubes are numbered in the order of its entries, so that `before` and `after` are masks."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.entries = policy.entries
        self.cubes: list[Cube] = []
        self.owner: list[int] = []
        """Entry of each cube."""
        self.may_of: list[range] = []
        self.sure_of: list[range] = []
        """Cubes of each entry; the same range when the entry is exact."""
        for number, entry in enumerate(policy.entries):
            self.may_of.append(self._add(number, entry.may))
            exact = entry.sure is entry.may or entry.sure == entry.may
            self.sure_of.append(self.may_of[-1] if exact else self._add(number, entry.sure))
        self.exact = policy.complete and all(may == sure for may, sure in zip(self.may_of, self.sure_of, strict=True))
        self.parts, self.places = partition(self.cubes, policy.space.full)
        self._masks = {id(part): self._masks_of(part) for part in self.parts}

    def _add(self, number: int, cubes: Sequence[Cube]) -> range:
        first = len(self.cubes)
        self.cubes.extend(cubes)
        self.owner.extend([number] * len(cubes))
        return range(first, len(self.cubes))

    def masks(self, part: Part) -> Masks:
        """Local cubes of a part, by nature."""
        return self._masks[id(part)]

    def refusing(self, number: int, *, certain: bool) -> list[Cube]:
        """Cubes of refusals before an entry that meet what it may match: the sure ones, or all that may refuse."""
        found: dict[int, None] = {}
        for cube in self.may_of[number]:
            for place in self.places[cube]:
                masks = self.masks(place.part)
                among = self.before(place, number) & masks.deny & (masks.sure if certain else masks.may)
                for local in bits(place.part.overlapping(place.local, among)):
                    found[place.part.global_of[local]] = None
        return [self.cubes[cube] for cube in found]

    def owner_of(self, part: Part, local: int) -> int:
        """Entry of a local cube."""
        return self.owner[part.global_of[local]]

    def _masks_of(self, part: Part) -> Masks:
        size = len(part) // 8 + 1
        sure, may, permit, deny, whole, opening, single = (bytearray(size) for _ in range(7))
        for local, cube in enumerate(part.global_of):
            owner = self.owner[cube]
            byte, bit = local >> 3, 1 << (local & 7)
            action = self.entries[owner].action
            is_may, is_sure = cube in self.may_of[owner], cube in self.sure_of[owner]
            if action != NONE:
                if is_sure and self.policy.complete:
                    sure[byte] |= bit
                if is_may:
                    may[byte] |= bit
                (permit if action == PERMIT else deny)[byte] |= bit
            if not self.entries[owner].conditional:
                whole[byte] |= bit
            if contains(self.cubes[cube][STATE], NEW):
                opening[byte] |= bit
            if is_may and is_sure and len(self.may_of[owner]) == 1 and len(self.places[cube]) == 1:
                single[byte] |= bit
        return Masks(*(int.from_bytes(array, "little") for array in (sure, may, permit, deny, whole, opening, single)))

    def before(self, place: Place, number: int) -> int:
        """Local cubes of the entries before `number`: cubes are numbered in entry order."""
        first = place.local
        members = place.part.global_of
        start = self.may_of[number].start
        while first and members[first - 1] >= start:
            first -= 1
        return (1 << first) - 1

    def before_entry(self, part: Part, number: int) -> int:
        """Local cubes of a part that belong to the entries before `number`, which need not be in this part."""
        start = self.may_of[number].start if number < len(self.may_of) else len(self.cubes)
        return (1 << bisect_left(part.global_of, start)) - 1

    def after(self, place: Place, number: int) -> int:
        """Local cubes of the entries after `number`."""
        last = place.local
        members = place.part.global_of
        stop = max(self.may_of[number].stop, self.sure_of[number].stop)
        while last < len(members) and members[last] < stop:
            last += 1
        return -(1 << last)

    @staticmethod
    def in_part(part: Part, cube: Cube) -> Cube:
        """The cube cut to the zones of its part."""
        if part.zones is None:
            return cube
        zone_in, zone_out = part.zones
        return (((zone_in, zone_in),), ((zone_out, zone_out),), *cube[2:])
