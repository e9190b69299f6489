"""Default deny, IPv6 and logging: base facts and one change."""

from __future__ import annotations

import msgspec
import pytest

from checks.firewall.facts import Chain, Device, Rule
from checks.model import Reason, Verdict
from tests.firewall.devices import Builder, device, forward, healthy_rules, judge, to_itself

P, F = Verdict.PASS, Verdict.FAIL
NA, NS = Verdict.NOT_APPLICABLE, Verdict.NOT_ASSESSED
DEFAULT, IPV6, LOG = "endings.default_deny", "endings.ipv6_filtered", "endings.logged"


def with_end(*last: tuple[str, str, str, str], build: Builder | None = None, **fields: object) -> Device:
    """Healthy rules, then some more, in a forward chain changed by `fields`."""
    build = build or Builder()
    rules = healthy_rules(build) + [build.rule(str(90 + i), *one) for i, one in enumerate(last)]
    return device(build=build, ipv6="on", chains=(forward(rules, **fields),))


# --- Default deny


def test_default_permit_fails_for_each_family() -> None:
    found = judge(DEFAULT, with_end(default="permit"))
    assert found.verdict is F
    assert [(item.id, item.line) for item in found.affected] == [("default:forward:4", 200), ("default:forward:6", 200)]
    assert found.affected[0].label == "traversée du pare-feu, IPv4"


def test_last_rule_that_refuses_everything_is_a_default() -> None:
    assert judge(DEFAULT, with_end(("deny", "any", "any", "any"), default="permit")).verdict is P


def test_last_rule_that_refuses_ipv4_only_leaves_ipv6_open() -> None:
    found = judge(DEFAULT, with_end(("deny", "any4", "any4", "any"), default="permit"))
    assert [item.id for item in found.affected] == ["default:forward:6"]


@pytest.mark.parametrize(
    "last",
    [
        ("deny", "10.0.0.0/8", "any", "any"),
        ("deny", "any", "10.0.0.0/8", "any"),
        ("deny", "any", "any", "tcp"),
        ("permit", "any", "any", "any"),
        ("none", "any", "any", "any"),
    ],
)
def test_partial_refusal_is_not_a_default(last: tuple[str, str, str, str]) -> None:
    assert judge(DEFAULT, with_end(last, default="permit")).verdict is F


@pytest.mark.parametrize(
    "fields",
    [
        {"enabled": False},
        {"conditions": ("utilisateur : invités",)},
        {"schedule": "nuit"},
        {"state": ("invalid",)},
        {"frm": "WAN"},
        {"to": "PRO"},
    ],
)
def test_conditional_refusal_is_not_a_default(fields: dict[str, object]) -> None:
    build = Builder()
    rules = [*healthy_rules(build), build.rule("99", "deny", **fields)]
    assert judge(DEFAULT, device(build=build, chains=(forward(rules, default="permit"),))).verdict is F


def test_default_that_the_export_does_not_show_is_not_assessed() -> None:
    found = judge(DEFAULT, with_end(default="deny", default_certain=False))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)
    assert judge(DEFAULT, with_end(default="permit", default_certain=False)).verdict is NS


def test_one_refusing_chain_of_the_hook_is_enough() -> None:
    """Chains of one hook are all crossed: an early one that permits by default takes nothing away."""
    build = Builder()
    chains = (forward([], name="raw", default="permit", priority=-300), forward(healthy_rules(build)))
    assert judge(DEFAULT, device(build=build, chains=chains)).verdict is P


def test_families_of_chains_are_told_apart() -> None:
    build = Builder()
    chains = (forward(healthy_rules(build), families=(4,)), forward([], name="ip6", families=(6,), default="permit"))
    found = judge(DEFAULT, device(build=build, ipv6="on", chains=chains))
    assert [(item.id, item.ref) for item in found.affected] == [("default:forward:6", "ip6")]
    assert judge(DEFAULT, device(build=build, ipv6="off", chains=chains)).verdict is P


def test_access_to_the_firewall_itself_is_judged_too() -> None:
    build = Builder()
    chains = (forward(healthy_rules(build)), to_itself([], default="permit"))
    found = judge(DEFAULT, device(build=build, ipv6="on", chains=chains))
    assert [item.label for item in found.affected] == [
        "accès au pare-feu lui-même, IPv4",
        "accès au pare-feu lui-même, IPv6",
    ]


def test_unknown_end_of_the_access_to_the_firewall_is_said_not_guessed() -> None:
    build = Builder()
    unknown = to_itself([], default_certain=False)
    found = judge(DEFAULT, device(build=build, chains=(forward(healthy_rules(build)), unknown)))
    assert found.verdict is P
    assert found.message.endswith("l'export ne montre pas la fin de : accès au pare-feu lui-même.")
    assert judge(DEFAULT, device(build=build, chains=(unknown,))).verdict is NS


def test_export_without_filtering_is_not_assessed() -> None:
    assert judge(DEFAULT, device(chains=(Chain(name="nat"),))).verdict is NS
    assert judge(DEFAULT, device(chains=(Chain(name="sortie", hook="output", default="permit"),))).verdict is NS


# --- IPv6


def test_ipv6_off_conforms() -> None:
    assert judge(IPV6, device(ipv6="off")).verdict is P


def ipv6(*rules: Rule, build: Builder, state: str = "on", **fields: object) -> Device:
    return device(build=build, ipv6=state, chains=(forward([*healthy_rules(build), *rules], **fields),))


