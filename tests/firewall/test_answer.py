"""Fates of whole sets of packets, and what may pass, against the packet-by-packet reading."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import pytest

from checks.firewall.algebra import addresses as ip
from checks.firewall.algebra import services as svc
from checks.firewall.algebra.answer import MAX_PIECES, fates
from checks.firewall.algebra.cubes import meet
from checks.firewall.algebra.decide import UNDETERMINED, Packet, decide, decide_all, point_of
from checks.firewall.algebra.flatten import Policy, policies_of
from checks.firewall.algebra.reach import Flow, Flows
from checks.firewall.algebra.space import Cube, inside
from checks.firewall.facts import DENY, FORWARD, JUMP, PERMIT, Chain
from tests.firewall import random_devices
from tests.firewall.devices import Builder, device, forward


def cubes_of(policies: list[Policy], rng: random.Random) -> list[Cube]:
    """Everything, or what some rule of the policies may match."""
    cubes = [policies[0].space.full]
    cubes += [cube for policy in policies for entry in policy.entries for cube in entry.may]
    return [rng.choice(cubes)]


@pytest.mark.parametrize("batch", range(5))
def test_fates_are_those_of_each_packet(batch):
    seen = Counter()
    for seed in range(batch * 40, (batch + 1) * 40):
        rng = random.Random(-seed)
        one = random_devices.device(seed, doubt=seed % 2 == 0)
        for family in (4, 6):
            policies = [policy for policy in policies_of(one, FORWARD) if policy.space.family == family]
            if not policies:
                continue
            asked = cubes_of(policies, rng)
            found = fates(policies, asked)
            for left, fate in enumerate(found):
                assert all(meet(fate.cube, other.cube) is None for other in found[:left]), f"seed {seed}: overlap"
            for _ in range(25):
                packet = random_devices.packet(rng)
                if (6 if ":" in packet.source else 4) != family:
                    continue
                point = point_of(packet, policies[0].space)
                mine = [fate for fate in found if inside(fate.cube, point)]
                assert len(mine) == inside(asked[0], point), f"seed {seed}: {packet}"
                if mine:
                    wanted = decide_all(policies, packet)
                    assert mine[0].verdict == wanted.verdict, f"seed {seed}: {packet}"
                    assert mine[0].entry == wanted.entry, f"seed {seed}: {packet}"
                    seen[wanted.verdict] += 1
    assert all(seen[verdict] > 20 for verdict in (PERMIT, DENY)), seen
    assert seen[UNDETERMINED] > 5, seen


def test_a_question_in_too_many_pieces_is_undetermined_rather_than_wrong():
    build = Builder()
    rules = [
        build.rule(str(n), DENY if n % 2 else PERMIT, f"10.{n}.0.0/24", f"10.{n}.0.0-10.255.0.{n}", f"tcp/{n + 1}")
        for n in range(120)
    ]
    one = device(build=build, chains=(forward(rules),))
    policies = [policy for policy in policies_of(one, FORWARD) if policy.space.family == 4]
    (full,) = (policies[0].space.full,)
    found = fates(policies, [full])
    assert len(found) <= 2 * MAX_PIECES
    rng = random.Random(1)
    for _ in range(100):
        n = rng.randrange(120)
        packet = Packet(f"10.{n}.0.1", f"10.{n}.0.9", port=n + 1)
        fate = next(fate for fate in found if inside(fate.cube, point_of(packet, policies[0].space)))
        assert fate.verdict in (decide(one, packet).verdict, UNDETERMINED)


# --- What may pass


def is_in(flow: Flow, packet: Packet) -> bool:
    return (
        flow.family == (6 if ":" in packet.source else 4)
        and random_devices.in_cell(flow.sources, packet.source)
        and random_devices.in_cell(flow.destinations, packet.destination)
        and random_devices.in_services(flow.services, packet)
        and random_devices.in_zones(flow.in_zones, packet.in_zone)
        and random_devices.in_zones(flow.out_zones, packet.out_zone)
    )


@pytest.mark.parametrize("batch", range(4))
def test_flows_hold_all_that_passes_and_each_witness_passes(batch):
    seen = Counter()
    for seed in range(batch * 50, (batch + 1) * 50):
        rng = random.Random(-seed)
        one = random_devices.device(seed, doubt=seed % 2 == 0)
        flows = Flows(one).reach()
        for flow in flows:
            verdict = decide(one, random_devices.as_packet(flow.witness)).verdict
            assert verdict == PERMIT if flow.certain else verdict != DENY, f"seed {seed}: {flow}"
            assert is_in(flow, random_devices.as_packet(flow.witness))
            seen["certain" if flow.certain else "uncertain"] += 1
        for _ in range(40):
            packet = random_devices.packet(rng)._replace(state="new")
            if decide(one, packet).verdict == PERMIT:
                assert any(is_in(flow, packet) for flow in flows), f"seed {seed}: {packet}"
                seen["packets"] += 1
    assert all(seen[what] > 30 for what in ("certain", "packets")), seen
    assert seen["uncertain"] > 3, seen


@pytest.mark.parametrize("batch", range(2))
def test_a_question_gets_its_part_of_the_flows(batch):
    seen = 0
    for seed in range(batch * 60, (batch + 1) * 60):
        rng = random.Random(-seed)
        one = random_devices.device(seed)
        sources, services = ip.from_ranges(["10.0.0.0/29"]), svc.parse_service("tcp/80")
        flows = Flows(one).reach(sources=sources, services=services, in_zones=["eth0"])
        for flow in flows:
            assert flow.family == 4
            assert random_devices.as_packet(flow.witness).in_zone == "eth0"
            assert flow.services.services[0].startswith("tcp/80")
            assert is_in(flow, random_devices.as_packet(flow.witness))
        for _ in range(60):
            packet = random_devices.packet(rng)._replace(state="new", in_zone="eth0", protocol="tcp", port=80)
            inside_question = random_devices.in_cell(ip.to_fact(sources), packet.source)
            if inside_question and decide(one, packet).verdict == PERMIT:
                assert any(is_in(flow, packet) for flow in flows), f"seed {seed}: {packet}"
                seen += 1
    assert seen > 30


def test_an_unknown_zone_an_empty_question_and_an_absent_hook_give_nothing():
    one = device()
    assert Flows(one).reach(in_zones=["PRO"])
    assert Flows(one).reach(in_zones=["INCONNUE"]) == ()
    assert Flows(one).reach(sources=ip.NOTHING) == ()
    assert Flows(one).reach(hook="output") == ()


def test_replies_are_not_openings():
    build = Builder()
    rules = [build.rule("1", PERMIT, state=("established", "related"))]
    assert Flows(device(*rules, build=build)).reach() == ()


def test_a_default_that_permits_is_a_flow():
    build = Builder()
    rules = [build.rule("1", DENY, "10.1.20.0/24")]
    flows = Flows(device(build=build, chains=(forward(rules, default=PERMIT),))).reach()
    assert {flow.rule.ref for flow in flows} == {"défaut"}
    assert all(flow.certain for flow in flows)


def test_calls_that_cannot_be_followed_in_another_base_chain_make_no_flow_certain():
    """The second base chain may refuse in a chain that is not in the export."""
    build = Builder()
    main = forward([build.rule("1", PERMIT, "10.1.10.0/24"), build.rule("2", DENY)])
    guard = Chain(
        name="garde",
        hook=FORWARD,
        priority=10,
        default=PERMIT,
        rules=(build.rule("3", JUMP, target="absente"),),
    )
    one = device(build=build, chains=(main, guard))
    flows = Flows(one).reach()
    assert [flow.rule.ref for flow in flows] == ["1"]
    assert not flows[0].certain
    sure = msgspec.structs.replace(guard, rules=())
    (flow,) = Flows(msgspec.structs.replace(one, chains=(main, sure))).reach()
    assert flow.certain


def test_a_refusal_in_another_base_chain_stops_a_flow():
    build = Builder()
    main = forward([build.rule("1", PERMIT, service="tcp/22"), build.rule("2", PERMIT, service="tcp/443")])
    guard = forward([build.rule("3", DENY, service="tcp/22")], name="garde", priority=-1, default=PERMIT)
    flows = Flows(device(build=build, chains=(guard, main))).reach()
    assert {flow.rule.ref for flow in flows} == {"2"}
