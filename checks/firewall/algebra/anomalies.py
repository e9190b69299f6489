"""What becomes of each line of a flat rule set, decided against the union of the other lines, never pair by pair.

A line is hidden only by what earlier lines surely match, and only when all it may match is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from checks.firewall.algebra.cubes import Box, Budget, BudgetError, includes, meet, uncovered, volume
from checks.firewall.algebra.flatten import Entry, Policy
from checks.firewall.algebra.index import Part, Place, bits
from checks.firewall.algebra.lines import Lines
from checks.firewall.algebra.space import NEW, Cube, Point, meet_cubes, representative, with_state
from checks.firewall.facts import NONE, PERMIT

QUESTION = 100_000
"""Comparisons of cubes (about 10 µs each) for one question on one rule before it is given up as undetermined."""
BLOCKING = 10_000
"""The same, for the smallest blocking set."""
PURSE, PURSE_PER_RULE = 500_000, 50
"""The same, for a whole policy: a hostile one ends too, with questions explicitly left undetermined."""
POOL = 300
"""Overlapping rules considered, in rule order, when looking for the smallest blocking set."""
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


def find_anomalies(policy: Policy, *, pairs: bool = True) -> list[Found]:
    """What is known of each entry of a policy, in order.

    `pairs=False` leaves out generalisations, correlations and downward redundancy, as a quick check does.
    """
    return Analysis(policy, pairs=pairs).run()


class Analysis:
    """One pass over a policy, in rule order; then lines may be taken out one by one as long as nothing changes."""

    def __init__(self, policy: Policy, *, pairs: bool) -> None:
        self._policy = policy
        self._entries = policy.entries
        self._pairs = pairs
        self._purse = Budget(PURSE + PURSE_PER_RULE * len(policy.entries))
        self._blocking_purse = Budget(PURSE // 4 + 10 * len(policy.entries))
        self._lines = lines = Lines(policy)
        # Sure cubes of live rules: what may hide a later rule. A dead rule takes no packet, whoever it would hide
        # is hidden by those that killed it.
        self._usable = {id(part): self._lines.masks(part).sure for part in lines.parts}
        self._live_may = {id(part): self._lines.masks(part).may for part in lines.parts}
        self._gone: dict[int, int] = {}
        self._free: dict[int, tuple[Place, Point]] = {}
        """A packet that reaches each live line."""
        self._proved_dead: set[int] = set()
        self._has_automatic = any(entry.rule.automatic for entry in policy.entries[:-1])
        self._occurrences = [
            sum(len(self._lines.places[cube]) for cube in self._lines.may_of[number])
            for number in range(len(self._entries))
        ]

    def run(self) -> list[Found]:
        """What is known of each entry, in order.

        Which lines are never reached is found first: of two copies the second is the useless one, and the first is not
        said to be useless because of it.
        """
        if not self._policy.complete:
            return [_unproved(entry) for entry in self._entries]
        found = [self._entry(number) for number in range(len(self._entries))]
        return [self._repeated(number, one) for number, one in enumerate(found)] if self._pairs else found

    def take_out(self, number: int) -> bool:
        """Take a line out if no packet then gets another action, lines taken out before being absent.

        To be used after `run`, from the last line to the first: lines before `number` must all be there.
        """
        if not self._policy.complete:
            return False
        dead = number in self._proved_dead or not self._entries[number].may
        if not dead and not (number in self._free and self._downward(number, *self._free[number])):
            return False
        for part, local in self._own(number):
            self._gone[id(part)] = self._gone.get(id(part), 0) | 1 << local
        return True

    def is_last_word(self, number: int) -> bool:
        """The line says to everything what the default of the chain says after it."""
        entry, default = self._entries[number], self._entries[-1]
        return entry.action == default.action and entry.may == default.may

    def put_back(self, number: int) -> None:
        """Undo `take_out`."""
        for part, local in self._own(number):
            self._gone[id(part)] &= ~(1 << local)

    def _own(self, number: int) -> Iterable[Place]:
        for cube in {*self._lines.may_of[number], *self._lines.sure_of[number]}:
            yield from self._lines.places[cube]

    def _after(self, place: Place, number: int) -> int:
        return self._lines.after(place, number) & ~self._gone.get(id(place.part), 0)

    def _entry(self, number: int) -> Found:
        entry = self._entries[number]
        if not entry.may:
            return Found(dead=True, empty=True)
        budget = Budget(QUESTION, self._purse)
        proof: dict[int, None] = {}
        free: tuple[Place, Point] | None = None
        try:
            for cube in self._lines.may_of[number]:
                for place in self._lines.places[cube]:
                    earlier = self._lines.before(place, number) & self._usable[id(place.part)]
                    found = self._uncovered(place, earlier, budget)
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
        self._free[number] = free
        return self._live(number, free[1])

    def _uncovered(self, place: Place, among: int, budget: Budget) -> Point | list[int]:
        """A packet of the cube outside the union of `among`, else the entries that the proof relied on."""
        part, local = place
        around = part.overlapping(local, among)
        holding = part.containing(local, around)
        if holding:
            return [self._lines.owner[part.global_of[next(bits(holding))]]]
        quick = part.free_packet(local, around)
        if quick is not None:
            return tuple(quick)  # type: ignore[return-value]
        held = part.stripes(local, around)
        if held is not None:
            return sorted({self._lines.owner[part.global_of[one]] for one in held})
        cube = part.cube(local)
        members = list(bits(around))
        used: set[int] = set()
        cover = [part.narrow(part.cube(member)) for member in members]
        left = uncovered(part.narrow(cube), cover, budget, used)
        if left is not None:
            return representative(part.widen(left, cube))
        return [self._lines.owner[part.global_of[members[position]]] for position in sorted(used)]

    # -------------------------------------------------------------------------------------------- dead rules

    def _dead(self, number: int, proof: list[int]) -> Found:
        entry = self._entries[number]
        self._proved_dead.add(number)
        # The default hides nobody, being last, and takes over from a rule that is taken out: it always counts.
        last = number == len(self._entries) - 1
        for cube in () if last else (*self._lines.may_of[number], *self._lines.sure_of[number]):
            for part, local in self._lines.places[cube]:
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
        if len(proof) == 1:
            return tuple(proof), True
        cubes = self._entries[number].may
        budget = Budget(BLOCKING, self._blocking_purse, floor=0)
        chosen = sorted(set(proof))
        try:
            pool, whole = self._pool(number, budget)
            chosen = self._irredundant(cubes, self._greedy(cubes, pool, budget) or chosen, budget)
            for count in range(1, len(chosen)):
                found = self._cover_of(cubes, pool, (), count, budget)
                if found is not None:
                    return tuple(sorted(found)), whole or count == 1
        except BudgetError:
            return tuple(chosen), False
        return tuple(chosen), whole

    def _greedy(self, cubes: Sequence[Cube], pool: Sequence[int], budget: Budget) -> list[int] | None:
        """A cover: for a packet still free, the entry of the pool with the largest overlap that holds it; and again."""
        chosen: list[int] = []
        while (left := self._left_by(cubes, chosen, budget)) is not None:
            packet = _packet_cube(left)
            one = next((one for one in pool if any(includes(c, packet) for c in self._entries[one].sure)), None)
            if one is None or len(chosen) >= POOL:
                return None
            chosen.append(one)
        return sorted(chosen)

    def _irredundant(self, cubes: Sequence[Cube], entries: list[int], budget: Budget) -> list[int]:
        """Entries of a cover without which it would no longer be one; later ones are dropped first."""
        kept = list(entries)
        for candidate in reversed(entries):
            others = [one for one in kept if one != candidate]
            if others and self._left_by(cubes, others, budget) is None:
                kept = others
        return kept

    def _left_by(self, cubes: Sequence[Cube], entries: Iterable[int], budget: Budget) -> Box | None:
        cover = [cube for one in entries for cube in self._entries[one].sure]
        for cube in cubes:
            left = uncovered(cube, cover, budget)
            if left is not None:
                return left
        return None

    def _pool(self, number: int, budget: Budget) -> tuple[list[int], bool]:
        """Live earlier entries that overlap an entry, largest overlap first; and whether these are all."""
        owners: dict[int, int] = {}
        whole = True
        for cube in self._lines.may_of[number]:
            for place in self._lines.places[cube]:
                among = self._lines.before(place, number) & self._usable[id(place.part)]
                mine = place.part.narrow(self._lines.cubes[cube])
                for local in bits(place.part.overlapping(place.local, among)):
                    owner = self._lines.owner[place.part.global_of[local]]
                    if owner not in owners and len(owners) >= POOL:
                        whole = False
                        break
                    budget.spend()
                    common = meet(place.part.narrow(place.part.cube(local)), mine)
                    owners[owner] = owners.get(owner, 0) + (volume(common) if common else 0)
        return sorted(owners, key=lambda owner: (-owners[owner], owner)), whole

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
        packet = _packet_cube(left)
        for one in pool:
            budget.spend()
            if one not in chosen and any(includes(cube, packet) for cube in self._entries[one].sure):
                found = self._cover_of(cubes, pool, (*chosen, one), count, budget)
                if found is not None:
                    return found
        return None

    def _other_action(self, number: int) -> tuple[bool, Point | None]:
        """Whether some packet of a hidden entry gets the other action, and one such packet."""
        entry = self._entries[number]
        if entry.action == NONE:
            return False, None
        budget = Budget(QUESTION, self._purse)
        try:
            for cube in self._lines.may_of[number]:
                for place in self._lines.places[cube]:
                    found = self._first_with_other_action(place, number, entry, budget)
                    if found is not None:
                        return True, found
        except BudgetError:
            return True, None
        return False, None

    def _first_with_other_action(self, place: Place, number: int, entry: Entry, budget: Budget) -> Point | None:
        part, local = place
        masks = self._lines.masks(part)
        same, other = (masks.permit, masks.deny) if entry.action == PERMIT else (masks.deny, masks.permit)
        opening = masks.opening >> local & 1
        if opening:
            # What a rule does to new connections is its intention: that invalid packets are refused first, or replies
            # accepted first, contradicts nobody.
            other &= masks.opening
        before = self._lines.before(place, number)
        around = part.overlapping(local, before & (self._usable[id(part)] | self._live_may[id(part)] & masks.may))
        for opposed in bits(around & other):
            piece = self._common(place, opposed)
            if piece is not None and opening:
                piece = with_state(piece, NEW)
            cover = around & same & self._usable[id(part)] & ((1 << opposed) - 1)
            left = None if piece is None else self._left(part, piece, cover, budget)
            if left is not None:
                return left
        return None

    def _common(self, place: Place, other: int) -> Cube | None:
        part, local = place
        return meet_cubes(self._lines.in_part(part, part.cube(local)), part.cube(other))

    # -------------------------------------------------------------------------------------------- live rules

    def _live(self, number: int, packet: Point) -> Found:
        entry = self._entries[number]
        undetermined = self._perhaps_hidden(number)
        if entry.action == NONE or entry.rule.automatic or not self._pairs:
            return Found(witness=packet, undetermined=undetermined)
        return self._relations(number)._replace(witness=packet, undetermined=undetermined)

    def _repeated(self, number: int, found: Found) -> Found:
        """Add whether later live lines do the same, and which."""
        entry = self._entries[number]
        live = not (found.dead or found.undetermined == "budget") and number in self._free
        if not live or entry.action == NONE or entry.rule.automatic:
            return found
        if not self._downward(number, *self._free[number]):
            return found
        return found._replace(downward=True, blockers=tuple(self._repeated_by(number)))

    def _perhaps_hidden(self, number: int) -> str:
        """`objects` when earlier rules whose content is not certain may hide all of the entry."""
        if self._lines.exact:
            return ""
        budget = Budget(QUESTION, self._purse)
        try:
            for cube in self._lines.may_of[number]:
                for place in self._lines.places[cube]:
                    masks = self._lines.masks(place.part)
                    among = self._lines.before(place, number) & (masks.may & masks.whole | masks.sure)
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
        budget = Budget(QUESTION, self._purse)
        try:
            return all(
                self._all_same_later(where, number, entry, budget)
                for cube in self._lines.may_of[number]
                for where in self._lines.places[cube]
            )
        except BudgetError:
            return False

    def _same_later(self, place: Place, number: int, entry: Entry, packet: Point) -> bool:
        """The next rules that match one packet surely have the same action; those never reached do not count."""
        part = place.part
        masks = self._lines.masks(part)
        usable = self._usable[id(part)]
        other = masks.deny if entry.action == PERMIT else masks.permit
        later = part.matching(packet, self._after(place, number) & (masks.may | masks.sure))
        for local in bits(later):
            if other >> local & 1:
                return False
            if usable >> local & 1:
                return True
        return False

    def _all_same_later(self, place: Place, number: int, entry: Entry, budget: Budget) -> bool:
        part, local = place
        masks = self._lines.masks(part)
        same, other = (masks.permit, masks.deny) if entry.action == PERMIT else (masks.deny, masks.permit)
        after = self._after(place, number)
        earlier = part.overlapping(local, self._lines.before(place, number) & self._usable[id(part)])
        repeating = part.overlapping(local, after & same & self._usable[id(part)])
        for opposed in bits(part.overlapping(local, after & other & masks.may)):
            piece = self._common(place, opposed)
            cover = earlier | repeating & ((1 << opposed) - 1)
            if piece is not None and self._left(part, piece, cover, budget) is not None:
                return False
        # What no later rule surely decides would change too.
        later = part.overlapping(local, after & self._usable[id(part)])
        return self._left(part, self._lines.in_part(part, part.cube(local)), earlier | later, budget) is None

    def _left(self, part: Part, piece: Cube, cover: int, budget: Budget) -> Point | None:
        """A packet of a piece that the union of some cubes of a part leaves, None when it holds them all."""
        packet = representative(piece)
        budget.spend()
        around = part.matching(packet, cover)
        if not around:
            return packet
        if includes(self._lines.in_part(part, part.cube(next(bits(around)))), piece):
            return None
        members = [part.narrow(part.cube(member)) for member in bits(cover)]
        left = uncovered(part.narrow(piece), members, budget)
        return None if left is None else representative(part.widen(left, piece))

    def _repeated_by(self, number: int) -> list[int]:
        """Later live entries that do the same to the packets of an entry, at most `LISTED`."""
        action = self._entries[number].action
        found: dict[int, None] = {}
        for cube in self._lines.may_of[number]:
            for place in self._lines.places[cube]:
                masks = self._lines.masks(place.part)
                same = masks.permit if action == PERMIT else masks.deny
                among = self._after(place, number) & same & self._usable[id(place.part)]
                holding = place.part.containing(place.local, among)
                for local in bits(holding or place.part.overlapping(place.local, among)):
                    found[self._lines.owner[place.part.global_of[local]]] = None
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
        for cube in self._lines.sure_of[number]:
            for place in self._lines.places[cube]:
                part, local = place
                masks = self._lines.masks(part)
                if not masks.opening >> local & 1:
                    continue
                other = masks.deny if entry.action == PERMIT else masks.permit
                around = part.overlapping(
                    local, self._lines.before(place, number) & other & masks.opening & self._live_may[id(part)]
                )
                if not around:
                    continue
                within = part.contained(local, around)
                alone = masks.single
                if len(self._lines.sure_of[number]) > 1:
                    alone = 0
                general_count += self._take(part, within & alone, general)
                crossed_count += self._take(part, around & ~within & alone & masks.sure, crossed)
                for one in bits(around & ~alone):
                    owner = self._lines.owner[part.global_of[one]]
                    overlapped[owner] = None
                    if within >> one & 1 and part.global_of[one] in self._lines.may_of[owner]:
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
            owner = self._lines.owner_of(part, local)
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
        if len(self._lines.sure_of[number]) == 1:
            return False
        try:
            return self._left_by(self._entries[owner].may, [number], Budget(QUESTION, self._purse)) is None
        except BudgetError:
            return False

    def _crosses(self, number: int, owner: int) -> bool:
        """Both surely have a packet in common."""
        if self._entries[owner].rule.automatic:
            return False
        return any(
            meet(one, other) is not None for one in self._entries[number].sure for other in self._entries[owner].sure
        )


def _packet_cube(cube: Box) -> Box:
    """One packet of a cube, as a cube."""
    return tuple(((value, value),) for value in representative(cube))


def _unproved(entry: Entry) -> Found:
    """What is said of a line when unfolding had to stop: nothing can be proved."""
    if not entry.may:
        return Found(dead=True, empty=True)
    return Found(undetermined="incomplete", witness=representative(entry.may[0]))
