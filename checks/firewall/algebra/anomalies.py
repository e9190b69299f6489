"""What becomes of each line of a flat rule set, decided against the union of the other lines, never pair by pair.

A line is hidden only by what earlier lines surely match, and only when all it may match is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.firewall.algebra.cubes import Budget, BudgetError, includes, meet, uncovered, volume
from checks.firewall.algebra.flatten import Entry, Policy
from checks.firewall.algebra.index import Part, Place, bits, partition
from checks.firewall.algebra.space import Cube, Point, representative
from checks.firewall.facts import NONE, PERMIT

STEPS = 20_000
"""Search steps for one question on one rule (about a second) before it is given up as undetermined."""
BLOCKING_STEPS = 4_000
"""Search steps for the smallest blocking set."""
POOL = 60
"""Largest overlapping rules considered, besides those of the proof, when looking for the smallest blocking set."""
LISTED = 20
"""Related rules kept by name in one generalisation or correlation; all are counted."""


class Found(NamedTuple):
    """What is known of one entry."""

    dead: bool = False
    empty: bool = False
    undetermined: str = ""
    blockers: tuple[int, ...] = ()
    """Entries."""
    smallest: bool = True
    differs: bool = False
    downward: bool = False
    witness: Point | None = None
    generalised: tuple[int, ...] = ()
    generalised_count: int = 0
    correlated: tuple[int, ...] = ()
    correlated_count: int = 0


class _Masks(NamedTuple):
    """Local cubes of a part, by nature."""

    sure: int
    may: int
    permit: int
    deny: int
    single: int
    """Cubes of entries that have one cube, in one part only."""


def find_anomalies(policy: Policy, *, pairs: bool = True) -> list[Found]:
    """What is known of each entry of a policy, in order.

    `pairs=False` leaves out generalisations, correlations and downward redundancy, as a quick check does.
    """
    return _Analysis(policy, pairs=pairs).run()


class _Analysis:
    """One pass over a policy, in rule order."""

    def __init__(self, policy: Policy, *, pairs: bool) -> None:
        self._policy = policy
        self._entries = policy.entries
        self._pairs = pairs
        self._cubes: list[Cube] = []
        self._owner: list[int] = []
        self._may_of: list[range] = []
        self._sure_of: list[range] = []
        for number, entry in enumerate(policy.entries):
            self._may_of.append(self._add(number, entry.may))
            exact = entry.sure is entry.may or entry.sure == entry.may
            self._sure_of.append(self._may_of[-1] if exact else self._add(number, entry.sure))
        self._parts, self._places = partition(self._cubes, policy.space.full)
        self._masks = {id(part): self._masks_of(part) for part in self._parts}
        # Sure cubes of live rules: what may hide a later rule. A dead rule takes no packet, whoever it would hide
        # is hidden by those that killed it.
        self._usable = {id(part): self._masks[id(part)].sure for part in self._parts}
        self._live_may = {id(part): self._masks[id(part)].may for part in self._parts}
        self._exact = policy.complete and all(
            may == sure for may, sure in zip(self._may_of, self._sure_of, strict=True)
        )
        self._has_automatic = any(entry.rule.automatic for entry in policy.entries[:-1])
        self._occurrences = [
            sum(len(self._places[cube]) for cube in self._may_of[number]) for number in range(len(self._entries))
        ]

    def _add(self, number: int, cubes: Sequence[Cube]) -> range:
        first = len(self._cubes)
        self._cubes.extend(cubes)
        self._owner.extend([number] * len(cubes))
        return range(first, len(self._cubes))

    def _masks_of(self, part: Part) -> _Masks:
        size = len(part) // 8 + 1
        sure, may, permit, deny, single = (bytearray(size) for _ in range(5))
        for local, cube in enumerate(part.global_of):
            owner = self._owner[cube]
            byte, bit = local >> 3, 1 << (local & 7)
            action = self._entries[owner].action
            is_may, is_sure = cube in self._may_of[owner], cube in self._sure_of[owner]
            if action != NONE:
                if is_sure and self._policy.complete:
                    sure[byte] |= bit
                if is_may:
                    may[byte] |= bit
                (permit if action == PERMIT else deny)[byte] |= bit
            if is_may and is_sure and len(self._may_of[owner]) == 1 and len(self._places[cube]) == 1:
                single[byte] |= bit
        return _Masks(*(int.from_bytes(array, "little") for array in (sure, may, permit, deny, single)))

    def run(self) -> list[Found]:
        return [self._entry(number) for number in range(len(self._entries))]

    def _entry(self, number: int) -> Found:
        entry = self._entries[number]
        if not entry.may:
            return Found(dead=True, empty=True)
        budget = Budget(STEPS)
        proof: dict[int, None] = {}
        free: tuple[Place, Point] | None = None
        try:
            for cube in self._may_of[number]:
                for place in self._places[cube]:
                    found = self._uncovered(place, self._before(place, number) & self._usable[id(place.part)], budget)
                    if isinstance(found, tuple):
                        free = (place, found)
                        break
                    proof.update(dict.fromkeys(found))
                if free:
                    break
        except BudgetError:
            return Found(undetermined="budget")
        if free is None:
            return self._dead(number, list(proof))
        return self._live(number, *free)

    def _before(self, place: Place, number: int) -> int:
        """Local cubes of the entries before `number`: cubes are numbered in entry order."""
        first = place.local
        members = place.part.global_of
        start = self._may_of[number].start
        while first and members[first - 1] >= start:
            first -= 1
        return (1 << first) - 1

    def _after(self, place: Place, number: int) -> int:
        last = place.local
        members = place.part.global_of
        stop = max(self._may_of[number].stop, self._sure_of[number].stop)
        while last < len(members) and members[last] < stop:
            last += 1
        return -(1 << last)

    def _uncovered(self, place: Place, among: int, budget: Budget) -> Point | list[int]:
        """A packet of the cube outside the union of `among`, else the entries that the proof relied on."""
        part, local = place
        around = part.overlapping(local, among)
        holding = part.containing(local, around)
        if holding:
            return [self._owner[part.global_of[next(bits(holding))]]]
        quick = part.free_packet(local, around)
        if quick is not None:
            return tuple(quick)  # type: ignore[return-value]
        cube = self._in_part(part, part.cube(local))
        members = list(bits(around))
        used: set[int] = set()
        left = uncovered(cube, [self._in_part(part, part.cube(member)) for member in members], budget, used)
        if left is not None:
            return representative(left)
        return [self._owner[part.global_of[members[position]]] for position in sorted(used)]

    @staticmethod
    def _in_part(part: Part, cube: Cube) -> Cube:
        """The cube cut to the zones of its part."""
        if part.zones is None:
            return cube
        zone_in, zone_out = part.zones
        return (((zone_in, zone_in),), ((zone_out, zone_out),), *cube[2:])

    # -------------------------------------------------------------------------------------------- dead rules

    def _dead(self, number: int, proof: list[int]) -> Found:
        entry = self._entries[number]
        for cube in (*self._may_of[number], *self._sure_of[number]):
            for part, local in self._places[cube]:
                clear = ~(1 << local)
                self._usable[id(part)] &= clear
                self._live_may[id(part)] &= clear
        blockers, smallest = self._smallest(number, proof)
        differs, witness = self._other_action(number)
        return Found(
            dead=True,
            blockers=blockers,
            smallest=smallest,
            differs=differs,
            witness=witness or representative(entry.may[0]),
        )

    def _smallest(self, number: int, proof: list[int]) -> tuple[tuple[int, ...], bool]:
        """The fewest live earlier entries that hide an entry, and whether fewer is proved impossible."""
        cubes = self._entries[number].may
        budget = Budget(BLOCKING_STEPS)
        try:
            chosen = self._irredundant(cubes, sorted(set(proof)), budget)
            if len(chosen) == 1:
                return tuple(chosen), True
            pool, whole = self._pool(number, chosen)
            for count in range(1, len(chosen)):
                found = self._cover_of(cubes, pool, (), count, budget)
                if found is not None:
                    return tuple(sorted(found)), whole or count == 1
        except BudgetError:
            return tuple(sorted(set(proof))), False
        return tuple(chosen), whole

    def _irredundant(self, cubes: Sequence[Cube], entries: list[int], budget: Budget) -> list[int]:
        """Entries of a cover without which it would no longer be one; small ones are dropped first."""
        kept = list(entries)
        for candidate in sorted(entries, key=lambda one: sum(volume(cube) for cube in self._entries[one].sure)):
            others = [one for one in kept if one != candidate]
            if others and self._left_by(cubes, others, budget) is None:
                kept = others
        return kept

    def _left_by(self, cubes: Sequence[Cube], entries: Iterable[int], budget: Budget) -> Cube | None:
        cover = [cube for one in entries for cube in self._entries[one].sure]
        for cube in cubes:
            left = uncovered(cube, cover, budget)
            if left is not None:
                return left
        return None

    def _pool(self, number: int, chosen: Sequence[int]) -> tuple[list[int], bool]:
        """Entries a smaller blocking set may use, largest overlap first; and whether these are all."""
        owners: dict[int, int] = {}
        for cube in self._may_of[number]:
            for place in self._places[cube]:
                among = self._before(place, number) & self._usable[id(place.part)]
                for local in bits(place.part.overlapping(place.local, among)):
                    owner = self._owner[place.part.global_of[local]]
                    if len(owners) < POOL * 40 or owner in owners:
                        common = meet(place.part.cube(local), self._cubes[cube])
                        owners[owner] = owners.get(owner, 0) + (volume(common) if common else 0)
        ranked = sorted(owners, key=lambda owner: (-owners[owner], owner))
        return list(dict.fromkeys([*ranked[:POOL], *chosen])), len(ranked) <= POOL

    def _cover_of(
        self, cubes: Sequence[Cube], pool: Sequence[int], chosen: tuple[int, ...], count: int, budget: Budget
    ) -> tuple[int, ...] | None:
        """At most `count` entries of the pool whose union holds all cubes.

        Each step takes a packet that is still free: one of the entries that hold it must be chosen.
        """
        left = self._left_by(cubes, chosen, budget)
        if left is None:
            return chosen
        if len(chosen) == count:
            return None
        packet = representative(left)
        point: Cube = tuple(((value, value),) for value in packet)  # type: ignore[assignment]
        for one in pool:
            budget.spend()
            if one not in chosen and any(includes(cube, point) for cube in self._entries[one].sure):
                found = self._cover_of(cubes, pool, (*chosen, one), count, budget)
                if found is not None:
                    return found
        return None

    def _other_action(self, number: int) -> tuple[bool, Point | None]:
        """Whether some packet of a hidden entry gets the other action, and one such packet."""
        entry = self._entries[number]
        if entry.action == NONE:
            return False, None
        budget = Budget(STEPS)
        try:
            for cube in self._may_of[number]:
                for place in self._places[cube]:
                    found = self._first_with_other_action(place, number, entry, budget)
                    if found is not None:
                        return True, found
        except BudgetError:
            return True, None
        return False, None

    def _first_with_other_action(self, place: Place, number: int, entry: Entry, budget: Budget) -> Point | None:
        part, local = place
        masks = self._masks[id(part)]
        same, other = (masks.permit, masks.deny) if entry.action == PERMIT else (masks.deny, masks.permit)
        before = self._before(place, number)
        around = part.overlapping(local, before & (self._usable[id(part)] | self._live_may[id(part)] & masks.may))
        for opposed in bits(around & other):
            piece = self._common(place, opposed)
            if piece is None:
                continue
            cover = [
                self._in_part(part, part.cube(member))
                for member in bits(around & same & self._usable[id(part)] & ((1 << opposed) - 1))
            ]
            left = uncovered(piece, cover, budget)
            if left is not None:
                return representative(left)
        return None

    def _common(self, place: Place, other: int) -> Cube | None:
        part, local = place
        return meet(self._in_part(part, part.cube(local)), part.cube(other))

    # -------------------------------------------------------------------------------------------- live rules

    def _live(self, number: int, place: Place, packet: Point) -> Found:
        entry = self._entries[number]
        undetermined = self._perhaps_hidden(number)
        if entry.action == NONE or entry.rule.automatic or not self._pairs:
            return Found(witness=packet, undetermined=undetermined)
        downward = self._downward(number, place, packet)
        found = self._relations(number)
        blockers = self._repeated_by(number) if downward else ()
        return found._replace(
            witness=packet, undetermined=undetermined, downward=bool(downward), blockers=tuple(blockers)
        )

    def _perhaps_hidden(self, number: int) -> str:
        """`objects` when earlier rules whose content is not certain may hide all of the entry."""
        if self._exact:
            return ""
        budget = Budget(STEPS)
        try:
            for cube in self._may_of[number]:
                for place in self._places[cube]:
                    among = self._before(place, number) & self._masks[id(place.part)].may
                    if isinstance(self._uncovered(place, among, budget), tuple):
                        return ""
        except BudgetError:
            return ""
        return "objects"

    def _downward(self, number: int, place: Place, packet: Point) -> bool:
        """Whether the rules after an entry would treat all packets that reach it as it does."""
        entry = self._entries[number]
        if not self._same_later(place, number, entry, packet):
            return False
        budget = Budget(STEPS)
        try:
            return all(
                self._all_same_later(where, number, entry, budget)
                for cube in self._may_of[number]
                for where in self._places[cube]
            )
        except BudgetError:
            return False

    def _same_later(self, place: Place, number: int, entry: Entry, packet: Point) -> bool:
        """The next rules that match one packet surely have the same action."""
        part = place.part
        masks = self._masks[id(part)]
        other = masks.deny if entry.action == PERMIT else masks.permit
        later = part.matching(packet, self._after(place, number) & (masks.may | masks.sure))
        for local in bits(later):
            if other >> local & 1:
                return False
            if masks.sure >> local & 1:
                return True
        return False

    def _all_same_later(self, place: Place, number: int, entry: Entry, budget: Budget) -> bool:
        part, local = place
        masks = self._masks[id(part)]
        same, other = (masks.permit, masks.deny) if entry.action == PERMIT else (masks.deny, masks.permit)
        after = self._after(place, number)
        earlier = part.overlapping(local, self._before(place, number) & self._usable[id(part)])
        repeating = part.overlapping(local, after & same & masks.sure)
        for opposed in bits(part.overlapping(local, after & other & masks.may)):
            piece = self._common(place, opposed)
            cover = earlier | repeating & ((1 << opposed) - 1)
            if piece is not None and self._left(part, piece, cover, budget):
                return False
        # What no later rule surely decides would change too.
        later = part.overlapping(local, after & masks.sure)
        return not self._left(part, self._in_part(part, part.cube(local)), earlier | later, budget)

    def _left(self, part: Part, piece: Cube, cover: int, budget: Budget) -> bool:
        budget.spend(cover.bit_count() // 64)
        if not part.matching(representative(piece), cover):
            return True
        cubes = [self._in_part(part, part.cube(member)) for member in bits(cover)]
        return uncovered(piece, cubes, budget) is not None

    def _repeated_by(self, number: int) -> list[int]:
        """Later live entries that do the same to the packets of an entry, at most `LISTED`."""
        action = self._entries[number].action
        found: dict[int, None] = {}
        for cube in self._may_of[number]:
            for place in self._places[cube]:
                masks = self._masks[id(place.part)]
                same = masks.permit if action == PERMIT else masks.deny
                among = self._after(place, number) & same & masks.sure
                holding = place.part.containing(place.local, among)
                for local in bits(holding or place.part.overlapping(place.local, among)):
                    found[self._owner[place.part.global_of[local]]] = None
                    if holding or len(found) >= LISTED:
                        break
        return sorted(found)[:LISTED]

    def _relations(self, number: int) -> Found:
        """Earlier live entries with the other action that this entry holds, and those it crosses."""
        entry = self._entries[number]
        general, general_count = dict[int, None](), 0
        crossed, crossed_count = dict[int, None](), 0
        contained_times: dict[int, int] = {}
        overlapped: dict[int, None] = {}
        for cube in self._sure_of[number]:
            for place in self._places[cube]:
                part, local = place
                masks = self._masks[id(part)]
                other = masks.deny if entry.action == PERMIT else masks.permit
                around = part.overlapping(local, self._before(place, number) & other & self._live_may[id(part)])
                if not around:
                    continue
                within = part.contained(local, around)
                alone = masks.single
                if len(self._sure_of[number]) > 1:
                    alone = 0
                general_count += self._take(part, within & alone, general)
                crossed_count += self._take(part, around & ~within & alone & masks.sure, crossed)
                for one in bits(around & ~alone):
                    owner = self._owner[part.global_of[one]]
                    overlapped[owner] = None
                    if within >> one & 1 and part.global_of[one] in self._may_of[owner]:
                        contained_times[owner] = contained_times.get(owner, 0) + 1
        for owner in overlapped:
            if self._holds(number, owner, contained_times.get(owner, 0)):
                general[owner] = None
                general_count += 1
            elif self._crosses(number, owner):
                crossed[owner] = None
                crossed_count += 1
        return Found(
            generalised=tuple(sorted(general)[:LISTED]),
            generalised_count=general_count,
            correlated=tuple(sorted(crossed)[:LISTED]),
            correlated_count=crossed_count,
        )

    def _take(self, part: Part, mask: int, into: dict[int, None]) -> int:
        """Count the entries of a mask and keep the first ones; rules the product adds are not counted."""
        count = 0
        for local in bits(mask):
            owner = self._owner[part.global_of[local]]
            if self._entries[owner].rule.automatic:
                continue
            count += 1
            if len(into) < LISTED:
                into[owner] = None
            elif not self._has_automatic:
                return count + (mask >> (local + 1)).bit_count()
        return count

    def _holds(self, number: int, owner: int, contained: int) -> bool:
        """Every cube of `owner` lies within the entry."""
        if self._entries[owner].rule.automatic:
            return False
        if contained >= self._occurrences[owner]:
            return True
        if len(self._sure_of[number]) == 1:
            return False
        try:
            return self._left_by(self._entries[owner].may, [number], Budget(BLOCKING_STEPS)) is None
        except BudgetError:
            return False

    def _crosses(self, number: int, owner: int) -> bool:
        """Both surely have a packet in common."""
        if self._entries[owner].rule.automatic:
            return False
        return any(
            meet(one, other) is not None for one in self._entries[number].sure for other in self._entries[owner].sure
        )
