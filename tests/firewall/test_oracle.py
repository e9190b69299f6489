"""The union engine against brute force: small random policies of which every packet is enumerated."""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter

import pytest

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.compare import compare
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.algebra.reduce import by_use, prove, reduced
from checks.firewall.algebra.rules import device_anomalies
from checks.firewall.facts import Chain, Interface, Rule
from checks.firewall.parsers.builder import DeviceBuilder

POLICIES = 1000
BATCH = 50
ZONES = ("lan", "wan")


class Field:
    """A field of `size` values; the last one stands for everything the rules never name apart."""

    def __init__(self, size: int):
        self.size = size
        self.all = (1 << size) - 1

    def pick(self, rng: random.Random) -> int:
        """A random set, often an interval, sometimes everything, as a mask of values."""
        kind = rng.random()
        if kind < 0.2:
            return self.all
        mask = 0
        for _ in range(1 if kind < 0.85 else rng.randint(2, 3)):
            low = rng.randrange(self.size)
            high = min(self.size - 1, low + int(rng.expovariate(3 / self.size)))
            mask |= (1 << (high + 1)) - (1 << low)
        return mask

    def values(self, mask: int) -> list[int]:
        return [value for value in range(self.size) if mask >> value & 1]


def addresses(field: Field, mask: int) -> ip.Addresses:
    """Value v is 10.0.0.v; the last value is every other IPv4 address."""
    last = field.size - 1
    named = ip.from_ranges(f"10.0.0.{v}" for v in field.values(mask) if v != last)
    if mask >> last & 1:
        rest = ip.negate(ip.from_ranges(f"10.0.0.{v}" for v in range(last)), families=(4,))
        return ip.join(named, rest)
    return named


def services(field: Field, mask: int) -> svc.Services:
    last = field.size - 1
    parts = [svc.parse_service(f"tcp/{v + 1}") for v in field.values(mask) if v != last]
    if mask >> last & 1:
        parts.append(svc.negate(svc.join(*(svc.parse_service(f"tcp/{v + 1}") for v in range(last)))))
    return svc.join(*parts) if parts else svc.NOTHING


class Line:
    """One random rule: what it may match and surely matches, as masks of packets."""

    def __init__(self, rng: random.Random, shape, *, doubt: bool):
        self.source, self.destination, self.service = (field.pick(rng) for field in shape)
        self.zones = rng.choice([(), (), ("lan",), ("wan",), ("lan", "wan")])
        self.action = rng.choice(["permit", "deny"])
        self.maybe = shape[0].pick(rng) & ~self.source if doubt and rng.random() < 0.3 else 0
        if doubt and rng.random() < 0.05:
            self.source = self.maybe = 0
        self.condition = doubt and rng.random() < 0.1


def plant_union(rng: random.Random, lines: list[Line]) -> None:
    """Put before a rule two or three that hold it together, each with a part of one of its fields, and more around."""
    at = rng.randrange(len(lines))
    hidden = lines[at]
    field = rng.choice(["source", "destination", "service"])
    values = [bit for bit in range(getattr(hidden, field).bit_length()) if getattr(hidden, field) >> bit & 1]
    cuts = sorted(rng.sample(range(1, len(values)), min(len(values) - 1, rng.choice([1, 1, 2])))) if values else []
    for low, high in itertools.pairwise([0, *cuts, len(values)] if cuts else []):
        piece = copy.copy(hidden)
        part = sum(1 << value for value in values[low:high])
        setattr(piece, field, part | rng.choice([0, getattr(rng.choice(lines), field)]))
        piece.action = rng.choice([hidden.action, hidden.action, "permit", "deny"])
        piece.maybe, piece.condition = 0, False
        piece.zones = rng.choice([(), hidden.zones])
        lines.insert(rng.randrange(lines.index(hidden) + 1), piece)


def packets(line: Line, shape, source: int) -> int:
    """Mask of the packets of a product; packet number = ((zone * S + src) * D + dst) * V + svc."""
    width_service, width_destination = shape[2].size, shape[1].size
    row = 0
    for value in shape[1].values(line.destination):
        row |= line.service << (value * width_service)
    plane = 0
    for value in shape[0].values(source):
        plane |= row << (value * width_destination * width_service)
    size = shape[0].size * width_destination * width_service
    zones = line.zones or (*ZONES, "other")
    found = 0
    for number, zone in enumerate((*ZONES, "other")):
        if zone in zones:
            found |= plane << (number * size)
    return found