def test_ipv6_on_and_refused_by_default_conforms() -> None:
    assert judge(IPV6, ipv6(build=Builder())).verdict is P


def test_ipv6_open_by_default_fails() -> None:
    found = judge(IPV6, ipv6(build=Builder(), default="permit"))
    assert found.verdict is F
    assert found.affected[0].id == "default:forward:6"


def test_ipv6_on_without_any_rule_for_it_fails() -> None:
    found = judge(IPV6, ipv6(build=Builder(), families=(4,)))
    assert (found.verdict, found.message) == (F, "IPv6 est actif et aucune règle ne le filtre.")


def test_missing_ipv6_file_is_unknown_not_closed() -> None:
    found = judge(IPV6, ipv6(build=Builder(), state="", families=(4,)))
    assert (found.verdict, found.reason) == (NS, Reason.UNSUPPORTED)


def test_ipv6_opened_from_the_internet_fails() -> None:
    build = Builder()
    hole = build.rule("50", "permit", "any6", "any6", frm="WAN", to="PRO")
    found = judge(IPV6, ipv6(hole, build=build))
    assert found.verdict is F
    assert [item.ref for item in found.affected] == ["50"]


def test_ipv6_perhaps_opened_is_not_assessed() -> None:
    build = Builder()
    assert (
        judge(IPV6, ipv6(build.rule("50", "permit", "any6", "?absent:SRV6", frm="WAN", to="PRO"), build=build)).verdict
        is NS
    )


def test_icmpv6_from_the_internet_is_needed() -> None:
    build = Builder()
    assert (
        judge(IPV6, ipv6(build.rule("50", "permit", "any6", "any6", "icmp6", frm="WAN", to="PRO"), build=build)).verdict
        is P
    )


def test_one_published_ipv6_server_is_not_a_hole() -> None:
    build = Builder()
    server = build.rule("50", "permit", "any6", "2001:db8::10", "tcp/443", frm="WAN", to="DMZ")
    assert judge(IPV6, ipv6(server, build=build)).verdict is P


def test_access_to_the_firewall_over_ipv6_is_judged_too() -> None:
    build = Builder()
    chains = (forward(healthy_rules(build)), to_itself([], families=(6,), default="permit"))
    found = judge(IPV6, device(build=build, ipv6="on", chains=chains))
    assert [item.id for item in found.affected] == ["default:input:6"]


# --- Logging


def logs(*states: bool | None, **fields: object) -> Device:
    build = Builder()
    rules = [build.rule(str(i), "permit", f"10.1.10.{i}", log=state) for i, state in enumerate(states, 1)]
    return device(build=build, chains=(forward(rules, **fields),))


def test_silent_rule_fails() -> None:
    found = judge(LOG, logs(True, False))
    assert [item.ref for item in found.affected] == ["2"]
    assert found.affected[0].detail == "autorise sans trace (de toute interface vers toute interface, chaîne regles)"


def test_silent_end_that_nothing_reaches_needs_no_log() -> None:
    build = Builder()
    rules = [build.rule("1", "permit", "10.1.10.0/24", "any", "tcp/443", log=True), build.rule("2", "deny", log=True)]
    assert judge(LOG, device(build=build, chains=(forward(rules, default_log=False),))).verdict is P
    assert judge(LOG, device(build=build, chains=(forward(rules[:1], default_log=False),))).verdict is F
    called = Chain(name="locale", rules=tuple(rules))
    jump = msgspec.structs.replace(build.rule("3", "jump", log=None), target="locale")
    whole = device(build=build, chains=(forward([jump], default_log=False), called))
    assert judge(LOG, whole).verdict is P
    some = msgspec.structs.replace(jump, in_zones=("PRO",), source=build.address("10.1.10.0/24"))
    assert judge(LOG, device(build=build, chains=(forward([some], default_log=False), called))).verdict is F


def test_silent_default_deny_fails() -> None:
    found = judge(LOG, logs(True, default_log=False))
    assert [(item.id, item.line) for item in found.affected] == [("default-log:regles", 200)]


@pytest.mark.parametrize("states", [(None,), (True, None)])
def test_unknown_logging_is_not_assessed(states: tuple[bool | None, ...]) -> None:
    assert judge(LOG, logs(*states)).verdict is NS


def test_every_rule_logged_conforms() -> None:
    assert judge(LOG, logs(True, True)).verdict is P


def test_rule_that_only_logs_counts_for_the_one_after_it() -> None:
    build = Builder()
    logger = build.rule("1", "none", "10.1.10.0/24", log=True)
    decides = build.rule("2", "permit", "10.1.10.0/24", log=False)
    assert judge(LOG, device(build=build, chains=(forward([logger, decides]),))).verdict is P
    assert judge(LOG, device(build=build, chains=(forward([decides, logger]),))).verdict is F


def test_rule_that_logs_something_else_does_not_count() -> None:
    build = Builder()
    rules = [build.rule("1", "none", "10.1.20.0/24", log=True), build.rule("2", "permit", "10.1.10.0/24", log=False)]
    assert judge(LOG, device(build=build, chains=(forward(rules),))).verdict is F


def test_disabled_and_automatic_rules_are_left_alone() -> None:
    build = Builder()
    rules = [build.rule("1"), build.rule("2", log=False, enabled=False), build.rule("3", log=False, automatic=True)]
    assert judge(LOG, device(build=build, chains=(forward(rules),))).verdict is P


def test_no_written_rule_is_not_applicable() -> None:
    assert judge(LOG, device(chains=(forward([]),))).verdict is NA
