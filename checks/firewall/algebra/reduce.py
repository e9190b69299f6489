"""A smaller rule set that does the same: rules nobody would miss are left out, one at a time, each with its proof."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from checks.firewall.algebra.anomalies import Analysis
from checks.firewall.algebra.compare import Comparison, compare
from checks.firewall.algebra.cubes import meet
from checks.firewall.algebra.flatten import Entry, Policy, policies_of
from checks.firewall.algebra.rules import RuleKey, key_of
from checks.firewall.facts import DENY, FORWARD, INPUT, NONE, OUTPUT, PERMIT, Chain, Device, Rule

HOOKS = (FORWARD, INPUT, OUTPUT)
MAX_REORDERED = 1000
"""Rules of one chain above which no order by use is proposed: every pair that would cross is compared."""


class Proof(NamedTuple):
    """Comparison of one base chain before and after, for one IP version."""

    chain: str
    family: int
    comparison: Comparison
    before: Policy


class Proposal(NamedTuple):
    """A device rewritten, never applied."""

    device: Device
    """Rules without effect are disabled in it, not deleted: that is how it should be tried first."""
    removed: tuple[Rule, ...]
    proofs: tuple[Proof, ...]

    @property
    def equivalent(self) -> bool:
        """Every packet is proved to be treated as before."""
        return all(proof.comparison.complete and not proof.comparison.differences for proof in self.proofs)


def reduced(device: Device) -> Proposal:
    """Leave out enabled rules without effect.

    A rule that logs, and whose packets only the product's own default would then refuse, is kept: it tells what the
    default does not. Rules of uncertain effect are kept.
    """
    removed = _removable(device)
    kept = tuple(
        msgspec.structs.replace(chain, rules=tuple(_switched_off(rule, chain, removed) for rule in chain.rules))
        for chain in device.chains
    )
    smaller = msgspec.structs.replace(device, chains=kept)
    return Proposal(smaller, tuple(removed.values()), prove(device, smaller))


def _switched_off(rule: Rule, chain: Chain, removed: dict[RuleKey, Rule]) -> Rule:
    return msgspec.structs.replace(rule, enabled=False) if key_of(rule, chain.name) in removed else rule


def prove(before: Device, after: Device) -> tuple[Proof, ...]:
    """Compare two states of a device, base chain by base chain."""
    proofs: list[Proof] = []
    for hook in HOOKS:
        pairs = zip(policies_of(before, hook), policies_of(after, hook), strict=True)
        for one, other in pairs:
            # Zones must be numbered alike on both sides.
            same = one.space == other.space
            found = compare(one, other) if same else Comparison((), complete=False)
            proofs.append(Proof(one.chain.name, one.space.family, found, one))
    return tuple(proofs)


def _removable(device: Device) -> dict[RuleKey, Rule]:
    where: dict[RuleKey, list[tuple[Analysis, int]]] = {}
    rules: dict[RuleKey, Rule] = {}
    for hook in HOOKS:
        for policy in policies_of(device, hook):
            analysis = Analysis(policy, pairs=False)
            analysis.run()
            for number, entry in enumerate(policy.entries):
                if not entry.rule.automatic:
                    key = key_of(entry.rule, entry.chain)
                    where.setdefault(key, []).append((analysis, number))
                    rules[key] = entry.rule
    removed: dict[RuleKey, Rule] = {}
    for key in reversed(list(where)):
        rule = rules[key]
        if rule.action in (PERMIT, DENY) and not _tells(rule, where[key]) and _take_out(where[key]):
            removed[key] = rule
    return dict(sorted(removed.items()))


def _tells(rule: Rule, places: list[tuple[Analysis, int]]) -> bool:
    """The rule writes a log that the default behind it does not, and matches as much as the default: a last word."""
    return rule.log is True and any(analysis.is_last_word(number) for analysis, number in places)


def _take_out(places: list[tuple[Analysis, int]]) -> bool:
    """Take a rule out of every list it stands in, or of none."""
    done: list[tuple[Analysis, int]] = []
    for analysis, number in sorted(places, key=lambda place: -place[1]):
        if not analysis.take_out(number):
            for other, index in done:
                other.put_back(index)
            return False
        done.append((analysis, number))
    return True


def by_use(device: Device) -> Device | None:
    """The device with its most used rules moved up where that changes nothing; None without hit counters.

    A rule passes over another only when both have the same action or no packet in common.
    """
    moved = False
    chains: list[Chain] = []
    for chain in device.chains:
        order = _reordered(device, chain)
        moved = moved or order is not None
        chains.append(chain if order is None else msgspec.structs.replace(chain, rules=order))
    return msgspec.structs.replace(device, chains=tuple(chains)) if moved else None


def _reordered(device: Device, chain: Chain) -> tuple[Rule, ...] | None:
    active = [rule for rule in chain.rules if rule.enabled]
    plain = all(rule.action in (PERMIT, DENY, NONE) for rule in active)
    if not plain or len(active) > MAX_REORDERED or not any(rule.hits for rule in active) or not chain.hook:
        return None
    entries = _entries(device, chain)
    order: list[Rule] = []
    for rule in active:
        place = len(order)
        while place and _may_pass(rule, order[place - 1], entries):
            place -= 1
        order.insert(place, rule)
    if order == active:
        return None
    return (*order, *(rule for rule in chain.rules if not rule.enabled))


def _entries(device: Device, chain: Chain) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = {}
    for policy in policies_of(device, chain.hook):
        if policy.chain.name == chain.name:
            for entry in policy.entries:
                found.setdefault(id(entry.rule), []).append(entry)
    return found


def _may_pass(rule: Rule, above: Rule, entries: dict[int, list[Entry]]) -> bool:
    if rule.hits is None or above.hits is None or rule.hits <= above.hits or rule.automatic or above.automatic:
        return False
    if rule.action == above.action:
        return True
    # Cubes of both IP versions are compared with each other too: that only forbids more moves.
    return not any(
        meet(one, other) is not None
        for mine in entries.get(id(rule), ())
        for theirs in entries.get(id(above), ())
        for one in mine.may
        for other in theirs.may
    )
