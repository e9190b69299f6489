"""What happens to one packet: chains that call others, several base chains, states, zones, what is not certain."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from checks.firewall.algebra.decide import UNDETERMINED, Packet, decide
from checks.firewall.algebra.flatten import policies_of
from checks.firewall.facts import DENY, FORWARD, GOTO, INPUT, JUMP, NONE, PERMIT, RETURN, Chain, Device, Rule
from tests.firewall import random_devices
from tests.firewall.devices import Builder

PC, SERVER = "10.1.10.5", "10.1.40.5"


def packet(**fields: Any) -> Packet:
    return Packet(**{"source": PC, "destination": SERVER, "port": 443} | fields)


class Firewall:
    """Chains given by their rules; every rule is about any traffic unless said otherwise."""

    def __init__(self) -> None:
        self.build = Builder()
        self.chains: list[Chain] = []

    def rule(self, ref: str, action: str = PERMIT, *cells: str, **fields: Any) -> Rule:
        return self.build.rule(ref, action, *cells, **fields)

    def chain(self, name: str, *rules: Rule, **fields: Any) -> Firewall:
        self.chains.append(Chain(name=name, rules=rules, **fields))
        return self

    def base(self, *rules: Rule, **fields: Any) -> Firewall:
        return self.chain(fields.pop("name", "FORWARD"), *rules, **{"hook": FORWARD, "default": DENY} | fields)

    @property
    def device(self) -> Device:
        build = self.build
        return Device(
            vendor="iptables",
            name="pf",
            chains=tuple(self.chains),
            addresses=tuple(build.addresses),
            services=tuple(build.services),
        )

    def ask(self, hook: str = FORWARD, **fields: Any) -> tuple[str, str]:
        found = decide(self.device, packet(**fields), hook)
        return found.verdict, found.entry.rule.ref if found.entry else ""


@pytest.fixture
def fw() -> Firewall:
    return Firewall()


def test_first_match_wins_and_the_default_comes_last(fw):
    fw.base(fw.rule("1", DENY, PC), fw.rule("2", PERMIT, "10.1.10.0/24"))
    assert fw.ask() == (DENY, "1")
    assert fw.ask(source="10.1.10.6") == (PERMIT, "2")
    assert fw.ask(source="10.9.9.9") == (DENY, "défaut")


def test_rules_that_log_or_are_disabled_decide_nothing(fw):
    fw.base(fw.rule("1", NONE), fw.rule("2", DENY, enabled=False), fw.rule("3"))
    assert fw.ask() == (PERMIT, "3")


def test_a_called_chain_gives_back_what_it_does_not_decide(fw):
    fw.base(fw.rule("1", JUMP, PC, target="soins"), fw.rule("2", PERMIT, PC))
    fw.chain("soins", fw.rule("10", DENY, service="tcp/22"))
    assert fw.ask(port=22) == (DENY, "10")
    assert fw.ask(port=443) == (PERMIT, "2")


def test_what_a_chain_is_called_for_bounds_its_rules(fw):
    fw.base(fw.rule("1", JUMP, PC, service="tcp", target="soins"))
    fw.chain("soins", fw.rule("10", PERMIT))
    assert fw.ask() == (PERMIT, "10")
    assert fw.ask(protocol="udp") == (DENY, "défaut")
    assert fw.ask(source="10.1.10.6") == (DENY, "défaut")


def test_goto_does_not_come_back_to_the_chain_it_left(fw):
    fw.base(fw.rule("1", JUMP, target="a"), fw.rule("2", PERMIT))
    fw.chain("a", fw.rule("10", GOTO, PC, target="b"), fw.rule("11", DENY))
    fw.chain("b", fw.rule("20", DENY, service="tcp/22"))
    assert fw.ask(port=22) == (DENY, "20")
    assert fw.ask() == (PERMIT, "2"), "the end of b goes back to the caller of a"
    assert fw.ask(source="10.1.10.6") == (DENY, "11")


def test_goto_from_a_base_chain_ends_in_its_default(fw):
    fw.base(fw.rule("1", GOTO, PC, target="b"), fw.rule("2", PERMIT))
    fw.chain("b", fw.rule("20", PERMIT, service="tcp/22"))
    assert fw.ask(port=22) == (PERMIT, "20")
    assert fw.ask() == (DENY, "défaut")
    assert fw.ask(source="10.1.10.6") == (PERMIT, "2")


def test_return_from_a_base_chain_ends_in_its_default(fw):
    fw.base(fw.rule("1", RETURN, PC), fw.rule("2", PERMIT))
    assert fw.ask() == (DENY, "défaut")
    assert fw.ask(source="10.1.10.6") == (PERMIT, "2")


def test_return_from_a_called_chain_goes_on_after_the_call(fw):
    fw.base(fw.rule("1", JUMP, target="a"), fw.rule("2", PERMIT, service="tcp/443"))
    fw.chain("a", fw.rule("10", RETURN, PC), fw.rule("11", DENY))
    assert fw.ask() == (PERMIT, "2")
    assert fw.ask(port=22) == (DENY, "défaut")
    assert fw.ask(source="10.1.10.6") == (DENY, "11")


def test_a_conditional_return_leaves_both_outcomes_open(fw):
    fw.base(fw.rule("1", JUMP, target="a"), fw.rule("2", PERMIT))
    fw.chain("a", fw.rule("10", RETURN, PC, conditions=("horaire : nuit",)), fw.rule("11", DENY, service="tcp/22"))
    assert fw.ask(port=22) == (UNDETERMINED, "11")
    assert fw.ask(port=443) == (PERMIT, "2"), "returned or not, rule 2 takes it"
    assert fw.ask(source="10.1.10.6", port=22) == (DENY, "11")


def test_a_conditional_return_from_a_base_chain_may_meet_the_default(fw):
    fw.base(fw.rule("1", RETURN, PC, conditions=("horaire : nuit",)), fw.rule("2", PERMIT))
    assert fw.ask()[0] == UNDETERMINED
    assert fw.ask(source="10.1.10.6") == (PERMIT, "2")


def test_a_conditional_call_makes_the_rules_of_the_chain_uncertain(fw):
    fw.base(fw.rule("1", JUMP, conditions=("débit",), target="a"), fw.rule("2", PERMIT))
    fw.chain("a", fw.rule("10", DENY, service="tcp/22"), fw.rule("11", PERMIT, service="tcp/80"))
    assert fw.ask(port=22) == (UNDETERMINED, "10")
    assert fw.ask(port=80) == (PERMIT, "2")


def test_a_rule_of_uncertain_content_only_matters_when_it_would_change_the_answer(fw):
    fw.base(fw.rule("1", PERMIT, "?fqdn:maj.example"), fw.rule("2", DENY, service="tcp/22"), fw.rule("3", PERMIT))
    assert fw.ask(port=443) == (PERMIT, "3")
    found = decide(fw.device, packet(port=22))
    assert (found.verdict, found.entry.rule.ref) == (UNDETERMINED, "1")
    assert [entry.rule.ref for entry in found.doubts] == ["1", "2"]


def test_the_certain_part_of_a_group_decides(fw):
    fw.base(fw.rule("1", PERMIT, f"{PC},?absent:GRP_X"))
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(source="10.1.10.6")[0] == UNDETERMINED


def test_every_base_chain_must_permit_and_a_refusal_is_final(fw):
    fw.base(fw.rule("1", PERMIT), name="filter", priority=0)
    fw.base(fw.rule("2", DENY, service="tcp/22"), name="garde", priority=-10, default=PERMIT)
    assert fw.ask(port=22) == (DENY, "2")
    assert fw.ask() == (PERMIT, "1"), "a rule somebody wrote is named rather than a default"


def test_a_refusal_for_sure_ends_what_an_earlier_chain_left_uncertain(fw):
    fw.base(fw.rule("1", DENY, conditions=("débit",)), name="garde", priority=-10, default=PERMIT)
    fw.base(fw.rule("2", DENY, service="tcp/22"), name="filter", default=PERMIT)
    assert fw.ask(port=22) == (DENY, "2")
    assert fw.ask()[0] == UNDETERMINED


def test_hooks_are_apart_and_an_absent_one_is_not_known(fw):
    fw.base(fw.rule("1"))
    fw.base(fw.rule("2", DENY), name="INPUT", hook=INPUT, default=PERMIT)
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(INPUT) == (DENY, "2")
    assert fw.ask("output") == (UNDETERMINED, "")


def test_ip_versions_are_apart(fw):
    fw.base(fw.rule("1", PERMIT), families=(4,))
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(source="2001:db8::1", destination="2001:db8::2") == (UNDETERMINED, "")
    with pytest.raises(ValueError, match="IP version"):
        fw.ask(destination="2001:db8::2")


def test_an_any_of_ipv4_does_not_hold_ipv6(fw):
    fw.base(fw.rule("1", PERMIT, "any4", "any4"))
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(source="2001:db8::1", destination="2001:db8::2") == (DENY, "défaut")


def test_states(fw):
    fw.base(fw.rule("1", DENY, state=("invalid",)), fw.rule("2", PERMIT, state=("established", "related")))
    assert fw.ask(state="established") == (PERMIT, "2")
    assert fw.ask(state="invalid") == (DENY, "1")
    assert fw.ask(state="untracked") == (DENY, "défaut")
    assert fw.ask() == (DENY, "défaut")


def test_published_addresses_are_a_dimension(fw):
    fw.base(fw.rule("1", DENY, translated=("-",)), fw.rule("2", PERMIT, translated=("VIP_WEB",)), fw.rule("3", PERMIT))
    assert fw.ask() == (DENY, "1")
    assert fw.ask(translated="VIP_WEB") == (PERMIT, "2")
    assert fw.ask(translated="VIP_INCONNUE") == (DENY, "1"), "a name no rule knows is traffic like any other"


def test_zones_wildcards_and_negation(fw):
    fw.base(
        fw.rule("1", DENY, frm="ppp*", to="eth1"),
        fw.rule("2", PERMIT, frm="ppp1"),
        fw.rule("3", PERMIT, frm="eth0,ppp*", in_negated=True),
    )
    assert fw.ask(in_zone="ppp7", out_zone="eth1") == (DENY, "1")
    assert fw.ask(in_zone="ppp1", out_zone="eth1") == (DENY, "1")
    assert fw.ask(in_zone="ppp1") == (PERMIT, "2")
    assert fw.ask(in_zone="ppp7") == (DENY, "défaut")
    assert fw.ask(in_zone="eth0") == (DENY, "défaut")
    assert fw.ask(in_zone="wlan0") == (PERMIT, "3")
    assert fw.ask() == (PERMIT, "3")


def test_the_longest_wildcard_names_an_interface(fw):
    fw.base(fw.rule("1", DENY, frm="eth1*"), fw.rule("2", PERMIT, frm="eth*"))
    assert fw.ask(in_zone="eth12") == (DENY, "1")
    assert fw.ask(in_zone="eth2") == (PERMIT, "2")


def test_ports_and_icmp(fw):
    fw.base(
        fw.rule("1", PERMIT, service="tcp/443@1024-65535"),
        fw.rule("2", PERMIT, service="icmp/3/4"),
        fw.rule("3", PERMIT, service="gre"),
    )
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(source_port=80) == (DENY, "défaut")
    assert fw.ask(protocol="icmp", icmp_type=3, icmp_code=4) == (PERMIT, "2")
    assert fw.ask(protocol="icmp", icmp_type=3) == (DENY, "défaut")
    assert fw.ask(protocol="gre", port=0) == (PERMIT, "3")
    for fields in ({"port": 65536}, {"source_port": -1}, {"protocol": "x"}, {"source": "lan"}):
        with pytest.raises(ValueError, match=r"port|protocol|address"):
            fw.ask(**fields)


@pytest.mark.parametrize("target", ["absente", "a"], ids=["absent", "loop"])
def test_calls_that_cannot_be_followed_leave_everything_uncertain(fw, target):
    fw.base(fw.rule("1", PERMIT, service="tcp/443"), fw.rule("2", JUMP, target="a"), fw.rule("3", DENY))
    fw.chain("a", fw.rule("10", JUMP, service="tcp/22", target=target))
    assert not policies_of(fw.device, FORWARD)[0].complete
    assert fw.ask(port=22)[0] == UNDETERMINED
    assert fw.ask(port=443)[0] == UNDETERMINED


def test_calls_nested_too_deep_are_not_followed(fw):
    fw.base(fw.rule("1", JUMP, target="c0"), fw.rule("2", PERMIT))
    for number in range(100):
        fw.chain(f"c{number}", fw.rule("3", JUMP, target=f"c{number + 1}"))
    fw.chain("c100", fw.rule("4", DENY))
    assert fw.ask()[0] == UNDETERMINED


def test_a_list_of_uncertain_order_proves_nothing(fw):
    fw.base(fw.rule("1", DENY, PC), fw.rule("2", PERMIT), exact=False, why_not_exact="ordre inconnu")
    assert fw.ask()[0] == UNDETERMINED
    assert fw.ask(source="10.1.10.6")[0] == UNDETERMINED


def test_a_default_that_is_not_shown_is_uncertain(fw):
    fw.base(fw.rule("1", PERMIT, PC), default_certain=False)
    assert fw.ask() == (PERMIT, "1")
    assert fw.ask(source="10.1.10.6") == (UNDETERMINED, "défaut")


def test_a_called_chain_with_lines_not_understood_leaves_the_rest_uncertain(fw):
    """What the unread line does is not known: rules after the call are no longer sure of what reaches them."""
    fw.base(fw.rule("1", PERMIT, PC), fw.rule("2", JUMP, service="tcp/443", target="a"), fw.rule("3", PERMIT))
    fw.chain("a", fw.rule("10", NONE), exact=False, why_not_exact="ligne 12 non comprise")
    assert fw.ask() == (PERMIT, "1"), "decided before the call"
    found = decide(fw.device, packet(source="10.1.10.6"))
    assert found.verdict == UNDETERMINED
    assert "ligne 12 non comprise" in found.entry.rule.conditions
    assert fw.ask(source="10.1.10.6", port=22) == (PERMIT, "3"), "what the chain is not called for stays certain"


# --- Against a plain reading


@pytest.mark.parametrize("batch", range(6))
def test_random_firewalls_decide_as_a_plain_reading_does(batch):
    seen = Counter()
    for seed in range(batch * 100, (batch + 1) * 100):
        device = random_devices.device(seed, doubt=seed % 2 == 0)
        reading = random_devices.Reading(device)
        policies = policies_of(device, FORWARD)
        rng = random.Random(-seed)
        for _ in range(25):
            found = random_devices.packet(rng)
            possible = reading.verdicts(found)
            verdict = decide(device, found).verdict
            wanted = next(iter(possible)) if len(possible) == 1 else UNDETERMINED
            assert verdict == wanted, f"seed {seed}: {found}"
            seen[verdict] += 1
        assert all(policy.complete for policy in policies)
    assert all(seen[verdict] > 100 for verdict in (PERMIT, DENY, UNDETERMINED)), seen