def policy(seed: int, *, certain: bool = False):
    """A device, and for each rule (action, may, sure)."""
    rng = random.Random(seed)
    shape = [Field(size) for size in rng.choice([(256, 8, 4), (8, 256, 4), (64, 32, 4), (16, 16, 32), (256, 32, 1)])]
    doubt = seed % 3 == 0 and not certain
    lines = [Line(rng, shape, doubt=doubt) for _ in range(rng.randint(2, 14))]
    if seed % 2:
        plant_union(rng, lines)
    builder = DeviceBuilder("test", [])
    rules, oracle = [], []
    for number, line in enumerate(lines, 1):
        value = addresses(shape[0], line.source)
        extra = addresses(shape[0], line.maybe)
        value = value._replace(maybe4=extra.v4, unresolved=("fqdn:x",) if line.maybe else ())
        rules.append(
            Rule(
                ref=str(number),
                line=number,
                action=line.action,
                source=builder.address(value),
                destination=builder.address(addresses(shape[1], line.destination)),
                services=builder.service(services(shape[2], line.service)),
                in_zones=line.zones,
                conditions=("utilisateur : x",) if line.condition else (),
                hits=rng.randrange(100),
            )
        )
        may = packets(line, shape, line.source | line.maybe)
        sure = 0 if line.condition else packets(line, shape, line.source)
        oracle.append((line.action, may, sure))
    default = rng.choice(["permit", "deny"])
    whole = (1 << (3 * shape[0].size * shape[1].size * shape[2].size)) - 1
    chain = Chain(name="filter", hook="forward", families=(4,), default=default, rules=tuple(rules))
    interfaces = tuple(Interface(name=zone) for zone in ZONES)
    device = builder.build(name="test", chains=(chain,), interfaces=interfaces)
    return device, [*oracle, (default, whole, whole)]


def conditional(device):
    return {int(rule.ref) - 1 for rule in device.chains[0].rules if rule.conditions}


def brute_force(oracle, partial=frozenset()):
    """Every anomaly by enumeration: {(kind, rule): detail}."""
    found = {}
    count = len(oracle) - 1
    dead = set()
    exact = all(may == sure for _, may, sure in oracle)
    for i in range(count):
        action, may, _ = oracle[i]
        earlier = 0
        for j in range(i):
            earlier |= oracle[j][2]
        if not may:
            found["empty", i] = None
            dead.add(i)
        elif not may & ~earlier:
            dead.add(i)
            differs = False
            same = 0
            for other, other_may, other_sure in oracle[:i]:
                if other == action:
                    same |= other_sure
                else:
                    differs |= bool(may & other_may & ~same)
            live = [j for j in range(i) if j not in dead]
            smallest = next(
                size
                for size in range(1, len(live) + 1)
                if any(covers(oracle, group, may) for group in itertools.combinations(live, size))
            )
            found["shadowed" if differs else "redundant", i] = smallest
        elif not exact and not may & ~union(oracle[:i], partial):
            found["undetermined", i] = None
        else:
            live_rule(oracle, i, dead, found)
    for i in set(range(count)) - dead:
        if ("undetermined", i) not in found and repeated_later(oracle, i, dead):
            found["redundant downward", i] = None
    return found


def union(lines, partial) -> int:
    total = 0
    for number, (_, may, sure) in enumerate(lines):
        total |= sure if number in partial else may
    return total


def covers(oracle, group, may) -> bool:
    for j in group:
        may &= ~oracle[j][2]
    return not may


def repeated_later(oracle, i, dead) -> bool:
    """Later live rules do the same to every packet that reaches a rule."""
    action, left, _ = oracle[i]
    for _, _, sure in oracle[:i]:
        left &= ~sure
    kept = True
    for j, (other, may, sure) in enumerate(oracle[i + 1 :], i + 1):
        if other != action:
            kept &= not left & may
        elif j not in dead:
            left &= ~sure
    return kept and not left


def live_rule(oracle, i, dead, found) -> None:
    action, _, sure = oracle[i]
    general, crossed = set(), set()
    for j in range(i):
        other, other_may, other_sure = oracle[j]
        if j in dead or other == action:
            continue
        if not other_may & ~sure:
            general.add(j)
        elif other_sure & sure:
            crossed.add(j)
    if general:
        found["generalisation", i] = general
    if crossed:
        found["correlation", i] = crossed


