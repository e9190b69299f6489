"""What is not known never proves a rule dead: names, countries, absent objects, conditions, lists of uncertain order."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.decide import decide
from checks.firewall.algebra.reduce import reduced
from checks.firewall.algebra.rules import REDUNDANT, SHADOWED, UNDETERMINED, Anomaly, device_anomalies
from checks.firewall.facts import DENY, PERMIT, Device, Rule
from tests.firewall import random_devices
from tests.firewall.devices import Builder, device, forward

PC = "10.1.10.5"


def anomalies(*rules: Rule, build: Builder) -> dict[str, Anomaly]:
    found = device_anomalies(device(*rules, build=build))
    return {anomaly.rule.ref: anomaly for anomaly in found if anomaly.kind in (SHADOWED, REDUNDANT, UNDETERMINED)}


@pytest.mark.parametrize("unknown", ["?fqdn:maj.example", "?geo:RU", "?absent:GRP_X", "?dynamique:étiquette"])
@pytest.mark.parametrize("action", [PERMIT, DENY])
@pytest.mark.parametrize("cell", [0, 1, 2])
def test_an_object_that_is_not_resolved_hides_nothing(unknown, action, cell):
    build = Builder()
    cells = [unknown if place == cell else "any" for place in range(3)]
    first = build.rule("1", action, *cells)
    found = anomalies(first, build.rule("2", PERMIT, PC, service="tcp/443"), build=build)
    assert found["2"].kind == UNDETERMINED
    assert found["2"].why == "objects"
    resolved = build.rule("1", action)
    found = anomalies(resolved, build.rule("2", PERMIT, PC, service="tcp/443"), build=build)
    assert found["2"].kind == (REDUNDANT if action == PERMIT else SHADOWED), "the same rule, once known, hides it"


def test_a_rule_of_unknown_content_is_hidden_by_what_holds_everything():
    build = Builder()
    found = anomalies(build.rule("1", DENY), build.rule("2", PERMIT, "?fqdn:maj.example"), build=build)
    assert found["2"].kind == SHADOWED


def test_a_rule_of_unknown_content_is_not_hidden_by_what_holds_its_known_part():
    build = Builder()
    first = build.rule("1", DENY, "10.1.10.0/24")
    found = anomalies(first, build.rule("2", PERMIT, f"{PC},?absent:GRP_X"), build=build)
    assert "2" not in found
    found = anomalies(first, build.rule("2", PERMIT, PC), build=build)
    assert found["2"].kind == SHADOWED


@pytest.mark.parametrize("condition", ["utilisateur : soins", "horaire : nuit", "débit", "directive non comprise : x"])
def test_a_rule_that_also_asks_for_something_else_hides_nothing(condition):
    build = Builder()
    first = build.rule("1", DENY, conditions=(condition,))
    assert "2" not in anomalies(first, build.rule("2", PERMIT, PC), build=build)


@pytest.mark.parametrize("fields", [{"state": ("established", "related")}, {"translated": ("VIP",)}, {"frm": "eth*"}])
def test_a_rule_for_part_of_the_traffic_hides_nothing_of_the_rest(fields):
    build = Builder()
    assert "2" not in anomalies(build.rule("1", DENY, **fields), build.rule("2", PERMIT, PC), build=build)


def test_a_list_of_uncertain_order_proves_nothing():
    build = Builder()
    rules = [build.rule("1", DENY), build.rule("2", PERMIT, PC)]
    one = device(build=build, chains=(forward(rules, exact=False, why_not_exact="ordre inconnu"),))
    assert not [found for found in device_anomalies(one) if found.kind in (SHADOWED, REDUNDANT)]


# --- Whatever the unknown content turns out to be


def made_certain(one: Device, rng: random.Random) -> Device:
    """The same firewall, once everything is known: each unknown content drawn at random."""
    chains = []
    for chain in one.chains:
        rules = [_known(rule, rng) for rule in chain.rules]
        if not chain.exact:
            rng.shuffle(rules)
            extra = rules[0] if rules else None
            if extra is not None:
                line = {"ref": "x", "line": 0, "conditions": (), "enabled": True, "in_zones": (), "state": ()}
                action = rng.choice([PERMIT, DENY])
                rules.insert(rng.randrange(len(rules)), msgspec.structs.replace(extra, **line, action=action))
        default = rng.choice([PERMIT, DENY]) if not chain.default_certain and chain.hook else chain.default
        chains.append(
            msgspec.structs.replace(chain, rules=tuple(rules), exact=True, default=default, default_certain=True)
        )
    addresses, services = [], []
    for fact in one.addresses:
        value = ip.from_fact(fact)
        part = rng.choice([ip.NOTHING, ip.ANY, ip.from_ranges(["10.0.0.0/30"]), ip.from_ranges(["10.0.0.8/29"])])
        drawn = ip.join(ip.Addresses(v4=value.v4, v6=value.v6), part) if value.unresolved else value
        addresses.append(ip.to_fact(drawn))
    for content in one.services:
        known = svc.from_fact(content)
        drawn_part = rng.choice([svc.NOTHING, svc.ANY, svc.parse_service("tcp/80")])
        services.append(svc.to_fact(svc.join(svc.Services(sure=known.sure), drawn_part) if known.unresolved else known))
    return msgspec.structs.replace(one, chains=tuple(chains), addresses=tuple(addresses), services=tuple(services))


def _known(rule: Rule, rng: random.Random) -> Rule:
    if not rule.conditions:
        return rule
    return msgspec.structs.replace(rule, conditions=(), enabled=rule.enabled and rng.random() < 0.5)


def without(one: Device, *gone: Rule) -> Device:
    refs = {rule.ref for rule in gone}
    chains = tuple(
        msgspec.structs.replace(
            chain,
            rules=tuple(msgspec.structs.replace(r, enabled=r.enabled and r.ref not in refs) for r in chain.rules),
        )
        for chain in one.chains
    )
    return msgspec.structs.replace(one, chains=chains)


@pytest.mark.parametrize("batch", range(5))
def test_a_rule_said_useless_is_so_whatever_the_unknown_content(batch):
    seen = Counter()
    for seed in range(batch * 60, (batch + 1) * 60, 2):
        one = random_devices.device(seed)
        useless = [anomaly for anomaly in device_anomalies(one) if anomaly.kind in (SHADOWED, REDUNDANT)]
        removed = reduced(one).removed
        rng = random.Random(-seed)
        for _ in range(4):
            known = made_certain(one, rng)
            packets = [random_devices.packet(rng) for _ in range(15)]
            before = [decide(known, packet) for packet in packets]
            for anomaly in useless:
                if anomaly.direction != "downward":
                    refs = {decision.entry.rule.ref for decision in before if decision.entry}
                    assert anomaly.rule.ref not in refs, f"seed {seed}: {anomaly.rule}"
                after = [decide(without(known, anomaly.rule), packet).verdict for packet in packets]
                assert after == [decision.verdict for decision in before], f"seed {seed}: {anomaly.rule}"
                seen[anomaly.kind] += 1
            shorter = without(known, *removed)
            assert [decide(shorter, p).verdict for p in packets] == [d.verdict for d in before], f"seed {seed}"
            seen["removed"] += bool(removed)
    assert seen[REDUNDANT] > 40, seen
    assert seen["removed"] > 40, seen
