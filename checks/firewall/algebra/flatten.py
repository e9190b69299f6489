"""From the chains of a device to plain ordered lists: called chains are unfolded, names become numbers.

What an entry surely matches and what it may match are kept apart from here on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.cubes import subtract
from checks.firewall.algebra.intervals import Intervals
from checks.firewall.algebra.services import Box
from checks.firewall.algebra.space import Cube, Point, Space, meet_cubes, space_of
from checks.firewall.facts import DENY, GOTO, INPUT, JUMP, NONE, OUTPUT, PERMIT, RETURN, Chain, Device, Rule

MAX_ENTRIES = 400_000
"""Lines after unfolding: a chain called from many places counts as often. Beyond, nothing is proved."""
MAX_UNFOLDED, MAX_UNFOLDED_PER_RULE = 30_000, 8
"""Cubes that calls and early returns may make: calls that double at each level would make 2^64 of them."""
MAX_CALLS = 64
"""Depth of calls; the Linux kernel refuses loops, others limit the depth further."""
UNKNOWN_RULES = "?"
"""Reference of the two lines that stand for what a called chain of uncertain content may also do."""
MAX_PIECES = 48
"""Cubes one calling context may be cut into by conditional returns, before it is taken as uncertain."""


class Entry(NamedTuple):
    """One line of the flat list."""

    rule: Rule
    chain: str
    action: str
    """`permit`, `deny`, or `none` for a line that is only checked for being reached."""
    may: tuple[Cube, ...]
    """What it may match, as product sets."""
    sure: tuple[Cube, ...]
    """What it matches for certain; the same object as `may` when it is exact."""
    conditional: bool = False
    """It, or a call that leads to it, also demands what is not evaluated here: it never takes all that it may."""


class Policy(NamedTuple):
    """One base chain for one IP version: first match wins."""

    chain: Chain
    space: Space
    entries: tuple[Entry, ...]
    """The default of the chain is the last entry."""
    complete: bool
    """False when unfolding had to stop: nothing may then be proved."""

    def describe(self, point: Point) -> dict[str, str]:
        """A packet as people write it (see `Space.describe`), without the interface it never has in this hook."""
        found = self.space.describe(point)
        found.pop({INPUT: "out", OUTPUT: "in"}.get(self.chain.hook, ""), None)
        return found


class _Sets(NamedTuple):
    """Both approximations of each numbered set of a device, for one IP version."""

    sure: list[Intervals]
    may: list[Intervals]


class _Context(NamedTuple):
    """The packets that reach a point of a called chain."""

    may: tuple[Cube, ...]
    sure: tuple[Cube, ...]
    conditional: bool = False


def policies_of(device: Device, hook: str) -> tuple[Policy, ...]:
    """The base chains of a hook in the order they are crossed, one policy per IP version each concerns.

    Raises `AddressError` or `ServiceError` (ValueErrors) on facts somebody edited.
    """
    chains = {chain.name: chain for chain in device.chains}
    bases = sorted((chain for chain in device.chains if chain.hook == hook), key=lambda chain: chain.priority)
    if not bases:
        return ()
    addresses = [ip.from_fact(fact) for fact in device.addresses]
    boxes = [svc.from_fact(fact) for fact in device.services]
    services = [(one.sure, _all_boxes(one)) for one in boxes]
    endless = _endless(chains)
    found: list[Policy] = []
    for family in (4, 6):
        space = space_of(device, device.chains, family)
        sets = _Sets(
            sure=[one.v4 if family == 4 else one.v6 for one in addresses],  # noqa: PLR2004
            may=[one.over4 if family == 4 else one.over6 for one in addresses],  # noqa: PLR2004
        )
        for base in bases:
            if family in base.families:
                unfolder = _Unfolder(chains, space, sets, services)
                found.append(unfolder.policy(base, hopeless=base.name in endless))
    return tuple(found)


def _endless(chains: dict[str, Chain]) -> set[str]:
    """Chains whose calls, followed one by one, would make far more lines than can be examined."""
    calls = {
        name: [rule.target for rule in chain.rules if rule.enabled and rule.target in chains]
        for name, chain in chains.items()
    }
    called = [target for targets in calls.values() for target in targets]
    if len(set(called)) == len(called):  # nothing is called twice: nothing multiplies
        return set()
    top = 4 * MAX_ENTRIES
    lines = {name: len(chain.rules) for name, chain in chains.items()}
    for _ in range(MAX_CALLS):
        longer = {
            name: min(top, len(chains[name].rules) + sum(lines[target] for target in targets))
            for name, targets in calls.items()
            if targets
        }
        if all(lines[name] == count for name, count in longer.items()):
            break
        lines.update(longer)
    return {name for name, count in lines.items() if count >= top}


def _all_boxes(one: svc.Services) -> tuple[Box, ...]:
    return svc.join(svc.Services(sure=one.sure), svc.Services(sure=one.maybe)).sure if one.maybe else one.sure


class _Unfolder:
    """Walks the chains reachable from a base chain."""

    def __init__(
        self,
        chains: dict[str, Chain],
        space: Space,
        sets: _Sets,
        services: Sequence[tuple[tuple[Box, ...], tuple[Box, ...]]],
    ) -> None:
        self._chains = chains
        self._space = space
        self._sets = sets
        self._services = services
        self._full = space.full
        self._everything = _Context(may=(self._full,), sure=(self._full,))
        self._zones: dict[tuple[tuple[str, ...], bool], Intervals] = {}
        self._entries: list[Entry] = []
        self._open: list[str] = []
        self._complete = True
        rules = sum(len(chain.rules) for chain in chains.values())
        self._left = max(MAX_UNFOLDED, MAX_UNFOLDED_PER_RULE * rules)

    def policy(self, base: Chain, *, hopeless: bool) -> Policy:
        """The flat list; `hopeless` when following each call would not end."""
        if not hopeless:
            self._walk(base, self._everything)
        if hopeless or self._too_many():
            self._once(base)
        return Policy(base, self._space, tuple(self._entries), self._complete)

    def _walk(self, chain: Chain, context: _Context) -> None:
        if chain.name in self._open or len(self._open) >= MAX_CALLS or self._too_many():
            self._complete = False
            return
        self._open.append(chain.name)
        whole = context
        for rule in chain.rules:
            if not rule.enabled or not context.may:
                continue
            may, sure = self._match(rule, chain, context)
            if context is not self._everything:
                self._left -= 1 + len(may)
                if self._left < 0:
                    break
            conditional = context.conditional or bool(rule.conditions)
            if rule.action in (PERMIT, DENY, NONE):
                self._entries.append(Entry(rule, chain.name, rule.action, may, sure, conditional))
                continue
            self._entries.append(Entry(rule, chain.name, NONE, may, sure, conditional))
            if not may:
                continue
            if rule.action in (JUMP, GOTO):
                self._call(rule.target, _Context(may, sure, conditional))
            if rule.action in (RETURN, GOTO):
                context = self._without(context, may, sure)
        if chain.default in (PERMIT, DENY):
            # What returned early from a base chain meets its default too.
            last = whole if not self._open[:-1] else context
            certain = chain.default_certain and chain.exact
            self._entries.append(
                Entry(_default_rule(chain), chain.name, chain.default, last.may, last.sure if certain else ())
            )
        elif not chain.exact and self._open[:-1]:
            self._unknown_rules(chain, whole)
        self._open.pop()

    def _unknown_rules(self, chain: Chain, context: _Context) -> None:
        """What a called chain may also hold: some rule of either action that the export does not show well."""
        for action in (PERMIT, DENY):
            rule = Rule(
                ref=UNKNOWN_RULES,
                name=f"règles de {chain.name} mal connues",
                line=0,
                action=action,
                source=0,
                destination=0,
                services=0,
                conditions=(chain.why_not_exact or "liste incertaine",),
                automatic=True,
            )
            self._entries.append(Entry(rule, chain.name, action, context.may, (), conditional=True))

    def _too_many(self) -> bool:
        return self._left < 0 or len(self._entries) > MAX_ENTRIES

    def _once(self, base: Chain) -> None:
        """Each reachable chain once, whatever the calls that lead to it: what each rule may match at most."""
        self._complete = False
        self._entries = []
        reached = {base.name: base}
        waiting = [base]
        for chain in waiting:
            for rule in chain.rules:
                if not rule.enabled:
                    continue
                may = tuple(self._cubes(rule, self._sets.may, 1))
                action = rule.action if rule.action in (PERMIT, DENY) else NONE
                self._entries.append(Entry(rule, chain.name, action, may, (), conditional=True))
                target = self._chains.get(rule.target)
                if rule.action in (JUMP, GOTO) and target is not None and target.name not in reached:
                    reached[target.name] = target
                    waiting.append(target)
        if base.default in (PERMIT, DENY):
            self._entries.append(Entry(_default_rule(base), base.name, base.default, (self._full,), ()))

    def _call(self, name: str, context: _Context) -> None:
        target = self._chains.get(name)
        if target is None:
            self._complete = False
            return
        self._walk(target, context)

    def _match(self, rule: Rule, chain: Chain, context: _Context) -> tuple[tuple[Cube, ...], tuple[Cube, ...]]:
        may = tuple(self._cubes(rule, self._sets.may, 1))
        exact = chain.exact and not rule.conditions
        if not exact:
            sure: tuple[Cube, ...] = ()
        elif self._sets.may is self._sets.sure or self._is_exact(rule):
            sure = may
        else:
            sure = tuple(self._cubes(rule, self._sets.sure, 0))
        whole = (self._full,)
        same = sure is may
        if context.may != whole:
            may = _meet_all(context.may, may)
        if context.sure == whole:
            return may, may if same else sure
        if same and context.sure == context.may:
            return may, may
        return may, _meet_all(context.sure, sure)

    def _is_exact(self, rule: Rule) -> bool:
        sure, may = self._sets
        boxes = self._services[rule.services]
        return (
            sure[rule.source] == may[rule.source]
            and sure[rule.destination] == may[rule.destination]
            and boxes[0] == boxes[1]
        )

    def _cubes(self, rule: Rule, sets: list[Intervals], which: int) -> Iterator[Cube]:
        source, destination = sets[rule.source], sets[rule.destination]
        if not source or not destination:
            return
        zone_in = self._zone(rule.in_zones, rule.in_negated)
        zone_out = self._zone(rule.out_zones, rule.out_negated)
        if not zone_in or not zone_out:
            return
        state = self._space.state_set(rule.state)
        translated = self._space.translated_set(rule.translated)
        for box in self._services[rule.services][which]:
            yield (zone_in, zone_out, source, destination, box.services, box.source_ports, state, translated)

    def _zone(self, names: tuple[str, ...], negated: bool) -> Intervals:
        found = self._zones.get((names, negated))
        if found is None:
            found = self._zones[names, negated] = self._space.zone_set(names, negated=negated)
        return found

    def _without(self, context: _Context, may: tuple[Cube, ...], sure: tuple[Cube, ...]) -> _Context:
        """What goes on in the chain after some packets left it."""
        left = _subtract_all(context.may, sure)
        kept = _subtract_all(context.sure, may)
        if left is None or kept is None:
            return context._replace(may=context.may if left is None else left, sure=() if kept is None else kept)
        return context._replace(may=left, sure=kept)


def _default_rule(chain: Chain) -> Rule:
    return Rule(
        ref="défaut",
        name=f"politique par défaut de {chain.name}",
        line=chain.default_line,
        action=chain.default,
        source=0,
        destination=0,
        services=0,
        log=chain.default_log,
        automatic=True,
    )


def _meet_all(left: tuple[Cube, ...], right: tuple[Cube, ...]) -> tuple[Cube, ...]:
    found = (meet_cubes(one, other) for one in left for other in right)
    return tuple(cube for cube in found if cube is not None)


def _subtract_all(cubes: tuple[Cube, ...], taken: tuple[Cube, ...]) -> tuple[Cube, ...] | None:
    """None when the result would be in too many pieces."""
    rest = list(cubes)
    for other in taken:
        rest = [cast("Cube", piece) for cube in rest for piece in subtract(cube, other)]
        if len(rest) > MAX_PIECES:
            return None
    return tuple(rest)