@pytest.mark.parametrize("batch", range(POLICIES // BATCH))
def test_no_false_and_no_missed_anomaly(batch):
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        device, oracle = policy(seed)
        wanted = brute_force(oracle, conditional(device))
        got = {}
        for anomaly in device_anomalies(device):
            kind = f"{anomaly.kind} downward" if anomaly.direction == "downward" else anomaly.kind
            assert (kind, int(anomaly.rule.ref) - 1) not in got
            got[kind, int(anomaly.rule.ref) - 1] = anomaly
        assert got.keys() == wanted.keys(), f"seed {seed}"
        for (kind, i), anomaly in got.items():
            detail = wanted[kind, i]
            related = [int(rule.ref) - 1 for rule in anomaly.related if rule.ref.isdigit()]
            if kind in ("shadowed", "redundant"):
                assert covers(oracle, related, oracle[i][1]), f"seed {seed} rule {i}: not a blocking set"
                assert anomaly.smallest, f"seed {seed} rule {i}"
                assert len(related) == detail, f"seed {seed} rule {i}: {related} is not smallest"
                assert anomaly.action_differs is (kind == "shadowed")
            elif kind in ("generalisation", "correlation"):
                assert set(related) == detail, f"seed {seed} rule {i} {kind}"
                assert anomaly.related_count == len(detail)


def test_the_policies_hold_every_kind_of_anomaly():
    """The comparison means something: each kind occurs often, unions of several rules included."""
    kinds = Counter()
    for seed in range(0, POLICIES, 3):
        for (kind, _), detail in brute_force(policy(seed)[1], conditional(policy(seed)[0])).items():
            kinds[kind] += 1
            kinds["union"] += kind in ("shadowed", "redundant") and detail > 1
    expected = ("shadowed", "redundant", "redundant downward", "undetermined", "generalisation", "correlation", "union")
    assert all(kinds[kind] >= 20 for kind in expected), kinds


def permitted(oracle) -> int:
    """Mask of the packets that an exact policy lets through."""
    left, found = -1, 0
    for action, may, _ in oracle:
        found |= may & left if action == "permit" else 0
        left &= ~may
    return found


@pytest.mark.parametrize("batch", range(4))
def test_a_reduced_policy_does_the_same_and_cannot_lose_one_more_rule(batch):
    shorter = 0
    for seed in range(batch * 50, (batch + 1) * 50):
        device, oracle = policy(seed, certain=True)
        proposal = reduced(device)
        assert proposal.equivalent, f"seed {seed}"
        gone = {int(rule.ref) - 1 for rule in proposal.removed}
        left = [line for number, line in enumerate(oracle) if number not in gone]
        assert permitted(left) == permitted(oracle), f"seed {seed}"
        for number in range(len(left) - 1):
            others = left[:number] + left[number + 1 :]
            assert permitted(others) != permitted(oracle), f"seed {seed}: one more rule could go"
        shorter += bool(gone)
    assert shorter > 25


@pytest.mark.parametrize("batch", range(2))
def test_rules_moved_up_by_use_change_nothing(batch):
    moved = 0
    for seed in range(batch * 50, (batch + 1) * 50):
        device, oracle = policy(seed, certain=True)
        sorted_by_use = by_use(device)
        if sorted_by_use is None:
            continue
        moved += 1
        order = [int(rule.ref) - 1 for rule in sorted_by_use.chains[0].rules]
        assert sorted(order) == list(range(len(oracle) - 1))
        assert permitted([*(oracle[number] for number in order), oracle[-1]]) == permitted(oracle)
        for proof in prove(device, sorted_by_use):
            assert proof.comparison.complete
            assert not proof.comparison.differences
    assert moved > 25


def test_two_policies_are_equivalent_only_when_no_packet_differs():
    """One rule dropped or turned round: differences are found exactly when brute force finds one."""
    kinds = Counter()
    for seed in range(300):
        device, oracle = policy(seed, certain=True)
        rng = random.Random(-seed)
        (before,) = policies_of(device, "forward")
        at = rng.randrange(len(oracle) - 1)
        entries, lines = list(before.entries), list(oracle)
        if seed % 2:
            del entries[at], lines[at]
        else:
            turned = "deny" if oracle[at][0] == "permit" else "permit"
            entries[at] = entries[at]._replace(action=turned)
            lines[at] = (turned, *oracle[at][1:])
        found = compare(before, before._replace(entries=tuple(entries)))
        differs = permitted(lines) != permitted(oracle)
        assert found.complete
        assert bool(found.differences) == differs, f"seed {seed}"
        for one in found.differences:
            assert one.before.action != one.after.action
        kinds[differs] += 1
    assert min(kinds[True], kinds[False]) > 50


def test_uncertain_rules_are_compared_with_themselves():
    """The same rule set is equivalent to itself, and to itself reduced, whatever its uncertain rules match."""
    uncertain = removed = 0
    for seed in range(0, 300, 3):
        device, oracle = policy(seed)
        uncertain += any(may != sure for _, may, sure in oracle)
        proposal = reduced(device)
        removed += bool(proposal.removed)
        assert proposal.equivalent, f"seed {seed}"
        for proof in prove(device, device):
            assert proof.comparison.complete
            assert not proof.comparison.differences
        gone = {int(rule.ref) - 1 for rule in proposal.removed}
        rng = random.Random(seed)
        for _ in range(20):  # each uncertain rule matches anything between what is sure and what may be
            drawn = [(action, sure | may & rng.getrandbits(may.bit_length() + 1), 0) for action, may, sure in oracle]
            left = [line for number, line in enumerate(drawn) if number not in gone]
            assert permitted(left) == permitted(drawn), f"seed {seed}"
    assert uncertain > 50
    assert removed > 30
